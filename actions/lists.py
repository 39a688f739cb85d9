"""Showing a ranked list, and asking for one of its items: shared by the actions that end in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from actions.reading import Incoming
from actions.turn import Reply, Say
from chatrec import dialogue
from chatrec.bootstrap import Engine
from chatrec.catalog import Catalog
from chatrec.facts import in_words
from chatrec.types import Constraint, Query, RankedList, Recommendation

NOTED = {"dislike": "utter_noted_dislike", "seen": "utter_noted_seen", "reject": "utter_noted_reject"}
ORDINALS = ("first", "second", "third", "fourth", "fifth")

How = Literal["", "further", "again"]


def show(engine: Engine, incoming: Incoming, lead: Sequence[Say] = ()) -> Reply:
    """Recommend, say what the list answers to, and show it. ``lead`` comes first, instead of the usual opening."""
    state = incoming.state
    asked = incoming.query(state)
    query, how = _findable(engine, incoming, asked)
    ranked = engine.recommend(incoming.user, query, incoming.memory)
    if not ranked.items:
        done = any(c.op != "not" and not c.soft for c in state.constraints) and state.shown
        wishes = {"wishes": _said_back(incoming, state.constraints)}
        return Reply((*lead, Say("utter_no_more", wishes) if done else Say("utter_nothing")), state)
    given_up = tuple(c for c in state.constraints if c not in query.constraints or c in ranked.relaxed)
    stretched = (*(c for c in query.constraints if c not in asked.constraints), *ranked.stretched)
    opening = _not_here(incoming) + _opening(incoming, query, how, given_up, stretched)
    feedback = [] if lead else _because(engine, incoming, query, ranked)
    shown = [r.item.item_id for r in ranked.items]
    after = dialogue.listed(state, shown, ranked.impression_id, given_up, stretched)
    ranked = _translated(ranked, incoming)
    listing = Say(text=_lines(ranked, incoming.catalog), custom=_cards(ranked, given_up, incoming.catalog))
    return Reply((*lead, *feedback, *opening, listing), after)


def related(engine: Engine, incoming: Incoming) -> Reply:
    """What goes with the item in hand; without one, ask which is meant."""
    if incoming.outcome.related == "which":
        return which_one(incoming)
    if incoming.outcome.related == "nothing":
        title = incoming.catalog.item(incoming.outcome.subjects[0]).title
        return Reply((Say("utter_nothing_related", {"title": title}),), incoming.state)
    return show(engine, incoming)


def which_one(incoming: Incoming, response: str = "utter_which_one") -> Reply:
    """Ask which item of the last list is meant; without a list, say that there is none yet."""
    state = incoming.state
    if _names_another(incoming):
        return Reply((Say("utter_not_here"),), state)
    if not state.shown:
        return Reply((Say("utter_no_list_yet"),), state)
    titles = [incoming.catalog.item(i).title for i in state.shown]
    buttons = [(title, f"the {ordinal}") for title, ordinal in zip(titles, ORDINALS, strict=False)]
    return Reply((Say(response, buttons=buttons),), state)


def about(incoming: Incoming) -> str | None:
    """The item a question is about: named, in focus, or the only one shown. None when it is about one that is not here
    ("is Barbie worth it?"); "can I take it with ibuprofen?" is still about the one in hand."""
    state = incoming.state
    if incoming.outcome.subjects:
        return incoming.outcome.subjects[0]
    if _names_another(incoming):
        return None
    if state.focus or len(state.shown) == 1:
        return state.focus or state.shown[0]
    return None


def _names_another(incoming: Incoming) -> bool:
    """Whether something is named that could be an item and is none: a film, and not a medicine or a feature."""
    return any(m.entity == "known" and not str(m.value).islower() for m in incoming.mentions)


def _not_here(incoming: Incoming) -> list[Say]:
    """That the catalogue knows nothing of what is named, without the name: it may be one that is never said."""
    if not any(m.entity == "known" for m in incoming.mentions):
        return []
    return [Say("utter_not_here" if _names_another(incoming) else "utter_not_told")]


def _findable(engine: Engine, incoming: Incoming, query: Query) -> tuple[Query, How]:
    """The query that brings something, and what it took when everything that fits was shown: items of earlier lists
    ``again`` where the message asks for something else than before ("not Nike": what is left of the list), and else to
    go ``further``, without the softest wish. What the message asks for outlives what earlier ones asked for, but not
    what kind of thing it is about."""
    state, before = incoming.state, incoming.before
    recommender = engine.recommender(incoming.catalog.schema.name)
    fitting = recommender.fitting
    kind = incoming.catalog.schema.thing
    old = [c for c in state.constraints if c in before.constraints and c.op != "not" and not c.soft and c.slot != kind]
    asks = (state.constraints, state.anchors, state.topic) != (before.constraints, before.anchors, before.topic)
    if fitting(query).any():
        return query, ""
    known = {event.item_id for event in incoming.history} | (set(state.before) - set(before.before))
    looser = replace(query, exclude=frozenset(known | set(state.anchors)))
    if asks and fitting(looser).any():
        return looser, "again"
    for count in range(1, len(old) + 1 if asks else 1):
        kept = tuple(c for c in query.constraints if c not in old[:count])
        if fitting(replace(query, constraints=kept)).any():
            return replace(query, constraints=kept), ""
    if recommender.relax(query)[1]:  # nothing at all is as wished: what comes nearest and is new
        return query, ""
    further, given_up = recommender.further(query)
    return (further, "further") if given_up else (query, "")


def _opening(
    incoming: Incoming, query: Query, how: How, given_up: Sequence[Constraint], stretched: Sequence[Constraint]
) -> list[Say]:
    """What the list answers to, in words, so that a misunderstanding shows at once."""
    kept = [*(c for c in incoming.state.constraints if c not in given_up), *stretched]
    values = {
        "wishes": _said_back(incoming, kept),
        "like": _titles(query.anchors, incoming.catalog),
        "relaxed": _said_back(incoming, given_up),
    }
    if how == "further":
        return [Say("utter_further", values)]
    if given_up and len(stretched) == len(given_up):
        return [Say("utter_stretched", values)]
    if given_up:
        return [Say("utter_relaxed" if kept else "utter_relaxed_all", values)]
    again = [Say("utter_again")] if how == "again" else []
    if query.anchors:
        return [*again, Say("utter_list_like_wishes" if kept else "utter_list_like", values)]
    return [*again, Say("utter_list_wishes" if kept else "utter_list", values)]


def _said_back(incoming: Incoming, wishes: Sequence[Constraint]) -> str:
    language = incoming.language
    return in_words(wishes, incoming.catalog) if language is None else language.wishes(wishes)


def _because(engine: Engine, incoming: Incoming, query: Query, ranked: RankedList) -> list[Say]:
    """What this message's feedback changed, said only if it is so."""
    likes = [e for e in incoming.outcome.events if e.kind == "like" and e.item_id not in query.anchors]
    for event in likes[-1:]:
        risen = engine.recommender(query.catalog).because_of(event, query, ranked)[:2]
        values = {"liked": incoming.catalog.item(event.item_id).title, "risen": " and ".join(i.title for i in risen)}
        return [Say("utter_because_liked" if risen else "utter_noted_liked", values)]
    others = [e for e in incoming.outcome.events if e.kind in NOTED]
    if not others:
        return []
    kind = next(k for k in NOTED if any(e.kind == k for e in others))
    return [Say(NOTED[kind], {"title": _titles([e.item_id for e in others if e.kind == kind], incoming.catalog)})]


def _titles(item_ids: Sequence[str], catalog: Catalog) -> str:
    titles = [catalog.item(i).title for i in item_ids][:3]
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def _translated(ranked: RankedList, incoming: Incoming) -> RankedList:
    """The list with its reasons in the language of the message."""
    language = incoming.language
    if language is None:
        return ranked
    titles = {i: incoming.catalog.item(i).title for r in ranked.items for e in r.evidence for i in e.item_ids}
    items = tuple(replace(r, reason=language.reason(r.evidence, titles)) for r in ranked.items)
    return replace(ranked, items=items)


def _lines(ranked: RankedList, catalog: Catalog) -> str:
    return "\n".join(f"{r.rank}. {catalog.heading(r.item)}: {r.reason}" for r in ranked.items)


def _cards(ranked: RankedList, given_up: Sequence[Constraint], catalog: Catalog) -> dict:
    return {
        "kind": "list",
        "impression_id": ranked.impression_id,
        "catalog": ranked.catalog,
        "relaxed": [constraint.to_json() for constraint in given_up],
        "items": [_card(r, catalog) for r in ranked.items],
    }


def _card(line: Recommendation, catalog: Catalog) -> dict:
    item, schema = line.item, catalog.schema
    tags = [s for s in schema.slots.values() if s.type == "tags"][:1]
    facts = []
    for slot in schema.slots.values():
        value = item.attributes.get(slot.columns[0])
        if value is None or slot in tags or slot.columns[0] in schema.columns.values():
            continue
        facts.append(
            f"{value:g} {slot.unit}".strip()
            if isinstance(value, float)
            else ", ".join(value[:2] if slot.type == "tags" else value[:1])
        )
    rating = item.attributes.get(schema.columns.get("reception", ""))
    year = item.attributes.get(schema.columns.get("year", ""))
    return {
        "rank": line.rank,
        "item_id": item.item_id,
        "title": item.title,
        "year": f"{year:g}" if isinstance(year, float) else "",
        "tags": [t for s in tags for t in item.attributes.get(s.columns[0], ())][:3],
        "facts": facts[:3],
        "reason": line.reason,
        "rating": round(rating) if isinstance(rating, float) else None,
    }
