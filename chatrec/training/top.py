"""The part of a tower that is trained where every gradient is dear: all that is above its last activation.

What lies below never changes, so it is read once. Trained are the low-rank addition to the last feed-forward block's
way out, the projection of the query, the temperature, and what the prior counts. One factor of the addition stays as it
is (Sun et al., "Improving LoRA in privacy-preserving federated learning", ICLR 2024: noise on both would multiply), so
that all that has to be kept of an example is the state that the block leaves and the few numbers that the other factor
multiplies. Items keep their vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

from chatrec.errors import ModelMissing
from chatrec.tower import Tower
from chatrec.types import Reading

BATCH = 32
CLOSE = 0.05  # by how much two vectors of length 1 may differ, in bfloat16
UNLIKE = "{}: its layers are not built like Llama's; --private can't train it"

Weights = tuple[Tensor, ...]
"""The factor (width, rank), the projection (dim, width) and its bias, log temperature, what the prior counts."""


class Top(nn.Module):
    """``tower``: with an adapter. ``vectors``: (N, encoder_dim) of the items' texts."""

    def __init__(self, tower: Tower, vectors: Tensor) -> None:
        super().__init__()
        self.tower, self._vectors = tower.eval(), vectors  # without dropout: what is below is read without
        self.prior_weight = nn.Parameter(torch.tensor(1.0, device=tower.ask.device))
        body = tower.body.get_base_model()
        self._norm, self._out = body.norm, getattr(getattr(body.layers[-1], "mlp", None), "down_proj", None)
        if not hasattr(self._out, "lora_B"):
            raise ModelMissing(UNLIKE.format(tower.config.lm))
        self._begun = self._factor.detach().clone()
        for parameter in tower.parameters():
            parameter.requires_grad = False
        for parameter in self.weights():
            parameter.requires_grad = True
        with torch.no_grad():
            self.items = tower.items(vectors)

    def weights(self) -> Weights:
        """What is trained, in the order of :data:`Weights`."""
        last = self.tower.query_out[1]
        return self._factor, last.weight, last.bias, self.tower.scale, self.prior_weight

    def copy(self) -> Weights:
        """The weights as they are now."""
        return tuple(weight.detach().clone() for weight in self.weights())

    def put(self, values: Weights) -> None:
        with torch.no_grad():
            for weight, value in zip(self.weights(), values, strict=True):
                weight.copy_(value)

    def read(self, readings: Sequence[Reading]) -> Tensor:
        """(n, width + rank): all that training needs to know of the readings; to be called before the first step."""
        states = torch.zeros(len(readings), sum(self._factor.shape), device=self.items.device)
        order = sorted(range(len(readings)), key=lambda n: len(readings[n].text) / 4 + len(readings[n].items))
        for part in tqdm(list(_parts(order)), desc="reading", unit="batch", leave=False):
            states[part] = self._states([readings[n] for n in part])
        self._check(readings[:1], states[:1])
        return states

    def logits(self, weights: Weights, states: Tensor, prior: Tensor) -> Tensor:
        """(n, N) with these weights: scores, and the (N,) ``prior``."""
        factor, projection, bias, scale, counts = weights
        left, inner = states.split(tuple(self._factor.shape), dim=-1)
        hidden = self._norm(left + self._out.scaling["default"] * inner @ (factor - self._begun).T)
        queries = nn.functional.linear(self.tower.query_out[0](hidden), projection, bias)
        return scale.exp() * nn.functional.normalize(queries, dim=-1) @ self.items.T + counts * prior

    @property
    def _factor(self) -> Tensor:
        return self._out.lora_B["default"].weight

    @torch.no_grad()
    def _states(self, readings: Sequence[Reading]) -> Tensor:
        kept: dict[nn.Module, Tensor] = {}
        hooks = [part.register_forward_pre_hook(lambda own, given: kept.update({own: given[0]})) for part in self._ends]
        try:
            embedded, ends = self.tower.embedded(readings, self._vectors)
            self.tower.body(inputs_embeds=embedded, use_cache=False)
        finally:
            for hook in hooks:
                hook.remove()
        left, inner = (kept[part][torch.arange(len(ends)), ends].float() for part in self._ends)
        return torch.cat([left, self._out.lora_A["default"](inner)], dim=1)

    @property
    def _ends(self) -> tuple[nn.Module, nn.Module]:
        """Where what is left and what comes in is looked at."""
        return self._norm, self._out

    @torch.no_grad()
    def _check(self, readings: Sequence[Reading], states: Tensor) -> None:
        """With another factor the whole tower says what the top says; else its layers only look like Llama's."""
        self._factor.add_(torch.randn(self._factor.shape, generator=torch.Generator().manual_seed(0)).to(self._factor))
        whole = self.tower.scores(self.tower.queries(readings, self._vectors), self.items)
        ours = self.logits(self.weights(), states, torch.zeros(len(self.items), device=states.device))
        self._factor.copy_(self._begun)
        if (whole - ours).abs().max() > CLOSE * self.tower.scale.exp():
            raise ModelMissing(UNLIKE.format(self.tower.config.lm))


def _parts(order: Sequence[int]) -> Iterator[list[int]]:
    yield from (list(order[i : i + BATCH]) for i in range(0, len(order), BATCH))
