"""The benchmark as a whole: two engines, one after the other, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from footfall.bench.measure import MeasuringJob, SpeedSamples, measure_modes, measure_naive
from footfall.bench.results import Measured, rows
from footfall.bench.workload import QuestionSize, groceries
from footfall.errors import RunError
from footfall.llm.devices import installed_device, installed_version
from footfall.llm.specs import ModelSpec, Quantization, served_name
from footfall.options import Announce


@dataclass(frozen=True)
class BenchOptions:
    """What to measure."""

    model: str = "embedded"
    cells: Sequence[QuestionSize] = (QuestionSize(20, 10),)
    pages: int = 16
    """Households that look at one page each, all at once."""
    repeats: int = 3
    quantization: Quantization = "none"
    """Of Footfall's engine; the naive one computes as the model is stored."""
    rivals: bool = True
    """Whether the ways in which others ask are measured, too."""


def measure(options: BenchOptions, announce: Announce) -> Measured:
    """Measure Footfall's modes, their ceilings, and how others ask.

    Raises:
        UserError: The model or vLLM cannot be used.
        RunError: An engine broke down.
    """
    spec = ModelSpec(name=options.model, quantization=options.quantization, max_model_len=4096)
    device = installed_device()
    workload = groceries(options.cells, options.pages, announce)
    job = MeasuringJob(spec, workload, options.repeats, options.rivals)
    before = _load()
    announce("engine with Footfall's settings")
    found = {"footfall": _apart(measure_modes, job)}
    if options.rivals:
        announce("engine with vLLM's own settings")
        found["naive"] = _apart(measure_naive, job)
    return Measured(
        model=served_name(spec),
        machine=_machine(device) | {"load_before": before, "load_after": _load()},
        pages=options.pages,
        repeats=options.repeats,
        rows=tuple(rows([sample for one in found.values() for sample in one.samples])),
        peak_memory_gib={name: one.peak_memory_gib for name, one in found.items()},
        start_seconds={name: one.start_seconds for name, one in found.items()},
    )


def _apart(task: Callable[[MeasuringJob], SpeedSamples], job: MeasuringJob) -> SpeedSamples:
    """Run ``task`` in a fresh process: its engine's memory and settings are its own."""
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        try:
            return process.submit(task, job).result()
        except BrokenProcessPool as error:
            reason = "the engine's process died; was there too little memory?"
            raise RunError(reason) from error
        except KeyboardInterrupt:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()  # else leaving this block waits until it has measured all
            raise


def _machine(device: str) -> dict[str, Any]:
    return {
        "device": device,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "vllm": installed_version(),
        "torch": metadata.version("torch"),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _load() -> float:
    """Processes that wanted a core over the last minute; the benchmark's own are among them."""
    return round(os.getloadavg()[0], 1)
