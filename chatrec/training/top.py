"""The part of a tower that is trained where every gradient is dear: all that is above its last attention.

What lies below never changes, so it is read once, and what is left of an example is one vector: the state of the
query's place before the last feed-forward block. Trained are the low-rank additions to that block, of which one factor
stays as it is (Sun et al., "Improving LoRA in privacy-preserving federated learning", ICLR 2024: noise on both would
multiply), the projection of the query, and the temperature. Items keep their vectors.
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
CLOSE = 0.05  # by how much two lengths-1 vectors of one query may differ, in bfloat16


class Top(nn.Module):
    """``tower``: with an adapter. It is read as it is, then trained in float32. ``vectors``: of the items' texts."""

    def __init__(self, tower: Tower, vectors: Tensor) -> None:
        super().__init__()
        self.tower, self._vectors = tower.eval(), vectors  # without dropout: what is below was read without
        for name, parameter in tower.named_parameters():
            parameter.requires_grad = _trained(name, f"layers.{tower.config.layers - 1}.mlp.")
        self.prior_weight = nn.Parameter(torch.tensor(1.0, device=tower.ask.device))
        body = tower.body.get_base_model() if hasattr(tower.body, "get_base_model") else tower.body
        self._layer, self._norm = body.layers[-1], body.norm
        if not (hasattr(self._layer, "mlp") and hasattr(self._layer, "post_attention_layernorm")):
            raise ModelMissing(f"{tower.config.lm}: its layers are not built like Llama's; --private can't train it")
        with torch.no_grad():
            self.items = tower.items(vectors)

    def trained(self) -> dict[str, nn.Parameter]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def read(self, readings: Sequence[Reading]) -> Tensor:
        """(n, width) float32: all that training needs to know of the readings. From then on the tower is float32."""
        states = torch.zeros(len(readings), self.tower.ask.shape[0], device=self.items.device)
        order = sorted(range(len(readings)), key=lambda n: len(readings[n].text) / 4 + len(readings[n].items))
        for part in tqdm(list(_parts(order)), desc="reading", unit="batch", leave=False):
            states[part] = self._states([readings[n] for n in part])
        self._check(readings[:1], states[:1])
        self.tower.float()
        return states

    def logits(self, states: Tensor, prior: Tensor) -> Tensor:
        """(n, N): scores and what is known without the query, (N,) ``prior``."""
        block = self._layer.mlp(self._layer.post_attention_layernorm(states))
        queries = self.tower.answer(self._norm(states + block))
        return self.tower.scores(queries, self.items) + self.prior_weight * prior

    @torch.no_grad()
    def _states(self, readings: Sequence[Reading]) -> Tensor:
        kept: list[Tensor] = []
        hook = self._layer.post_attention_layernorm.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
        try:
            embedded, ends = self.tower.embedded(readings, self._vectors)
            self.tower.body(inputs_embeds=embedded, use_cache=False)
        finally:
            hook.remove()
        return kept[0][torch.arange(len(ends)), ends].float()

    @torch.no_grad()
    def _check(self, readings: Sequence[Reading], states: Tensor) -> None:
        """A layer that only looks like Llama's would be trained towards nothing."""
        whole = self.tower.queries(readings, self._vectors)
        dtype = next(self._norm.parameters()).dtype
        block = self._layer.mlp(self._layer.post_attention_layernorm(states.to(dtype)))
        ours = self.tower.answer(self._norm(states.to(dtype) + block).float())
        if not torch.allclose(whole, ours, atol=CLOSE):
            raise ModelMissing(
                f"{self.tower.config.lm}: its layers are not built like Llama's; --private can't train it"
            )


def _trained(name: str, block: str) -> bool:
    return name.startswith("query_out.1.") or name == "scale" or (block in name and "lora_B" in name)


def _parts(order: Sequence[int]) -> Iterator[list[int]]:
    yield from (list(order[i : i + BATCH]) for i in range(0, len(order), BATCH))
