"""What memory is worth: held-out choices foreseen by the model alone, one memory after another.

Every variant is asked about the same choices of the same users. The weight of the model is
fitted for each on choices of other users before the split; what is compared is the likelihood of
held-out choices, a user at a time, so the intervals are paired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.choice.memory_specs import MemorySpec, ReflectionSpec, Similarity
from footfall.choice.specs import ChoiceSpec
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.fitted import fit_behaviour
from footfall.fitting.ground import Ground
from footfall.fitting.logit import LogitData, fit_logit, flat_features, log_likelihoods
from footfall.fitting.sets import Sets, build, of_few_users, protocols
from footfall.llm.protocol import LanguageModel
from footfall.llm.sentences import sentences_installed
from footfall.options import Announce
from footfall_eval.statistics.resample import mean_interval
from footfall_lab.validation.asking import Interviewer, answered
from footfall_lab.validation.blend import RIDGE, utilities
from footfall_lab.validation.study import ValidationOptions

Floats = npt.NDArray[np.float64]

FORGETFUL = "no memory"
AS_IS = "as the scenario has it"

FIT_SHARE = 0.4
"""Share of the questions that goes into fitting each variant's weight."""

SETS_A_USER = 2


def variants(spec: ChoiceSpec) -> dict[str, MemorySpec | None]:
    """What is compared, by name; the first one is what the others are held against.

    Retrieval by sentences only where the embedding model is installed.
    """
    n = spec.history_events
    half = n // 2
    kinds: dict[str, Similarity] = {"shared words": "words"}
    if sentences_installed():
        kinds["sentences"] = "sentences"
    found: dict[str, MemorySpec | None] = {
        f"newest {n}": None,
        **{
            f"newest {half}, {n - half} by {words}": MemorySpec(
                recent=half, retrieved=n - half, similarity=kind
            )
            for words, kind in kinds.items()
        },
        f"newest {n} and a summary": MemorySpec(recent=n, reflection=ReflectionSpec()),
        "a summary alone": MemorySpec(recent=0, reflection=ReflectionSpec()),
    }
    if spec.memory is not None and spec.memory not in found.values():
        found[AS_IS] = spec.memory
    return found


@dataclass(frozen=True)
class _Choices:
    """Choice sets of a stage, with the users' utility without the model."""

    sets: ChoiceSets
    rest: Floats

    def take(self, rows: npt.NDArray[np.bool_]) -> _Choices:
        return _Choices(self.sets.take(rows), self.rest[rows])

    def data(self, llm: Floats | None, names: list[str]) -> LogitData:
        """Slates as numbers, with the columns ``names``."""
        shown = self.sets.shown
        columns = {
            "llm": np.where(shown, 0.0 if llm is None else llm, 0.0),
            "rest": np.where(shown, self.rest, 0.0),
            "none": np.full(shown.shape, float(self.sets.outside)),
        }
        numbers = np.stack([columns[name] for name in names], axis=2)
        sets = self.sets
        return LogitData(numbers, shown, sets.chosen, sets.outside, sets.log_rate, sets.users)


def measure(
    ground: Ground, options: ValidationOptions, model: LanguageModel, announce: Announce
) -> dict[str, Any]:
    """Ask every variant; rows of figures, the first one the baseline of the differences."""
    fit, test, asked = _choices(ground, options)
    known_fit, known_test = _asked(ground, options, model, announce, fit, test, asked)
    kept_fit = np.logical_and.reduce([answered(llm, fit.sets) for llm in known_fit.values()])
    kept_test = np.logical_and.reduce([answered(llm, test.sets) for llm in known_test.values()])
    opinions: dict[str, tuple[Floats | None, Floats | None]] = {FORGETFUL: (None, None)}
    opinions |= {
        name: (known_fit[name][kept_fit], known_test[name][kept_test]) for name in known_fit
    }
    fit, test = fit.take(kept_fit), test.take(kept_test)
    scores = {name: _scores(fit, test, *pair) for name, pair in opinions.items()}
    names = np.asarray(test.sets.names, dtype=object)[test.sets.users]
    return {
        "scenario": ground.scenario.name,
        "choice": ground.scenario.choice.model_dump(mode="json"),
        "users": len(set(names)),
        "choices": len(test.sets),
        "fitted on choices": len(fit.sets),
        "without an answer": int((~kept_fit).sum() + (~kept_test).sum()),
        "rows": _rows(scores, names, ground.scenario.seed),
    }


def _choices(ground: Ground, options: ValidationOptions) -> tuple[_Choices, _Choices, int]:
    """Choices to fit and to test on, and how many variants are asked."""
    asked = len(variants(ground.scenario.choice))
    sets = build(ground, protocols(ground.dataset)[0], per_user=SETS_A_USER)
    wanted = options.questions / asked / sets.test.items.shape[1]
    seed = ground.scenario.seed
    few = Sets(
        of_few_users(sets.fit, int(FIT_SHARE * wanted), SETS_A_USER, seed),
        sets.calibrate,
        of_few_users(sets.test, int((1 - FIT_SHARE) * wanted), SETS_A_USER, seed),
    )
    known_fit = ground.known(ground.stages.fit)
    known_test = ground.known(ground.stages.test)
    click = fit_behaviour(sets.fit, known_fit.features).spec.click
    parts = [
        _Choices(part, utilities(click, known.features, part.users, part.items))
        for part, known in ((few.fit, known_fit), (few.test, known_test))
    ]
    return parts[0], parts[1], asked


def _asked(
    ground: Ground, options: ValidationOptions, model: LanguageModel, announce: Announce,
    fit: _Choices, test: _Choices, asked: int,
) -> tuple[dict[str, Floats], dict[str, Floats]]:  # fmt: skip
    """[n, k] utilities by variant, on the choices to fit and to test on."""
    found_fit, found_test = {}, {}
    people = [ground.population(stage) for stage in (ground.stages.fit, ground.stages.test)]
    choice = ground.scenario.choice
    for number, (name, memory) in enumerate(variants(choice).items(), 1):
        announce(f"memory {number} of {asked}: {name}")
        spec = choice.model_copy(update={"memory": memory})
        interviewer = Interviewer(model, spec, ground.catalogue, options.base)
        found_fit[name] = interviewer.of_sets(people[0], fit.sets)
        found_test[name] = interviewer.of_sets(people[1], test.sets)
    return found_fit, found_test


def _scores(
    fit: _Choices, test: _Choices, llm_fit: Floats | None, llm_test: Floats | None
) -> dict[str, Any]:
    """NLL of each held-out choice, of the model alone and beside all other terms; its weight."""
    found: dict[str, Any] = {}
    for name, columns in (("alone", ["llm", "none"]), ("beside habits", ["llm", "rest", "none"])):
        data = fit.data(llm_fit, columns)
        silent = set(flat_features(data, columns))
        used = [column for column in columns if column not in silent]
        if not used:  # nothing to choose by: every option is as good as another
            shown = test.sets.shown.sum(axis=1)
            found[name] = np.log(shown + float(test.sets.outside))
            continue
        fitted = fit_logit(fit.data(llm_fit, used), used, ridge=RIDGE)
        found[name] = -log_likelihoods(test.data(llm_test, used), fitted.coefficients)
        if "llm" in used:
            found[f"weight {name}"] = fitted["llm"]
    return found


def _rows(
    scores: dict[str, dict[str, Any]], users: npt.NDArray[np.object_], seed: int
) -> list[dict[str, Any]]:
    means = {
        name: {which: pd.Series(found[which]).groupby(users).mean() for which in _WHICH}
        for name, found in scores.items()
    }
    first = next(name for name in scores if name != FORGETFUL)
    rows = []
    for name, found in scores.items():
        row: dict[str, Any] = {"memory": name, "against": first}
        for which in _WHICH:
            change = mean_interval((means[name][which] - means[first][which]).to_numpy(), seed)
            row |= {
                f"nll {which}": float(means[name][which].mean()),
                f"change {which}": change.value,
                f"change {which} interval": change.pair(),
                f"weight {which}": found.get(f"weight {which}"),
            }
        rows.append(row)
    return sorted(rows, key=lambda row: row["nll alone"])


_WHICH = ("alone", "beside habits")
