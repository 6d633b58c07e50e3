"""MLflow as a tracker: ``--track mlflow`` or ``--track mlflow:EXPERIMENT``.

Where MLflow keeps its experiments is for its own settings to say (``MLFLOW_TRACKING_URI``).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunStatus, RunTag

from footfall.run_folder.trackers import TrackedRun

EXPERIMENT = "footfall"
"""Experiment where none is named."""

KEY = "footfall.key"
"""Tag by which a run is found again."""

LONGEST_PARAMETER = 6000
LONGEST_TAG = 5000
"""Characters that every store of MLflow takes."""

AT_ONCE = 100
"""Entries that MLflow takes in one request; of metrics it takes 1,000."""

T = TypeVar("T")


class MlflowTracker:
    """Keeps each run as one of MLflow's; a run that is told of again is brought up to date."""

    def __init__(self, experiment: str) -> None:
        self._experiment = experiment or EXPERIMENT
        self._client = MlflowClient()

    def record(self, run: TrackedRun) -> str:
        """Parameters, metrics, tags and files; parameters only once, as MLflow wants it."""
        experiment = self._experiment_id()
        known = self._client.search_runs([experiment], f"tags.`{KEY}` = '{run.key}'", max_results=1)
        tags = {"mlflow.runName": run.name, KEY: run.key}
        if known:
            number = str(known[0].info.run_id)
        else:
            number = str(self._client.create_run(experiment, tags=tags).info.run_id)
            for some in _cut(sorted(run.parameters.items())):
                self._client.log_batch(number, params=[_parameter(*pair) for pair in some])
        words = {"footfall.status": run.status, **run.words}
        now = int(time.time() * 1000)
        for some in _cut(sorted(words.items())):
            told = [RunTag(_name(key), text[:LONGEST_TAG]) for key, text in some]
            self._client.log_batch(number, tags=told)
        for values in _cut(sorted(run.metrics.items())):
            told_now = [Metric(_name(name), value, now, 0) for name, value in values]
            self._client.log_batch(number, metrics=told_now)
        for file in run.artefacts:
            self._client.log_artifact(number, str(file))
        self._client.set_terminated(number, RunStatus.to_string(RunStatus.FINISHED))
        return f"MLflow, experiment {self._experiment}, run {number}"

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            return str(self._client.create_experiment(self._experiment))
        return str(found.experiment_id)


def _cut(entries: list[T]) -> Iterator[list[T]]:
    for at in range(0, len(entries), AT_ONCE):
        yield entries[at : at + AT_ONCE]


def _parameter(key: str, value: str) -> Param:
    return Param(_name(key), value[:LONGEST_PARAMETER])


def _name(key: str) -> str:
    """What MLflow takes as a name: letters, digits and a few signs; "+" in an arm's is none."""
    return re.sub(r"[^\w.\- /:]", "_", key)[:250]
