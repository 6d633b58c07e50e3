"""Users fitted to a scenario's own log where it names no behaviour: a run does what one expects.

A log that tells what was shown is fitted page by page (``footfall.fitting.pages``), as ``footfall
fit`` would, and the users are kept in the run's folder. Whoever names a behaviour gets that one.
What cannot be fitted is assumed, and the run says so.
"""

from __future__ import annotations

import os
from typing import Any

from footfall.behaviour.specs import BehaviourSpec, PeopleSpec
from footfall.errors import DataError
from footfall.fitting.pages.of_split import fit_users, has_pages
from footfall.llm.nobody import NOBODY
from footfall.options import Announce, Options
from footfall.plumbing.files import file_hash
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST, PEOPLE
from footfall.runs.histories import Histories
from footfall.scenario.scenario import Scenario

FITTED_HERE = "users_fitted"
"""Key of the manifest: what the fit of a run's own users says of itself."""


def as_begun(scenario: Scenario, options: Options) -> Scenario:
    """The scenario with the users that an earlier attempt at this run has fitted, if it did."""
    if not options.resume or not (options.out / MANIFEST).exists():
        return scenario
    record = manifest.read(options.out)
    if FITTED_HERE not in record or not _unnamed(scenario):
        return scenario
    behaviour = BehaviourSpec.model_validate(record["scenario"]["behaviour"])
    return scenario.model_copy(update={"behaviour": behaviour})


def with_own_users(
    scenario: Scenario, histories: Histories, options: Options, announce: Announce
) -> tuple[Scenario, dict[str, Any]]:
    """The scenario with users fitted to its own log, where it names no behaviour.

    Returns:
        The scenario to run, and what to add to its manifest.
    """
    if not _unnamed(scenario):
        return scenario, {}
    if scenario.model.name != NOBODY or scenario.choice.mode == "surrogate":
        announce("habits are assumed; `footfall fit` fits them to the log")
        return scenario, {}
    if not has_pages(histories.split.remembered):
        announce("habits are assumed: the log does not tell what was shown; see `footfall fit`")
        return scenario, {}
    announce("fitting users to the pages of the log (a named behaviour is used as it is)")
    try:
        fitted = fit_users(histories.split, histories.catalogue, seed=scenario.seed)
    except DataError as error:
        announce(f"habits are assumed: {error}")
        return scenario, {}
    path = options.out / PEOPLE
    fitted.kept.save(path)
    for note in fitted.report.notes:
        announce(f"fit: {note}")
    file = os.path.relpath(path, options.base)
    people = PeopleSpec(file=file, sha256=file_hash(path))
    behaviour = fitted.behaviour.model_copy(update={"people": people})
    told = {FITTED_HERE: fitted.report.model_dump(mode="json")}
    return scenario.model_copy(update={"behaviour": behaviour}), told


def _unnamed(scenario: Scenario) -> bool:
    return "behaviour" not in scenario.model_fields_set
