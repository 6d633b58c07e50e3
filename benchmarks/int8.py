"""What int8 could gain on this CPU: the embedded model's matrix products, by vLLM's own kernels.

    taskset -c 0 .venv/bin/python benchmarks/int8.py

One layer's products (SmolLM2-135M: 576 wide, 1,536 in the MLP) for as many tokens as an item has, a
page of items, and a history: bfloat16 as vLLM computes it, against int8 weights and activations
(W8A8, symmetric, a scale a channel and a token, activations rounded on the way), which is what a
compressed-tensors checkpoint would run. Core seconds, one thread. Whole answers gain less:
attention, norms and what is around the products stay as they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["VLLM_LOGGING_LEVEL"] = "ERROR"

import torch
from figures import keep
from vllm import _custom_ops as ops
from vllm.platforms import current_platform

Tensor = torch.Tensor

SHAPES = ((576, 960), (576, 576), (576, 3072), (1536, 576))
"""(in, out) of query, key and value together; of attention's output; of the MLP's two halves."""
TOKENS = {"item": 12, "page": 96, "history": 150, "batch": 768}
SECONDS = 0.3


def rate(call: Callable[[], Tensor]) -> float:
    """Core seconds of one call."""
    call()
    start, done = time.process_time(), 0
    while time.process_time() - start < SECONDS:
        call()
        done += 1
    return (time.process_time() - start) / done


def compared(tokens: int) -> tuple[float, float, float]:
    """Seconds of a layer in bfloat16 and in int8, and the relative error of int8."""
    plain = small = error = 0.0
    for width, out in SHAPES:
        weight = torch.randn(out, width, dtype=torch.bfloat16) / width**0.5
        x = torch.randn(tokens, width, dtype=torch.bfloat16)
        scale = weight.abs().amax(dim=1, keepdim=True).float() / 127
        rounded = (weight.float() / scale).round().to(torch.int8)
        handler = ops.create_onednn_scaled_mm(rounded.t(), scale, torch.bfloat16, True, False, 32)

        def by_int8(x: Tensor = x, out: int = out, handler: object = handler) -> Tensor:
            found = torch.empty(len(x), out, dtype=torch.bfloat16)
            levels, scales, _ = ops.onednn_scaled_int8_quant(x)
            return ops.onednn_scaled_mm(handler, levels, found, scales, None, None, None)

        def by_bfloat16(x: Tensor = x, weight: Tensor = weight) -> Tensor:
            return torch.nn.functional.linear(x, weight)

        true = by_bfloat16().float()
        error += float((by_int8().float() - true).norm() / true.norm()) / len(SHAPES)
        plain, small = plain + rate(by_bfloat16), small + rate(by_int8)
    return plain, small, error


def main() -> None:
    """Print and keep times and their ratio."""
    torch.set_num_threads(1)
    current_platform.import_kernels()
    figures = {}
    for name, tokens in TOKENS.items():
        plain, small, error = compared(tokens)
        figures[f"{name}-tokens"] = f"{tokens}"
        figures[f"{name}-times"] = f"{plain / small:.2f}"
        figures[f"{name}-error"] = f"{error:.1%}"
        print(f"{tokens:4} tokens: {plain / small:.2f} times as fast, relative error {error:.1%}")
    keep("int8", ".venv/bin/python benchmarks/int8.py", figures)


if __name__ == "__main__":
    main()
