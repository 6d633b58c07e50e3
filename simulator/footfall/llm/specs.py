"""Which language model plays the users, as written in a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field

from footfall.plumbing.secret_specs import EnvName, NoCredentials
from footfall.plumbing.spec import Operational, Spec, newer

Quantization = Literal["none", "int8", "fp8"]
"""Weights and activations in eight bits, or as they are stored."""


class ModelSpec(Spec):
    """The model, and how to run it. Every field has a default that works on a laptop."""

    name: str = Field(default="embedded", min_length=1)
    """``embedded`` (SmolLM2-135M-Instruct, comes with Footfall), ``none`` (nobody is asked: users
    go by their habits), ``fake`` (no model: hashes, for tests), a Hugging Face hub id, or a folder
    with a model in Hugging Face's layout."""
    revision: str | None = None
    """Commit, tag or branch of a hub id; part of the fingerprint of a server's model."""
    adapter: str | None = Field(default=None, min_length=1)
    """A LoRA adapter: a folder that ``footfall finetune`` wrote (peft's layout), or the name of
    one that comes with Footfall. Merged into the weights on a CPU, beside them on a GPU."""
    server: Operational[Annotated[AnyHttpUrl, NoCredentials] | None] = None
    """Address of a running vLLM server (``http://host:8000/v1``); absent: in this process."""
    api_key_env: Operational[EnvName | None] = None
    """Name of the environment variable with the server's key. Keys never stand in a file."""
    tokenizer: str | None = None
    """Folder or hub id of the tokenizer, where a server's model does not name its own."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Arithmetic; ``auto`` takes the type that the weights are stored in, but float32 on a CPU
    that has no instructions for bfloat16."""
    quantization: Quantization = newer("none")
    """Weights and activations of linear layers in eight bits: faster, and a little off
    (docs/models.md#eight-bits). ``int8`` on CPUs with AVX512-VNNI or alike and on CUDA, ``fp8`` on
    CUDA only."""
    block_size: int | None = Field(default=None, ge=1, le=1024)
    """Tokens a cache block; prefixes are padded to it. Default: 32 on a CPU, 16 on CUDA."""
    max_model_len: int = Field(default=2048, ge=64)
    """Longest prompt plus one answer token, in tokens; longer prompts get no answer."""
    max_num_seqs: int | None = Field(default=None, ge=1)
    """Questions that the engine computes at once. Default: 64 on a CPU, 512 on CUDA."""
    max_num_batched_tokens: int | None = Field(default=None, ge=64)
    """Tokens that the engine computes at once. Default: vLLM's on a CPU, 16384 on CUDA."""
    kv_cache_gib: Operational[float | None] = Field(default=None, gt=0)
    """Memory for cached histories in GiB. Default: 1 on a CPU, vLLM's own choice on CUDA."""
    gpu_memory_utilization: Operational[float] = Field(default=0.9, gt=0, le=1)
    """Share of a GPU's memory that the engine may take; unused on a CPU."""
    tensor_parallel_size: int = Field(default=1, ge=1)
    """GPUs that share one copy of the model."""
    cpu_threads: Operational[str | None] = None
    """Cores of a CPU engine, as vLLM writes them ("0-1", "0,2"). Default: all that this
    process may use."""
    window: Operational[int] = Field(default=8, ge=1, le=1024)
    """Requests to a server that are under way at once."""
    prompts_per_request: Operational[int] = Field(default=64, ge=1, le=1024)
    """Questions in one request to a server."""
    timeout: Operational[float] = Field(default=300.0, gt=0)
    """Seconds until a request to a server counts as failed."""
    retries: Operational[int] = Field(default=4, ge=0, le=20)
    """Further tries after a server's 429, 5xx or a broken connection; never after other 4xx."""
    max_retry_after: Operational[float] = Field(default=120.0, ge=0)
    """Longest pause (seconds) that a server may ask for with ``Retry-After`` before a further
    try; where it asks for more, the run pauses as for a server that is down."""
    patience: Operational[float] = Field(default=1800.0, ge=0)
    """Seconds that a run waits for a server that does not answer; then it stops, to be resumed."""
    seed: int = 0
    """Of the fake model only: another seed is another imaginary model."""


def served_name(spec: ModelSpec) -> str:
    """What a server calls the model with its adapter, and with its eight bits."""
    parts = [spec.name]
    if spec.adapter:
        parts.append(Path(spec.adapter).name)
    if spec.quantization != "none":
        parts.append(spec.quantization)
    return "+".join(parts)
