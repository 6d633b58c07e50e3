"""What a run needs before its first epoch: the world's setting, and the work to be dealt out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from footfall.answering.opening import pages_at_once
from footfall.behaviour.kept import read_people
from footfall.behaviour.thinking import Thinking
from footfall.errors import DataError
from footfall.options import Options
from footfall.plumbing.files import file_hash
from footfall.recommenders.callable import find_target
from footfall.runs import resuming
from footfall.runs.histories import Histories
from footfall.scenario.scenario import Scenario
from footfall.workers.shards import Job, people_of
from footfall.world.calendar import DAY
from footfall.world.crowd import Setting
from footfall.world.design import INTERLEAVED
from footfall.world.diary import DiarySpec
from footfall.world.offers import offers_of
from footfall.world.records import Names
from footfall.world.schedule import Schedule
from footfall.world.setup import prepare
from footfall.world.society import Society, graph_of

MOST_LIVED = 200
"""Newest purchases of the run that a user remembers, where the run is remembered at all."""


def expected_decisions(scenario: Scenario, setting: Setting) -> float:
    """Item decisions to expect: visits by the users' gaps, pages by the habit of going on."""
    habits = scenario.behaviour.habits
    present = scenario.world.days - setting.calendar.arrivals / DAY
    rates = present / setting.calendar.mean_gap_days
    if setting.people is not None:
        before = setting.people.before
        rates = rates * (1.0 - np.array([before(user).gone for user in range(len(rates))]))
    visits = float(sum(rates[user] for _, user in people_of(scenario, setting)))
    go_on = 1.0 / (1.0 + np.exp(-(habits.go_on + 0.3 * habits.go_on_after_click)))
    pages = sum(go_on**page for page in range(setting.max_pages))
    return float(visits * pages * setting.slate)


def setting_of(scenario: Scenario, histories: Histories, base: Path) -> Setting:
    """Step 5: what every shopper shares.

    Raises:
        DataError: The scenario names fitted users whose file is not there, or another one now.
    """
    return prepare(
        scenario.behaviour,
        histories.apart.for_behaviour,
        histories.population,
        histories.catalogue,
        at=histories.split.at,
        seed=scenario.seed,
        schedule=schedule_of(scenario, histories),
        arrivals=histories.arrivals,
        max_pages=scenario.world.max_pages,
        diary=_diary(scenario),
        actions=scenario.actions,
        people=people_fitted(scenario, histories, base),
        presented=histories.presentations.arms,
    )


def people_fitted(scenario: Scenario, histories: Histories, base: Path) -> Thinking | None:
    """The users of the run as a log of pages shows them, if the scenario names such."""
    spec, population = scenario.behaviour.people, histories.population
    if spec is None:
        return None
    if spec.target:
        make = find_target(spec.target, base)
        made: Thinking = make(population.originals, histories.catalogue.ids, histories.split.at)
        return made
    path = base / spec.file
    kept = read_people(path)
    if file_hash(path) != spec.sha256:
        raise DataError(
            f"{path}: not the users that this behaviour was fitted with; run `footfall fit` again"
        )
    if kept.until > histories.split.at.to_datetime64():
        raise DataError(
            f"{path}: these users remember until {kept.until}, which is after the split at "
            f"{histories.split.at}: they know what is to be foretold; fit them again"
        )
    return kept.of(population.originals, histories.catalogue.ids)


def _diary(scenario: Scenario) -> DiarySpec:
    """What users carry along from page to page and from visit to visit."""
    memory = scenario.choice.memory
    return DiarySpec(
        remembers=MOST_LIVED if memory is not None and memory.simulated else 0,
        mood=scenario.behaviour.mood,
        reasons=scenario.actions.reasons,
        acts=scenario.actions.any or (memory is not None and memory.reflection is not None),
    )


def schedule_of(scenario: Scenario, histories: Histories) -> Schedule:
    """What the scenario's interventions make of prices, pages and items, over time."""
    schedule = Schedule.build(
        histories.chosen,
        histories.catalogue,
        slate=scenario.world.slate,
        arms=[arm.name for arm in scenario.arms],
        together=scenario.design == "interleaved",
    )
    offers = offers_of(
        histories.chosen,
        histories.split,
        histories.catalogue,
        histories.population,
        scenario.world.days,
    )
    return replace(schedule, offers=(*offers, *histories.presentations.days))


def society_of(scenario: Scenario, histories: Histories, base: Path) -> Society | None:
    """Who hears of whom, if anybody does."""
    if scenario.social is None:
        return None
    users = histories.population.users
    graph = graph_of(scenario.social, users, base, scenario.seed)
    arms = 1 if scenario.design == "interleaved" else len(scenario.arms)
    return Society(scenario.social, graph, len(histories.catalogue), arms)


def job_of(
    scenario: Scenario,
    histories: Histories,
    setting: Setting,
    options: Options,
    earlier: resuming.Earlier,
) -> Job:
    """What workers have to know."""
    return Job(
        scenario=scenario,
        population=histories.population,
        catalogue=histories.catalogue,
        setting=setting,
        names=_names(scenario, histories),
        out=options.out,
        base=options.base,
        pages_at_once=pages_at_once(scenario.model, scenario.choice),
        eventful=_diary(scenario).acts,
        intact=frozenset(earlier.intact),
    )


def epochs(scenario: Scenario) -> Iterator[float]:
    """Ends of the epochs in simulated seconds; the last one may be shorter."""
    end, length = scenario.world.days * DAY, scenario.world.epoch_days * DAY
    until = 0.0
    while until < end:
        until = min(end, until + length)
        yield until


def _names(scenario: Scenario, histories: Histories) -> Names:
    names = tuple(arm.name for arm in scenario.arms)
    return Names(
        arms=(INTERLEAVED,) if scenario.design == "interleaved" else names,
        teams=names,
        users=histories.population.users,
        items=histories.catalogue.ids,
        start=histories.split.at,
    )
