"""Amounts in a message: figures and number words with units; years, decades and other periods."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from chatrec.schema import Slot

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TEENS = {"fifteen": 15, "eighteen": 18}
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = (
    {word: value for value, word in enumerate(_ONES, 1)}
    | {word: 10 * value for value, word in enumerate(_TENS, 2)}
    | _TEENS
    | {"a": 1, "an": 1, "couple of": 2}
)
_SMALL, _ROUND = "|".join((*_ONES, *_TEENS)), "|".join(_TENS)
NUMBER = (
    rf"\d+(?:[.,]\d+)?|(?:an?|{_SMALL}) hundred(?: (?:and )?(?:{_ROUND}|{_SMALL}))?"
    rf"|(?:{_ROUND})(?:[ -](?:{_SMALL}))?|a couple of|{_SMALL}|an?"
)
_DECADES = {word[:-1] + "ies": 10 * value for value, word in enumerate(_TENS, 2)}
_DECADE = re.compile(
    rf"(?:\b(?P<part>early|late|mid|beginning of|end of)[ -]+(?:the )?)?'?\b"
    rf"(?:(?P<century>1[89]|20)?(?P<figure>\d)0'?s|(?:nineteen[ -])?(?P<word>{'|'.join(_DECADES)})|"
    r"(?P<aughts>noughties|aughts))\b"
)
_PARTS = {"early": (0, 3), "beginning of": (0, 3), "mid": (3, 6), "late": (6, 9), "end of": (6, 9)}
_LAST_YEARS = re.compile(rf"\b(?:last|past|previous) (?P<n>{NUMBER}|few|several) (?P<unit>year|decade)s\b")
_LAST_YEAR = re.compile(r"\b(?P<which>last|this) (?P<unit>year|decade)(?:'s)?\b")
_YEAR = re.compile(r"(?<![\w.,:/$€£#])(?:1[89]|20)\d\d(?![\w%]|[.,]\d)")
_BARE = re.compile(rf"(?<![\w.,:/$€£#'])(?:{NUMBER})(?![\w:/%']|[.,]\d)")
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
        return float(words.replace(",", "."))
    hundreds, found, rest = words.rpartition(" hundred")
    parts = re.split(r"[ -]", rest if found else words.removeprefix("a couple of") or "two")
    return 100 * _VALUES.get(hundreds, 0) + sum(_VALUES.get(part, 0) for part in parts)


def with_units(plain: str, slot: Slot) -> Iterator[Amount]:
    """Amounts with one of the slot's units: "two hours", "1h45", "an hour and a half", "8/10"."""
    units = {unit.casefold(): factor for unit, factor in slot.units.items()} | ({slot.unit: 1.0} if slot.unit else {})
    if not units:
        return
    names = "|".join(re.escape(unit) for unit in sorted(units, key=lambda unit: (-len(unit), unit)))
    pattern = (  # compiled once: re keeps what it compiled
        rf"(?<![\w.])(?:(?P<half>half an)|(?P<n>{NUMBER})(?P<and_half> and a half)?)[ -]?(?P<unit>{names})(?![a-z])"
        rf"(?:(?P<half_more> and a half)|(?P<and> ?and)? ?(?P<more>{NUMBER})(?: ?(?P<smaller>{names}))?(?![\w]))?"
    )
    for found in re.finditer(pattern, plain):
        factor = units[found["unit"]]
        value = factor * (0.5 if found["half"] else number(found["n"]))
        end = found.end("unit")
        if found["and_half"] or found["half_more"]:
            value, end = value + factor / 2, found.end()
        elif found["more"] and (units.get(found["smaller"], factor) < factor or not (found["smaller"] or found["and"])):
            extra = number(found["more"]) * units.get(found["smaller"], 1.0)
            if extra < factor:
                value, end = value + extra, found.end()
        yield Amount(found.start(), end, value, value, slot.name)


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


def bare(plain: str) -> Iterator[Amount]:
    """Numbers without a unit."""
    for found in _BARE.finditer(plain):
        if found.group() not in ("a", "an"):
            yield Amount(*found.span(), number(found.group()), number(found.group()))


def _decade(found: re.Match[str], last: float) -> int:
    if found["aughts"]:
        return 2000
    years = 10 * int(found["figure"]) if found["figure"] else _DECADES[found["word"]]
    if found["century"]:
        return 100 * int(found["century"]) + years
    return 2000 + years if years and 2000 + years <= last else 1900 + years if years else 2000


def _years(unit: str) -> int:
    return 10 if unit == "decade" else 1
