"""Fine-tunes the encoder on the examples of the intents: ``make tune``, or ``python -m components.tuning``.

The encoder learns to tell the intents apart and is then used as before: ``rasa train`` learns the intents from its
vectors in seconds, new intents as well, so this is worth repeating only when there are many more examples. All matrices
of its layers are trained, under a linear head that is thrown away, with cross-entropy; a fine-tuned sentence encoder
under a regression on its vectors follows SetFit (Tunstall et al., 2022). Of what changed the largest directions are
kept, as a low-rank adapter (LoRA's form; Hu et al., ICLR 2022): 2.6 MB instead of 21.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from peft import LoraConfig, PeftModel, get_peft_model
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message
from torch import Tensor, nn
from tqdm import tqdm

from chatrec.encoder import Encoder, load_encoder
from chatrec.errors import BadInput, ChatRecError
from chatrec.settings import Settings
from chatrec.tower import halve
from components.bot_turn import TURNS
from components.intent_classifier import EmbeddingIntentClassifier, turns_before
from components.noise import Noise
from components.sentence_encoder import MAX_CHARACTERS, in_bfloat16, is_readable, layer_vectors, on_all_cores
from components.tuned_encoder import WEIGHTS, body_of, folder_of

BUCKET = 16  # batches whose texts are sorted by length together, so that little of them is padding


@dataclass(frozen=True)
class Recipe:
    """``rank``: of the adapter; ``scale``: of unit vectors under the head; ``alone``: share of examples read without
    the turn of the bot before them; ``noisy``: share of them that are changed by :class:`Noise`, anew in each round."""

    epochs: int = 4
    batch: int = 32
    rank: int = 32
    rate: float = 1e-4
    head_rate: float = 5e-2
    warm_up: float = 0.1
    smoothing: float = 0.05
    scale: float = 3.0
    alone: float = 0.5
    noisy: float = 0.0
    layers: tuple[int, ...] = (3, -1)
    seed: int = 0


@dataclass(frozen=True)
class Lessons:
    """What is learnt from: texts, and for each the number of its intent and of the turn of the bot before it."""

    texts: Sequence[str]
    intents: Tensor
    turns: Tensor

    @classmethod
    def of(cls, examples: Sequence[Message], after: Mapping[str, Sequence[str]]) -> Lessons:
        """Raises: BadInput where there are fewer than two intents."""
        readable = [m for m in examples if is_readable(m.get(TEXT) or "")]
        names = sorted({m.get(INTENT) for m in readable})
        if len(names) < 2:
            raise BadInput("data/nlu: tuning needs examples of at least two intents")
        intents = [names.index(m.get(INTENT)) for m in readable]
        turns = [TURNS.index(turn) for turn in turns_before(readable, after)]
        return cls([m.get(TEXT)[:MAX_CHARACTERS] for m in readable], torch.tensor(intents), torch.tensor(turns))

    def batches(self, recipe: Recipe, epoch: int) -> list[list[int]]:
        """Every text once, in batches of texts of a like length, in an order of chance."""
        chance = np.random.default_rng([recipe.seed, epoch])
        order, size = chance.permutation(len(self.texts)).tolist(), recipe.batch * BUCKET
        parts = [sorted(order[i : i + size], key=lambda n: len(self.texts[n])) for i in range(0, len(order), size)]
        batches = [part[i : i + recipe.batch] for part in parts for i in range(0, len(part), recipe.batch)]
        chance.shuffle(batches)
        return batches


def tune(encoder: Encoder, lessons: Lessons, noise: Noise, recipe: Recipe = Recipe()) -> PeftModel:
    """The encoder's body under an adapter that knows the lessons; the encoder has it as well."""
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    body = body_of(encoder).requires_grad_(False)
    learnt = {name: module.weight for name, module in body.named_modules() if _is_learnt(name, module)}
    before = {name: weight.detach().clone() for name, weight in learnt.items()}
    for weight in learnt.values():
        weight.requires_grad_(True)
    head = nn.Linear(len(recipe.layers) * encoder.dimensions + len(TURNS), int(lessons.intents.max()) + 1)
    nn.init.zeros_(head.weight)
    batches = [batch for epoch in range(recipe.epochs) for batch in lessons.batches(recipe, epoch)]
    optimizer, schedule = _optimizer([*learnt.values()], head, len(batches), recipe)
    body.train()
    with on_all_cores(), tqdm(batches, desc="fine-tuning", unit="batch", disable=None) as bar:
        for batch in bar:
            loss = _loss(encoder, head, lessons, batch, noise, recipe, rng)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learnt.values(), 1.0)
            optimizer.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.2f}", refresh=False)
    return adapter(body.eval(), before, recipe.rank)


def _is_learnt(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and name.startswith("encoder.layer.")


def adapter(body: nn.Module, before: Mapping[str, Tensor], rank: int) -> PeftModel:
    """The body as it was ``before`` under an adapter, which holds the ``rank`` largest directions of what has changed
    in each matrix; matrices by the names of their modules."""
    halves = {}
    for name, start in before.items():
        weight = body.get_submodule(name).weight.data
        left, sizes, right = torch.linalg.svd(weight - start, full_matrices=False)
        halves[name] = left[:, :rank] * sizes[:rank].sqrt(), sizes[:rank, None].sqrt() * right[:rank]
        weight.copy_(start)
    adapted = get_peft_model(body, LoraConfig(r=rank, lora_alpha=rank, target_modules=sorted(before)))
    for name, (b, a) in halves.items():
        layer = adapted.get_base_model().get_submodule(name)
        layer.lora_A["default"].weight.data.copy_(a)
        layer.lora_B["default"].weight.data.copy_(b)
    return adapted.eval()


def _loss(
    encoder: Encoder,
    head: nn.Linear,
    lessons: Lessons,
    batch: Sequence[int],
    noise: Noise,
    recipe: Recipe,
    rng: random.Random,
) -> Tensor:
    """Cross-entropy of the intents; the turn before is told of some, chosen by chance, and not of the others; some of
    the texts are changed."""
    texts = [noise.changed(t, rng) if rng.random() < recipe.noisy else t for t in (lessons.texts[i] for i in batch)]
    with in_bfloat16():
        rows = layer_vectors(encoder, [text[:MAX_CHARACTERS] for text in texts], recipe.layers)
    told = torch.rand(len(batch), 1) >= recipe.alone
    turns = nn.functional.one_hot(lessons.turns[batch], len(TURNS)) * told
    scores = head(torch.cat([rows.float().cpu() * recipe.scale, turns.float()], dim=1))
    return nn.functional.cross_entropy(scores, lessons.intents[batch], label_smoothing=recipe.smoothing)


def _optimizer(learnt: Sequence[nn.Parameter], head: nn.Module, steps: int, recipe: Recipe):
    """AdamW; the rates rise for a tenth of the steps and then fall to nothing."""
    groups = [
        {"params": learnt, "lr": recipe.rate, "weight_decay": 0.01},
        {"params": head.parameters(), "lr": recipe.head_rate, "weight_decay": 0.0},
    ]
    rise = max(1, round(recipe.warm_up * steps))
    optimizer = torch.optim.AdamW(groups)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / rise) * (1 - s / steps))


def save(body: PeftModel, name: str, examples: int, recipe: Recipe, folder: Path) -> None:
    """Adapter in PEFT's layout, in half precision, and its card; whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        body.peft_config["default"].base_model_name_or_path = name  # not where it lay
        body.save_pretrained(fresh, save_embedding_layers=False)  # "auto" would ask a model hub
        halve(fresh / WEIGHTS)
        (fresh / "README.md").write_text(_card(name, examples, recipe), encoding="utf-8")
        fresh.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _card(name: str, examples: int, recipe: Recipe) -> str:
    return f"""# The adapter under the understanding of messages

Low-rank additions to {name}, fine-tuned by `make tune` on {examples:,} examples of data/nlu, which were written for
this project. What they are worth to people who wrote none of the examples: docs/nlu.md, "The encoder is fine-tuned".

```json
{json.dumps(asdict(recipe), indent=1)}
```
"""


def turns_of(config: Path) -> Mapping[str, Sequence[str]]:
    """What ``config.yml`` says of the turns that an intent's examples come after."""
    parts = yaml.safe_load(config.read_text(encoding="utf-8"))["pipeline"]
    return next((p.get("after", {}) for p in parts if p["name"].endswith(EmbeddingIntentClassifier.__name__)), {})


def main(arguments: Sequence[str] | None = None) -> int:
    """Fine-tune on what ``data/nlu`` holds, and put the adapter where ``rasa train`` finds it."""
    parser = argparse.ArgumentParser(prog="python -m components.tuning", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--epochs", type=int, default=Recipe.epochs, help="rounds over the examples (default: %(default)s)"
    )
    parser.add_argument(
        "--noisy",
        type=float,
        default=Recipe.noisy,
        help="share of them misspelt, padded or reworded (default: %(default)s)",
    )
    recipe, settings = Recipe(**vars(parser.parse_args(arguments))), Settings.read()
    try:
        encoder = load_encoder(settings)
        examples = load_data(str(settings.root / "data" / "nlu")).intent_examples
        lessons = Lessons.of(examples, turns_of(settings.root / "config.yml"))
        body = tune(encoder, lessons, Noise.read(settings.root), recipe)
        save(body, encoder.name, len(examples), recipe, folder_of(settings))
    except ChatRecError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"The adapter is in {folder_of(settings)}; `make train` learns the intents from it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
