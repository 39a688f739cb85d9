"""A quicker check of what the action server answers.

Rasa 3.6.21 checks its own JSON schema again, and builds a validator from it, after every custom action: 27 ms of CPU
each time. Here the validator is built once. What it refuses goes to Rasa's own check, so refusals read as before.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import rasa
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction

RASA = "3.6.21"  # the only version that this was measured and tested with; others keep their own check

log = logging.getLogger(__name__)


def compile_action_schema(version: str = rasa.__version__) -> None:
    """Make ``RemoteAction`` use one validator for all answers of the action server. A second call changes nothing."""
    stock = RemoteAction._validate_action_result
    if version != RASA:
        log.debug("Rasa %s, not %s: answers of the action server are checked the slow way", version, RASA)
        return
    if hasattr(stock, "__wrapped__"):
        return
    schema = RemoteAction.action_response_format_spec()
    validator = validator_for(schema)(schema)

    @functools.wraps(stock)
    def validate(self: RemoteAction, result: dict[str, Any]) -> bool:
        return validator.is_valid(result) or stock(self, result)

    RemoteAction._validate_action_result = validate
