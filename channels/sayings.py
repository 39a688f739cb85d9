"""What the channels say themselves, in the words of domain.yml, where the bot's other words are too."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from sanic import Sanic

from channels.messages import Message, bot_message
from chatrec.languages import Language, load_languages
from chatrec.settings import Settings

NO_MODEL = "…"  # said while no dialogue model is loaded: the words come with it


class Sayings:
    """Speaks the responses of the dialogue model that a server has loaded, in the language that was last ``heard``."""

    def __init__(self, app: Sanic, heard: Iterable[str] = ()) -> None:
        self._app, self._own = app, ""
        for text in heard:
            self.hear(text)

    def hear(self, text: str) -> None:
        """Go on in the language of a message. One without letters changes nothing."""
        if any(c.isalpha() for c in text):
            self._own = next((f"_{language.code}" for language in _languages() if language.speaks(text)), "")

    def __call__(self, response: str, of: str = "", **values: str) -> Message:
        """A response with its ``values`` filled in. ``of``: the id of what it answers, for which it is always the same
        variation, also when a page is loaded again."""
        domain = getattr(self._app.ctx.agent, "domain", None)
        known = domain.responses if domain else {}
        variations = known.get(response + self._own) or known.get(response) or [{"text": NO_MODEL}]
        return bot_message(_filled(random.Random(of or None).choice(variations), values))


@lru_cache(maxsize=1)
def _languages() -> tuple[Language, ...]:
    return load_languages(Settings.read().languages)


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    """A copy in which ``{name}`` stands for its value; what is put in is not looked at again."""
    if isinstance(part, str):
        return re.sub(r"{(\w+)}", lambda found: values.get(found[1], found[0]), part)
    if isinstance(part, Mapping):
        return {key: _filled(value, values) for key, value in part.items()}
    return [_filled(value, values) for value in part] if isinstance(part, list) else part
