"""Whom to ask in a run of two levels: foreseen from the run by the surrogate, then drawn.

The luck of a run is known before the model is asked. So for each item shown it is known by how much
utility it was taken, or not; and from how far the surrogate is off (measured on users whom it had
not learned from), how likely the model's answer turns that around. Where both arms show a user the
same item at the same time, it is turned around in both, and their difference stays.

Nothing here knows an answer of those who are asked, so what is foreseen wrongly costs width only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from footfall.behaviour.decisions import PageLuck
from footfall.behaviour.margins import margins
from footfall.behaviour.specs import Habits
from footfall.errors import UserError
from footfall.luck import Luck, identities, uniform
from footfall.run_folder.log import IMPRESSIONS, read_part, write_frame
from footfall.scenario.scenario import Scenario, parse_scenario
from footfall.surrogate.folder import read_card
from footfall_eval.comparing.levels import not_strangers, original, without
from footfall_eval.comparing.pilots import judged
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.strata import Strata, strata_of
from footfall_eval.statistics.two_levels import FEWEST_ASKED

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_COLUMNS = (
    *("arm", "user", "session", "page", "position", "item"),
    *("utility", "p_examine", "p_buy", "answered", "clicked"),
)
_NEVER = 1e-6
"""Chances below this are left out."""

_SAME = 0.99
"""Share of items that must come out as logged, or the run's luck is not the one that we know."""


@dataclass(frozen=True, eq=False)
class Doubts:
    """What is known of users before they are asked; those who may speak for others."""

    users: npt.NDArray[np.str_]
    """[n_users]"""
    variance: Floats
    """[n_users] of how far the surrogate's difference between arms may be off; all 0 where nothing
    can be foreseen."""
    cost: Floats
    """[n_users] items that are shown to them."""


def draw(crowd: Path, taught: Path, asked: float, out: Path) -> str:
    """See ``footfall.runs.pilot_hook``."""
    log = RunLog.open(crowd)
    try:
        scenario = parse_scenario(log.manifest["scenario"], str(crowd))
        found = foresee(log, taught, scenario)
    finally:
        log.connection.close()
    few = min(asked, len(found.users))
    if few < FEWEST_ASKED:
        raise UserError(
            f"levels: {few:.0f} users would be asked whom the surrogate had not learned from; two "
            f"levels need {FEWEST_ASKED}: more users, or a larger levels.asked"
        )
    evenly = scenario.levels is not None and scenario.levels.draw == "even"
    variance = np.zeros(len(found.users)) if evenly else found.variance
    strata = strata_of(variance, found.cost, few / len(found.users))
    rng = np.random.Generator(np.random.Philox(key=[scenario.seed, len(found.users)]))
    drawn = np.zeros(len(found.users), dtype=bool)
    drawn[strata.drawn(rng)] = True
    table = {"user": found.users, "stratum": strata.of_user, "asked": drawn}
    more = {"foreseen": found.variance, "cost": found.cost}
    write_frame(pd.DataFrame({**table, **more}), out)
    return _told(strata, variance, few)


def foresee(log: RunLog, taught: Path, scenario: Scenario) -> Doubts:
    """What the answers of each user may change, from the run by the surrogate in ``taught``."""
    counts = without(log.per_user(), not_strangers(log))
    name = judged(log, bool(counts["purchases"].any()))
    names = set(counts["user"].astype(str))
    users = np.array(sorted(name for name in names if original(name, names) == name))
    metric = "clicks" if "click" in name or name == "ctr" else "purchases"
    seen = _Turned(users, scenario, _off_by(taught, scenario), metric)
    for part in sorted((log.path / "impressions").glob("*.parquet")):
        seen.add(read_part(part, IMPRESSIONS, _COLUMNS))
    return Doubts(users, seen.variance(counts), seen.cost)


def _told(strata: Strata, variance: Floats, even: float) -> str:
    asked = int(strata.asked.sum())
    if len(strata.asked) == 1:
        return f"whom to ask: {asked:,} users, drawn evenly"
    left = strata.foreseen(variance) * even / variance.mean()
    return (
        f"whom to ask: {asked:,} users, in {len(strata.asked)} strata by how likely their answers "
        f"change what happens; of what the surrogate gets wrong {left:.2f} of the variance is left "
        f"that {even:,.0f} users drawn evenly would leave, if it is off as foreseen"
    )


def _off_by(taught: Path, scenario: Scenario) -> float:
    """Standard error of a utility by the surrogate; 0 where nobody measured it."""
    cells = read_card(taught)["fidelity"]["cells"]
    error = cells["held-out users"].get("rmse") or 0.0
    return abs(scenario.behaviour.click.llm) * float(error)


@dataclass
class _Turned:
    """What the answers of each user may change, and how many questions they take."""

    users: npt.NDArray[np.str_]
    """In order."""
    scenario: Scenario
    error: float
    metric: str

    def __post_init__(self) -> None:
        self.cost: Floats = np.zeros(len(self.users))
        self._turned: Floats = np.zeros(len(self.users))
        self._silent = np.zeros(len(self.users), dtype=bool)
        self._items = self._as_logged = 0

    def add(self, rows: pd.DataFrame) -> None:
        """One part of the log, with all arms of its users."""
        names = rows["user"].to_numpy(dtype=str)
        place = np.minimum(np.searchsorted(self.users, names), len(self.users) - 1)
        ours = self.users[place] == names
        rows, place = rows[ours].reset_index(drop=True), place[ours]
        self.cost += np.bincount(place, minlength=len(self.users))
        answered = rows["answered"].to_numpy(dtype=bool)
        self._silent[place[~answered]] = True
        rows, place = rows[answered].reset_index(drop=True), place[answered]
        if not (self.error > 0 and len(rows)):
            return
        habits = self.scenario.behaviour.habits
        pages = _Pages.of(rows, Luck(self.scenario.seed), habits)
        self._items += len(rows)
        clicked = rows["clicked"].to_numpy(dtype=bool)
        self._as_logged += int(((pages.margin > 0) == clicked).sum())
        chance = ndtr(-np.abs(pages.margin) / self.error)
        if self.metric == "purchases":
            chance = chance * (pages.luck_of_buying < rows["p_buy"].to_numpy(dtype=float))
        kept = chance > _NEVER
        found = rows.loc[kept, ["arm", "session", "page", "item"]].assign(
            user=place[kept], chance=chance[kept]
        )
        if habits.picks == "one":  # a click or none, whichever item it is
            found["item"] = ""
        for turned in self._turned_in_one(found):
            self._turned += turned

    def _turned_in_one(self, found: pd.DataFrame) -> Iterator[Floats]:
        """[n_users] for each treatment: chances that it is turned around in one arm only."""
        control = self.scenario.control
        for arm in self.scenario.arms:
            if arm.name == control:
                continue
            pair = found[found["arm"].isin((arm.name, control))]
            signed = pair["chance"].where(pair["arm"] == arm.name, -pair["chance"])
            left = signed.groupby([pair[key] for key in ("user", "session", "page", "item")]).sum()
            users = left.index.get_level_values("user").to_numpy(dtype=np.int64)
            chances = np.abs(left.to_numpy(dtype=np.float64))
            yield np.bincount(users, chances, len(self.users)).astype(np.float64)

    def variance(self, counts: pd.DataFrame) -> Floats:
        """[n_users] of the difference between arms; all 0 where nothing can be foreseen.

        Of users whom the surrogate left without an answer nothing is known: they may differ by as
        much as others do.
        """
        if not self.error > 0 or self._as_logged < _SAME * self._items:
            return np.zeros(len(self.users))
        table = counts.pivot_table(index="user", columns="arm", values=self.metric)
        mine = table.reindex(self.users)[self.cost > 0]
        others = mine.drop(columns=self.scenario.control)
        squares = others.sub(mine[self.scenario.control], axis=0).to_numpy() ** 2
        unknown = float(squares.mean()) if len(mine) else 0.0
        return self._turned + unknown * self._silent


@dataclass(frozen=True, eq=False)
class _Pages:
    """Of each row of a log how closely it was decided, by the luck of its page."""

    margin: Floats
    luck_of_buying: Floats

    @classmethod
    def of(cls, rows: pd.DataFrame, luck: Luck, habits: Habits) -> _Pages:
        """Recomputed from the log; rows of a page lie together."""
        page, first = _numbered(rows)
        place = rows["position"].to_numpy(dtype=np.int64)
        shape = (len(first), int(place.max()) + 1)

        def laid_out(values: npt.NDArray[Any], empty: float) -> npt.NDArray[Any]:
            table = np.full(shape, empty, dtype=values.dtype)
            table[page, place] = values
            return table

        items = _identities(rows["item"])
        one = PageLuck.drawn(
            luck,
            _identities(rows["user"].iloc[first]),
            rows["session"].to_numpy(dtype=np.int64)[first],
            rows["page"].to_numpy(dtype=np.int64)[first],
            laid_out(items, 0),
            habits.picks,
        )
        utility = laid_out(rows["utility"].to_numpy(dtype=np.float64), -np.inf)
        reading = laid_out(rows["p_examine"].to_numpy(dtype=np.float64), 0.0)
        found = margins(utility, reading, one, habits)
        return cls(found[page, place], uniform(one.item_buy)[page, place])


def _numbered(rows: pd.DataFrame) -> tuple[Ints, Ints]:
    """[n_rows] number of the page of each row, and [n_pages] the first row of each."""
    keys = [rows[key].to_numpy() for key in ("arm", "user", "session", "page")]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.cumsum(new) - 1, np.flatnonzero(new)


def _identities(names: pd.Series) -> npt.NDArray[np.uint64]:
    codes, unique = pd.factorize(names)
    return identities([str(name) for name in unique])[codes]
