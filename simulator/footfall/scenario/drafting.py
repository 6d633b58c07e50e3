"""A first scenario for a log that has just been looked at: split, users and recommenders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from footfall.datasets.guessing.asking import Finding
from footfall.datasets.schema import Dataset
from footfall.datasets.table_source import ActionColumn, ActionFlags, TableSource
from footfall.errors import DataError

REMEMBERED = 0.8
"""Share of the interactions that users remember; the rest is held out."""

LONG = 10
"""Days from which on a split is put at a midnight."""

SLATE = 10
"""Items of a page where the log does not tell."""

MOST_SHOWN = 200
"""Items that a page of a simulation has at most."""

MOST_USERS = 500
"""Users of a first run: enough for a first answer, and seconds of computing."""

KNOWN_WELL = 3
"""Remembered events from which on a user's taste can be told."""

AGAIN = 0.05
"""Share of repeated takings of the same item by the same user, from which on people take items
again (groceries) and what is known is not left out (films)."""

LIKED = 0.7
"""A rating counts as liked from this share of the best one on, as everywhere in Footfall."""

DEFAULT_LIKED = 5.0
"""The best rating for which recommenders know by themselves what is liked."""


@dataclass(frozen=True)
class ScenarioDraft:
    """The text of a scenario, and what was decided in it."""

    text: str
    findings: tuple[Finding, ...]


def draft(
    source: TableSource, dataset: Dataset, found: tuple[Finding, ...], out: Path
) -> ScenarioDraft:
    """Write a scenario for a log.

    Args:
        source: How the log is read; its paths may be relative to the working folder.
        dataset: What was read.
        found: What the source rests on; reasons become comments.
        out: Where the scenario will lie: its paths are relative to that folder.

    Raises:
        DataError: There is too little to cut in two.
    """
    at, why_at = _split(dataset.interactions["time"])
    past = dataset.interactions[dataset.interactions["time"] < at]
    users, least, why_users = _users(past)
    options, why_options = _learning(past)
    decided = (
        Finding("split", str(at), why_at),
        Finding("population", f"{users} users", why_users),
        Finding("arms", "popular, item-knn, implicit", why_options),
    )
    parts = [
        _head(source),
        _data(source, found, out.parent),
        f"split: {{at: {_moment(at)}}}  # {why_at}\n",
        f"population: {{users: {users}, min_history: {least}, max_history: 100}}  # {why_users}\n",
        _MODEL,
        _FITTED_BY_ITSELF if dataset.has_pages else _ASSUMED,
        _world(dataset.interactions, paged=bool(source.columns.page or source.lists)),
        _arms(options, why_options),
        "seed: 1\n",
    ]
    return ScenarioDraft("".join(parts), (*found, *decided))


_MODEL = """\
# Users go by their habits: seconds. `{name: embedded}` asks the small language model that comes
# with Footfall, and any other name a model of the Hugging Face hub (docs/models.md).
model: {name: none}
"""

_FITTED_BY_ITSELF = """\
# What moves users is fitted to the pages of this log whenever it is run. `footfall fit` shows what
# was found, and keeps it: then write `behaviour: behaviour.yaml` here.
"""

_ASSUMED = """\
# What moves users is assumed until `footfall fit` measures it in this log; then write
# `behaviour: behaviour.yaml` here.
"""


def _world(rows: pd.DataFrame, *, paged: bool) -> str:
    """A week of visits, on pages as long as those of the log where it names its pages."""
    views = rows[rows["action"] == "view"]
    if not paged or views.empty:
        return f"world: {{days: 7, slate: {SLATE}}}  # a week of visits, ten items a page\n"
    sizes = views.groupby(["user", "page"]).size()
    slate = int(min(MOST_SHOWN, sizes.median()))
    return f"world: {{days: 7, slate: {slate}}}  # a week of visits, pages as long as the log's\n"


def _split(times: pd.Series) -> tuple[pd.Timestamp, str]:
    at = pd.Timestamp(times.iloc[int(len(times) * REMEMBERED)])
    why = "remembered before, held out from then on"
    if times.iloc[-1] - times.iloc[0] >= pd.Timedelta(days=LONG):
        midnight = at.normalize()
        share = float((times < midnight).mean())
        if 0.5 < share < 1:
            at = midnight
    share = float((times < at).mean())
    if not 0 < share < 1:
        raise DataError(
            "all events are of one moment, and a split needs a before and an after; is it the "
            "right column? (--column time=HEADER)"
        )
    return at, f"{share:.0%} of the events are {why}"


def _users(past: pd.DataFrame) -> tuple[int, int, str]:
    sizes = past.groupby("user").size()
    well = int((sizes >= KNOWN_WELL).sum())
    least = KNOWN_WELL if well >= min(50, 0.2 * len(sizes)) else 1
    able = well if least > 1 else len(sizes)
    users = min(MOST_USERS, able)
    return users, least, f"{able} users have {least} or more events before the split"


def _learning(past: pd.DataFrame) -> tuple[dict[str, Any], str]:
    """Options of recommenders: what they learn from, and whether items are taken again."""
    actions = set(past["action"])
    options: dict[str, Any] = {}
    learns = next((a for a in ("purchase", "rate", "cart", "click", "view") if a in actions), "")
    best = float(past.loc[past["action"] == "rate", "value"].max()) if learns == "rate" else 0.0
    if learns == "rate" and best != DEFAULT_LIKED:
        options["positive"] = {"action": "rate", "min_value": round(LIKED * best, 2)}
    elif learns not in ("purchase", "rate"):
        options["positive"] = {"action": learns}
    taken = past[past["action"] == learns]
    again = float(taken.duplicated(["user", "item"]).mean())
    if again < AGAIN:
        options["exclude_known"] = True
    habit = f"{again:.0%} of what users took they had taken before"
    return options, f"they learn from {learns}; {habit}"


def _head(source: TableSource) -> str:
    name = source.name
    return (
        f"# Written by `footfall init` from {source.path.name}. Lines with # are comments: they\n"
        "# say what each value rests on. Change what is wrong.\n"
        f"name: {_plain(name)}\n"
    )


def _data(source: TableSource, found: tuple[Finding, ...], folder: Path) -> str:
    why = {finding.what: finding.why for finding in found}
    assumed = {finding.what for finding in found if finding.assumed}
    unused = {finding.what: finding.found for finding in found}
    lines = ["data:\n", "  kind: table\n", f"  path: {_path(source.path, folder)}\n"]
    for name in ("encoding", "decimal", "thousands", "time_unit", "time_format", "timezone",
                 "cents", "currency"):  # fmt: skip
        value = getattr(source, name)
        if value not in (None, type(source).model_fields[name].default) or name == "timezone":
            mark = "assumed: " if name in assumed else ""
            lines.append(f"  {name}: {_plain(value)}{_comment(mark + why.get(name, ''))}")
    lines += _shape(source)
    lines.append("  columns:\n")
    for role, column in source.columns.model_dump(exclude_none=True).items():
        mark = "assumed: " if role in assumed else ""
        lines.append(f"    {role}: {_plain(column)}{_comment(mark + why.get(role, ''))}")
    if source.lists is not None:
        lists = source.lists.model_dump(exclude_defaults=True)
        lines.append(f"  lists: {_plain(lists)}  # a row is made of each listed item\n")
    lines += _action(source, why)
    if "not used" in unused:
        lines.append(f"  # not used: {unused['not used']}\n")
    for name, table in (("items", source.items), ("users", source.users)):
        if table is not None:
            raw = table.model_dump(mode="json", exclude_none=True)
            raw["path"] = _path(table.path, folder)
            given = {key: value for key, value in raw.items() if value != []}
            lines.append(f"  {name}: {_plain(given)}{_comment(why.get(name, ''))}")
    return "".join(lines)


_SHAPES = {
    "header": "the file has no line of headers",
    "records": "cells of JSON: their entries are columns",
    "undone": "rows in which they say so came to nothing: left out",
    "once": "on one row of each order, for all of its rows",
}
"""Lists of columns, and what they are."""


def _shape(source: TableSource) -> list[str]:
    given = {name: getattr(source, name) for name in _SHAPES}
    return [f"  {n}: {_plain(c)}  # {_SHAPES[n]}\n" for n, c in given.items() if c]


def _action(source: TableSource, why: dict[str, str]) -> list[str]:
    action = source.action
    if isinstance(action, ActionColumn):
        lines = ["  action:\n", f"    column: {_plain(action.column)}\n"]
        if action.map:
            lines.append(f"    map: {_plain(dict(action.map))}  # other words are left out\n")
        return lines
    if isinstance(action, ActionFlags):
        return [
            f"  action: {_plain(action.model_dump(exclude_defaults=True))}  # 1 where it happened\n"
        ]
    return [f"  action: {action}{_comment(why.get('action', ''))}"]


def _arms(options: dict[str, Any], why: str) -> str:
    lines = [f"# The recommenders that compete: put yours here (docs/recommenders.md); {why}.\n"]
    lines.append("arms:\n")
    for kind in ("popular", "item-knn", "implicit"):
        spec = _plain({"kind": kind, **options})
        lines.append(f"  - {{name: {kind}, recommender: {spec}}}\n")
    return "".join(lines)


def _path(path: Path, folder: Path) -> str:
    """A path as a scenario in ``folder`` names it."""
    full = path.resolve()
    try:
        return _plain(str(full.relative_to(folder.resolve())))
    except ValueError:
        return _plain(str(full))


def _moment(at: pd.Timestamp) -> str:
    return f"{at:%Y-%m-%d}" if at == at.normalize() else f'"{at.isoformat()}"'


def _comment(why: str) -> str:
    return f"  # {' '.join(why.split())}\n" if why else "\n"


def _plain(value: object) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()
