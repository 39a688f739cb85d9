"""What a message does to the state of the conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatrec import dialogue
from chatrec.dialogue import State, understand
from chatrec.types import Constraint, Event, Mention, Query, Reading, Turn

ALIEN, GODFATHER, SHINING = "tt0078748", "tt0068646", "tt0081505"
LISTED = State("movies", shown=(ALIEN, GODFATHER, SHINING), impression_id="imp1")


def genre(value: str, op: str = "is") -> Mention:
    wish = Constraint("genre", op, (value,), value.lower())
    return Mention("genre", 0, 1, value.lower(), value, (wish,), negated=op == "not")


def bound(op: str, year: float) -> Mention:
    return Mention("year", 0, 1, str(year), year, (Constraint("year", op, (year,)),))


def ordinal(text: str, word: str, position: int, negated: bool = False) -> Mention:
    start = text.index(word)
    return Mention("ordinal", start, start + len(word), word, position, negated=negated)


def values(state: State) -> set[tuple]:
    return {(c.slot, c.op, *c.values) for c in state.constraints}


def test_a_wish_replaces_the_old_one_when_restated(movies):
    """ "a comedy instead" leaves no trace of horror."""
    state = understand(State("movies"), "ask_recommendation", "a horror film", [genre("Horror")], movies).state
    state = understand(state, "reformulate", "no, a comedy instead", [genre("Comedy")], movies).state
    assert values(state) == {("genre", "is", "Comedy")}


def test_an_added_wish_joins_the_old_one(movies):
    state = understand(State("movies"), "ask_recommendation", "a horror film", [genre("Horror")], movies).state
    state = understand(state, "critique_add", "and funny too", [genre("Comedy")], movies).state
    assert values(state) == {("genre", "is", "Horror"), ("genre", "is", "Comedy")}


def test_an_exclusion_removes_the_wish_it_contradicts_and_stays(movies):
    state = understand(State("movies"), "ask_recommendation", "horror", [genre("Horror")], movies).state
    state = understand(state, "critique_feature", "not horror", [genre("Horror", "not")], movies).state
    assert values(state) == {("genre", "not", "Horror")}
    state = understand(state, "ask_recommendation", "a comedy", [genre("Comedy")], movies).state
    assert ("genre", "not", "Horror") in values(state)


def test_a_wish_that_is_dropped_is_gone_and_not_ruled_out(movies):
    nineties = Mention("year", 0, 1, "90s", "90s", (Constraint("year", "not", (1990.0, 1991.0)),), negated=True)
    soft = genre("Horror", "not")
    soft = replace(soft, constraints=(replace(soft.constraints[0], soft=True),))
    told = [genre("Comedy"), bound("min", 1990.0), bound("max", 1999.0), soft]
    state = understand(State("movies"), "ask_recommendation", "a 90s comedy, less scary", told, movies).state
    state = understand(state, "critique_feature", "drop the 90s", [nineties], movies).state
    assert values(state) == {("genre", "is", "Comedy"), ("genre", "not", "Horror")}
    state = understand(state, "critique_feature", "and drop less scary", [soft], movies).state
    assert values(state) == {("genre", "is", "Comedy")}
    mentions = [genre("Comedy", "not"), genre("Western")]
    state = understand(state, "critique_feature", "drop the comedy, westerns pls", mentions, movies).state
    assert values(state) == {("genre", "is", "Western")}
    state = understand(state, "critique_feature", "drop the musicals", [genre("Musical", "not")], movies).state
    assert values(state) == {("genre", "is", "Western"), ("genre", "not", "Musical")}


def test_a_mood_is_dropped_whole_and_one_that_is_asked_for_stays(movies):
    comedy = Constraint("genre", "is", ("Comedy",), "funny", soft=True, sign="funny")
    wished = Mention("mood", 0, 1, "funny", "funny", (comedy, replace(comedy, op="not", values=("War",))))
    denied = replace(wished, constraints=(replace(comedy, op="not", sign=""),), negated=True)
    state = understand(State("movies"), "ask_recommendation", "something funny", [wished], movies).state
    assert values(understand(state, "critique_feature", "drop the funny", [denied], movies).state) == set()
    state = understand(state, "critique_feature", "drop the western, funny ones", [wished], movies).state
    assert values(state) == {("genre", "is", "Comedy"), ("genre", "not", "War")}


def test_what_is_dropped_as_a_whole_is_what_was_said_last(movies):
    state = understand(State("movies"), "ask_recommendation", "horror", [genre("Horror")], movies).state
    first = dialogue.listed(state, (ALIEN, SHINING), "imp1", ())
    assert values(understand(first, "reformulate", "ok drop that", [], movies).state) == set()
    state = understand(first, "critique_feature", "not horror", [genre("Horror", "not")], movies).state
    second = dialogue.listed(state, (GODFATHER,), "imp2", ())
    assert values(understand(second, "reformulate", "scrap that", [], movies).state) == values(first)


def test_another_sort_of_thing_leaves_behind_what_was_said_of_the_first(catalogs):
    shop = catalogs["shopping"]

    def wish(slot: str, value: str, op: str = "is") -> Mention:
        return Mention(slot, 0, 1, value, value, (Constraint(slot, op, (value,), value.lower()),))

    budget = Mention("price", 0, 1, "under 150", 150.0, (Constraint("price", "max", (150.0,)),))
    shoes = [wish("kind", "Running shoes"), wish("colour", "Black"), wish("brand", "Nike"), budget]
    shoes += [wish("for", "Women"), wish("brand", "Hoka", "not")]
    state = understand(State("shopping"), "ask_recommendation", "shoes", shoes, shop).state
    for kind, stay in (
        ("Laptops", {("kind", "is", "Laptops")}),
        ("Leggings", {("kind", "is", "Leggings"), ("for", "is", "Women")}),
        (
            "Boots",
            {("kind", "is", "Boots"), ("for", "is", "Women"), ("colour", "is", "Black"), ("brand", "is", "Nike")},
        ),
    ):
        after = understand(state, "reformulate", f"now {kind}", [wish("kind", kind)], shop).state
        assert values(after) == stay | {("price", "max", 150.0), ("brand", "not", "Hoka")}


def test_a_new_bound_replaces_the_old_bound_of_its_kind_only(movies):
    state = understand(State("movies"), "answer", "after 1990", [bound("min", 1990.0)], movies).state
    state = understand(state, "critique_feature", "before 2010", [bound("max", 2010.0)], movies).state
    state = understand(state, "critique_feature", "after 2000", [bound("min", 2000.0)], movies).state
    assert values(state) == {("year", "min", 2000.0), ("year", "max", 2010.0)}


def test_start_over_forgets_wishes_but_not_what_was_shown(movies):
    state = State("movies", (Constraint("genre", "is", ("Horror",)),), (ALIEN,), shown=(SHINING,))
    state = understand(state, "start_over", "start over", [], movies).state
    assert (state.constraints, state.anchors, state.before) == ((), (), (SHINING,))


@pytest.mark.parametrize(
    "text",
    [
        "great, more like the second one",
        "something similar to the second",
        "i want one like the second",
        "i love the second one, more like it",
    ],
)
@pytest.mark.parametrize("intent", ["accept", "critique_feature", "ask_recommendation"])
def test_more_like_it_is_an_anchor_whatever_the_intent(text, intent, movies):
    outcome = understand(LISTED, intent, text, [ordinal(text, "second", 2)], movies)
    assert outcome.state.anchors == (GODFATHER,)
    praised = [(GODFATHER, "like", "imp1")] if "great" in text or "love" in text else []
    assert [(e.item_id, e.kind, e.impression_id) for e in outcome.events] == praised


def test_liking_the_second_one_is_not_asking_for_more_like_it(movies):
    text = "i really like the second one"
    outcome = understand(LISTED, "accept", text, [ordinal(text, "second", 2)], movies)
    assert outcome.state.anchors == ()
    assert [(e.item_id, e.kind) for e in outcome.events] == [(GODFATHER, "accept")]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("seen it, loved it", ["seen", "like"]),
        ("i've already seen that one", ["seen"]),
        ("saw it, didn't like it", ["seen", "dislike"]),
        ("watched it, boring", ["seen", "dislike"]),
    ],
)
def test_seen_is_not_liked(text, kinds, movies):
    """What was seen is stored as seen; liking or disliking only when the words say so."""
    state = dialogue.replace(LISTED, focus=SHINING)
    outcome = understand(state, "seen", text, [], movies)
    assert [(e.item_id, e.kind) for e in outcome.events] == [(SHINING, k) for k in kinds]


def test_none_of_these_rejects_the_whole_list(movies):
    outcome = understand(LISTED, "reject", "none of these", [], movies)
    assert {e.item_id for e in outcome.events} == set(LISTED.shown)
    assert {e.kind for e in outcome.events} == {"reject"}


def test_praise_without_an_item_stores_nothing(movies):
    assert understand(LISTED, "accept", "great!", [], movies).events == ()


def test_a_stated_favourite_is_a_like_and_something_like_it_is_not(movies):
    loved = Mention("title", 8, 13, "alien", "Alien", item_ids=(ALIEN,))
    assert [
        e.kind for e in understand(State("movies"), "provide_preference", "i loved alien", [loved], movies).events
    ] == ["like"]
    similar = Mention("title", 15, 20, "alien", "Alien", item_ids=(ALIEN,))
    outcome = understand(State("movies"), "provide_preference", "something like alien", [similar], movies)
    assert (outcome.events, outcome.state.anchors) == ((), (ALIEN,))


def test_a_title_just_shown_wins_over_its_namesake(movies):
    state = State("movies", shown=(SHINING,))
    both = Mention("title", 0, 11, "the shining", item_ids=("tt0000000", SHINING))
    assert understand(state, "inquire", "the shining, who is in it", [both], movies).subjects == (SHINING,)


def test_anything_but_the_first_is_kept_away(movies):
    text = "anything but the first"
    outcome = understand(LISTED, "critique_feature", text, [ordinal(text, "first", 1, negated=True)], movies)
    assert ALIEN in dialogue.query(outcome.state, (), ()).exclude
    assert outcome.state.anchors == ()


def test_newer_is_newer_than_the_list(movies):
    newer = Mention("year", 10, 15, "newer", direction=1)
    (wish,) = understand(LISTED, "critique_feature", "something newer", [newer], movies).state.constraints
    middle = sorted(movies.item(i).attributes["year"] for i in LISTED.shown)[1]
    assert (wish.slot, wish.op) == ("year", "min")
    assert wish.values[0] > middle


def test_shorter_than_the_second_is_measured_against_the_second(movies):
    text = "shorter than the second"
    mentions = [Mention("length", 0, 7, "shorter", direction=-1), ordinal(text, "second", 2)]
    state = understand(LISTED, "inquire", text, mentions, movies).state
    assert state.constraints[0].values[0] < movies.item(GODFATHER).attributes["minutes"]


def test_a_comparison_beyond_the_catalogue_still_leaves_something(movies):
    newest = max(movies.items, key=lambda i: i.attributes["year"])
    state = State("movies", shown=(newest.item_id,))
    newer = Mention("year", 10, 15, "newer", direction=1)
    (wish,) = understand(state, "critique_feature", "something newer", [newer], movies).state.constraints
    assert movies.mask(wish).sum() > 0


def test_a_click_is_stored_with_its_impression(movies):
    outcome = dialogue.clicked(LISTED, "dislike", ALIEN, "imp1")
    assert [(e.item_id, e.kind, e.impression_id) for e in outcome.events] == [(ALIEN, "dislike", "imp1")]
    assert dialogue.clicked(LISTED, "why", ALIEN, "imp1").events == ()


def test_the_next_list_brings_nothing_back(movies):
    """Seen, disliked, shown and anchor items are all excluded from the next query."""
    state = State("movies", anchors=("a",), shown=("b",), before=("c",))
    query = dialogue.query(state, (Turn("user", "more"),), (Event("d", "seen", 0.0),))
    assert query.exclude == {"a", "b", "c", "d"}


def test_the_state_survives_json(movies):
    state = understand(LISTED, "critique_feature", "x", [genre("Horror", "not"), bound("min", 1990.0)], movies).state
    assert State.from_json(state.to_json()) == state


def test_it_is_the_item_judged_last_when_none_is_in_focus(movies):
    """ "seen it", a new list, "hated it": the same one, and never the whole new list."""
    state = understand(LISTED, "seen", "seen the second", [ordinal("seen the second", "second", 2)], movies).state
    state = dialogue.listed(state, ("a", "b", "c"), "imp2", ())
    events = understand(state, "reject", "hated it", [], movies).events
    assert [e.item_id for e in events] == [GODFATHER]
    assert understand(LISTED, "reject", "hated it", [], movies).events == ()
    assert len(understand(LISTED, "reject", "none of these", [], movies).events) == 3


def test_the_answer_to_a_question_joins_what_was_said_before(movies):
    """ "For kids", "which direction?", "animation": both."""
    state = State("movies", (Constraint("genre", "is", ("Family",)),), pending="genre")
    state = understand(state, "answer", "animation", [genre("Animation")], movies).state
    assert values(state) == {("genre", "is", "Family"), ("genre", "is", "Animation")}


def test_a_turn_the_other_way_drops_the_bound_that_leaves_no_room(movies):
    """ "Older" (up to 1990), then "newer than Alien" (from 1980): up to 1990 was not meant to stay."""
    newer = Mention("year", 0, 5, "newer", None, direction=1)
    state = State("movies", (Constraint("year", "max", (1985.0,), "older"),), focus=ALIEN)
    assert values(understand(state, "critique_feature", "newer", [newer], movies).state) == {("year", "min", 1980.0)}
    state = State("movies", (Constraint("year", "max", (2010.0,), "older"),), focus=ALIEN)
    assert ("year", "max", 2010.0) in values(understand(state, "critique_feature", "newer", [newer], movies).state)


@pytest.mark.parametrize("text", ["go back", "no, go back", "undo that please", "oops, back to the previous list"])
def test_going_back_brings_the_wishes_and_the_list_before(text, movies):
    state = understand(State("movies"), "ask_recommendation", "horror", [genre("Horror")], movies).state
    first = dialogue.query(state, (), ())
    state = dialogue.listed(state, (ALIEN, SHINING), "imp1", ())
    state = understand(state, "critique_feature", "not horror", [genre("Horror", "not")], movies).state
    state = State.from_json(dialogue.listed(state, (GODFATHER,), "imp2", ()).to_json())
    state = understand(state, "reformulate", text, [], movies).state
    assert dialogue.query(state, (), ()) == first
    again = dialogue.listed(state, (ALIEN, SHINING), "imp3", ())
    assert (
        dialogue.query(understand(again, "reformulate", text, [], movies).state, (), ()).constraints
        == first.constraints
    )


def test_the_model_is_told_the_last_turns_and_the_wishes_that_must_hold(movies):
    turns = tuple(Turn("user" if n % 2 else "bot", f"turn {n}") for n in range(8))
    wishes = (Constraint("genre", "not", ("Horror",)), Constraint("genre", "is", ("Music",), soft=True))
    told = dialogue.reading(Query("movies", turns, wishes, topic="never told"), movies)
    assert told.text.splitlines() == [
        *(f"{t.speaker}: {t.text}" for t in turns[-dialogue.TURNS :]),
        "wanted: not Horror",
    ]
    assert dialogue.reading(Query("movies", exclude=frozenset({ALIEN})), movies) == Reading("")


@pytest.mark.parametrize(
    ("kind", "stars", "expected"),
    [("like", None, "like"), ("accept", None, "like"), ("dislike", None, "dislike"), ("reject", None, "dislike")]
    + [("seen", None, "seen"), ("rating", 4.0, "like"), ("rating", 3.5, "seen"), ("rating", 3.0, "seen")]
    + [("rating", 2.5, "dislike")],
)
def test_what_was_done_about_an_item_is_a_stance(kind, stars, expected):
    assert dialogue.stance(Event("a", kind, 1.0, stars)) == expected


@pytest.mark.parametrize(
    ("did", "anchors", "expected"),
    [
        ("like:A seen:G", "", "like:A seen:G"),
        ("like:A seen:G dislike:A", "", "seen:G dislike:A"),
        ("seen:G like:G seen:G", "", "like:G"),
        ("like:A seen:gone", "gone", "like:A"),
        ("like:A dislike:G", "A S", "dislike:G mention:A mention:S"),
    ],
)
def test_the_model_is_told_the_latest_stance_on_each_item_and_what_it_should_be_like_last(
    did, anchors, expected, movies
):
    """Seen takes no opinion back. Only the newest items are read, so what counts most must not stand first."""
    ids = {"A": ALIEN, "G": GODFATHER, "S": SHINING}
    pairs = [pair.split(":") for pair in did.split()]
    history = tuple(Event(ids.get(item, item), kind, float(n)) for n, (kind, item) in enumerate(pairs))
    told = dialogue.reading(
        Query("movies", history=history, anchors=tuple(map(ids.get, anchors.split(), anchors.split()))), movies
    )
    names = {movies.index(item_id): letter for letter, item_id in ids.items()}
    assert " ".join(f"{made}:{names[i]}" for i, made in told.items) == expected


@pytest.mark.parametrize("intent", ["ask_recommendation", "start_over"])
def test_a_remark_on_a_list_keeps_what_was_asked_for_before(intent, movies):
    state = understand(State("movies"), "ask_recommendation", "films since 2000", [bound("min", 2000.0)], movies).state
    state = replace(state, shown=(ALIEN,))
    state = understand(state, intent, "make it action", [replace(genre("Action"), start=8, end=14)], movies).state
    assert values(state) == {("year", "min", 2000.0), ("genre", "is", "Action")}


def test_a_request_of_its_own_starts_anew(movies):
    state = replace(LISTED, constraints=(Constraint("year", "min", (2000.0,)),))
    state = understand(state, "ask_recommendation", "show me some action films", [genre("Action")], movies).state
    assert values(state) == {("genre", "is", "Action")}


@pytest.mark.parametrize("text", ["also comedy, please", "comedy as well", "and comedy too", "still comedy, please"])
def test_also_joins_whatever_the_intent(text, movies):
    state = replace(LISTED, constraints=(Constraint("genre", "is", ("Horror",), "horror"),))
    state = understand(state, "ask_recommendation", text, [genre("Comedy")], movies).state
    assert values(state) == {("genre", "is", "Horror"), ("genre", "is", "Comedy")}


@pytest.mark.parametrize(
    "text, kinds",
    [
        ("I've seen the second, hated it. newer, please", {"seen", "dislike"}),
        ("seen the second one already, it was great. make it newer", {"seen", "like"}),
    ],
)
def test_feedback_in_a_sentence_of_its_own_counts_beside_a_wish(text, kinds, movies):
    """The item is judged and not what the next list should be like; "newer" is measured against the whole list."""
    start = text.index("newer")
    mentions = [ordinal(text, "second", 2), Mention("year", start, start + 5, "newer", direction=1)]
    outcome = understand(LISTED, "critique_feature", text, mentions, movies)
    assert {(e.item_id, e.kind) for e in outcome.events} == {(GODFATHER, kind) for kind in kinds}
    assert outcome.state.anchors == ()
    middle = sorted(movies.item(i).attributes["year"] for i in LISTED.shown)[1]
    assert outcome.state.constraints[0].values[0] > middle


def test_better_than_the_best_is_not_worse(movies):
    best = sorted(movies.items, key=lambda i: -(i.attributes.get("score") or 0))[:3]
    state = State("movies", shown=tuple(i.item_id for i in best))
    better = Mention("rating", 0, 6, "better", direction=1)
    (wish,) = understand(state, "critique_feature", "better", [better], movies).state.constraints
    assert wish.values[0] >= min(i.attributes["score"] for i in best)


def test_a_wish_against_something_rejects_nothing_that_was_shown(movies):
    assert understand(LISTED, "reject", "not horror", [genre("Horror", "not")], movies).events == ()


def test_every_sentence_has_its_own_feedback(movies):
    text = "seen the second one, hated it. i loved Casablanca"
    start = text.index("Casablanca")
    title = Mention("title", start, len(text), "Casablanca", item_ids=("tt0034583",))
    events = understand(LISTED, "reject", text, [ordinal(text, "second", 2), title], movies).events
    assert {(e.item_id, e.kind) for e in events} == {(GODFATHER, "seen"), (GODFATHER, "dislike"), ("tt0034583", "like")}


@pytest.mark.parametrize(
    "text, intent",
    [
        ("do you know who is in the second?", "inquire"),
        ("I haven't seen the second, something newer", "critique_feature"),
    ],
)
def test_what_is_asked_about_or_not_seen_is_not_seen(text, intent, movies):
    assert understand(LISTED, intent, text, [ordinal(text, "second", 2)], movies).events == ()


def test_older_leaves_out_nothing_older_than_all_that_was_listed(movies):
    recent = [item for item in movies.items if item.attributes["year"] in (2005.0, 2010.0, 2014.0)][:40]
    state = State("movies", shown=tuple(item.item_id for item in recent))
    older = Mention("year", 0, 5, "older", direction=-1)
    (wish,) = understand(state, "critique_feature", "older", [older], movies).state.constraints
    assert wish.values[0] == min(item.attributes["year"] for item in recent) - 1


def test_turning_down_one_of_several_values_leaves_the_others(movies):
    either = Constraint("genre", "is", ("Horror", "Thriller"), "scary")
    no_horror = Mention("genre", 0, 6, "horror", "Horror", (Constraint("genre", "not", ("Horror",)),), negated=True)
    state = replace(LISTED, constraints=(either,))
    state = understand(state, "critique_feature", "no horror", [no_horror], movies).state
    assert values(state) == {("genre", "is", "Thriller"), ("genre", "not", "Horror")}


def test_what_somebody_is_a_fan_of_takes_no_wish_away(movies):
    state = replace(LISTED, constraints=(Constraint("year", "min", (2000.0,)),))
    title = Mention("title", 8, 13, "Alien", "Alien", item_ids=(ALIEN,))
    state = understand(state, "ask_recommendation", "I liked Alien", [title], movies).state
    assert values(state) == {("year", "min", 2000.0)}


def test_what_another_was_asked_about_themselves_is_not_answered_by_who_speaks_now():
    """In a group anybody may say which genre it shall be, and nobody whether somebody else is to be forgotten."""
    asked = State("movies", pending="forget", profile=("wish:1",)).heard_from("ann")
    assert asked.heard_from("ann") == asked
    assert asked.heard_from("bob") == State("movies", speaker="bob")
    genre = State("movies", pending="genre", asked=("genre",), speaker="ann")
    assert genre.heard_from("bob").pending == "genre"
