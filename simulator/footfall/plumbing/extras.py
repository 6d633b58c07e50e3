"""Libraries that only some parts need, and how pip installs them."""

from __future__ import annotations

EXTRAS = {
    "torch": "recommenders",
    "lenskit": "recommenders",
    "implicit": "recommenders",
    "transformers": "finetune",
    "accelerate": "finetune",
    "peft": "finetune",
    "gguf": "cpu",
    "matplotlib": "figures",
    "ray": "ray",
    "gymnasium": "gym",
    "mlflow": "mlflow",
    "PIL": "images",
}
"""Library -> the extra of Footfall that brings it."""

CPU_TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
"""The build without CUDA, a few hundred megabytes."""


def missing(error: ModuleNotFoundError) -> str | None:
    """What to install where an optional library is not there; None: it is none of them."""
    library = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(library)
    if extra is None:
        return None
    first = f" (on a CPU first: {CPU_TORCH})" if extra in ("recommenders", "finetune") else ""
    return f"this needs {library}, which is not installed: pip install 'footfall[{extra}]'{first}"
