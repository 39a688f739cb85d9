"""The only place that picks concrete classes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from chatrec import dialogue, policy, promotion
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import Encoder, load_encoder
from chatrec.errors import UnknownCatalog
from chatrec.languages import Language, load_languages
from chatrec.linker import Linker
from chatrec.lm import load_lm
from chatrec.memory import CONSENT, Memory, Passing
from chatrec.model import load_model
from chatrec.rank import LikelihoodRanker
from chatrec.recommender import Recommender
from chatrec.routing import Router
from chatrec.settings import Settings
from chatrec.store import Store
from chatrec.types import Constraint, Item, Mention, Query, RankedList, Turn


@dataclass(frozen=True)
class Engine:
    """Everything a surface needs, wired. One a process; safe to use from several threads."""

    settings: Settings
    store: Store
    catalogs: Mapping[str, Catalog]
    linkers: Mapping[str, Linker]
    recommenders: Mapping[str, Recommender]
    router: Router
    languages: Mapping[str, Language]

    def catalog(self, name: str) -> Catalog:
        return _named(self.catalogs, name)

    def linker(self, name: str) -> Linker:
        return _named(self.linkers, name)

    def recommender(self, name: str) -> Recommender:
        return _named(self.recommenders, name)

    def holder(self, item_id: str, first: str) -> str:
        """The catalogue that has an item of that id; ``first`` when several have, or none."""
        return next((n for n in (first, *self.catalogs) if item_id in self.catalogs[n]), first)

    def remembers(self, user: str) -> bool | None:
        """Whether what a user says and does is kept; None while nobody has asked them."""
        answers = {consent.purpose: consent.granted for consent in self.store.consents(user)}
        if CONSENT in answers:
            return answers[CONSENT]
        return True if self.settings.consent == "given" or self.store.holds(user) else None

    def memory(self, who: str, saved: Mapping | None) -> Memory:
        """Where to keep what is learnt about a user: the store, or their conversation, in which ``saved`` is what is
        known so far. ``who``: the id on the platform."""
        if not self.remembers(self.store.key(who)):
            return Passing(saved)
        self.store.seen_user(self.store.user(who))
        return self.store

    def note_rules(
        self, user: str, mentions: Sequence[Mention], catalog: str, memory: Memory | None = None, said: str = ""
    ) -> tuple[str, ...]:
        """Remember which rules of any catalogue concern the user, by what they ``said`` in ``catalog``; forget those
        that they say don't. Returns the words for those that no longer hold. ``memory``: the store when not given."""
        memory = memory or self.store
        told = policy.told(mentions, catalog)
        facts = [p for p in memory.preferences(user) if p.constraint.slot == policy.SLOT] if told else []
        lifted = []
        for mention in told:
            known = [p for p in facts if (p.catalog, p.constraint.values) == (mention.catalog, (mention.value,))]
            if not mention.negated and not known:
                words = max((m.text for m in told if m.start <= mention.start and mention.end <= m.end), key=len)
                memory.remember(user, mention.catalog, policy.fact(str(mention.value), words), said)
            for fact in known if mention.negated else ():
                memory.forget_preference(user, fact.preference_id)
                lifted.append(fact.constraint.text)
        return tuple(dict.fromkeys(lifted))

    def recommend(self, user: str, query: Query, memory: Memory | None = None) -> RankedList:
        """The list for a user, written down as an impression where their ``memory`` is: in the store when not given.
        ``user`` is a key of the store."""
        ranked = self._recommend(query)
        if ranked.items:
            (memory or self.store).add_impression(user, ranked, query, propensities=[1.0] * len(ranked.items))
        return ranked

    def ask(
        self, catalog: str, text: str, user: str | None = None, slots: Sequence[Constraint] = (), n: int = 5
    ) -> RankedList:
        """One request in words, without a conversation. ``user``: a platform id whose history counts, and whose
        impression is kept; nobody's when not given."""
        linked = self.linker(catalog).link(text)
        state = dialogue.State(catalog, constraints=tuple(slots))
        state = dialogue.understand(state, "ask_recommendation", text, linked, self.catalog(catalog), time.time()).state
        key = self.store.user(user) if user else None
        history = self.store.events(key, catalog) if key else ()
        told = [p.constraint for p in self.store.preferences(key) if p.catalog == catalog] if key else []
        rules = [str(m.value) for m in policy.told(linked, catalog) if not m.negated] + list(policy.rules_in(told))
        never = self.catalog(catalog).policy.never(rules)
        query = dialogue.query(state, (Turn("user", text),) if text else (), history, told, n, never)
        return self.recommend(key, query) if key else self._recommend(query)

    def order(self, query: Query) -> tuple[Item, ...]:
        """Everything that could be recommended, best first."""
        return self.recommender(query.catalog).order(self._without_hidden(query))

    def _recommend(self, query: Query) -> RankedList:
        return self.recommender(query.catalog).recommend(self._without_hidden(query))

    def _without_hidden(self, query: Query) -> Query:
        """Without what a reviewer hid."""
        return replace(query, exclude=query.exclude | self.store.hidden(query.catalog))


def _named(found: Mapping, name: str):
    if name not in found:
        raise UnknownCatalog(f"no catalogue named {name!r}; there is {', '.join(sorted(found))}")
    return found[name]


def build(settings: Settings) -> Engine:
    """Load catalogues and weights and open the store. Takes seconds; :func:`engine` does it once.

    Raises:
        BadInput: a broken catalogue. ModelMissing: weights not there. StoreDown: no database.
    """
    catalogs = load_catalogs(settings.catalogs)
    encoder, recommend = load_encoder(settings), recommenders_of(settings)
    recommenders = {name: recommend(catalog, encoder) for name, catalog in catalogs.items()}
    linkers = {name: Linker(catalog) for name, catalog in catalogs.items()}
    store, router = Store.open(settings.db, settings.store_secret()), Router(catalogs, encoder, settings.cache)
    languages = {language.code: language for language in load_languages(settings.languages)}
    return Engine(settings, store, catalogs, linkers, recommenders, router, languages)


def recommenders_of(settings: Settings) -> Callable[[Catalog, Encoder], Recommender]:
    """What makes the recommender of a catalogue: with the fine-tuned model in service, else with the bare language
    model's likelihoods."""
    name = promotion.serving(settings.models)
    if name is None:
        lm = load_lm(settings)

        def untuned(catalog: Catalog, encoder: Encoder) -> Recommender:
            generator = CandidateGenerator(catalog, encoder, settings.cache)
            return Recommender(catalog, generator, LikelihoodRanker(lm, catalog), lm.name)

        return untuned
    model = load_model(settings.models / name, settings)

    def tuned(catalog: Catalog, encoder: Encoder) -> Recommender:
        generator = model.generator(catalog, encoder, settings.cache)
        return Recommender(catalog, generator, model.ranker(generator), model.name)

    return tuned


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The engine of this process, built at first use from the environment."""
    return build(Settings.read())
