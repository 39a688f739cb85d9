"""A ranker small enough to train within a test: two layers of random weights, words for tokens, a dozen items."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel, PreTrainedTokenizerFast

from chatrec.settings import Settings
from chatrec.tower import Tower, TowerConfig
from chatrec.training.examples import Example
from chatrec.training.fit import World
from chatrec.types import Reading

ITEMS, DIM = 12, 16
ASKED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")  # by item
SAID = ("i", "want", "something", "like", "show", "me", "any", "please", "a", "film", "good", "tonight")
SPECIAL = ("<s>", "</s>", "<unk>")


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a word; words that it does not know are all the same."""
    vocabulary = {word: n for n, word in enumerate((*SPECIAL, *ASKED, *SAID, "user", ":", "</", "<", ">", "s"))}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )


def _size(words: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        initializer_range=0.2,
    )


def small_tower(seed: int = 0, tokens: int = 16, items: int = 4) -> Tower:
    """An untrained tower, the same for the same seed."""
    torch.manual_seed(seed)
    words = tokenizer()
    config = TowerConfig("small", 2, tokens, items, encoder_dim=DIM, dim=DIM)
    return Tower(config, LlamaModel(_size(words)), words, words.bos_token_id).eval()


def small_lm(folder: Path) -> Settings:
    """Settings that name a language model of that size, written there as from a hub."""
    torch.manual_seed(0)
    words = tokenizer()
    LlamaForCausalLM(_size(words)).save_pretrained(folder)
    words.save_pretrained(folder)
    return Settings(llm=str(folder), threads=1, device="cpu")


def vectors(n: int = ITEMS, seed: int = 0) -> np.ndarray:
    """(n, DIM) unit vectors, in place of those of texts."""
    rows = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def toy(n: int, seed: int = 0, shuffled: bool = False) -> World:
    """``n`` requests that name their target by its word, or a word that says nothing of the target."""
    rng = random.Random(seed)
    examples = []
    for _ in range(n):
        target = rng.randrange(ITEMS)
        named = rng.randrange(ITEMS) if shuffled else target
        words = [*rng.sample(SAID, rng.randint(1, 4)), ASKED[named]]
        liked = ((rng.choice([i for i in range(ITEMS) if i != target]), "like"),) if rng.random() < 0.5 else ()
        examples.append(Example(Reading(f"user: {' '.join(words)}", liked), (target,)))
    return World("toy", examples, torch.from_numpy(vectors()), torch.zeros(ITEMS))
