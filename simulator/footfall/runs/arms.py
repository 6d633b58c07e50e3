"""The recommenders of a run: built, audited, and asked for a few pages before it starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from footfall.options import Announce
from footfall.recommenders import AuditedRecommender, Request, audited, build
from footfall.recommenders.outage import FailingRecommender
from footfall.recommenders.table import TableRecommender
from footfall.run_folder.answers import OWN, RequestCounts, answers
from footfall.runs.histories import Histories
from footfall.runs.staging import windows
from footfall.scenario.scenario import Scenario

PROBES = 30
"""Users for whom each arm is asked for a page before a run."""


def open_arms(
    scenario: Scenario,
    histories: Histories,
    base: Path,
    announce: Announce,
    without: Collection[str] = (),
) -> dict[str, AuditedRecommender]:
    """Build the recommender of every arm, except for those of some kinds; by the arm's name.

    Raises:
        UserError: One of them cannot be built, or is of other data.
    """
    found = {}
    for arm in scenario.arms:
        if arm.recommender.kind in without:
            continue
        announce(f'recommender "{arm.name}": {arm.recommender.kind}')
        trained = build(
            arm.recommender,
            histories.apart.for_recommenders,
            histories.catalogue,
            base=base,
            seed=scenario.seed,
        )
        if isinstance(trained, TableRecommender):
            users = histories.dataset.users["user"]
            trained.check(arm.name, set(users), histories.catalogue.ids)
        outages = windows(scenario, arm.name, histories.split.at)
        failing = FailingRecommender(trained, outages) if outages else trained
        found[arm.name] = audited(failing, histories.catalogue)
    return found


def probe(
    scenario: Scenario, histories: Histories, base: Path, announce: Announce
) -> tuple[RequestCounts, ...]:
    """Ask recommenders of others (callables, tables, services) for the first users' first pages.

    Nothing is simulated and nobody learns; a service sees requests like any others.
    """
    kinds = {arm.name: arm.recommender.kind for arm in scenario.arms}
    with _closing(open_arms(scenario, histories, base, announce, without=OWN)) as arms:
        for arm in arms.values():
            arm.recommend(list(_requests(scenario, histories)))
        return tuple(
            answers(name, {**arm.faults.as_dict(), **arm.diagnostics}, kinds[name])
            for name, arm in arms.items()
        )


def _requests(scenario: Scenario, histories: Histories) -> Iterator[Request]:
    for number, user in enumerate(histories.population.originals[:PROBES]):
        yield Request(
            user=user,
            session=0,
            page=0,
            time=histories.split.at,
            k=scenario.world.slate,
            seed=number,
        )


@contextmanager
def _closing(arms: dict[str, AuditedRecommender]) -> Iterator[dict[str, AuditedRecommender]]:
    with ExitStack() as stack:
        for arm in arms.values():
            stack.callback(arm.close)
        yield arms
