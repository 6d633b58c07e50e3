"""The measuring itself, in a process with one engine.

Within a repeat everybody is measured once, and a mode and its ceiling next to each other, in
turns which of the two comes first: whatever else the machine does meets them alike. The
engine's cache is emptied before each, so every history is computed anew.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from footfall.answering.opening import open_choice, pages_at_once
from footfall.bench.results import CEILING, Sample
from footfall.bench.rivals import Rival, naive, writers
from footfall.bench.workload import QuestionSize, Workload
from footfall.choice.feeding import weigh
from footfall.choice.protocol import ChoiceModel, Page
from footfall.choice.specs import ChoiceSpec, Mode
from footfall.errors import RunError
from footfall.llm.counting import Counting
from footfall.llm.devices import engine_settings, installed_device
from footfall.llm.protocol import LanguageModel, Question, Reply
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore, StoredModel
from footfall.llm.vllm.batches import by_prefix
from footfall.llm.vllm.engine import VllmEngine, open_engine, sampling
from footfall.plumbing.busy import as_alone, cores
from footfall.plumbing.stderr import stderr
from footfall.run_folder.layout import STORE

MODES: tuple[Mode, ...] = ("likelihood", "yes-no", "listwise")
_OURS_ONLY = ("block_size", "max_num_seqs", "max_num_batched_tokens", "dtype")
"""Settings that the naive engine does not get. It computes in the same arithmetic all the same:
``open_engine`` chooses it by the model and the device."""


@dataclass(frozen=True)
class MeasuringJob:
    """What one process measures."""

    model: ModelSpec
    workload: Workload
    repeats: int
    rivals: bool = True
    """Whether others are measured, too."""


@dataclass(frozen=True)
class SpeedSamples:
    """What it brings back."""

    samples: list[Sample]
    peak_memory_gib: float
    start_seconds: float


def measure_modes(job: MeasuringJob) -> SpeedSamples:
    """Footfall's modes, their ceilings, and those who let the model write; our settings."""
    engine = open_engine(job.model, announce=stderr.say)
    return _measured(job, engine, lambda cell: _with_modes(job, engine, cell))


def measure_naive(job: MeasuringJob) -> SpeedSamples:
    """The naive yes/no; vLLM's own settings, but for what keeps it within the machine."""
    device = installed_device()
    model = job.model.model_copy(update={"quantization": "none"})
    config = {"max_position_embeddings": model.max_model_len}
    settings = engine_settings(model, device, config)
    for name in _OURS_ONLY:
        settings.pop(name, None)
    engine = open_engine(model, announce=stderr.say, settings=settings)
    return _measured(job, engine, lambda cell: _with_naive(job, engine, cell))


Turn = Callable[[int], list[Sample]]
"""Measures some of a cell's contestants once; told the number of the repeat."""


def _measured(
    job: MeasuringJob, engine: VllmEngine, turns_of: Callable[[QuestionSize], list[Turn]]
) -> SpeedSamples:
    try:
        engine.started()
        samples = []
        for cell in job.workload.pages:
            turns = turns_of(cell)
            for repeat in range(job.repeats):
                stderr.say(f"history {cell.history}, slate {cell.slate}: repeat {repeat + 1}")
                for turn in turns:
                    samples += turn(repeat)
        return SpeedSamples(samples, _peak_memory(), engine.start_seconds)
    finally:
        engine.close()


def _with_modes(job: MeasuringJob, engine: VllmEngine, cell: QuestionSize) -> list[Turn]:
    pages, catalogue = job.workload.pages[cell], job.workload.catalogue
    turns = []
    for mode in MODES:
        contest = _Contest(job, engine, cell, mode)
        if contest.possible:
            contest.warm_up()
            turns.append(contest.turn)
    rivals = writers(pages, catalogue, engine.tokenizer, cell.history) if job.rivals else ()
    return turns + [_rival(engine, cell, rival) for rival in rivals]


def _with_naive(job: MeasuringJob, engine: VllmEngine, cell: QuestionSize) -> list[Turn]:
    pages, catalogue = job.workload.pages[cell], job.workload.catalogue
    rival = naive(pages, catalogue, engine.tokenizer, cell.history)
    return [_rival(engine, cell, rival)]


class _Contest:
    """One of Footfall's modes and its ceiling, on the same prompts."""

    def __init__(
        self, job: MeasuringJob, engine: VllmEngine, cell: QuestionSize, mode: Mode
    ) -> None:
        self._engine = engine
        self._cell = cell
        self._mode = mode
        self._catalogue = job.workload.catalogue
        self._spec = ChoiceSpec(
            mode=mode,
            history_events=cell.history,
            max_history_tokens=1 << 20,
            min_label_mass=0,
        )
        self._at_once = pages_at_once(job.model, self._spec)
        self._pages = job.workload.pages[cell]
        collector = Collector(engine)
        unanswered = self._weigh(self._open(collector), self._pages)
        self.possible = unanswered < len(self._pages)
        """False: this mode does not take slates of that length."""
        self._questions = collector.asked

    def warm_up(self) -> None:
        """Let the engine compile what it compiles at the first questions of a kind."""
        self._weigh(self._open(self._engine), self._pages[:2])

    def turn(self, repeat: int) -> list[Sample]:
        """Measure both, in turns which first."""
        both = [self._ceiling, self._footfall]
        return [one(repeat) for one in (both if repeat % 2 == 0 else both[::-1])]

    def _footfall(self, repeat: int) -> Sample:
        """From personas to utilities, the store of answers included, as in a run."""
        with (
            tempfile.TemporaryDirectory() as folder,
            AnswerStore(Path(folder) / STORE) as store,
        ):
            choice = self._open(StoredModel(self._engine, store))
            _forget(self._engine)
            spent, start = self._engine.engine_seconds, time.perf_counter()
            core = time.process_time()
            unanswered = self._weigh(choice, self._pages)
            seconds, core = time.perf_counter() - start, time.process_time() - core
        return Sample(
            cell=self._cell,
            name=self._mode,
            repeat=repeat,
            items=_items(self._pages),
            seconds=seconds,
            engine_seconds=self._engine.engine_seconds - spent,
            prompt_tokens=choice.diagnostics.prompt_tokens,
            cached_tokens=choice.diagnostics.cached_tokens,
            generated_tokens=choice.diagnostics.questions,
            unanswered=unanswered,
            # A GPU's engine computes elsewhere: what this process computes tells nothing of it.
            busy=as_alone(seconds, core, cores()) if installed_device() == "cpu" else 1.0,
        )

    def _ceiling(self, repeat: int) -> Sample:
        asked = [self._questions[i] for i in by_prefix(self._questions, self._everything())]
        prompts = [[*q.prefix.ids, *q.suffix.ids] for q in asked]
        known = {labels: sampling(labels) for labels in {q.labels for q in asked}}
        params = [known[question.labels] for question in asked]
        name = CEILING + self._mode
        sample = _raw(self._engine, self._cell, name, prompts, params, repeat)
        return replace(sample, items=_items(self._pages))

    def _everything(self) -> list[int]:
        return list(range(len(self._questions)))

    def _open(self, model: LanguageModel) -> ChoiceModel:
        return open_choice(self._spec, model, self._catalogue)

    def _weigh(self, choice: ChoiceModel, pages: Sequence[Page]) -> int:
        """Ask about the pages in a run's batches; how many got no answer."""
        size = self._at_once
        batches = (pages[start : start + size] for start in range(0, len(pages), size))
        return sum(not one.answered for page in weigh(choice, batches) for one in page)


class Collector(Counting):
    """Keeps the questions that a mode asks, and answers at random."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(model)
        self.asked: list[Question] = []

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Keep the questions in the order in which they came."""
        self.asked += questions
        return super().ask(questions)


def _rival(engine: VllmEngine, cell: QuestionSize, rival: Rival) -> Turn:
    """Measure somebody else's way of asking, once a repeat; two prompts warm it up."""
    from vllm import SamplingParams  # noqa: PLC0415 - footfall starts without vLLM

    params = SamplingParams(**rival.sampling, detokenize=False)
    short = SamplingParams(**{**rival.sampling, "max_tokens": 1}, detokenize=False)
    engine.started().generate(_as_vllm(rival.prompts[:2]), short, use_tqdm=False)

    def turn(repeat: int) -> list[Sample]:
        every = [params] * len(rival.prompts)
        size = len(every) if rival.batched else 1
        sample = _raw(engine, cell, rival.name, rival.prompts, every, repeat, at_once=size)
        return [replace(sample, items=_items(rival.pages))]

    return turn


def _raw(
    engine: VllmEngine,
    cell: QuestionSize,
    name: str,
    prompts: Sequence[Sequence[int]],
    params: Sequence[Any],
    repeat: int,
    *,
    at_once: int | None = None,
) -> Sample:
    """Feed vLLM token ids and nothing else, all at once or so many at a time."""
    llm, requests, size = engine.started(), _as_vllm(prompts), at_once or len(prompts)
    _forget(engine)
    outputs: list[Any] = []
    start = time.perf_counter()
    for first in range(0, len(requests), size):
        some = slice(first, first + size)
        outputs += llm.generate(requests[some], list(params[some]), use_tqdm=False)
    seconds = time.perf_counter() - start
    return Sample(
        cell=cell,
        name=name,
        repeat=repeat,
        items=len(prompts),
        seconds=seconds,
        engine_seconds=seconds,
        prompt_tokens=sum(map(len, prompts)),
        cached_tokens=sum(output.num_cached_tokens or 0 for output in outputs),
        generated_tokens=sum(len(output.outputs[0].token_ids) for output in outputs),
    )


def _as_vllm(prompts: Sequence[Sequence[int]]) -> list[dict[str, list[int]]]:
    return [{"prompt_token_ids": list(prompt)} for prompt in prompts]


def _forget(engine: VllmEngine) -> None:
    """Empty the engine's cache of prefixes.

    Raises:
        RunError: It does not do that; what follows would be measured too fast.
    """
    if not engine.started().reset_prefix_cache():
        raise RunError("the engine does not empty its cache; nothing can be measured with it")


def _items(pages: Sequence[Page]) -> int:
    return sum(len(page.items) for page in pages)


def _peak_memory() -> float:
    """Resident memory of this process at its highest, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
