"""Open a run folder and count, for every user and arm, what happened there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import as_frame
from footfall.errors import LogError, did_you_mean
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST
from footfall.run_folder.log import ALWAYS, DAMAGES, IMPRESSIONS, SESSIONS
from footfall.run_folder.warned import Kind, warned
from footfall_eval.reading.parts import first_line, parts_of

Design = Literal["paired", "split", "interleaved"]
"""``paired``: every user in every arm. ``split``: every user in one. ``interleaved``: both
recommenders fill every page, and an "arm" is what each of them contributed; users are pairs
here as well."""

DESIGNS: tuple[Design, ...] = ("paired", "split", "interleaved")

LONGEST_DAYS = 36_525
"""No run has a century; beyond, moments are not to be computed."""

Side = Literal["users_table", "items", "held_out", "remembered"]
_IDS: dict[Side, tuple[str, ...]] = {
    "users_table": ("user",),
    "items": ("item", "title", "category"),
    "held_out": ("user", "item"),
    "remembered": ("user", "item", "action", "time"),
}
"""Columns that side tables must have."""

COUNTS = (
    "impressions",
    "answered",
    "clicks",
    "purchases",
    "revenue",
    "visits",
    "pages",
    "abandoned",
    "decided_visits",
    "undecided_impressions",
    "undecided_pages",
    "undecided_price",
    "undecided_unpriced",
    "expected_clicks",
    "expected_purchases",
    "expected_revenue",
    "chanceless",
)
"""Additive columns of ``RunLog.per_user``.

``undecided_*`` concern pages to which the model gave no answer: impressions, pages, the sum
of their prices, and how many had no price. ``decided_visits`` are visits of which it is
known whether they had a click; ``abandoned`` are those of them that had none. ``expected_*``
add up the chances of what was shown instead of what luck made of them; ``chanceless`` counts
answered impressions whose chances the log does not hold.
"""

_VISITS = """
WITH weighed AS (
    -- Whole billionths add up to the same sum in any order, so identical arms stay identical, and
    -- the same run gives the same figures however many threads add them up.
    SELECT *, CAST(1e9 * "value" AS HUGEINT) AS money, CAST(1e9 * price AS HUGEINT) AS cost,
           try_cast(1e9 * p_click AS BIGINT) AS e_click,
           try_cast(1e9 * p_click * p_buy AS BIGINT) AS e_buy,
           try_cast(1e9 * p_click * p_buy * coalesce(price, 0) AS BIGINT) AS e_money
    FROM impressions
), shown AS (
    SELECT arm, "user", session,
           count(*) AS impressions,
           count(*) FILTER (answered) AS answered,
           count(*) FILTER (clicked) AS clicks,
           count(*) FILTER (bought) AS purchases,
           coalesce(sum(money) FILTER (bought), 0) AS revenue,
           count(DISTINCT page) FILTER (NOT answered) AS undecided_pages,
           coalesce(sum(cost) FILTER (NOT answered), 0) AS undecided_price,
           count(*) FILTER (NOT answered AND price IS NULL) AS undecided_unpriced,
           sum(e_click) FILTER (answered) AS expected_clicks,
           sum(e_buy) FILTER (answered) AS expected_purchases,
           sum(e_money) FILTER (answered) AS expected_revenue,
           count(*) FILTER (answered AND e_money IS NULL) AS chanceless
    FROM weighed GROUP BY ALL
), visit AS (
    SELECT v.arm, v."user", v.start, v.ended, v.pages, s.* EXCLUDE (arm, "user", session),
           coalesce(s.clicks, 0) > 0 AS clicked,
           coalesce(s.impressions > s.answered, false) OR v.ended = 'no answer' AS undecided
    FROM sessions v LEFT JOIN shown s USING (arm, "user", session)
)
SELECT arm, "user", {day}
       coalesce(sum(impressions), 0)::DOUBLE AS impressions,
       coalesce(sum(answered), 0)::DOUBLE AS answered,
       coalesce(sum(clicks), 0)::DOUBLE AS clicks,
       coalesce(sum(purchases), 0)::DOUBLE AS purchases,
       coalesce(sum(revenue), 0)::DOUBLE / 1e9 AS revenue,
       count(*)::DOUBLE AS visits,
       coalesce(sum(pages), 0)::DOUBLE AS pages,
       count(*) FILTER (NOT clicked AND NOT undecided)::DOUBLE AS abandoned,
       count(*) FILTER (clicked OR NOT undecided)::DOUBLE AS decided_visits,
       coalesce(sum(impressions - answered), 0)::DOUBLE AS undecided_impressions,
       coalesce(sum(undecided_pages), 0)::DOUBLE AS undecided_pages,
       coalesce(sum(undecided_price), 0)::DOUBLE / 1e9 AS undecided_price,
       coalesce(sum(undecided_unpriced), 0)::DOUBLE AS undecided_unpriced,
       coalesce(sum(expected_clicks), 0)::DOUBLE / 1e9 AS expected_clicks,
       coalesce(sum(expected_purchases), 0)::DOUBLE / 1e9 AS expected_purchases,
       coalesce(sum(expected_revenue), 0)::DOUBLE / 1e9 AS expected_revenue,
       coalesce(sum(chanceless), 0)::DOUBLE AS chanceless
FROM visit GROUP BY ALL
"""


@dataclass(frozen=True)
class QueryRows:
    """What a query found; reading it may still meet a damaged part (``LogError``)."""

    path: Path
    found: duckdb.DuckDBPyConnection

    def df(self) -> pd.DataFrame:
        """All rows as a frame."""
        with _damage_as_log_error(self.path):
            frame: pd.DataFrame = self.found.df()
            return frame

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows as tuples."""
        with _damage_as_log_error(self.path):
            rows: list[tuple[Any, ...]] = self.found.fetchall()
            return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        with _damage_as_log_error(self.path):
            row: tuple[Any, ...] | None = self.found.fetchone()
            return row


@dataclass(frozen=True)
class RunLog:
    """What a run left behind: its manifest, and its event log as SQL views.

    The connection has the views ``impressions`` and ``sessions`` (see ``run_folder.log``). Nothing
    is read into memory before it is asked for.
    """

    path: Path
    manifest: dict[str, Any]
    connection: duckdb.DuckDBPyConnection

    @classmethod
    def open(cls, path: Path | str) -> RunLog:
        """Open a run folder.

        Raises:
            UserError: There is no run at ``path``.
            LogError: The manifest or a part is damaged or missing.
        """
        folder = Path(path)
        said = manifest.read(folder, needed=())
        parts = parts_of(folder, said)
        connection = duckdb.connect(config=_limits())
        log = cls(folder, said, connection)
        for table, files in parts.items():
            with _damage_as_log_error(folder):
                whole = connection.read_parquet([str(file) for file in files])
                whole.create_view(f"logged_{table}")
            log.execute(f"CREATE VIEW {table} AS FROM logged_{table}")
        log._check_cells()
        log._check_totals()
        if log.design == "interleaved":
            log._credit_teams()
        return log

    def execute(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> QueryRows:
        """Run SQL over the views.

        Raises:
            LogError: A part is damaged inside, which shows only when it is read.
        """
        with _damage_as_log_error(self.path):
            return QueryRows(self.path, self.connection.execute(query, values))

    @property
    def scenario(self) -> dict[str, Any]:
        """The scenario as resolved by the run; empty where the manifest has none."""
        return dict(self.manifest.get("scenario") or {})

    @property
    def start(self) -> pd.Timestamp | None:
        """When the run begins; None where the manifest does not say."""
        said = (self.manifest.get("dataset") or {}).get("split")
        if not said:
            return None
        start = None
        with suppress(ValueError, OverflowError):
            start = pd.Timestamp(str(said))
        if start is None or pd.isna(start):
            raise LogError(f'{self.path / MANIFEST}: "split" is not a time; {manifest.CHANGED}')
        return start

    def length(self, key: Literal["days", "epoch_days"]) -> float | None:
        """Days of the run, or of its epochs; None where the manifest does not say."""
        world = self.scenario.get("world") or {}
        said = world.get(key) if isinstance(world, dict) else world
        if not said:
            return None
        if not isinstance(said, int | float) or not 0 < said < LONGEST_DAYS:
            raise LogError(
                f"{self.path / 'manifest.json'}: the scenario's world has no number of days as "
                f'"{key}"; {manifest.CHANGED}'
            )
        return float(said)

    @property
    def design(self) -> Design:
        """``paired``, ``split`` or ``interleaved`` (see ``effects.Design``)."""
        named = str(self.scenario.get("design") or "paired")
        for design in DESIGNS:
            if named == design:
                return design
        raise LogError(
            f"{self.path / 'manifest.json'}: unknown design; {did_you_mean(named, DESIGNS)}"
        )

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in the scenario's order, then any others that the log holds."""
        arms = self.scenario.get("arms") or []
        if not isinstance(arms, list) or not all(isinstance(arm, dict) for arm in arms):
            raise LogError(
                f"{self.path / 'manifest.json'}: the scenario's arms are no list; "
                f"{manifest.CHANGED}"
            )
        named = [str(arm["name"]) for arm in arms if "name" in arm]
        rows = self.execute("SELECT DISTINCT arm FROM sessions ORDER BY arm").fetchall()
        return tuple(dict.fromkeys([*named, *(str(row[0]) for row in rows)]))

    @property
    def control(self) -> str:
        """The arm that the others are compared with; the first where none is named."""
        named = self.scenario.get("control")
        return str(named) if named else self.arms[0]

    def table(self, key: Side) -> pd.DataFrame | None:
        """A side table that the manifest names (``users_table``, ``items``), or None."""
        named = self.manifest.get(key)
        if not isinstance(named, str) or not named:
            return None
        file = manifest.inside(self.path, named)
        try:
            found = as_frame(pq.read_table(file))
        except DAMAGES as problem:
            raise LogError(
                f"{file}: cannot be read, although the manifest names it as {key} "
                f"({first_line(problem)}); run again with --resume"
            ) from None
        for name in _IDS[key]:
            if name not in found:
                raise LogError(f"{file}: has no column {name!r}; run again with --resume")
        for name in ("popularity", "price") if key == "items" else ():
            if name in found and found[name].dtype.kind not in "if":
                raise LogError(f"{file}: {name!r} must be numbers; run again with --resume")
        return found

    def per_user(self) -> pd.DataFrame:
        """One row for every (arm, user) that could have come, with the columns ``COUNTS``.

        Users that never came have zeros. Arms are in the order of ``arms``, users sorted.
        In a split design a user has one row: the arm that the users table (column ``arm``)
        or, without one, the log assigns.
        """
        return self._per_user.copy()

    def per_user_and_day(self) -> pd.DataFrame:
        """Like ``per_user``, one row for every (arm, user, day) with a visit; no zero rows.

        ``day`` is the calendar day (UTC) on which the visit started.
        """
        return self._per_user_and_day.copy()

    @cached_property
    def _per_user(self) -> pd.DataFrame:
        """Counted once: a comparison and its report ask for it several times."""
        counts = self.execute(_VISITS.format(day="")).df()
        grid = self._who_could_come(counts)
        whole = grid.merge(counts, on=["arm", "user"], how="left")
        whole[list(COUNTS)] = whole[list(COUNTS)].fillna(0.0)
        return whole

    @cached_property
    def _per_user_and_day(self) -> pd.DataFrame:
        query = _VISITS.format(day="start::DATE AS day,")
        frame: pd.DataFrame = self.execute(query).df()
        return frame

    def per_user_and_epoch(self) -> pd.DataFrame:
        """Like ``per_user_and_day``, with ``epoch`` (from 0) in place of the day.

        Raises:
            LogError: The manifest does not say when the run starts or how long epochs are.
        """
        start, days = self.start, self.length("epoch_days")
        if start is None or days is None:
            raise LogError(f"{self.path / 'manifest.json'}: no start or no length of epochs")
        since = f"epoch(start - TIMESTAMP '{start.isoformat()}')"
        query = _VISITS.format(day=f"floor({since} / {86_400 * days})::INT AS epoch,")
        frame: pd.DataFrame = self.execute(query).df()
        return frame

    def cautions(self, *, without: Kind | None = None) -> tuple[str, ...]:
        """What a reader must know about this log before any figure, in sentences.

        Args:
            without: A kind of the run's warnings that is left out.
        """
        told = [one for one in warned(self.manifest) if one.kind != without]
        found = [_sentence(one.text) for one in told]
        status = self.manifest.get("status")
        if status == "stopped early":
            found.append(_sentence(f"The run stopped early: {self.manifest.get('stopped')}"))
        elif status not in {None, "finished"}:
            found.append(
                f"The run is not finished (status: {status}); figures cover what is there so far."
            )
        users = self.table("users_table")
        if users is None:
            found.append(
                "The run has no users table: users that never came in any arm are not counted."
            )
        elif self.design == "split" and "arm" not in users.columns:
            found.append(
                "The users table does not say who was assigned to which arm: users that never "
                "came are not counted."
            )
        return tuple(found)

    def _who_could_come(self, counts: pd.DataFrame) -> pd.DataFrame:
        """The denominator: every (arm, user), whether or not there was a visit."""
        users = self.table("users_table")
        seen = counts[["arm", "user"]]
        if self.design == "split":
            known = users is not None and "arm" in users.columns
            grid = users[["arm", "user"]].astype(str) if users is not None and known else seen
        else:
            names = seen["user"].unique() if users is None else users["user"].astype(str)
            index = pd.MultiIndex.from_product([self.arms, sorted(names)], names=["arm", "user"])
            grid = index.to_frame(index=False)
        self._refuse_strangers(seen, grid)
        rank = {arm: number for number, arm in enumerate(self.arms)}
        order = np.lexsort((grid["user"].to_numpy(), grid["arm"].map(rank).to_numpy()))
        ordered: pd.DataFrame = grid.iloc[order].reset_index(drop=True)
        return ordered

    def _refuse_strangers(self, seen: pd.DataFrame, grid: pd.DataFrame) -> None:
        both = seen.merge(grid, on=["arm", "user"], how="left", indicator=True)
        strangers = both.loc[both["_merge"] == "left_only"]
        if len(strangers):
            first = strangers.iloc[0]
            raise LogError(
                f"{self.path}: {len(strangers)} users visited an arm for which the users table "
                f"does not have them (first: user {first['user']!r} in arm {first['arm']!r}); "
                "the users table and the log are of different runs; run again with --overwrite"
            )

    def _credit_teams(self) -> None:
        """Let the views tell of two arms: what each team of an interleaved page contributed."""
        self.execute("CREATE TABLE teams AS SELECT DISTINCT team FROM logged_impressions")
        teams = [row[0] for row in self.execute("FROM teams").fetchall()]
        if None in teams:
            raise LogError(
                f"{self.path}: interleaved impressions without a team; the log and the manifest "
                "are of different runs; run again with --overwrite"
            )
        self.execute(
            "CREATE OR REPLACE VIEW impressions AS "
            "SELECT * REPLACE (team AS arm) FROM logged_impressions"
        )
        self.execute(
            "CREATE OR REPLACE VIEW sessions AS SELECT s.* REPLACE (t.team AS arm) "
            "FROM logged_sessions s, teams t"
        )

    def _check_cells(self) -> None:
        """No cell is empty where none can be, and money is a number."""
        for table, schema in (("impressions", IMPRESSIONS), ("sessions", SESSIONS)):
            empty = " OR ".join(f'"{name}" IS NULL' for name in schema.names if name in ALWAYS)
            query = f"SELECT count(*) FILTER ({empty} OR NOT isfinite(value)) FROM {table}"  # noqa: S608 - our own names
            ((broken,),) = self.execute(query).fetchall()
            if broken:
                raise LogError(
                    f"{self.path / table}: {broken:,} rows with empty cells or endless money; a "
                    "part is damaged, run again with --resume"
                )

    def _check_totals(self) -> None:
        """Sessions and impressions tell the same story, or a part is missing."""
        query = """
            SELECT 'sessions' AS t, arm, sum(impressions), sum(clicks), sum(purchases)
            FROM sessions GROUP BY arm
            UNION ALL
            SELECT 'impressions', arm, count(*), count(*) FILTER (clicked),
                   count(*) FILTER (bought)
            FROM impressions GROUP BY arm
        """
        totals: dict[str, dict[str, tuple[int, ...]]] = {"sessions": {}, "impressions": {}}
        for table, arm, *numbers in self.execute(query).fetchall():
            totals[table][arm] = tuple(int(n) for n in numbers)
        nothing = (0, 0, 0)
        for arm in sorted(totals["sessions"].keys() | totals["impressions"].keys()):
            visits = totals["sessions"].get(arm, nothing)
            rows = totals["impressions"].get(arm, nothing)
            if visits != rows:
                raise LogError(
                    f"{self.path}: arm {arm!r} has (impressions, clicks, purchases) {visits} in "
                    f"sessions/ but {rows} in impressions/; a part is damaged or of another run"
                )


@contextmanager
def _damage_as_log_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as problem:
        raise LogError(
            f"{folder}: too large for the memory that reading takes ({first_line(problem)}); make "
            f"room in {tempfile.gettempdir()}, where it puts what does not fit"
        ) from problem
    except duckdb.Error as problem:
        raise LogError(
            f"{folder}: the log cannot be read ({first_line(problem)}); run again with --resume"
        ) from problem


def _limits() -> dict[str, str | bool | int]:
    """Two gigabytes and spilling to disk: ten million impressions on a small machine."""
    spill = Path(tempfile.gettempdir()) / f"footfall-duckdb-{os.getpid()}"
    return {
        "memory_limit": "2GB",
        "temp_directory": str(spill),
        "preserve_insertion_order": False,
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def pivot(per_user: pd.DataFrame, column: str, arm: str) -> npt.NDArray[np.float64]:
    """One additive column of one arm, [n_users], in the order of the frame."""
    return per_user.loc[per_user["arm"] == arm, column].to_numpy(dtype=np.float64)
