"""What the channels say themselves, in the words of domain.yml, where the bot's other words are too."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from sanic import Sanic

from channels.messages import Message, bot_message

NO_MODEL = "…"  # said while no dialogue model is loaded: the words come with it


class Sayings:
    """Speaks the responses of the dialogue model that a server has loaded."""

    def __init__(self, app: Sanic) -> None:
        self._app = app

    def __call__(self, response: str, of: str = "", **values: str) -> Message:
        """A response with its ``values`` filled in. ``of``: the id of what it answers, for which it is always the same
        variation, also when a page is loaded again."""
        domain = getattr(self._app.ctx.agent, "domain", None)
        variations = (domain.responses.get(response) if domain else None) or [{"text": NO_MODEL}]
        return bot_message(_filled(random.Random(of or None).choice(variations), values))


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    """A copy in which ``{name}`` stands for its value; what is put in is not looked at again."""
    if isinstance(part, str):
        return re.sub(r"{(\w+)}", lambda found: values.get(found[1], found[0]), part)
    if isinstance(part, Mapping):
        return {key: _filled(value, values) for key, value in part.items()}
    return [_filled(value, values) for value in part] if isinstance(part, list) else part
