"""Users fitted to a scenario's own log where it names no behaviour: a run does what one expects.

A log that tells what was shown is fitted page by page (``footfall.fitting.pages``), as ``footfall
fit`` would, and the users are kept in the run's folder. Whoever names a behaviour gets that one.
What cannot be fitted is assumed, and the run says so.
"""

from __future__ import annotations

import os
from typing import Any

from footfall.behaviour.specs import PeopleSpec
from footfall.errors import DataError
from footfall.fitting.pages.of_split import fit_users
from footfall.llm.nobody import NOBODY
from footfall.llm.specs import ModelSpec
from footfall.options import Announce, Options
from footfall.plumbing.files import file_hash
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST, PEOPLE
from footfall.runs.histories import Histories
from footfall.scenario.scenario import Scenario, parse_scenario

FITTED_HERE = "users_fitted"
"""Key of the manifest: what the fit of a run's own users says of itself."""


def as_begun(scenario: Scenario, options: Options) -> Scenario:
    """The scenario with the users that an earlier attempt at this run has fitted, if it did."""
    if not options.resume or not (options.out / MANIFEST).exists():
        return scenario
    record = manifest.read(options.out)
    if FITTED_HERE not in record or not _unnamed(scenario):
        return scenario
    begun = parse_scenario(record["scenario"], str(options.out / MANIFEST))
    return scenario.model_copy(update={"behaviour": begun.behaviour, "model": begun.model})


def asks_nobody(scenario: Scenario, histories: Histories) -> Scenario:
    """The scenario without a language model where users are fitted and no model is named.

    A model that nobody asked for would only cost time: fitted users give it no weight.
    """
    if not _unnamed(scenario) or not histories.split.remembered.has_pages:
        return scenario
    if "model" in scenario.model_fields_set or scenario.choice.mode == "surrogate":
        return scenario
    return scenario.model_copy(update={"model": ModelSpec(name=NOBODY)})


def with_own_users(
    scenario: Scenario, histories: Histories, options: Options, announce: Announce
) -> tuple[Scenario, dict[str, Any]]:
    """The scenario with users fitted to its own log, where it names no behaviour.

    Returns:
        The scenario to run, and what to add to its manifest.
    """
    if not _unnamed(scenario):
        return scenario, {}
    silent = asks_nobody(scenario, histories)
    if silent.model.name != NOBODY or silent.choice.mode == "surrogate":
        announce("habits are assumed; `footfall fit` fits them to the log")
        return scenario, {}
    if not histories.split.remembered.has_pages:
        announce("habits are assumed: the log does not tell what was shown; see `footfall fit`")
        return scenario, {}
    asked = "" if silent is scenario else "; no language model is asked, since none is named"
    announce(f"fitting users to the pages of the log (a named behaviour is used as it is){asked}")
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
    return silent.model_copy(update={"behaviour": behaviour}), told


def _unnamed(scenario: Scenario) -> bool:
    return "behaviour" not in scenario.model_fields_set
