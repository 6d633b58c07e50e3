"""From remembered histories to the world's starting state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.decisions import Behaviour
from footfall.behaviour.features import PairFeatures, Past, Tags, view_crowd
from footfall.behaviour.individuals import coefficients, drawn, groups_of
from footfall.behaviour.others import with_others
from footfall.behaviour.ratings import RatingModel, fit_remembered, leniencies
from footfall.behaviour.specs import BehaviourSpec, Habits
from footfall.behaviour.thinking import Thinking
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.datasets.takings import best_rating, taken
from footfall.errors import ScenarioError
from footfall.luck import Luck, identities
from footfall.users.population import Population
from footfall.world.actions.funnel import Funnel, quantities
from footfall.world.actions.specs import ActionsSpec
from footfall.world.calendar import Calendar, gaps_to_draw
from footfall.world.crowd import Setting
from footfall.world.diary import DiarySpec
from footfall.world.presented import Presented
from footfall.world.schedule import Schedule

Floats = npt.NDArray[np.float64]

OWN_HOURS_PRIOR = 5.0
"""Visits' worth of the population's hours that are mixed into each user's own."""


def known_before(
    crowd: Dataset, population: Population, catalogue: Catalogue, at: pd.Timestamp
) -> PairFeatures:
    """What is known at ``at`` of the population (its own memory) and of the items (the crowd)."""
    tags = Tags.of_items(crowd.items)
    rows = crowd.interactions
    took = taken(rows, best_rating(rows))
    seen = with_others(view_crowd(rows, catalogue, tags, took), crowd, took, catalogue)
    return PairFeatures.build(Past.of_population(population, at), seen, tags, catalogue)


def prepare(
    spec: BehaviourSpec,
    for_behaviour: Dataset,
    population: Population,
    catalogue: Catalogue,
    *,
    at: pd.Timestamp,
    seed: int,
    schedule: Schedule,
    arrivals: npt.NDArray[np.float64],
    max_pages: int,
    diary: DiarySpec | None = None,
    actions: ActionsSpec | None = None,
    people: Thinking | None = None,
    presented: Presented | None = None,
) -> Setting:
    """Everything that the shoppers of a run share, ready to be sent to workers."""
    calendar = calendar_of(population, spec.habits, seed, arrivals)
    if people is not None:
        drawn = gaps_to_draw(people.gap_days, calendar.hours)
        calendar = replace(calendar, mean_gap_days=drawn)
    setting = Setting(
        behaviour=Behaviour(spec),
        calendar=calendar,
        luck=calendar.luck,
        users=calendar.identities,
        items=identities(catalogue.ids),
        known=known_before(for_behaviour, population, catalogue, at),
        schedule=schedule,
        max_pages=max_pages,
        start=at.to_datetime64(),
        own=_own(spec, population, calendar.luck, calendar.identities),
        diary=diary if diary is not None and diary.wanted else None,
        people=people,
        presented=presented,
    )
    if actions is None or not actions.any:
        return setting
    funnel = _funnel(setting, actions, for_behaviour, population, catalogue, at)
    return replace(setting, funnel=funnel)


def _own(
    spec: BehaviourSpec, population: Population, luck: Luck, users: npt.NDArray[np.uint64]
) -> Floats | None:
    """[n_users, len(TERMS)] coefficients of each user; None where all have the common ones."""
    groups = groups_of(spec.segments, population.profiles)
    if groups is None and not any(spec.spread.values()):
        return None
    return coefficients(spec, groups, drawn(luck, users))


def _funnel(
    setting: Setting,
    actions: ActionsSpec,
    crowd: Dataset,
    population: Population,
    catalogue: Catalogue,
    at: pd.Timestamp,
) -> Funnel:
    """What users do beside clicking and buying, with what their histories tell about it."""
    past = Past.of_population(population, at)
    rows = crowd.interactions
    ratings, rate = None, actions.rate
    if rate is not None:
        if rate.levels is not None and rate.cuts is not None:
            ratings = RatingModel(np.array(rate.levels), np.array(rate.cuts))
        else:
            ratings = fit_remembered(rows, crowd.items, catalogue)
    bought = rows[rows["action"] == "purchase"]
    mean = None if actions.quantity is None else actions.quantity.mean
    codes = catalogue.codes(bought["item"])
    rated = past.ratings[np.isfinite(past.ratings)]
    middle = float(rated.mean()) if len(rated) else 0.0
    return Funnel(
        spec=actions,
        behaviour=setting.behaviour.spec,
        luck=setting.luck,
        users=setting.users,
        items=setting.items,
        titles=catalogue.titles,
        quantities=quantities(bought["quantity"].to_numpy(), codes, len(catalogue), mean),
        budgets=_budgets(actions, population),
        leniency=leniencies(past, setting.known, middle),
        ratings=ratings,
        known=setting.known,
    )


def _budgets(actions: ActionsSpec, population: Population) -> Floats:
    """[n_users] money a visit; users without remembered spending have the mean of the others."""
    if actions.budget is None:
        return np.full(len(population), np.inf)
    if actions.budget.amount is not None:
        return np.full(len(population), actions.budget.amount)
    spent = population.habits["spend_per_order"].to_numpy(dtype=np.float64)
    known = np.isfinite(spent) & (spent > 0)
    if not known.any():
        raise ScenarioError(
            "actions.budget: the history tells of no money spent; give actions.budget.amount"
        )
    return np.where(known, spent, spent[known].mean()) * actions.budget.times


def calendar_of(
    population: Population, habits: Habits, seed: int, arrivals: npt.NDArray[np.float64]
) -> Calendar:
    """When each user comes; ``arrivals`` [n_users] are seconds before which they do not."""
    return Calendar(
        luck=Luck(seed),
        identities=identities(population.users),
        mean_gap_days=_gaps(population, habits),
        hours=_hours(population, arrivals == 0),
        arrivals=arrivals,
    )


def _gaps(population: Population, habits: Habits) -> npt.NDArray[np.float64]:
    """[n_users] mean days between visits; the default where the history tells none."""
    own = population.habits["gap_days"].to_numpy(dtype=np.float64)
    return np.where(np.isfinite(own) & (own > 0), own, habits.gap_days)


def _hours(population: Population, first: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """[n_users, 24] cumulative hours of the day: the user's own, smoothed by everybody's.

    Everybody is who is there from the ``first`` day: a later wave does not move the others.
    """
    everybody = population.hours[first].sum(axis=0) + 1.0
    mixed = population.hours + OWN_HOURS_PRIOR * everybody / everybody.sum()
    return np.asarray(np.cumsum(mixed / mixed.sum(axis=1, keepdims=True), axis=1))
