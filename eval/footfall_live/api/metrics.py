"""Figures of runs and of questions, in Prometheus' own words: ``GET /metrics``.

Names follow Prometheus' conventions: base units, ``_total`` for what only grows. A run is a label,
so that one query compares several; ``docs/operations/grafana.json`` is a dashboard over them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from footfall.errors import FootfallError
from footfall.run_folder import manifest
from footfall.run_folder.answers import KINDS, RequestCounts, answers_of
from footfall_live.looking.shelf import RunEntry, Shelf

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(eq=False)
class AskedFigures:
    """What was asked of a scenario's users over HTTP, since the server started."""

    pages: int = 0
    """Answered, those included about which the model said nothing."""
    unanswered: int = 0
    failed: int = 0
    """Pages of batches that came to nothing because of the model or its server."""
    refused: int = 0
    """Pages that were sent away because too many waited."""
    waiting: int = 0
    batches: int = 0
    seconds: float = 0.0
    """Wall time in which the model was asked."""


def exposed(shelf: Shelf | None, asked: AskedFigures | None) -> bytes:
    """All figures, as Prometheus reads them.

    Args:
        shelf: Runs of a folder; None: there is none.
        asked: Of ``POST /v1/decide``; None: nobody can be asked.
    """
    registry = CollectorRegistry(auto_describe=False)
    if shelf is not None:
        registry.register(_OfRuns(shelf))
    if asked is not None:
        registry.register(_OfAsked(asked))
    return generate_latest(registry)


@dataclass(frozen=True)
class _OfAsked:
    """Collects what was asked of users."""

    asked: AskedFigures

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        one = self.asked
        yield CounterMetricFamily(
            "footfall_service_pages", "Pages that users were asked about.", one.pages
        )
        lost = CounterMetricFamily(
            "footfall_service_pages_lost", "Pages without an answer, by why.", labels=("why",)
        )
        for why in ("unanswered", "failed", "refused"):
            lost.add_metric((why,), getattr(one, why))
        yield lost
        yield GaugeMetricFamily("footfall_service_waiting_pages", "Pages that wait.", one.waiting)
        yield CounterMetricFamily(
            "footfall_service_batches", "Times that the model was asked.", one.batches
        )
        yield CounterMetricFamily(
            "footfall_service_model_seconds", "Wall time of asking the model.", one.seconds
        )


@dataclass(frozen=True)
class _OfRuns:
    """Collects when it is asked; nothing is remembered between two looks."""

    shelf: Shelf

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        entries = self.shelf.entries()
        yield _statuses(entries)
        yield from _of_each(entries)
        yield from self._of_arms(entries)

    def _of_arms(self, entries: list[RunEntry]) -> Iterator[Metric]:
        asked = CounterMetricFamily(
            "footfall_recommender_requests",
            "Slates that an arm was asked for.",
            labels=("run", "arm"),
        )
        faults = CounterMetricFamily(
            "footfall_recommender_faults",
            "Requests that went wrong, by kind.",
            labels=("run", "arm", "kind"),
        )
        for entry in entries:
            for counts in self._counts(entry):
                asked.add_metric((entry.name, counts.arm), counts.requests)
                for kind in KINDS:
                    faults.add_metric((entry.name, counts.arm, kind), getattr(counts, kind))
        yield asked
        yield faults

    def _counts(self, entry: RunEntry) -> tuple[RequestCounts, ...]:
        if entry.trouble:
            return ()
        try:
            return tuple(answers_of(manifest.read(self.shelf.path(entry.name), needed=())))
        except FootfallError:  # changed since it was listed
            return ()


def _statuses(entries: list[RunEntry]) -> Metric:
    family = GaugeMetricFamily("footfall_runs", "Runs in the folder.", labels=("status",))
    for status in sorted({entry.status for entry in entries}):
        family.add_metric((status,), sum(entry.status == status for entry in entries))
    return family


def _of_each(entries: list[RunEntry]) -> Iterator[Metric]:
    progress = GaugeMetricFamily(
        "footfall_run_progress_ratio", "Share of the simulated days written.", labels=("run",)
    )
    questions = CounterMetricFamily(
        "footfall_model_questions", "Questions put to the language model.", labels=("run",)
    )
    silent = CounterMetricFamily(
        "footfall_unanswered_pages", "Pages that the model gave no answer to.", labels=("run",)
    )
    seconds = CounterMetricFamily("footfall_run_seconds", "Wall time of the run.", labels=("run",))
    engine = CounterMetricFamily(
        "footfall_engine_seconds", "Wall time inside the model's engine.", labels=("run",)
    )
    for entry in entries:
        if entry.trouble:
            continue
        progress.add_metric((entry.name,), entry.progress)
        questions.add_metric((entry.name,), entry.questions)
        silent.add_metric((entry.name,), entry.unanswered)
        for family, value in ((seconds, entry.seconds), (engine, entry.engine_seconds)):
            if value is not None:
                family.add_metric((entry.name,), value)
    yield from (progress, questions, silent, seconds, engine)
