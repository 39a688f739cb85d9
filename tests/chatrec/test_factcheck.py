"""The checker refuses what is not so, and lets pass what is: on real films, with facts of other films put in."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from chatrec.catalog import Catalog
from chatrec.explain import explain_all
from chatrec.factcheck import check
from chatrec.schema import Schema, Slot
from chatrec.types import Constraint, Event, Evidence, Item, Query
from chatrec.wording import sentence

SENTENCES = 500


def _own(item: Item, slot: Slot) -> list[str]:
    """The item's values of a slot, as a sentence would say them."""
    values = [item.attributes[column] for column in slot.columns if column in item.attributes]
    return [f"{v:g}" for v in values] if slot.type == "number" else [name for v in values for name in v]


class _Overlap:
    """A scorer for tests: values shared with anchors and likes."""

    def __init__(self, catalog: Catalog) -> None:
        slots = [s for s in catalog.schema.slots.values() if s.type in ("tags", "people")]
        self.values = [frozenset(v for slot in slots for v in _own(item, slot)) for item in catalog.items]
        self.catalog = catalog

    def __call__(self, query: Query, indices: np.ndarray) -> np.ndarray:
        near = [*query.anchors, *(e.item_id for e in query.history)]
        others = [self.values[self.catalog.index(i)] for i in near]
        scores = [sum(len(self.values[i] & o) / len(self.values[i] | o) for o in others) for i in indices]
        return np.array(scores, dtype=np.float32)


def _request(catalog: Catalog, rng: random.Random) -> tuple[Query, np.ndarray]:
    """Wishes that at least one film meets, anchors and likes; and the first films that meet the wishes."""
    seed, wishes = rng.choice(catalog.items), []
    for slot in catalog.schema.slots.values():
        values = seed.attributes.get(slot.columns[0])
        if values is None or slot.type == "text" or rng.random() > 0.3:
            continue
        if isinstance(values, float):
            wishes.append(Constraint(slot.name, rng.choice(("is", "min", "max")), (values,)))
        else:
            wishes.append(Constraint(slot.name, "is", tuple(rng.sample(values, min(len(values), rng.randint(1, 2))))))
    fits = np.logical_and.reduce([catalog.mask(w) for w in wishes] or [np.ones(len(catalog), dtype=bool)])
    shown = np.flatnonzero(fits)
    shown = shown[rng.randrange(len(shown)) :][:5]

    def near() -> str:
        return catalog.items[int(rng.choice(shown)) if rng.random() < 0.4 else rng.randrange(len(catalog))].item_id

    anchors = tuple(near() for _ in range(rng.choice((0, 0, 1, 2))))
    history = tuple(Event(near(), "like", float(n)) for n in range(rng.choice((0, 0, 1, 5, 40))))
    return Query(catalog.schema.name, constraints=tuple(wishes), anchors=anchors, history=history), shown


Reason = tuple[str, Item, tuple[Evidence, ...]]


@pytest.fixture(scope="module")
def reasons(movies) -> list[Reason]:
    """Generated sentences about as many real films, each with its evidence."""
    rng, score, found = random.Random(11), _Overlap(movies), {}
    while len(found) < SENTENCES:
        query, shown = _request(movies, rng)
        for position, evidence in enumerate(explain_all(query, movies, shown, score)):
            item = movies.items[int(shown[position])]
            found[item.item_id] = (sentence(evidence, item, movies, position), item, evidence)
    return list(found.values())[:SENTENCES]


def test_no_false_alarm_over_500_generated_sentences(reasons, movies):
    alarms = [(text, problems) for text, item, evidence in reasons if (problems := check(text, item, evidence, movies))]
    assert alarms == []


def test_corrupted_sentences_are_caught(reasons, movies):
    """Every fact of another film, in place of a true one or added: at least 99 % caught, and 97 % of each kind."""
    rng, tried, caught = random.Random(7), Counter(), Counter()
    for text, item, evidence in reasons:
        for kind, corrupted in _corruptions(text, item, evidence, movies, rng):
            tried[kind] += 1
            caught[kind] += bool(check(corrupted, item, evidence, movies))
    assert len(tried) >= 11 and sum(tried.values()) > 5 * SENTENCES
    assert {
        kind: caught[kind] / tried[kind] for kind in tried if caught[kind] / tried[kind] < 0.97 and tried[kind] > 50
    } == {}
    assert sum(caught.values()) / sum(tried.values()) >= 0.99


def _corruptions(
    text: str, item: Item, evidence: tuple[Evidence, ...], catalog: Catalog, rng: random.Random
) -> Iterator[tuple[str, str]]:
    """One false fact at a time: ``(what was changed, the sentence)``."""
    cited = [catalog.item(i) for e in evidence for i in e.item_ids]
    bare = re.sub("|".join(re.escape(o.title) for o in cited) or r"(?!)", lambda m: "_" * len(m[0]), text)
    for slot in catalog.schema.slots.values():
        mine = _own(item, slot)
        other = _another(slot, mine, catalog, rng)
        for value in mine:
            yield from _swap(slot.name, text, bare, value, other)
            if slot.type == "tags":
                yield from _swap(slot.name, text, bare, value.lower(), other.lower())
    others = [o for o in rng.sample(catalog.items, 9) if o is not item and o not in cited]
    for mentioned in cited[:1]:
        yield from _swap("cited title", text, text, mentioned.title, others[0].title)
    yield "added title", f"{text[:-1]}, like {others[1].title}."
    yield "added year", f"{text[:-1]}, from {2030 + rng.randrange(40)}."
    stranger = next(n for o in others for n in o.attributes["directors"] if n not in _names(item, catalog))
    yield "added director", f"{text[:-1]}, directed by {stranger}."
    actor = next((n for n in item.attributes.get("cast", ()) if n not in item.attributes["directors"]), None)
    if actor:
        yield "actor as director", f"{text[:-1]}, directed by {actor}."


def _another(slot: Slot, mine: list[str], catalog: Catalog, rng: random.Random) -> str:
    """A value of the slot that some other film has and this one has not."""
    while True:
        if found := [v for v in _own(rng.choice(catalog.items), slot) if v not in mine]:
            return rng.choice(found)


def _names(item: Item, catalog: Catalog) -> list[str]:
    return [v for slot in catalog.schema.slots.values() if slot.type == "people" for v in _own(item, slot)]


def _swap(kind: str, text: str, bare: str, old: str, new: str) -> Iterator[tuple[str, str]]:
    """The first ``old`` of the text, found outside the titles cited, replaced by ``new``."""
    place = re.search(rf"(?<![\w'-]){re.escape(old)}(?![\w'-])", bare)
    if place:
        yield kind, text[: place.start()] + new + text[place.end() :]


@pytest.fixture(scope="module")
def films() -> Catalog:
    """Four films with names that mislead."""
    rows = [
        ("alien", "Alien", 1979.0, ("Horror", "Sci-Fi"), ("Ridley Scott",), ("Sigourney Weaver",), 117.0, 93.0),
        ("it", "It", 2017.0, ("Horror",), ("Andy Muschietti",), ("Bill Skarsgård",), 135.0, 86.0),
        ("the-thing", "The Thing", 1982.0, ("Horror",), ("John Carpenter",), ("Kurt Russell",), 109.0, 84.0),
        ("2012", "2012", 2009.0, ("Action",), ("Roland Emmerich",), ("John Cusack",), 158.0, 39.0),
    ]
    columns = ("year", "genres", "directors", "cast", "minutes", "score")
    items = tuple(Item(row[0], row[1], dict(zip(columns, row[2:], strict=True))) for row in rows)
    slots = (
        Slot("genre", "tags", ("genres",), "genre", synonyms={"Horror": ("scary",), "Action": ("action-packed",)}),
        Slot("person", "people", ("directors", "cast"), "person"),
        Slot("year", "number", ("year",), "year", reason="it is from {value}", words={"classic": (None, 1980.0)}),
        Slot("length", "number", ("minutes",), "length", unit="minutes", units={"hours": 60.0}),
        Slot("rating", "number", ("score",), "rating", units={"/100": 1.0}, reason="it is rated {value} of 100"),
    )
    columns = {"id": "id", "title": "title", "year": "year", "reception": "score"}
    labels = {"directors": "directed by", "cast": "with"}
    schema = Schema(
        name="films",
        noun="film",
        plural="films",
        columns=columns,
        labels=labels,
        describe=(),
        slots={slot.name: slot for slot in slots},
        moods={},
    )
    return Catalog(schema, items, "test")


LIKED_IT = (Evidence("history", "Horror", item_ids=("it",), effect=0.2),)


@pytest.mark.parametrize(
    "text",
    [
        "A horror film from 1979, directed by Ridley Scott; rated 93 of 100.",
        "A Sci-Fi classic of the 1970s with Sigourney Weaver that runs 117 minutes.",
        "Close to It, which you liked; rated 93/100.",
        "Alien (1979) is scary, like It (2017).",
        "It runs 1.95 hours, 117 minutes or 93/100.",
        "Here because you liked It: it is close to it and I think you will like it.",
        "",
    ],
)
def test_what_is_so_passes(text, films):
    assert check(text, films.item("alien"), LIKED_IT, films) == ()


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Close to The Thing.", "The Thing"),  # in the catalogue, not in the evidence
        ("Close to the thing (1982).", "1982"),  # not taken for a title, but the year is wrong
        ("Close to the Fog.", "Fog"),  # not in the catalogue
        ("A film by John Carpenter.", "John Carpenter"),
        ("A film by a certain Johanna.", "Johanna"),
        ("Directed by Sigourney Weaver.", "Sigourney Weaver"),  # of the film, but in another role
        ("An action film.", "action"),
        ("An action-packed film.", "action packed"),
        ("A film from 1980.", "1980"),
        ("A film from 117.", "117"),  # the row's number, of another slot
        ("It runs 93 minutes.", "93 minutes"),
        ("It runs 2 hours.", "2 hours"),
        ("Rated 100 of 100.", "100 of 100"),
        ("A film of the 1980s.", "1980s"),
        ("Ninety minutes of fun.", "Ninety minutes"),
        ("You liked 2012.", "2012"),
    ],
)
def test_what_is_not_so_is_refused(text, refused, films):
    assert check(text, films.item("alien"), LIKED_IT, films) == (f"{refused!r} is not supported for Alien (1979)",)


def test_a_word_for_a_range_of_numbers_is_checked(films):
    assert check("A classic.", films.item("alien"), (), films) == ()
    assert check("A classic.", films.item("it"), (), films) == ("'classic' is not supported for It (2017)",)


LIKED_ALIKE = (Evidence("others", "Alien", item_ids=("it",)),)


@pytest.mark.parametrize(
    ("text", "evidence", "refused"),
    [
        ("People who liked It liked it too.", LIKED_ALIKE, ()),
        ("People who liked It liked it too.", LIKED_IT, ("People who liked",)),  # one user is not people
        ("Close to It, which you liked.", LIKED_ALIKE, ("which you liked",)),
        ("Here because you liked It.", LIKED_IT, ()),
        ("A change from what you have liked so far.", LIKED_IT, ("A change from",)),
    ],
)
def test_what_people_are_said_to_like_needs_evidence_of_that_kind(text, evidence, refused, films):
    problems = tuple(f"{words!r} is not supported for Alien (1979)" for words in refused)
    assert check(text, films.item("alien"), evidence, films) == problems
