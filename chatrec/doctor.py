"""Is everything there that a conversation needs? Each check answers in one line, with what to do when it fails."""

from __future__ import annotations

import importlib.metadata
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chatrec.errors import ChatRecError, ModelMissing
from chatrec.settings import Settings

RASA = "3.6.21"
TRAINED_ON = ("domain.yml", "config.yml", "data/nlu/**/*.yml", "data/rules/**/*.yml", "data/stories/**/*.yml")


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: what was found, or what is wrong and what to do."""

    name: str
    ok: bool
    detail: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check, the quick ones first. A check that fails does not keep the others from running."""
    checks: dict[str, Callable[[Settings], str]] = {
        "Python": python,
        "Rasa": rasa,
        "dialogue model": dialogue_model,
        "bot's port": lambda s: port(s.port, "/chat/health", "CHATREC_PORT"),
        "actions' port": lambda s: port(s.action_port, "/health", "CHATREC_ACTION_PORT"),
        "database": database,
        "catalogues": catalogues,
        "encoder": encoder,
        "language model": language_model,
        "ranker": ranker,
        "speech": speech,
        "text on pictures": pictures,
    }
    for name, check in checks.items():
        try:
            yield Finding(name, True, check(settings))
        except Exception as error:  # whatever breaks is a finding, not the end of the examination
            message = " ".join(str(error).split()) or type(error).__name__
            yield Finding(name, False, message)


def python(settings: Settings) -> str:
    """3.10 is what Rasa runs on."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] != (3, 10):
        raise ChatRecError(f"{found} runs the engine but not Rasa: install 3.10 and run `make setup`")
    return found


def rasa(settings: Settings) -> str:
    """Found by its metadata, since the engine must not import it."""
    try:
        found = importlib.metadata.version("rasa")
    except importlib.metadata.PackageNotFoundError:
        raise ChatRecError("not installed: run `make setup`") from None
    if found != RASA:
        raise ChatRecError(f"{found} is installed, {RASA} is needed: run `make setup`")
    return found


def dialogue_model(settings: Settings) -> str:
    """There, and newer than the data it was trained on."""
    model = settings.root / "models" / "rasa.tar.gz"
    if not model.exists():
        raise ModelMissing("not trained yet: run `make train`")
    trained = model.stat().st_mtime
    changed = [path for pattern in TRAINED_ON for path in settings.root.glob(pattern) if path.stat().st_mtime > trained]
    if changed:
        raise ModelMissing(f"{changed[0].relative_to(settings.root)} changed since the training: run `make train`")
    return _size(model)


def _size(path: Path) -> str:
    return f"{path.name}, {path.stat().st_size / 1e6:.1f} MB"


def port(number: int, health: str, setting: str) -> str:
    """Free, or already used by a running bot of ours."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", number)) != 0:
            return f"{number} is free"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{number}{health}", timeout=2):
            return f"{number} is used by a bot that is running"
    except (urllib.error.URLError, OSError):
        raise ChatRecError(f"{number} is used by another program: stop it or set {setting}") from None


def database(settings: Settings) -> str:
    """Opens (and migrates) the store, and asks it something."""
    from chatrec.store import Store

    Store.open(settings.db, settings.store_secret()).health()
    return settings.db.split("://")[0]  # the rest may hold a password


def catalogues(settings: Settings) -> str:
    """Every catalogue reads without a complaint."""
    from chatrec.catalog import load_catalogs

    found = load_catalogs(settings.catalogs)
    return ", ".join(f"{name}: {len(catalog.items)} {catalog.schema.plural}" for name, catalog in found.items())


def encoder(settings: Settings) -> str:
    """The weights load, and a sentence becomes a vector."""
    from chatrec.encoder import load_encoder

    loaded = load_encoder(settings)
    return f"{loaded.name}, {loaded.encode(['a film']).shape[1]} dimensions"


def language_model(settings: Settings) -> str:
    """The weights load, and a text gets a likelihood."""
    from chatrec.lm import load_lm

    loaded = load_lm(settings)
    loaded.log_likelihoods("I would like to watch", [" a film."])
    return f"{loaded.name} on {loaded.model.device}"


def ranker(settings: Settings) -> str:
    """The fine-tuned model in service loads; without one, the bare language model ranks."""
    from chatrec import promotion
    from chatrec.model import load_model

    name = promotion.serving(settings.models)
    if name is None:
        return "none in service, the bare language model ranks"
    model = load_model(settings.models / name, settings)
    return f"{name}, {model.tower.config.layers} layers{', learnt weights' if model.learnt else ''}"


def speech(settings: Settings) -> str:
    """The weights load."""
    from chatrec.speech import NAME, load_recognizer

    load_recognizer(settings, {})
    return settings.speech or NAME


def pictures(settings: Settings) -> str:
    """The weights load."""
    from chatrec.pictures import load_reader

    load_reader(settings)
    return "rapidocr"


def warm(settings: Settings) -> str:
    """Build all that is computed once: weights as safetensors, item vectors, the database's tables."""
    from chatrec.bootstrap import build

    engine = build(settings)
    return f"ready: {', '.join(sorted(engine.catalogs))}"
