"""Wishes in numbers: years and periods, lengths, ratings, prices, whatever the schema counts.

A message is searched for amounts ("the 80s", "two hours", "8/10", "1999"). What stands right before and right behind
an amount says whether it is a lower bound, an upper bound, one end of a range, or the thing itself. The slot follows
from the unit, else from words near by, else from which column holds such numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chatrec.catalog import Catalog
from chatrec.linker.amounts import Amount, Units, bare, periods
from chatrec.linker.english import CLOSED
from chatrec.linker.text import Message
from chatrec.schema import Slot
from chatrec.types import Constraint, Mention, Op

_LEFT = {  # how words before an amount bound it; the first that fits
    "least": r"at least|minimum(?: of)?|min|since|starting (?:from|with|in)|"
    r"(?:not?|isn't) (?:less|fewer|shorter|lower|earlier|older|worse) than|not (?:under|below|before)|>=",
    "most": r"at (?:the )?most|max(?:imum)?(?: of)?|up to|not? (?:more|longer|later|newer|higher) than|"
    r"not (?:over|above|after|past)|within|until|till|<=",
    "have": r"only have|(?:i|we)(?:'ve| have| got|'?ve(?: only)? got| have got)"
    r"(?: only| just| about| around| maybe| like)*",
    "over": r"over|above|after|past|beyond|post|>|(?:more|longer|greater|higher|bigger|better|later|newer) than",
    "under": r"under|below|before|prior to|pre|<|(?:less|fewer|lower|smaller|earlier|shorter) than",
    "about": r"about|around|roughly|approximately|approx|circa|ca|~",
}
_RIGHT = {
    "least": r"\s?\+|plus\b|"
    r"(?:or|and) (?:more(?! like)|higher|later|newer|above|over|better|longer|up(?:wards)?|after)\b|"
    r"on ?wards?\b|on\s*(?:$|[,.!?])|up ?wards\b|(?:at )?(?:min|minimum|least)\b",
    "most": r"(?:or|and|at) (?:less|lower|earlier|older|shorter|under|below|fewer|before|most)\b|max(?:imum)?\b|tops\b|"
    r"all[ -]in\b|in total\b|at a push\b",
    "about": r"or so\b|ish\b|-ish\b|each\b",
}
_BOUNDS = frozenset(
    (
        "more",
        "less",
        "than",
        "least",
        "minimum",
        "over",
        "maximum",
        "under",
        "above",
        "below",
        "before",
        "after",
        "since",
        "until",
        "between",
    )
)
_FILLER = r"(?:\s+(?:the|about|around|year|of|a|roughly|like|score of|rating of))*[\s-]*'?$"
_JOINED = re.compile(r"\s*(?:-|–|—|to|until|till|through)\s*(?:the )?'?$")
_AND = re.compile(r"\s*(?:and|to|-|&)\s*(?:the )?'?$")
_BETWEEN = re.compile(r"\bbetween\s+(?:the )?'?$|\bfrom\s+(?:the )?'?$")
_COUNTED = re.compile(r"\s+([a-z]+)")  # "100 films": what a number without a unit counts
_SINCE = re.compile(r"\b(?:since|until|till)\s+$")  # of a time only: "since six" counts nothing else
_UNCLEAR = 0.8  # confidence where only a word near by says what a number is about
_REACH = 40  # characters around an amount that may say what it is
_NEAR = 25


@dataclass(frozen=True)
class _Column:
    """What a number slot holds: the middle 99 % of its values, and whether they are whole numbers."""

    slot: Slot
    low: float
    high: float
    whole: bool
    labels: re.Pattern[str]
    units: Units
    more: re.Pattern[str] | None
    less: re.Pattern[str] | None
    words: re.Pattern[str]


class Numbers:
    """Finds the wishes of a schema's number slots."""

    def __init__(self, catalog: Catalog) -> None:
        slots = [slot for slot in catalog.schema.slots.values() if slot.type == "number"]
        self._columns = {slot.name: _column(slot, catalog.numbers(slot.name)) for slot in slots}
        roles = {column: role for role, column in catalog.schema.columns.items()}
        by_role = {roles.get(slot.columns[0]): slot.name for slot in slots}
        self._year, self._reception = by_role.get("year"), by_role.get("reception")
        self.steps = {name: float(column.whole) for name, column in self._columns.items()}
        self._left = {op: re.compile(rf"(?<!\w)(?:{words}){_FILLER}") for op, words in _LEFT.items()}
        self._right = {op: re.compile(rf"[\s-]?(?:{words})") for op, words in _RIGHT.items()}
        units = {word for slot in slots for unit in slot.units for word in unit.split()}
        self.words = frozenset(word for word in units if len(word) > 4 and word.isalpha()) | _BOUNDS

    def find(self, message: Message) -> Iterator[Mention]:
        """Every wish in numbers; they do not overlap."""
        amounts = self._amounts(message.plain)
        i = 0
        while i < len(amounts):
            joined = self._joined(message.plain, amounts[i : i + 2])
            found = self._wish(message, joined or amounts[i], joined is not None)
            if found is not None:
                yield found
            i += 2 if joined else 1

    def _amounts(self, plain: str) -> list[Amount]:
        """Amounts from left to right; of two that overlap, the one with a unit counts."""
        taken = bytearray(len(plain))
        kept: list[Amount] = []
        for amount in self._candidates(plain):
            if not any(taken[amount.start : amount.end]):
                kept.append(amount)
                taken[amount.start : amount.end] = b"\1" * (amount.end - amount.start)
        return sorted(kept, key=lambda amount: amount.start)

    def _candidates(self, plain: str) -> Iterator[Amount]:
        for column in self._columns.values():
            yield from column.units.find(plain)
        if self._year:
            year = self._columns[self._year]
            yield from periods(plain, year.slot, year.low, year.high)
        yield from bare(plain)

    def _joined(self, plain: str, pair: Sequence[Amount]) -> Amount | None:
        """ "between 1980 and 95", "90 to 120 minutes" as one amount."""
        if len(pair) < 2:
            return None
        first, second = pair
        gap = plain[first.end : second.start]
        between = _BETWEEN.search(plain, max(0, first.start - _REACH), first.start)
        if not (_JOINED.fullmatch(gap) or (between and _AND.fullmatch(gap))):
            return None
        low, high = first.low, second.high
        if first.slot is None and second.slot is not None:
            low *= self._factor(plain, second)
        elif second.slot is None and first.slot is not None:
            high = high + low // 100 * 100 if high < 100 <= low else high
        if low > high or (first.slot and second.slot and first.slot != second.slot):
            return None
        start = between.start() if between else first.start
        return Amount(start, second.end, low, high, second.slot or first.slot)

    def _factor(self, plain: str, amount: Amount) -> float:
        """What one of the unit behind an amount is worth ("1 to 2 hours": 60)."""
        units = self._columns[amount.slot or ""].units.factors
        said = plain[amount.start : amount.end]
        return next((f for u, f in sorted(units.items(), key=lambda u: -len(u[0])) if said.endswith(u)), 1.0)

    def _wish(self, message: Message, amount: Amount, joined: bool) -> Mention | None:
        before = message.before(amount.start, _REACH)
        behind = message.plain[amount.end : amount.end + _REACH]
        op, start, end, slot = "", amount.start, amount.end, None
        if not joined:
            op, left, right, slot = self._bound(before, behind)
            start, end = amount.start - left, amount.end + right
        if op == "have":  # "I have two hours" is a limit, "I have 3 kids" is not
            op = "most" if amount.slot else ""
        clear = bool(op or joined or amount.slot)
        amount = self._placed(message, amount, slot, op, joined)
        if amount.slot is None:
            return None
        column = self._columns[amount.slot]
        repeated = column.words.match(message.plain, end)  # "two hours long"
        end = repeated.end() if repeated else end
        op = op or self._default(amount)
        bounds = _constraints(column, amount, op, message.text[start:end])
        spans = op == "about" or (not op and amount.low != amount.high)
        entity = "period" if spans and amount.slot == self._year else amount.slot
        value = f"{amount.low:g}-{amount.high:g}" if amount.low != amount.high else amount.low
        return Mention(
            entity, start, end, message.text[start:end], value, bounds, confidence=1.0 if clear else _UNCLEAR
        )

    def _bound(self, before: str, behind: str) -> tuple[str, int, int, str | None]:
        """How an amount is bounded: (kind, characters before it, characters behind it, slot that the words name)."""
        for name, column in self._columns.items():
            for op, words in (("over", column.more), ("under", column.less)):
                found = words.search(before) if words else None
                if found:
                    return op, len(before) - found.start(), 0, name
        right = next(((op, m.end()) for op, p in self._right.items() if (m := p.match(behind))), ("", 0))
        for op, pattern in self._left.items():
            found = pattern.search(before)
            if found and not (op == "about" and right[0]):
                return op, len(before) - found.start(), 0, None
        return right[0], 0, right[1], None

    def _placed(self, message: Message, amount: Amount, slot: str | None, op: str, joined: bool) -> Amount:
        """The amount with its slot: a bare number takes the slot that is named near by, or else fits."""
        if amount.slot is not None:
            return amount
        counted = _COUNTED.match(message.plain, amount.end)
        bounded = any(pattern.match(message.plain, amount.end) for pattern in self._right.values())  # "200 max"
        known = bounded or not counted or counted[1] in CLOSED
        if not known and not any(c.labels.match(counted[1]) for c in self._columns.values()):
            return amount
        near = message.plain[max(0, amount.start - _NEAR) : amount.end + _NEAR]
        named = [slot] if slot else [n for n, c in self._columns.items() if c.labels.search(near)]
        fitting = {name: factor for name in self._columns if (factor := _fit(self._columns[name], amount)) is not None}
        choices = [name for name in named if name in fitting]
        between = joined and "between" in message.plain[amount.start : amount.end]
        if slot is None and not choices and _SINCE.search(message.before(amount.start, _REACH)):
            choices = [self._year] if self._year in fitting else []
        elif slot is None and not choices and (op in ("least", "over", "under", "most") or between):
            choices = sorted(fitting, key=lambda name: (name == self._reception) != (op in ("least", "over")))
        elif slot is None and not choices and op == "about":  # "80ish" is money if anything
            choices = [name for name in fitting if "€" in self._columns[name].units.factors]
        if not choices:
            return amount
        factor = fitting[choices[0]]
        return replace(amount, low=amount.low * factor, high=amount.high * factor, slot=choices[0])

    def _default(self, amount: Amount) -> str:
        """What an amount means by itself: the year or span, a rating that is good enough, else about so much."""
        if amount.slot == self._year or amount.low != amount.high:
            return ""
        return "least" if amount.slot == self._reception else "about"


def _column(slot: Slot, values: np.ndarray) -> _Column:
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, (0.005, 0.995)) if len(known) else (0.0, 0.0)
    names = {slot.name, slot.label, *slot.inquiry, *slot.columns} | ({slot.unit} if slot.unit else set())
    labels = re.compile(rf"\b(?:{'|'.join(re.escape(name.lower()) for name in sorted(names))})\b")
    whole = bool((known == np.round(known)).all())
    words = re.compile(rf" (?:{'|'.join(map(re.escape, slot.words)) or '(?!)'})\b")
    more, less = _than(slot.more), _than(slot.less)
    return _Column(slot, float(low), float(high), whole, labels, Units(slot), more, less, words)


def _than(words: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))}) than{_FILLER}") if words else None


def _fit(column: _Column, amount: Amount) -> float | None:
    """The factor (1, or that of the first unit of the schema) that brings a bare number into the column's range; none
    if nothing does."""
    for factor in dict.fromkeys((1.0, *column.slot.units.values())):
        if column.low <= amount.low * factor and amount.high * factor <= column.high:
            return factor
    return None


def _constraints(column: _Column, amount: Amount, op: str, text: str) -> tuple[Constraint, ...]:
    """Inclusive bounds. Strict words ("over") leave out the number itself where the column holds whole numbers."""
    step, slack = float(column.whole), column.slot.step / 2 or amount.low / 10
    low, high = amount.low, amount.high
    if column.whole:  # "1500 for a week" are 214 a day
        low, high = float(round(low)), float(round(high))
    bounds: dict[str, list[tuple[Op, float]]] = {
        "over": [("min", high + step)],
        "least": [("min", low)],
        "under": [("max", low - step)],
        "most": [("max", high)],
        "about": [("min", low - slack), ("max", high + slack)],
        "": [("is", low)] if low == high else [("min", low), ("max", high)],
    }
    return tuple(Constraint(column.slot.name, bound, (float(value),), text) for bound, value in bounds[op])
