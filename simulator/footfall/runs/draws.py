"""What the pages of a run would have brought, were the fitted users otherwise than the best guess.

Beside the luck of the draw an effect is as uncertain as the fit. The pages that a run logged are
looked at again under worlds drawn from what the fit leaves possible (``behaviour.people_draws``):
no new run, since expected clicks and purchases are sums of chances. ``RUN/draws.parquet`` has one
row an arm, user and draw:

    arm, user             as in the log
    draw                  number of the drawn world, from 0; the same world in all arms
    expected_clicks       sum over the user's pages of P(clicked)
    expected_purchases    sum of P(clicked) * P(bought | clicked)
    expected_visits       visits; like all sums weighed by how much likelier each visit is in the
                          drawn world than in the run (``visit_weights``)
    discrepancy           the same in all rows: standard deviation of the model's own error on the
                          log of a lift, which no draw holds (``fitting.pages.backtest``)
    stretch               the same in all rows: share of a lift's own logarithm that is missing by
                          the log's last days, below 0 what is too much; 0: they refute nothing
    page_weight           the same in all rows: what a page's mean worth adds to each of its items
                          (``fitting.pages.page_worth``); 0: they are judged one by one
    sameness              the same in all rows of an arm: mean share of first pages that stood on
                          the first page of the visit before (``behaviour.coming_back``)
    usual_sameness        the same in all rows: that of the log's visits
    same_doubt            the same in all rows: standard deviation of what sameness does to the
                          logarithm of the rate of coming back, as far as the log tells
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from footfall.behaviour.decisions import chances, examination_curve
from footfall.behaviour.in_visit import earlier, in_visit
from footfall.behaviour.people import People, sigmoid
from footfall.behaviour.people_draws import drawn
from footfall.behaviour.traces import amounts, faded_before
from footfall.run_folder.log import IMPRESSIONS, read_part, write_part
from footfall.runs.visit_weights import RunVisits
from footfall.world.calendar import DAY
from footfall.world.crowd import Setting
from footfall.world.records import Names

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

DRAWS = 20
"""Worlds drawn."""

SUMS = pa.schema(
    [
        ("arm", pa.string()),
        ("user", pa.string()),
        ("draw", pa.int16()),
        ("expected_clicks", pa.float64()),
        ("expected_purchases", pa.float64()),
        ("expected_visits", pa.float64()),
    ]
)

_COLUMNS = ("arm", "user", "session", "page", "position", "item", "time", "clicked", "bought")


def write_draws(
    path: Path, parts: Iterable[Path], setting: Setting, names: Names, seed: int
) -> str | None:
    """Look at a run's pages again under drawn worlds; the hash of what was written.

    Args:
        path: File to write.
        parts: Parts of the log of impressions, all of them.
        setting: Of the run.
        names: Of the run's arms, users and items.
        seed: Of the run; the draws depend on nothing else.

    Returns:
        None if the users of the run were not fitted to pages: then nothing is written.
    """
    people = setting.people
    if not isinstance(people, People):
        return None
    rows = pd.concat([read_part(part, IMPRESSIONS, _COLUMNS) for part in parts])
    tables = []
    off = dict(zip(("discrepancy", "stretch"), people.shared.discrepancy.tolist(), strict=True))
    off["page_weight"] = float(people.shared.page[0])
    off["usual_sameness"] = people.usual_sameness
    off["same_doubt"] = float(np.sqrt(np.mean(people.coming.same_errors**2)))
    for arm in names.arms:
        pages = _Pages.of(rows[rows["arm"] == arm], names, setting, people)
        if not len(pages.users):
            continue
        for number in range(DRAWS):
            world = drawn(people, np.random.default_rng([seed, number]))
            sums = pages.expected(world, setting)
            table = _table(arm, number, names.users, pages.users, sums)
            for name, value in (off | {"sameness": pages.visits.same}).items():
                table = table.append_column(name, pa.array([value] * len(table)))
            tables.append(table)
    if not tables:
        return None
    return write_part(pa.concat_tables(tables), path)


def _table(
    arm: str, draw: int, users: tuple[str, ...], came: Numbers, sums: tuple[Floats, Floats, Floats]
) -> pa.Table:
    numbers = np.unique(came)
    return pa.table(
        {
            "arm": [arm] * len(numbers),
            "user": [users[number] for number in numbers.tolist()],
            "draw": np.full(len(numbers), draw, dtype=np.int16),
            **{
                name: np.bincount(came, values, len(users))[numbers]
                for name, values in zip(SUMS.names[-3:], sums, strict=True)
            },
        },
        schema=SUMS,
    )


class _Pages:
    """The pages of one arm, [n, k], with what each user had met before each."""

    def __init__(
        self,
        users: Numbers,
        items: Codes,
        days: Floats,
        met: Floats,
        visit: Floats,
        people: People,
        visits: RunVisits,
    ) -> None:
        self.users, self.items, self.days, self.met, self.visit = users, items, days, met, visit
        self.people, self.visits = people, visits

    @classmethod
    def of(cls, rows: pd.DataFrame, names: Names, setting: Setting, people: People) -> _Pages:
        rows = rows.sort_values(["user", "session", "page", "position"], kind="stable")
        user = pd.Index(names.users).get_indexer(pd.Index(rows["user"]))
        item = pd.Index(names.items).get_indexer(pd.Index(rows["item"]))
        day = (rows["time"].to_numpy() - setting.start) / np.timedelta64(1, "D")
        done = [
            rows[name].fillna(False).to_numpy(dtype=np.float64) for name in ("clicked", "bought")
        ]
        met = faded_before(
            user.astype(np.int64) * len(names.items) + item,
            day,
            amounts(np.ones(len(rows)), *done),
        )
        key = rows[["session", "page"]].to_numpy()
        fresh = np.r_[True, (np.diff(user) != 0) | (np.diff(key, axis=0) != 0).any(axis=1)]
        page = np.cumsum(fresh[: len(rows)]) - 1
        place = np.arange(len(rows)) - np.flatnonzero(fresh)[page]
        shape = (int(page.max(initial=-1)) + 1, setting.slate)
        items = np.full(shape, -1, dtype=np.int32)
        items[page, place] = item
        traces = np.zeros((*shape, met.shape[1]))
        traces[page, place] = met
        first = np.flatnonzero(fresh[: len(rows)])
        came = user[first].astype(np.int64)
        clicks = np.bincount(page, done[0], shape[0]).astype(np.int64)
        begins = np.r_[True, (np.diff(came) != 0) | (np.diff(key[first, 0]) != 0)][: len(first)]
        visit = in_visit(key[first, 1], earlier(clicks, begins))
        visits = RunVisits.of(
            people, setting, came, key[first, 0], day[first], clicks.astype(np.float64), items
        )
        return cls(came, items, day[first], traces, visit, people, visits)

    def expected(self, people: People, setting: Setting) -> tuple[Floats, Floats, Floats]:
        """[n] clicks, purchases and visits of each page in the world of ``people``."""
        habits, shown = setting.behaviour.spec.habits, self.items >= 0
        price = setting.known.price[self.items]
        opinion = people.think(self.users, self.items, price, self.days, self.met, self.visit)
        utility = np.where(shown, opinion.terms.sum(axis=2), -np.inf)
        reading = examination_curve(habits, self.items.shape[1]) * shown
        clicked = chances(utility, reading, habits)
        bought = clicked * sigmoid(opinion.buy_odds)
        weights = self.visits.weights(self.people, people)
        begins = np.diff(self.visits.visit, prepend=-1) != 0
        return clicked.sum(axis=1) * weights, bought.sum(axis=1) * weights, weights * begins


assert DAY == 86_400, "days of the world and of the log are the same"
