"""A CLIP model as small as can be, with random weights, in a folder as hubs hold them."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

SIDE = 32


def write_clip(folder: Path) -> Path:
    """Weights, tokenizer and picture processor; 16 dimensions."""
    letters = sorted(ByteLevel.alphabet())
    words = ["<pad>", "<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = small | {"vocab_size": len(words), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    torch.manual_seed(0)
    config = CLIPConfig(text, small | {"image_size": SIDE, "patch_size": 8}, projection_dim=16)
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    tokenizer = CLIPTokenizerFast(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77)
    tokenizer.save_pretrained(folder)
    return folder
