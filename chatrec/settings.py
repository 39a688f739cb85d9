"""The only reader of the environment."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chatrec.errors import BadInput

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Where things are and how to run. Every field has a default that works on a laptop.

    ``var``: databases, logs, all that a clone does not bring; ``cache``: what can be computed again.
    ``llm``, ``encoder`` and ``speech`` take a hub name or a local folder; empty means the packaged weights. ``clip``:
    the same, for a model that compares looks; empty means none.
    ``vectors``: a PostgreSQL with pgvector that finds the candidates of large catalogues; empty means exact products.
    ``ranker``: the address of the ranker's server (``deploy.serve``); empty means in the process that asks.
    ``device``: ``cpu``, ``cuda`` or ``auto``. ``threads``: torch threads in the action server.
    ``secret`` keys the hashes of platform ids in the store; see :meth:`store_secret`.
    ``rank_seconds``, ``action_seconds``, ``turn_seconds``: how long the ranker, an action and a whole turn may take;
    ``turns_a_minute``: of one user, before the bot asks for a pause. ``otlp``: where traces go, nowhere when empty.
    ``log_text``: whether logs may hold what users say.
    ``consent``: ``ask`` before anything of a new user is stored, or ``given`` where that was agreed elsewhere.
    ``retention_days``: how long it is kept. ``trackers``: where Rasa keeps its conversations, so that those are
    forgotten too. ``given``: names of other variables that are set, by which the launcher sees which channels
    have a token.
    """

    root: Path = ROOT
    var: Path = ROOT / "var"
    cache: Path = ROOT / "var" / "cache"
    db: str = f"sqlite:///{ROOT / 'var' / 'chatrec.db'}"
    vectors: str = ""
    ranker: str = ""
    data: Path = ROOT.parent / "shared" / "data"
    llm: str = ""
    encoder: str = ""
    speech: str = ""
    clip: str = ""
    device: str = "auto"
    threads: int = 2
    secret: str = ""
    consent: str = "ask"
    retention_days: int = 730
    trackers: str = f"sqlite:///{ROOT / 'var' / 'rasa.db'}"
    port: int = 5005
    action_port: int = 5055
    rank_seconds: float = 2.0
    action_seconds: float = 4.0
    turn_seconds: float = 4.5
    turns_a_minute: int = 30
    otlp: str = ""
    log_text: bool = False
    given: frozenset[str] = frozenset()

    def store_secret(self) -> str:
        """``CHATREC_SECRET``, else the one in ``var/secret``, which the first to ask makes."""
        if self.secret:
            return self.secret
        path = self.var / "secret"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".secret-") as scratch:
                fresh = Path(scratch) / "secret"
                fresh.touch(mode=0o600)
                fresh.write_text(secrets.token_hex(32))
                with suppress(FileExistsError):
                    path.hardlink_to(fresh)  # appears whole, or another process was first
        return path.read_text()

    @property
    def spool(self) -> Path:
        """Where the store's writes wait while it is down."""
        return self.var / "spool.jsonl"

    @property
    def catalogs(self) -> Path:
        return self.root / "data" / "catalogs"

    @property
    def languages(self) -> Path:
        return self.root / "data" / "languages"

    @property
    def models(self) -> Path:
        """Where trained rankers are."""
        return self.root / "models" / "recommender"

    @classmethod
    def read(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """``CHATREC_HOME``, ``CHATREC_DB``, ``CHATREC_DATA``, ``CHATREC_LLM``, … over the defaults. What is set to
        nothing counts as not set. Raises: BadInput."""
        env = {name: value for name, value in env.items() if value}
        root = Path(env.get("CHATREC_HOME", ROOT)).resolve()
        var = Path(env.get("CHATREC_VAR", root / "var")).resolve()
        return cls(
            root=root,
            var=var,
            cache=Path(env.get("CHATREC_CACHE", root / "var" / "cache")).resolve(),
            db=env.get("CHATREC_DB", f"sqlite:///{var / 'chatrec.db'}"),
            vectors=env.get("CHATREC_VECTORS", ""),
            ranker=_address("CHATREC_RANKER", env),
            data=Path(env.get("CHATREC_DATA", root.parent / "shared" / "data")),
            llm=env.get("CHATREC_LLM", ""),
            encoder=env.get("CHATREC_ENCODER", ""),
            speech=env.get("CHATREC_SPEECH", ""),
            clip=env.get("CHATREC_CLIP", ""),
            device=_device(env.get("CHATREC_DEVICE", cls.device)),
            threads=_number("CHATREC_THREADS", env, cls.threads),
            secret=env.get("CHATREC_SECRET", ""),
            consent=_consent(env.get("CHATREC_CONSENT", cls.consent)),
            retention_days=_number("CHATREC_RETENTION_DAYS", env, cls.retention_days),
            trackers=env.get("CHATREC_TRACKERS", f"sqlite:///{var / 'rasa.db'}"),
            port=_number("CHATREC_PORT", env, cls.port),
            action_port=_number("CHATREC_ACTION_PORT", env, cls.action_port),
            rank_seconds=_seconds("CHATREC_RANK_SECONDS", env, cls.rank_seconds),
            action_seconds=_seconds("CHATREC_ACTION_SECONDS", env, cls.action_seconds),
            turn_seconds=_seconds("CHATREC_TURN_SECONDS", env, cls.turn_seconds),
            turns_a_minute=_number("CHATREC_TURNS_A_MINUTE", env, cls.turns_a_minute),
            otlp=env.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
            log_text=env.get("CHATREC_LOG_TEXT", "0") not in ("0", "false", "no"),
            given=frozenset(name for name in env if not name.startswith("CHATREC_")),
        )


def _number(name: str, env: Mapping[str, str], default: int) -> int:
    value = env.get(name, str(default))
    if not value.isdecimal() or int(value) < 1:
        raise BadInput(f"{name}={value}: give a whole number from 1 upwards")
    return int(value)


def _address(name: str, env: Mapping[str, str]) -> str:
    value = env.get(name, "")
    if value and not re.fullmatch(r"https?://[^\s/]\S*", value):
        raise BadInput(f"{name}={value}: give an address like http://127.0.0.1:5065")
    return value


def _consent(value: str) -> str:
    if value not in ("ask", "given"):
        raise BadInput(f"CHATREC_CONSENT={value}: give ask or given")
    return value


def _seconds(name: str, env: Mapping[str, str], default: float) -> float:
    value = env.get(name, str(default))
    if not re.fullmatch(r"\d+(\.\d+)?", value) or not float(value):
        raise BadInput(f"{name}={value}: give seconds above 0, like 2.5")
    return float(value)


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
        raise BadInput(f"CHATREC_DEVICE={value}: give cpu, cuda or auto")
    return value
