"""A training run from start to end: it can be killed and goes on where it was, and leaves a whole model or none."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from chatrec.tower import Tower
from chatrec.training.adapt import adapt
from chatrec.training.fit import Plan, World, batches, loss, optimiser, ranks, rate

STATE = "state.pt"
IMPORTANCES = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # of weights, as AdaLoRA's allocator keeps them


@dataclass
class Progress:
    """Where a run is. ``curve``: one row an epoch."""

    epoch: int = 0
    best: float = -1.0
    stale: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """What came out. ``figures``: of the best epoch on the validation examples; ``prior_weight``: what popularity
    counts beside the tower's scores."""

    figures: dict[str, float]
    curve: Sequence[dict[str, float]]
    prior_weight: float


def train(
    tower: Tower, worlds: Sequence[World], valid: Sequence[World], plan: Plan, scratch: Path, threads: int = 2
) -> Trained:
    """Train in place; afterwards the tower is that of the best epoch on ``valid`` (NDCG@10).

    ``scratch``: checkpoints and TensorBoard logs. What an earlier run of the same plan on the same data left there is
    gone on with; of another plan it is dropped. The caller removes the folder when the model is safe.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(plan.seed)
    total = plan.epochs * sum(1 for _ in batches(worlds, plan, 0))
    tower.body = adapt(tower.body, plan.method, total)
    prior_weight = nn.Parameter(torch.tensor(1.0, device=tower.ask.device))
    stepper = optimiser(tower, prior_weight, plan)
    progress, best = Progress(), None
    saved = _resume(scratch, _fingerprint(worlds, valid, plan), tower)
    if saved:
        progress, best = Progress(**saved["progress"]), saved["best"]
        _restore(tower, prior_weight, saved["now"])
        stepper.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["random"])
        vars(_allocator(tower)).update(saved.get("importances", {}))
    best = best or _trainable(tower, prior_weight)
    with _logs(scratch) as log:
        while progress.epoch < plan.epochs and progress.stale <= plan.patience:
            row = {"loss": _epoch(tower, worlds, plan, progress.epoch, total, stepper, prior_weight)}
            weight = float(prior_weight.detach())
            row |= figures(np.concatenate([ranks(tower, world, world.examples, weight) for world in valid]))
            progress.epoch += 1
            progress.curve.append(row)
            better = row["ndcg@10"] > progress.best
            progress.best, progress.stale = (row["ndcg@10"], 0) if better else (progress.best, progress.stale + 1)
            best = _trainable(tower, prior_weight) if better else best
            log(progress.epoch, row)
            _checkpoint(scratch, tower, prior_weight, best, stepper, progress, worlds, valid, plan)
    _restore(tower, prior_weight, best)
    if plan.method == "adalora":  # its pattern is the last epoch's; the best one's ranks are the zeros it has
        tower.body.peft_config["default"].rank_pattern = None
    found = max(progress.curve, key=lambda row: row["ndcg@10"], default={})
    return Trained(found, tuple(progress.curve), float(prior_weight.detach()))


def figures(found: np.ndarray) -> dict[str, float]:
    """Of (n,) 0-based ranks: recall@1, 10, 50, NDCG@10 and MRR, one target a case."""
    recalls = {f"recall@{k}": float((found < k).mean()) for k in (1, 10, 50)}
    gain = np.where(found < 10, 1 / np.log2(found + 2), 0.0)
    return {**recalls, "ndcg@10": float(gain.mean()), "mrr": float((1 / (found + 1)).mean())}


def _epoch(
    tower: Tower,
    worlds: Sequence[World],
    plan: Plan,
    epoch: int,
    total: int,
    stepper: torch.optim.Optimizer,
    prior_weight: nn.Parameter,
) -> float:
    """Mean loss of one pass over the examples."""
    tower.train()
    peaks = (plan.head_rate, plan.body_rate if epoch >= plan.warm else 0.0)
    steps = list(batches(worlds, plan, epoch))
    losses = []
    bar = tqdm(steps, desc=f"epoch {epoch + 1} of {plan.epochs}", unit="batch", leave=False)
    for number, (world, examples) in enumerate(bar):
        step = epoch * len(steps) + number
        for group, peak in zip(stepper.param_groups, peaks, strict=True):
            group["lr"] = peak * rate(step, total)
        found = loss(tower, world, examples, prior_weight)
        stepper.zero_grad()
        found.backward()
        nn.utils.clip_grad_norm_([p for group in stepper.param_groups for p in group["params"]], 1.0)
        stepper.step()
        if hasattr(tower.body, "base_model") and hasattr(tower.body.base_model, "update_and_allocate"):
            tower.body.base_model.update_and_allocate(step)  # AdaLoRA moves ranks to where they are of use
        losses.append(float(found.detach()))
        bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}")
    return float(np.mean(losses))


def _trainable(tower: Tower, prior_weight: nn.Parameter) -> dict[str, torch.Tensor]:
    learned = {name: p.detach().clone() for name, p in tower.named_parameters() if p.requires_grad}
    return learned | {"prior_weight": prior_weight.detach().clone()}


def _restore(tower: Tower, prior_weight: nn.Parameter, learned: dict[str, torch.Tensor]) -> None:
    known = dict(tower.named_parameters()) | {"prior_weight": prior_weight}
    with torch.no_grad():
        for name, value in learned.items():
            known[name].copy_(value)


def _fingerprint(worlds: Sequence[World], valid: Sequence[World], plan: Plan) -> str:
    """Changes with the plan and with anything that is learned from."""
    digest = hashlib.sha256(json.dumps(asdict(plan), sort_keys=True).encode())
    for world in (*worlds, *valid):
        digest.update(repr([(e.reading, e.targets, e.weight) for e in world.examples]).encode())
    return digest.hexdigest()


def _checkpoint(
    scratch: Path,
    tower: Tower,
    prior_weight: nn.Parameter,
    best: dict[str, torch.Tensor],
    stepper: torch.optim.Optimizer,
    progress: Progress,
    worlds: Sequence[World],
    valid: Sequence[World],
    plan: Plan,
) -> None:
    state = {
        "fingerprint": _fingerprint(worlds, valid, plan),
        "progress": asdict(progress),
        "now": _trainable(tower, prior_weight),
        "best": best,
        "optimiser": stepper.state_dict(),
        "random": torch.get_rng_state(),
        "tower": asdict(tower.config),
        "importances": {name: vars(_allocator(tower))[name] for name in IMPORTANCES if plan.method == "adalora"},
    }
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch, prefix=".state-", delete=False) as file:
        torch.save(state, file)
    Path(file.name).replace(scratch / STATE)


def _allocator(tower: Tower) -> Any:
    """What moves AdaLoRA's ranks; it has to remember how important each was. An empty object for other methods."""
    return getattr(getattr(tower.body, "base_model", None), "rankallocator", SimpleNamespace())


def _resume(scratch: Path, fingerprint: str, tower: Tower) -> dict[str, Any] | None:
    path, config = scratch / STATE, asdict(tower.config)
    if path.exists():
        state = torch.load(path, weights_only=True)
        if state["fingerprint"] == fingerprint and state.get("tower", config) == config:
            return state
        shutil.rmtree(scratch)
    return None


class _logs:
    """Figures of each epoch: to TensorBoard, and to Weights & Biases where that is installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> _logs:
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(str(self._folder / "tensorboard"))
        self._wandb = None
        if importlib.util.find_spec("wandb"):
            import wandb

            self._wandb = wandb.init(project="chatrec", dir=str(self._folder))
        return self

    def __call__(self, epoch: int, row: dict[str, float]) -> None:
        for name, value in row.items():
            self._board.add_scalar(name, value, epoch)
        self._board.flush()
        if self._wandb:
            self._wandb.log(row, step=epoch)

    def __exit__(self, *_: object) -> None:
        self._board.close()
        if self._wandb:
            self._wandb.finish()
