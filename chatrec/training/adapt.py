"""Which weights of the language model are trained."""

from __future__ import annotations

from typing import Literal, get_args

from peft import AdaLoraConfig, LoraConfig, get_peft_model
from torch import nn

Method = Literal["lora", "adalora", "full"]
METHODS: tuple[str, ...] = get_args(Method)
RANK, ALPHA, DROPOUT = 16, 32, 0.05


def adapt(body: nn.Module, method: Method, steps: int) -> nn.Module:
    """The body with what ``method`` trains: low-rank additions (Hu et al., "LoRA", ICLR 2022), the same with ranks
    moved to where they help (Zhang et al., "AdaLoRA", ICLR 2023; ``steps``: of the whole run), or every weight."""
    for parameter in body.parameters():
        parameter.requires_grad = method == "full"
    if method == "lora":
        return get_peft_model(
            body, LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=DROPOUT, target_modules="all-linear")
        )
    if method == "adalora":
        targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        config = AdaLoraConfig(
            init_r=RANK,
            target_r=RANK // 2,
            lora_alpha=ALPHA,
            lora_dropout=DROPOUT,
            target_modules=targets,
            total_step=steps,
        )
        return get_peft_model(body, config)
    body.get_input_embeddings().requires_grad_(False)
    return body
