"""The encoder that reads messages: the packaged one with an adapter that was fine-tuned on the examples of the intents.

``models/understanding`` holds the adapter (LoRA; Hu et al., ICLR 2022) and its card; :mod:`components.tuning` makes it.
Without it, or with another encoder (CHATREC_ENCODER), the encoder reads as it came.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from peft import PeftModel
from safetensors import SafetensorError

from chatrec.encoder import Encoder, load_encoder
from chatrec.errors import ModelMissing
from chatrec.settings import Settings

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def folder_of(settings: Settings) -> Path:
    return settings.root / "models" / "understanding"


def digest_of(settings: Settings) -> str:
    """Tells one adapter from another; empty without one."""
    weights = folder_of(settings) / WEIGHTS
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:8] if weights.exists() else ""


def load_tuned(settings: Settings) -> Encoder:
    """Its name ends with a digest of the adapter, if there is one.

    Raises:
        ModelMissing: no encoder, or an adapter that can't be read.
    """
    encoder, folder = load_encoder(settings), folder_of(settings)
    if not (folder / CONFIG).exists():
        return encoder
    try:
        if json.loads((folder / CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"] != encoder.name:
            return encoder
        adapted = PeftModel.from_pretrained(body_of(encoder), folder).merge_and_unload()
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelMissing(f"no adapter in {folder}: {reason}; run `make tune`") from None
    encoder._model[0].auto_model = adapted.eval()
    encoder.name = f"{encoder.name}+{digest_of(settings)}"
    return encoder


def body_of(encoder: Encoder):
    """The transformer inside."""
    return encoder._model[0].auto_model
