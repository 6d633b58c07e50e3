"""What every arm would have put on the pages of a real log: material for off-policy estimates.

An arm is asked only about days that it has not learned from. Arms that Footfall trains (built-in
ones, and code that is given the split) have learned from nothing after the split; where the log
ends there they are trained again on the part before the judged days. Tables, services and other
code are asked where the scenario says since when they have learned nothing (``made_at``), or where
their stated chances are those of the log, so that they are the policy that logged. All others
are left out, and the manifest says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from footfall.behaviour.in_visit import in_visit
from footfall.behaviour.traces import amounts
from footfall.datasets.base import naive_utc
from footfall.datasets.schema import Split
from footfall.options import Announce
from footfall.recommenders import AuditedRecommender, audited, build
from footfall.recommenders.callable import learns_from_split
from footfall.recommenders.specs import CallableSpec, HttpSpec, TableSpec
from footfall.run_folder.log import write_part
from footfall.run_folder.logged import (
    LOGGED,
    LOGGED_ARMS,
    LOGGED_ARMS_NAME,
    LOGGED_NAME,
    as_table,
)
from footfall.runs.foresight import Foresight, Met, SettingForesight, SilentForesight
from footfall.runs.histories import Histories
from footfall.runs.judged_pages import Judged, logged_pages
from footfall.scenario.scenario import ArmSpec, Scenario
from footfall.serving.logged import FEWER_DRAWS, CounterfactualSlates, LoggedPages, ask
from footfall.world.crowd import Setting

TRIED_PAGES = 250
"""Pages by which an arm of unknown age may show that it is the policy that logged."""

AT_ONCE = 4096
"""Pages whose chances are computed together."""

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
ChancesOf = Callable[[Rows, Codes], tuple[Floats, Floats]]
"""Numbers of logged pages [n], codes [n, k] -> P(clicked) and P(bought | clicked), each [n, k]."""


@dataclass(frozen=True, eq=False)
class AskedPages:
    """What one arm would have shown on some pages."""

    rows: npt.NDArray[np.int64]
    """[m] which pages; earlier ones only of arms that Footfall did not train."""
    answers: CounterfactualSlates
    """Of those."""


def write_logged(
    scenario: Scenario,
    histories: Histories,
    arms: Sequence[AuditedRecommender],
    setting: Setting,
    *,
    speaks: bool,
    base: Path,
    out: Path,
    announce: Announce,
) -> tuple[dict[str, str], dict[str, Any]]:
    """Ask the arms about logged pages and write both tables.

    Args:
        scenario: The scenario.
        histories: Its data, cut.
        arms: The scenario's recommenders, trained on what lies before the split.
        setting: The simulated users.
        speaks: A language model has a say in what they choose.
        base: Folder of the scenario file.
        out: The run folder.
        announce: Told what is done.

    Returns:
        Hashes of the tables by name, and the manifest's ``logged``; both empty without pages.
    """
    found = logged_pages(scenario, histories)
    if found is None:
        return {}, {}
    pages, judged = found
    foresight = foresight_on(pages, judged, histories, setting, speaks=speaks)
    announce(f"logged pages: {int(pages.judged.sum())} of {judged.start:%Y-%m-%d} and later")
    answers: dict[str, AskedPages] = {}
    notes: dict[str, dict[str, Any]] = {}
    for arm, trained in zip(scenario.arms, arms, strict=True):
        asked = ask_arm(arm, trained, scenario, histories, pages, judged, foresight, base)
        notes[arm.name] = asked[1]
        if asked[0] is not None:
            answers[arm.name] = asked[0]
        else:
            announce(f'logged pages: arm "{arm.name}" is left out: {asked[1]["why"]}')
    tables = logged_tables(pages, answers, foresight, histories)
    hashes = {name: write_part(table, out / name) for name, table in tables.items()}
    return hashes, {
        "from": str(judged.start),
        "to": str(judged.end),
        "pages": int(pages.judged.sum()),
        "users": len({u for u, j in zip(pages.users, pages.judged, strict=True) if j}),
        "arms": notes,
    }


def ask_arm(
    arm: ArmSpec,
    trained: AuditedRecommender,
    scenario: Scenario,
    histories: Histories,
    pages: LoggedPages,
    judged: Judged,
    foresight: Foresight,
    base: Path,
) -> tuple[AskedPages | None, dict[str, Any]]:
    """What an arm would have shown, if it may be asked; else why not."""
    retrained = _is_retrained(arm, base)
    if retrained and not judged.held_out:
        trained = _trained_before(arm, scenario, histories, judged.start, base)
    asked = audited(trained.recommender, histories.catalogue)
    chances = getattr(trained.recommender, "chances", None)
    reading = foresight.reading(pages.items.shape[1])
    answer = partial(
        ask,
        asked,
        catalogue=histories.catalogue,
        seed=scenario.seed,
        reading=reading,
        chances=chances,
    )
    rows, logger = pages.judged, False
    if not retrained:
        tried = rows & (np.cumsum(rows) <= TRIED_PAGES)
        logger = not isinstance(arm.recommender, TableSpec) and answer(pages.take(tried)).logger
        if not logger and not _made_before(arm, judged.start):
            return None, {"asked": False, "why": _unknown_age(arm, judged)}
        rows = rows if logger else np.ones(len(pages), dtype=bool)
    answers = answer(pages.take(rows), logger=logger)
    return AskedPages(np.flatnonzero(rows), answers), {
        "asked": True,
        "logged": answers.logger,
        "frozen": not retrained,
        "draws": answers.items.shape[1],
        "failed": answers.failed,
    }


def _is_retrained(arm: ArmSpec, base: Path) -> bool:
    """Whether Footfall trains the arm on what it is given, and on nothing else."""
    spec = arm.recommender
    if isinstance(spec, CallableSpec):
        return learns_from_split(spec, base)
    return not isinstance(spec, TableSpec | HttpSpec)


def _made_before(arm: ArmSpec, start: pd.Timestamp) -> bool:
    made = naive_utc(arm.made_at)
    return made is not None and made <= start


def _unknown_age(arm: ArmSpec, judged: Judged) -> str:
    day = f"{judged.start:%Y-%m-%d}"
    if arm.made_at is not None:
        return f"it was made at {arm.made_at}, and the judged days begin on {day}"
    return (
        f"nobody says that it has not seen the days from {day} on, which it would be judged on; "
        f"if so, give the arm `made_at: {day}` or earlier"
    )


def _trained_before(
    arm: ArmSpec, scenario: Scenario, histories: Histories, start: pd.Timestamp, base: Path
) -> AuditedRecommender:
    """The arm, trained on the part of its lessons that comes before ``start``."""
    split = histories.apart.for_recommenders
    rows = split.remembered.interactions
    early = rows[rows["time"] < start].reset_index(drop=True)
    remembered = replace(split.remembered, interactions=early)
    lessons = Split(start, remembered, split.held_out.iloc[:0])
    made = build(arm.recommender, lessons, histories.catalogue, base=base, seed=scenario.seed)
    return audited(made, histories.catalogue)


def foresight_on(
    pages: LoggedPages, judged: Judged, histories: Histories, setting: Setting, *, speaks: bool
) -> Foresight:
    """The simulated users' chances, if they are known without asking a model, and honest.

    Users who remember the judged days foresee nothing there.
    """
    if not judged.held_out or (speaks and setting.behaviour.spec.click.llm != 0):
        return SilentForesight(setting)
    late = pages.take(pages.judged)
    page, place = np.nonzero(late.shown)
    users = numbers_of(late, histories)[page]
    order = np.argsort(users, kind="stable")
    page, place = page[order], place[order]
    clicked, bought = late.clicked[page, place], late.bought[page, place]
    met = Met(
        users=users[order],
        items=late.items[page, place],
        days=(late.times[page] - setting.start) / np.timedelta64(1, "D"),
        amounts=amounts(np.ones(len(page)), clicked.astype(float), bought.astype(float)),
    )
    return SettingForesight(setting, met)


def numbers_of(pages: LoggedPages, histories: Histories) -> Rows:
    """[n] each page's user within the population."""
    originals = histories.population.originals
    numbers = {user: number for number, user in reversed(list(enumerate(originals)))}
    return np.array([numbers[user] for user in pages.users], dtype=np.int64)


def logged_tables(
    pages: LoggedPages,
    answers: dict[str, AskedPages],
    foresight: Foresight,
    histories: Histories,
) -> dict[str, pa.Table]:
    """What was shown and what each arm would have shown, as ``run_folder.logged`` has them."""
    users = numbers_of(pages, histories)

    visit = in_visit(pages.depths, pages.earlier)

    def chances(rows: Rows, items: Codes) -> tuple[Floats, Floats]:
        parts = [
            foresight.of(users[rows[part]], items[part], pages.times[rows[part]], visit[rows[part]])
            for part in np.array_split(np.arange(len(rows)), len(rows) // AT_ONCE + 1)
        ]
        clicks, buys = zip(*parts, strict=True)
        return np.concatenate(clicks), np.concatenate(buys)

    ids = np.asarray(histories.catalogue.ids, dtype=object)
    every = np.arange(len(pages))
    reading = foresight.reading(pages.items.shape[1])
    shown = _shown_table(pages, ids, reading, *chances(every, pages.items))
    rows = [_arm_table(name, pages, one, chances, ids) for name, one in answers.items()]
    return {
        LOGGED_NAME: shown,
        LOGGED_ARMS_NAME: pa.concat_tables([LOGGED_ARMS.empty_table(), *rows]),
    }


def _shown_table(
    pages: LoggedPages, ids: npt.NDArray[np.object_], reading: Floats, clicks: Floats, buys: Floats
) -> pa.Table:
    cells = np.nonzero(pages.shown)
    page, place = cells
    return as_table(
        {
            "page": page,
            "user": np.asarray(pages.users, dtype=object)[page],
            "time": pages.times[page],
            "depth": pages.depths[page],
            "position": place,
            "item": ids[pages.items[cells]],
            "propensity": pages.propensities[cells],
            "clicked": pages.clicked[cells],
            "bought": pages.bought[cells],
            "judged": pages.judged[page],
            "p_examine": reading[place],
            "p_click": clicks[cells],
            "p_buy": buys[cells],
        },
        LOGGED,
    )


def _arm_table(
    name: str,
    pages: LoggedPages,
    asked: AskedPages,
    chances: ChancesOf,
    ids: npt.NDArray[np.object_],
) -> pa.Table:
    """Expected acts are means over some of the arm's draws."""
    cells = np.nonzero(pages.shown[asked.rows])
    items = asked.answers.items
    draws = min(items.shape[1], FEWER_DRAWS)
    clicks = np.zeros((len(items), items.shape[2]))
    purchases = np.zeros_like(clicks)
    for draw in range(draws):
        click, buy = chances(asked.rows, items[:, draw])
        clicks += click / draws
        purchases += click * buy / draws
    first = items[:, 0][cells]
    names = ids[first]
    names[first < 0] = None
    return as_table(
        {
            "arm": name,
            "page": asked.rows[cells[0]],
            "position": cells[1],
            "item": names,
            "target": asked.answers.target[cells],
            "placed": asked.answers.placed[cells],
            "reach": asked.answers.reach[cells],
            "p_click": clicks[cells],
            "p_purchase": purchases[cells],
        },
        LOGGED_ARMS,
    )
