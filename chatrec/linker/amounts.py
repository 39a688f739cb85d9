"""Amounts in a message: figures and number words with units; years, decades and other periods."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from chatrec.linker.english import FIGURES
from chatrec.schema import Slot

_TEENS = {"fifteen": 15, "eighteen": 18}
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = (
    {word: value for value, word in enumerate(FIGURES, 1)}
    | {word: 10 * value for value, word in enumerate(_TENS, 2)}
    | _TEENS
    | {"a": 1, "an": 1, "couple of": 2}
)
_SMALL, _ROUND = "|".join((*FIGURES, *_TEENS)), "|".join(_TENS)
NUMBER = (
    rf"\d{{1,3}}(?:,\d{{3}})+|\d+(?:[.,]\d+)?|(?:an?|{_SMALL}|{_ROUND}) thousand"
    rf"|(?:an?|{_SMALL}) hundred(?: (?:and )?(?:{_ROUND}|{_SMALL}))?"
    rf"|(?:{_ROUND})(?:[ -](?:{_SMALL}))?|a couple of|{_SMALL}|an?"
)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")  # "2,000"
_DECADES = {word[:-1] + "ies": 10 * value for value, word in enumerate(_TENS, 2)}
_SIGNS = frozenset(re.findall(r"\S+", "€ $ £ ¥ ₹ eur usd gbp chf pln sgd aud cad brl inr rs"))  # may stand in front
_DECADE = re.compile(
    rf"(?:\b(?P<part>early|late|mid|beginning of|end of)[ -]+(?:the )?)?'?\b"
    rf"(?:(?P<century>1[89]|20)?(?P<figure>\d)0'?s|(?:nineteen[ -])?(?P<word>{'|'.join(_DECADES)})|"
    r"(?P<aughts>noughties|aughts))\b"
)
NUMERALS = frozenset((*_VALUES, *_DECADES))
_PARTS = {"early": (0, 3), "beginning of": (0, 3), "mid": (3, 6), "late": (6, 9), "end of": (6, 9)}
_LAST_YEARS = re.compile(rf"\b(?:last|past|previous) (?P<n>{NUMBER}|few|several) (?P<unit>year|decade)s\b")
_LAST_YEAR = re.compile(r"\b(?:from|of) (?P<which>last|this) (?P<unit>year|decade)(?:'s)?\b")
_YEAR = re.compile(r"(?<![\w.,:/$€£#])(?:1[89]|20)\d\d(?![\w%]|[.,]\d)")
_SHORT_YEAR = re.compile(r"(?<!\w)'(\d\d)(?![\w'])")
_BARE = re.compile(rf"(?<![\w.,:/$€£#'])(?:(?P<n>{NUMBER})(?P<thousand> ?k)?)(?=ish\b|(?![\w:/%']|[.,]\d))")
_FEW = 5  # "the last few years"


@dataclass(frozen=True)
class Amount:
    """``plain[start:end]`` stands for ``low`` to ``high`` in the slot's own unit. Without a slot it is a bare number,
    of which the rest of the message must say what it counts."""

    start: int
    end: int
    low: float
    high: float
    slot: str | None = None


def number(words: str) -> float:
    """The value of what ``NUMBER`` matches."""
    if words[0].isdigit():
        return float(words.replace(",", "") if _GROUPED.fullmatch(words) else words.replace(",", "."))
    if words.endswith(" thousand"):
        return 1000 * number(words.removesuffix(" thousand"))
    hundreds, found, rest = words.rpartition(" hundred")
    parts = re.split(r"[ -]", rest if found else words.removeprefix("a couple of") or "two")
    return 100 * _VALUES.get(hundreds, 0) + sum(_VALUES.get(part, 0) for part in parts)


class Units:
    """Finds amounts with one of a slot's units: "two hours", "1h45", "an hour and a half", "8/10"."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot.name
        self.factors = {unit.casefold(): factor for unit, factor in slot.units.items()}
        if slot.unit:
            self.factors.setdefault(slot.unit.casefold(), 1.0)
        names = "|".join(re.escape(unit) for unit in sorted(self.factors, key=lambda unit: (-len(unit), unit)))
        names = names or "(?!)"  # matches nothing
        initials = "|".join(sorted({re.escape(unit[0]) for unit in self.factors if unit[0].isalpha()})) or "(?!)"
        signs = "|".join(re.escape(unit) for unit in self.factors if unit in _SIGNS) or "(?!)"
        self._signed = re.compile(
            rf"(?<!\w)(?<!\d )(?P<unit>{signs}) ?(?P<n>\d+(?:,\d{{3}})*(?:\.\d+)?)(?P<thousand> ?k\b)?(?![\w%])"
        )
        self._pattern = re.compile(
            rf"(?<![\w.])(?:(?P<half>half(?: an)?)|(?P<n>{NUMBER})(?P<and_half> and a half)?)"
            rf"(?:[ -]|(?<=\d))(?P<unit>{names})"
            rf"(?![a-z])(?!(?<=\d)\d)(?:(?P<half_more> and a half)|"
            rf"(?P<and> ?and)? ?(?P<more>{NUMBER})(?: ?(?P<smaller>{names}|{initials}))?(?![\w]))?"
        )

    def find(self, plain: str) -> Iterator[Amount]:
        """Every amount in a message; "$50" has its unit in front."""
        for found in self._signed.finditer(plain):
            value = float(found["n"].replace(",", "")) * self.factors[found["unit"]]
            value *= 1000 if found["thousand"] else 1
            yield Amount(*found.span(), value, value, self._slot)
        for found in self._pattern.finditer(plain):
            factor, end = self.factors[found["unit"]], found.end("unit")
            value = factor * (0.5 if found["half"] else number(found["n"]))
            if found["and_half"] or found["half_more"]:
                value, end = value + factor / 2, found.end()
            elif found["more"]:
                extra = self._rest(found)
                value, end = (value + extra, found.end()) if extra < factor else (value, end)
            yield Amount(found.start(), end, value, value, self._slot)

    def _rest(self, found: re.Match[str]) -> float:
        """What stands behind a unit, in the slot's own unit: 45 in "1h45" and in "one hour and 45 minutes"."""
        if not found["smaller"] and found["and"]:
            return math.inf  # "two hours and 3 …" goes on about something else
        return number(found["more"]) * self.factors.get(found["smaller"] or "", 1.0)


def periods(plain: str, slot: Slot, first: float, last: float) -> Iterator[Amount]:
    """Years and spans of years. ``first`` and ``last``: the years that the catalogue covers."""
    for found in _DECADE.finditer(plain):
        low = _decade(found, last)
        begin, end = _PARTS.get(found["part"] or "", (0, 9))
        yield Amount(*found.span(), low + begin, low + end, slot.name)
    now = time.localtime().tm_year
    for found in _LAST_YEARS.finditer(plain):
        years = (number(found["n"]) if found["n"] not in ("few", "several") else _FEW) * _years(found["unit"])
        yield Amount(*found.span(), now - years, now, slot.name)
    for found in _LAST_YEAR.finditer(plain):
        if found["unit"] == "year":
            yield Amount(*found.span(), now - (found["which"] == "last"), now - (found["which"] == "last"), slot.name)
        else:
            yield Amount(*found.span(), now - 10, now, slot.name)
    for found in _YEAR.finditer(plain):
        year = float(found.group())
        if first - 30 <= year <= max(last, now) + 2:
            yield Amount(*found.span(), year, year, slot.name)
    for found in _SHORT_YEAR.finditer(plain):
        year = _century(int(found[1]), last) + float(found[1])
        yield Amount(*found.span(), year, year, slot.name)


def bare(plain: str) -> Iterator[Amount]:
    """Numbers without a unit; "2k" is a thousand times two."""
    for found in _BARE.finditer(plain):
        if found["n"] not in ("a", "an"):
            value = number(found["n"]) * (1000 if found["thousand"] else 1)
            yield Amount(*found.span(), value, value)


def _decade(found: re.Match[str], last: float) -> int:
    if found["aughts"]:
        return 2000
    years = 10 * int(found["figure"]) if found["figure"] else _DECADES[found["word"]]
    if found["century"]:
        return 100 * int(found["century"]) + years
    return _century(years, last) + years


def _century(years: int, last: float) -> int:
    """The century of a two-digit year: this one unless the catalogue ends before."""
    return 2000 if not years or 2000 + years <= last else 1900


def _years(unit: str) -> int:
    return 10 if unit == "decade" else 1
