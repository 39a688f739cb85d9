"""The only place that picks concrete classes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from chatrec import dialogue, metrics, policy, promotion, remote
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import Encoder, load_clip, load_encoder
from chatrec.errors import ModelDown, StoreDown, UnknownCatalog
from chatrec.hnsw import hnsw
from chatrec.languages import Language, load_languages
from chatrec.linker import Linker
from chatrec.lm import load_lm
from chatrec.looks import PICTURES, look_at
from chatrec.memory import CONSENT, KEPT, Memory, Passing
from chatrec.model import load_model
from chatrec.nearest import exact
from chatrec.rank import KeepOrder, LikelihoodRanker
from chatrec.recommender import Recommender
from chatrec.records import Preference
from chatrec.remote import RemoteTower
from chatrec.resilient import Resilient
from chatrec.routing import Router
from chatrec.settings import Settings
from chatrec.spool import Spool
from chatrec.store import Store
from chatrec.tower import load_tower
from chatrec.types import Constraint, Event, Item, Mention, Query, RankedList, Turn
from chatrec.whatif import Change

log = logging.getLogger(__name__)

PLAIN = "candidates"  # names the order in which candidates come, without a model

MakeRecommender = Callable[[Catalog, Encoder], Recommender]


@dataclass(frozen=True)
class Recalled:
    """What is known of a user for a catalogue. ``whole``: False when the store could not be asked."""

    preferences: tuple[Preference, ...]
    history: tuple[Event, ...]
    whole: bool = True


@dataclass(frozen=True)
class Engine:
    """Everything a surface needs, wired. One a process; safe to use from several threads."""

    settings: Settings
    store: Store
    catalogs: Mapping[str, Catalog]
    linkers: Mapping[str, Linker]
    recommenders: Mapping[str, Recommender | Resilient]
    router: Router
    languages: Mapping[str, Language]
    encoder: Encoder | None = None

    def catalog(self, name: str) -> Catalog:
        return _named(self.catalogs, name)

    def linker(self, name: str) -> Linker:
        return _named(self.linkers, name)

    def recommender(self, name: str) -> Recommender | Resilient:
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
        known so far. ``who``: the id on the platform. While the store is down, it is asked of those only who are known
        to have agreed."""
        whole = True
        try:
            kept = self.remembers(self.store.key(who))
        except StoreDown:
            kept = whole = saved == KEPT or self.settings.consent == "given"
        if not kept:
            return Passing(saved, whole)
        self.store.user(who)
        return self.store

    def recall(self, user: str, catalog: str, memory: Memory) -> Recalled:
        """What is known of a user, as far as the store answers."""
        try:
            whole = memory.whole if isinstance(memory, Passing) else True
            return Recalled(memory.preferences(user), memory.events(user, catalog), whole)
        except StoreDown as error:
            log.warning("a turn without memory: %s", error)
            metrics.FALLBACKS.labels("no_memory").inc()
            return Recalled((), (), whole=False)

    def note_rules(
        self, user: str, mentions: Sequence[Mention], catalog: str, memory: Memory | None = None, said: str = ""
    ) -> tuple[str, ...]:
        """Remember which lasting rules of any catalogue concern the user, by what they ``said`` in ``catalog``; forget
        those that they say don't. Returns the words for those that no longer hold. ``memory``: the store when not
        given."""
        memory = memory or self.store
        told = policy.told(mentions, catalog)
        known_facts = self.recall(user, catalog, memory).preferences if told else ()
        facts = [p for p in known_facts if p.constraint.slot == policy.SLOT]
        lifted = []
        for mention in told:
            known = [p for p in facts if (p.catalog, p.constraint.values) == (mention.catalog, (mention.value,))]
            lasting = self.catalogs[mention.catalog].policy.rules[str(mention.value)].lasting
            if lasting and not mention.negated and not known:
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
            plain = replace(query, leaning=(), gently=0.0)  # how somebody feels is kept nowhere
            (memory or self.store).add_impression(user, ranked, plain, propensities=[1.0] * len(ranked.items))
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

    def what_if(self, query: Query) -> tuple[Item | None, tuple[Change, ...]]:
        """What comes first, and which wish or like more or less would change that."""
        return self.recommender(query.catalog).what_if(self._without_hidden(query))

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
    """Load catalogues and weights and open the store. Takes seconds; :func:`live` does it once.

    Raises:
        BadInput: a broken catalogue. ModelMissing: weights not there. StoreDown: no database.
    """
    catalogs = catalogs_of(settings)
    encoder, recommend = load_encoder(settings), recommenders_of(settings)
    return _wired(settings, catalogs, encoder, _each(recommend, catalogs, encoder), None)


def catalogs_of(settings: Settings) -> dict[str, Catalog]:
    """The installed catalogues; with a CLIP model, also how those of their items look that have pictures.

    Raises: BadInput, ModelMissing.
    """
    found = load_catalogs(settings.catalogs)
    if settings.clip:
        clip = load_clip(settings)
        for name, catalog in found.items():
            ids = [item.item_id for item in catalog.items]
            catalog.looks = look_at(ids, settings.catalogs / name / PICTURES, clip, settings.cache)
    return found


def _wired(settings: Settings, catalogs: Mapping[str, Catalog], encoder: Encoder, recommenders, spool) -> Engine:
    linkers = {name: Linker(catalog) for name, catalog in catalogs.items()}
    store = Store.open(settings.db, settings.store_secret(), spool)
    router = Router(catalogs, encoder, settings.cache)
    languages = {language.code: language for language in load_languages(settings.languages)}
    return Engine(settings, store, catalogs, linkers, recommenders, router, languages, encoder)


def _each(recommend: MakeRecommender, catalogs: Mapping[str, Catalog], encoder: Encoder) -> dict[str, Recommender]:
    return {name: recommend(catalog, encoder) for name, catalog in catalogs.items()}


def recommenders_of(settings: Settings) -> MakeRecommender:
    """What makes the recommender of a catalogue: with the fine-tuned model in service, else with the bare language
    model's likelihoods."""
    name, search = promotion.serving(settings.models), hnsw(settings.vectors) if settings.vectors else exact
    if name is None:
        lm = load_lm(settings)

        def untuned(catalog: Catalog, encoder: Encoder) -> Recommender:
            generator = CandidateGenerator(catalog, encoder, settings.cache, search=search)
            return Recommender(catalog, generator, LikelihoodRanker(lm, catalog), lm.name)

        return untuned
    model = load_model(settings.models / name, settings, RemoteTower if settings.ranker else load_tower)

    def tuned(catalog: Catalog, encoder: Encoder) -> Recommender:
        generator = model.generator(catalog, encoder, settings.cache, search)
        return Recommender(catalog, generator, model.ranker(generator), model.name)

    return tuned


class Live:
    """The engine of a server: with a model that may be late, be exchanged, or not load at all, and a store that may be
    down. A turn keeps the engine that it began with.

    ``amiss``: why the model in service could not be loaded; empty when it was.
    """

    def __init__(self, settings: Settings) -> None:
        self.amiss = ""
        self._settings, self._serving = settings, promotion.serving(settings.models)
        self._lock = threading.Lock()
        catalogs, encoder = catalogs_of(settings), load_encoder(settings)
        try:
            found = self._loaded(catalogs, encoder)
        except Exception as error:
            self._complain(error)
            generators = {n: CandidateGenerator(c, encoder, settings.cache) for n, c in catalogs.items()}
            found = {n: Recommender(c, generators[n], KeepOrder(), PLAIN) for n, c in catalogs.items()}
        self.engine = _wired(settings, catalogs, encoder, self._resilient(found), Spool(settings.spool))

    def refresh(self) -> bool:
        """Put the model into service that was promoted since, if any; not before the ranker's server has it, where
        there is one. One that can't be loaded changes nothing, but what is amiss. Loading takes seconds, during which
        the old one serves."""
        with self._lock:
            name = promotion.serving(self._settings.models)
            if name == self._serving or self._awaited(name):
                return False
            self._serving, before = name, self.engine
            try:
                found = self._loaded(before.catalogs, before.encoder)
            except Exception as error:
                self._complain(error)
                return False
            self.engine, self.amiss = replace(before, recommenders=self._resilient(found)), ""
            log.info("the model %s serves", name)
            return True

    def trouble(self) -> str:
        """What is wrong with the model that was promoted; empty when it serves."""
        return self.amiss or self._awaited(promotion.serving(self._settings.models))

    def _awaited(self, name: str | None) -> str:
        """Why the ranker's server, if there is one, has no such model."""
        return remote.trouble(self._settings.ranker, name) if name and self._settings.ranker else ""

    def _loaded(self, catalogs: Mapping[str, Catalog], encoder: Encoder) -> dict[str, Recommender]:
        """With the model in service. The first list takes seconds: it is made here, for nobody."""
        found = _each(recommenders_of(self._settings), catalogs, encoder)
        for name, recommender in found.items():
            with suppress(ModelDown):  # the ranker's server may come later
                recommender.recommend(Query(name, topic="something good"))
        return found

    def _resilient(self, found: Mapping[str, Recommender]) -> dict[str, Resilient]:
        plain = {name: replace(whole, ranker=KeepOrder(), model=PLAIN) for name, whole in found.items()}
        return {name: Resilient(whole, plain[name], self._settings.rank_seconds) for name, whole in found.items()}

    def _complain(self, error: Exception) -> None:
        self.amiss = str(error).split("\n")[0] or type(error).__name__
        log.error("the model in service can't be loaded: %s", self.amiss)


@lru_cache(maxsize=1)
def live() -> Live:
    """The server's engine and what may happen to it, from the environment."""
    return Live(Settings.read())


def engine() -> Engine:
    """The engine of this process, built at first use from the environment."""
    return live().engine
