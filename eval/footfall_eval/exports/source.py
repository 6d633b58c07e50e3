"""What every format writes from: the log of some arms, under names that may leave the house.

    log (RunLog) -> ids replaced, rare items merged -> views shown, visits, people, goods

The views live in the run's own DuckDB connection, so a log of any length is written as a stream.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from footfall.errors import UserError, did_you_mean
from footfall_eval.exports.spreadsheet import escape_formula
from footfall_eval.reading.load import RunLog

KEY_BYTES = 32

MILLISECONDS = "%Y-%m-%dT%H:%M:%S.%g"

ORDER = 'arm, "user", session, page, position'
"""The order of exported impressions, so that an export says nothing by its order."""


def ordered(select: str) -> str:
    """A query on ``shown`` in the order of every export."""
    return f"{select} ORDER BY {ORDER}"


def file_name(text: str) -> str:
    """A text as a part of a path: letters, digits, - and _ of it, at most 60 of them."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text)[:60].strip("-")


@dataclass(frozen=True)
class ExportTerms:
    """What may leave the house, and under which names."""

    arms: tuple[str, ...] = ()
    """Arms to export; none: all."""
    keep_ids: bool = False
    """Users keep the ids of the real histories that they were drawn from."""
    profiles: bool = False
    """Export profile columns and habits too; with them a pseudonym may be guessed."""
    anonymity: int = 1
    """Items that fewer users were shown, or clicked, are merged into one a category."""
    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)
    """Key of the pseudonyms. By default it is drawn for this export and forgotten after it."""


@dataclass(frozen=True)
class Exported:
    """The log of the chosen arms, ready to be written.

    The connection has ``shown`` (the columns of ``run_folder.log.IMPRESSIONS``, ``user_number`` and
    ``item_number``, both from 0), ``visits`` (of ``SESSIONS``), ``people`` (``user``,
    ``user_number``, profile columns if allowed) and ``goods`` (``item``, ``item_number``,
    ``title``, ``category``, ``price``).
    """

    connection: duckdb.DuckDBPyConnection
    manifest: dict[str, Any]
    arms: tuple[str, ...]
    terms: ExportTerms
    counts: dict[str, int]
    """Of impressions, and of what was replaced; for people and ``export.json``."""
    remarks: list[str] = field(default_factory=list)
    """What a format had to write otherwise; one sentence each, for the data card."""

    @property
    def name(self) -> str:
        """The scenario's name as a file name."""
        named = str((self.manifest.get("scenario") or {}).get("name") or "footfall")
        return file_name(named.lower()) or "footfall"

    def folders(self) -> dict[str, str]:
        """Arm -> a name for its folder, which no other arm has and which leads nowhere else."""
        found: dict[str, str] = {}
        for number, arm in enumerate(self.arms, 1):
            plain = file_name(arm) or "arm"
            found[arm] = plain if plain not in found.values() else f"{plain}-{number}"
        return found

    def rows(self, query: str) -> int:
        """The single number that a query gives."""
        # All rows are fetched: DuckDB holds a connection until an answer is read to its end.
        return int(self.connection.execute(query).fetchall()[0][0])

    def frame(self, query: str) -> pd.DataFrame:
        """The answer to a query; only for what is known to be small."""
        found: pd.DataFrame = self.connection.execute(query).df()
        return found


_VIEWS = (
    'CREATE OR REPLACE VIEW people AS SELECT * EXCLUDE (named) FROM people_named ORDER BY "user"',
    """CREATE OR REPLACE VIEW goods AS
       SELECT DISTINCT * EXCLUDE (named, merged) FROM goods_named ORDER BY item""",
    """CREATE OR REPLACE VIEW shown AS
       SELECT c.* REPLACE (p."user" AS "user", g.item AS item,
                           CASE WHEN g.merged THEN NULL ELSE c.price END AS price),
              p.user_number, g.item_number
       FROM chosen c JOIN people_named p ON c."user" = p.named
                     JOIN goods_named g ON c.item = g.named""",
    """CREATE OR REPLACE VIEW visits AS
       SELECT s.* REPLACE (p."user" AS "user")
       FROM sessions s JOIN people_named p ON s."user" = p.named
       WHERE s.arm IN (FROM chosen_arms)""",
)


def store(link: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    """Keep a small frame as a table of the connection."""
    link.register(f"{name}_frame", frame)
    link.execute(f"CREATE OR REPLACE TABLE {name} AS FROM {name}_frame")
    link.unregister(f"{name}_frame")


def prepare(log: RunLog, terms: ExportTerms) -> Exported:
    """Choose arms, replace ids, merge rare items and count.

    Raises:
        UserError: There is no such arm.
    """
    arms = _arms(log, terms.arms)
    link = log.connection
    store(link, "chosen_arms", pd.DataFrame({"arm": list(arms)}))
    link.execute(
        "CREATE OR REPLACE VIEW chosen AS FROM impressions WHERE arm IN (FROM chosen_arms)"
    )
    store(link, "people_named", _people(log, terms))
    store(link, "goods_named", _goods(log, terms))
    for statement in _VIEWS:
        link.execute(statement)
    exported = Exported(link, log.manifest, arms, terms, {})
    exported.counts.update(_counts(exported))
    return exported


def _arms(log: RunLog, wanted: Sequence[str]) -> tuple[str, ...]:
    for arm in wanted:
        if arm not in log.arms:
            raise UserError(f'{log.path}: no arm "{arm}"; {did_you_mean(arm, log.arms)}')
    return tuple(arm for arm in log.arms if not wanted or arm in wanted)


def _people(log: RunLog, terms: ExportTerms) -> pd.DataFrame:
    """One row a user: ``named`` (in the log), ``user`` (exported), ``user_number``, profile."""
    table = log.table("users_table")
    if table is None:
        table = log.connection.execute('SELECT DISTINCT "user" FROM sessions').df()
    named = table["user"].astype(str)
    aliases = named if terms.keep_ids else named.map(lambda user: pseudonym(user, terms.key))
    frame = pd.DataFrame({"named": named, "user": aliases})
    if terms.profiles:
        frame = frame.join(table.drop(columns=["user", "arm"], errors="ignore"))
    # Numbers follow the pseudonyms, so that they do not give the old order away.
    frame = frame.sort_values("user", ignore_index=True)
    return frame.assign(user_number=range(len(frame)))


def pseudonym(user: str, key: bytes) -> str:
    """A keyed hash (BLAKE2b, 64 bits): without the key nobody can try ids until one fits."""
    return "u" + hashlib.blake2b(user.encode(), key=key[:64], digest_size=8).hexdigest()


def _goods(log: RunLog, terms: ExportTerms) -> pd.DataFrame:
    """One row an item: ``named``, ``item``, ``item_number``, ``title``, ``category``, ``price``."""
    table = log.table("items")
    if table is None:
        table = log.connection.execute("SELECT DISTINCT item FROM impressions").df()
    frame = pd.DataFrame(
        {
            "named": table["item"].astype(str),
            "item": table["item"].astype(str),
            "title": table.get("title", table["item"]).astype(str),
            "category": table.get("category", pd.Series("", table.index)).astype(str),
            "price": table.get("price", pd.Series(float("nan"), table.index)).astype(float),
        }
    )
    rare = frame["named"].isin(_rare(log, terms.anonymity))
    merged = "rare: " + frame["category"].where(frame["category"] != "", "any category")
    frame = frame.assign(
        item=frame["item"].mask(rare, merged),
        title=frame["title"].mask(rare, merged),
        price=frame["price"].mask(rare),
        merged=rare,
    ).sort_values(["item", "named"], ignore_index=True)
    return frame.assign(item_number=pd.factorize(frame["item"])[0])


def _rare(log: RunLog, fewest: int) -> set[str]:
    """Items whose rows would single out fewer than ``fewest`` users."""
    if fewest < 2:
        return set()
    # Who was shown an item tells of a person as well: recommenders know real histories.
    query = """
        SELECT item FROM chosen GROUP BY item
        HAVING count(DISTINCT "user") < ?
            OR (count(DISTINCT "user") FILTER (clicked)) BETWEEN 1 AND ? - 1
    """
    return {str(row[0]) for row in log.connection.execute(query, [fewest, fewest]).fetchall()}


def _counts(exported: Exported) -> dict[str, int]:
    query = """
        SELECT count(*), count(*) FILTER (answered AND NOT clicked), count(*) FILTER (clicked),
               count(*) FILTER (bought), count(*) FILTER (NOT answered),
               count(*) FILTER (propensity IS NULL)
        FROM shown
    """
    names = ("impressions", "unclicked", "clicks", "purchases", "unanswered", "without propensity")
    found = exported.connection.execute(query).fetchall()[0]
    return {
        **dict(zip(names, map(int, found), strict=True)),
        "visits": exported.rows("SELECT count(*) FROM visits"),
        "users": exported.rows("SELECT count(*) FROM people"),
        "items": exported.rows("SELECT count(*) FROM goods"),
        "rare items merged": exported.rows("SELECT count(*) FROM goods_named WHERE merged"),
    }


def escape_names(exported: Exported) -> None:
    """Make text of items and users harmless in a spreadsheet, the same in every file; counted."""
    count = 0
    for table in ("goods_named", "people_named"):
        frame = exported.frame(f"FROM {table}")
        texts = [c for c in frame.columns if c != "named" and frame[c].dtype == object]
        safe = frame.assign(**{c: frame[c].map(_safe) for c in texts})
        count += int((safe[texts].fillna("") != frame[texts].fillna("")).any(axis=1).sum())
        store(exported.connection, table, safe)
    exported.counts["rows with text escaped for spreadsheets"] = count


def _safe(text: object) -> object:
    # Readers of CSV end a cell at a zero byte.
    return escape_formula(text.replace("\0", "\ufffd")) if isinstance(text, str) else text


def table(exported: Exported, query: str, path: Path, separator: str = ",") -> None:
    """Write a query's answer as text with a header; times ISO 8601 in UTC."""
    exported.connection.sql(query).write_csv(
        str(path), sep=separator, header=True, timestamp_format=MILLISECONDS
    )
