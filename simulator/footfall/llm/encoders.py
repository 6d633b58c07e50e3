"""Titles as numbers, by a sentence encoder or by a language model's inner states.

Both run through transformers on one machine; what they give is kept by content (see ``kept``),
so that a title is read once by each model, whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from footfall.errors import ModelError, one_line
from footfall.llm.sentences import WIDTH, embed, sentence_model
from footfall.llm.specs import ModelSpec
from footfall.llm.weights.weights import find_weights

Singles = npt.NDArray[np.float32]

MOST_TOKENS = 64
"""Tokens of a title that are read."""

BATCH = 32


class Encoder(Protocol):
    """Anything that turns titles into numbers."""

    @property
    def identity(self) -> str:
        """Names the weights and the way of reading; another identity is another encoder."""
        ...

    @property
    def width(self) -> int:
        """Numbers a title."""
        ...

    def encode(self, titles: Sequence[str]) -> Singles:
        """[n_titles, width] of each title."""
        ...


@dataclass(frozen=True)
class SentenceEncoder:
    """all-MiniLM-L6-v2 as it is (Apache-2.0): unit vectors, mean over tokens."""

    identity: str = "all-minilm-l6-v2"
    width: int = WIDTH

    def encode(self, titles: Sequence[str]) -> Singles:
        """See ``Encoder``; ``ModelError`` if the model is not installed."""
        return embed(list(titles))


class States:
    """A causal language model's states in the middle of its layers, mean over a title's tokens.

    A model's last layer is about the next word; what a text is like is read best half-way (Skean
    et al., "Layer by Layer", 2025). The states are standardised one by one by whoever learns.
    """

    def __init__(
        self, spec: ModelSpec, layer: float, announce: Callable[[str], None] = lambda _: None
    ) -> None:
        """Find the model's files; it is loaded when the first title is read.

        Args:
            spec: A model in this process (``embedded``, a hub id or a folder).
            layer: Depth that is read, from 0 (the words) to 1 (the last layer).
            announce: Told, in one line, about steps that take long.

        Raises:
            ModelError: There is no such model.
        """
        if spec.server is not None or spec.name in {"fake", "none"}:
            raise ModelError(
                f'what a model makes of a text is read in this process: "{spec.name}" or a server '
                "does not give it; name a folder or a hub id"
            )
        self.spec, self.layer = spec, layer
        self._weights = find_weights(spec, announce)
        config = self._weights.config()
        try:
            self._layer = round(layer * int(config["num_hidden_layers"]))
            self.width = int(config["hidden_size"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{spec.name}: its configuration lacks {one_line(error)}; name another model"
            ) from None
        # The embedded model's folder is named by the hash of the file that it was made from; what
        # transformers writes into its configuration differs from version to version.
        embedded = spec.name == "embedded"
        named = self._weights.folder.name if embedded else self._weights.identity
        self.identity = f"{named}:layer {self._layer}:mean"
        self._loaded: tuple[Any, Any] | None = None

    def encode(self, titles: Sequence[str]) -> Singles:
        """See ``Encoder``."""
        import torch  # noqa: PLC0415 - heavy, and wanted by few

        tokenizer, model = self._loaded or self._load()
        found = np.zeros((len(titles), self.width), dtype=np.float32)
        order = sorted(range(len(titles)), key=lambda row: len(titles[row]))
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                batch = tokenizer(
                    [titles[row] or " " for row in rows],
                    padding=True,
                    truncation=True,
                    max_length=MOST_TOKENS,
                    return_tensors="pt",
                ).to(model.device)
                states = model(**batch, output_hidden_states=True).hidden_states[self._layer]
                mask = batch["attention_mask"].unsqueeze(-1)
                mean = (states.float() * mask).sum(dim=1) / mask.sum(dim=1)
                found[rows] = mean.cpu().numpy()
        return found

    def _load(self) -> tuple[Any, Any]:
        import torch  # noqa: PLC0415 - heavy, and wanted by few
        from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - likewise
        from transformers.utils import logging  # noqa: PLC0415 - likewise

        logging.disable_progress_bar()
        place, revision = self._weights.model, self._weights.revision
        try:
            tokenizer = AutoTokenizer.from_pretrained(place, revision=revision)
            model = AutoModel.from_pretrained(place, revision=revision, dtype=torch.bfloat16)
        except Exception as error:  # transformers raises many kinds; each means "not usable"
            raise ModelError(f'cannot load "{place}": {one_line(error, 200)}') from error
        tokenizer.padding_side = "right"
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._loaded = (tokenizer, model.eval().to(device))
        return self._loaded


@dataclass(frozen=True)
class Tuned:
    """MiniLM with weights of its own, as ``learn-appeal`` tuned them."""

    changed: dict[str, npt.NDArray[Any]]
    """Name of a parameter -> its values; what is not here is as published."""
    identity: str = "all-minilm-l6-v2, tuned"
    width: int = WIDTH

    def encode(self, titles: Sequence[str]) -> Singles:
        """See ``Encoder``; ``ModelError`` if the model is not installed or another one."""
        return embed(list(titles), self.changed)


def sentence_folder() -> Path:
    """Where MiniLM lies unpacked; ``ModelError`` if it is not installed."""
    return sentence_model()
