"""Ray Serve around the ranker: the lists of the one in the process, whatever happens to a replica or a model."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psutil
import pytest

from benchmarks.serve import replicas, requests, served
from chatrec import promotion
from chatrec.catalog import Catalog
from chatrec.encoder import Encoder, load_encoder
from chatrec.model import load_model
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.remote import RemoteTower, trouble
from chatrec.resilient import Resilient
from chatrec.settings import Settings
from chatrec.tower import load_tower
from chatrec.types import Query
from deploy.servers import Child, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is optional: requirements/serve.txt"),
]
MODEL, USERS, SECONDS = "movies", 4, 10.0


@dataclass(frozen=True)
class Served:
    """The ranker's server with models of its own, and what asks it."""

    child: Child
    settings: Settings
    catalog: Catalog
    encoder: Encoder
    queries: list[Query]

    def recommender(self, name: str = MODEL, load: Callable = RemoteTower) -> Recommender:
        model = load_model(self.settings.models / name, self.settings, load)
        generator = model.generator(self.catalog, self.encoder, self.settings.cache)
        return Recommender(self.catalog, generator, model.ranker(generator), name)


@pytest.fixture(scope="module")
def running(tmp_path_factory, settings, movies) -> Iterator[Served]:
    home, port = tmp_path_factory.mktemp("home"), free_port()
    shutil.copytree(settings.models, home / "models" / "recommender")
    own = replace(Settings.read(), root=home, var=home / "var", ranker=f"http://127.0.0.1:{port}", rank_seconds=SECONDS)
    env = {"CHATREC_HOME": str(home), "CHATREC_RANK_SECONDS": str(SECONDS), "PYTHONPATH": str(settings.root)}
    with served(own, port, env) as child:
        yield Served(child, own, movies, load_encoder(own), requests(movies, 1000))


@pytest.fixture(scope="module")
def here(running) -> Recommender:
    return running.recommender(load=load_tower)


@pytest.fixture(scope="module")
def there(running) -> Recommender:
    return running.recommender()


def until(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.1)


def logged(running: Served) -> str:
    return running.child.server.log.read_text()


@contextmanager
def asking(running: Served, work: Callable[[Query], object]) -> Iterator[list]:
    """What ``USERS`` are answered who go on asking as long as the block lasts. Raises what ``work`` raises."""
    over, answers = threading.Event(), []

    def one(number: int) -> None:
        for query in running.queries[number::USERS]:
            if over.is_set():
                return
            answers.append(work(query))
            over.wait(0.2)

    with ThreadPoolExecutor(USERS) as pool:
        users = [pool.submit(one, number) for number in range(USERS)]
        try:
            yield answers
        finally:
            over.set()
        for user in users:
            user.result()


def test_lists_are_those_of_the_ranker_in_the_process(running, here, there):
    queries = running.queries[-24:]
    with ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(there.recommend, queries))
    assert [found.items for found in lists] == [here.recommend(query).items for query in queries]
    plain = replace(here, ranker=KeepOrder())
    assert [found.items for found in lists] != [plain.recommend(query).items for query in queries]


def test_a_replica_is_killed_and_every_request_is_answered(running, there):
    resilient = Resilient(there, replace(there, ranker=KeepOrder(), model="candidates"), SECONDS)
    before = replicas(running.child)
    with asking(running, resilient.recommend) as lists:
        until(lambda: len(lists) > 8, "a few lists")
        before[0].kill()
        until(lambda: len(set(replicas(running.child)) - {before[0]}) == len(before), "a successor starts")
        so_far = len(lists)
        until(lambda: len(lists) > so_far + 8, "lists after it")
    models = [found.model for found in lists]
    print({model: models.count(model) for model in set(models)})
    assert all(found.items for found in lists)
    assert models[-4:] == [MODEL] * 4
    assert models.count("candidates") <= USERS  # what the replica had begun


def test_a_promoted_model_gets_replicas_while_the_one_before_goes_on(running, here, there):
    models, url = running.settings.models, running.settings.ranker
    shutil.copytree(models / MODEL, models / "second")
    with asking(running, there.recommend) as lists:  # which raises when the model is away
        promotion.promote(models, "second")
        until(lambda: not trouble(url, "second"), "the promoted model is served")
        so_far = len(lists)
        until(lambda: len(lists) > so_far + 4, "lists after it")
    query = running.queries[-1]
    assert running.recommender("second").recommend(query).items == here.recommend(query).items
    until(lambda: logged(running).count("the model second serves") == 1, "it counts as served")
    promotion.roll_back(models)
    until(lambda: logged(running).count(f"the model {MODEL} serves") == 2, "the one before counts again")


def test_a_damaged_model_is_not_served_and_the_one_before_is(running, there):
    models, url = running.settings.models, running.settings.ranker
    shutil.copytree(models / MODEL, models / "damaged")
    weights = next((models / "damaged" / "adapter").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    promotion.promote(models, "damaged")
    until(lambda: "the model damaged can't be served" in logged(running), "the log says so")
    assert trouble(url, "damaged")
    assert there.recommend(running.queries[-2]).items
    promotion.roll_back(models)


def test_nothing_is_left_when_it_is_stopped(running):
    """Last, since it stops what all of these tests ask."""
    family = psutil.Process(running.child.process.pid).children(recursive=True)
    assert replicas(running.child)
    running.child.process.send_signal(signal.SIGTERM)
    assert running.child.process.wait(20) == 0
    assert not psutil.wait_procs(family, timeout=10)[1]
