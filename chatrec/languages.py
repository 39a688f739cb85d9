"""Other languages than English: a phrase book that reads messages, and says values and reasons back.

``data/languages/CODE.toml`` holds everything about a language but the responses, which stand in domain.yml under
their name and ``_CODE``. docs/languages.md says how to add one. The book is read by its longest match from
left to right, which needs no spaces between words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from chatrec.tomlfile import read_toml
from chatrec.types import Constraint, Evidence

SHARE = 0.5  # of a message that must be in a language
REASONS = 2  # pieces of evidence that a reason names


@dataclass(frozen=True)
class Language:
    """One language. ``script``: what the Unicode names of its letters begin with; empty for one in Latin letters, which
    is told by how many of its words the book has. ``phrases``: what people write -> the same in English. ``reasons``:
    evidence kind -> a clause with {value} and {items}; ``names``: value of a catalogue -> what it is called."""

    code: str
    script: str
    phrases: Mapping[str, str]
    reasons: Mapping[str, str]
    negation: str
    names: Mapping[str, str] = field(default_factory=dict)

    def speaks(self, text: str) -> bool:
        """Whether a message is in this language."""
        letters = [c for c in text if c.isalpha()]
        if self.script:
            return bool(letters) and sum(
                unicodedata.name(c, "").startswith(self.script) for c in letters
            ) > SHARE * len(letters)
        words = re.findall(r"[^\W\d_]+", text.casefold())
        known = {word for phrase in self.phrases for word in phrase.casefold().split()}
        return bool(words) and sum(word in known for word in words) > SHARE * len(words)

    def in_english(self, text: str) -> str:
        """The message as far as the book has it; other letters of the script are left out, all else stays."""
        said: list[str] = []
        for part in self._book.finditer(text.casefold()):
            known = self.phrases.get(part.group())
            foreign = self.script and unicodedata.name(part.group()[0], "").startswith(self.script)
            said.append(f" {known} " if known is not None else "" if foreign else part.group())
        return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", "".join(said))).strip()

    def name(self, value: str) -> str:
        """What a value of a catalogue is called; itself when the book does not say."""
        return self.names.get(value.casefold(), value)

    def wishes(self, constraints: tuple[Constraint, ...] | list[Constraint]) -> str:
        """The wishes said back."""
        return "、".join(dict.fromkeys(self._wish(c) for c in constraints))

    def reason(self, evidence: tuple[Evidence, ...], titles: Mapping[str, str]) -> str:
        """Why an item is shown, from its evidence alone. ``titles``: item id -> title."""
        clauses = [self._clause(e, titles) for e in evidence if e.kind in self.reasons]
        return "，".join(dict.fromkeys(clauses[:REASONS]))

    def _clause(self, evidence: Evidence, titles: Mapping[str, str]) -> str:
        items = "、".join(titles.get(i, i) for i in evidence.item_ids)
        return self.reasons[evidence.kind].format(value=self.name(evidence.value), items=items)

    def _wish(self, constraint: Constraint) -> str:
        values = "/".join(self.name(f"{v:g}" if isinstance(v, float) else str(v)) for v in constraint.values)
        sign = {"not": self.negation, "min": "≥ ", "max": "≤ "}.get(constraint.op, "")
        return sign + values

    @cached_property
    def _book(self) -> re.Pattern[str]:
        """The phrases, longest first, and any one character."""
        phrases = "|".join(re.escape(p) for p in sorted(self.phrases, key=len, reverse=True))
        edged = phrases if self.script else rf"\b(?:{phrases})\b"
        return re.compile(rf"{edged}|.", re.DOTALL)


def load_languages(folder: Path) -> tuple[Language, ...]:
    """Every language under a folder. Raises: BadInput, with file and key."""
    return tuple(_language(path) for path in sorted(folder.glob("*.toml")))


def _language(path: Path) -> Language:
    top = read_toml(path)
    top.known("script", "negation", "phrases", "reasons", "names")
    phrases, reasons, names = top.table("phrases"), top.table("reasons"), top.table("names")
    return Language(
        path.stem,
        top.text("script", ""),
        {key.casefold(): phrases.text(key, "") for key in phrases.data},
        {kind: reasons.text(kind) for kind in reasons.data},
        top.text("negation"),
        {key.casefold(): names.text(key) for key in names.data},
    )
