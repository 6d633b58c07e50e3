"""Tables beside a log: what the items are, and who the users are."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.datasets.guessing.asking import Findings
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.moments import clock_of
from footfall.datasets.guessing.roles import AWAY
from footfall.datasets.table_source import ItemTable, UserTable
from footfall.errors import DataError

SHARED = 0.3
"""Share of a log's ids that a table must know, at least, to be its table."""

FEW = 60
"""Values that a column of a profile or an attribute has, at most."""

MOST = 8
"""Columns of a profile or attributes, at most: a prompt has no room for more."""


@dataclass(frozen=True)
class Key:
    """The columns by which a log and a table beside it belong together."""

    log: str
    beside: str
    shared: float
    """Share of the log's ids that the table knows."""


def key_of(role: str, log: SampledTable, beside: SampledTable) -> Key:
    """Find the columns that hold the same ids.

    Raises:
        DataError: There are none.
    """
    best, found = 0.0, Key("", "", 0.0)
    for here in log.columns:
        ids = set(here.texts.unique()[:2000])
        if len(ids) < 2 or here.flags or (here.says("time") and clock_of(here.cells) is not None):
            continue
        for there in beside.columns:
            shared = len(ids.intersection(there.texts.unique())) / len(ids)
            # Small whole numbers meet by chance: a header that says so decides.
            unique = there.distinct / max(1, len(there.texts))
            score = shared * unique + 0.6 * here.says(role) + 0.3 * there.says(role)
            score -= 0.5 * here.says(*({"user", "item"} - {role}), "quantity", "price", "position")
            if shared >= SHARED and score > best:
                best, found = score, Key(here.name, there.name, shared)
    if not found.log:
        raise DataError(
            f"{beside.path}: none of its columns has ids of the {role}s of {log.path}; "
            f"its columns: {', '.join(c.name for c in beside.columns)}; write ids alike in both"
        )
    return found


def item_table(beside: SampledTable, key: Key, findings: Findings) -> ItemTable:
    """Tell what each column of a table of items is."""
    rest = [c for c in beside.columns if c.name != key.beside and len(c.texts)]
    named = [c for c in rest if c.says("name") or (c.says("item") and not c.says("id"))]
    texts = [c for c in rest if not c.numeric and clock_of(c.cells) is None]
    title = max(named or texts, key=_title_score, default=None)
    rest = [c for c in rest if c is not title and not c.says("private")]
    category = _first(rest, "category", "kind", "maker")
    price = next((c for c in rest if c.says("price") and _is_money(c)), None)
    used = {c.name for c in (title, category, price) if c is not None}
    further = [c.name for c in rest if c.name not in used and _describes(c)][:MOST]
    name = beside.path.name
    findings.note("items", key.beside, f"{name} knows {key.shared:.0%} of the ids in {key.log}")
    findings.note("items", f"title: {title.name if title else key.beside}", f"by {name}")
    return ItemTable(
        path=beside.path,
        item=key.beside,
        title=key.beside if title is None else title.name,
        category=None if category is None else category.name,
        price=None if price is None else price.name,
        attributes=further,
    )


def user_table(beside: SampledTable, key: Key, findings: Findings) -> UserTable:
    """Tell which columns describe a user; names, addresses and numbers to call are left out."""
    rest = [c for c in beside.columns if c.name != key.beside]
    private = [c.name for c in rest if c.says("private", "name")]
    profile = [c.name for c in rest if c.name not in private and _describes(c)][:MOST]
    name = beside.path.name
    findings.note("users", key.beside, f"{name} knows {key.shared:.0%} of the ids in {key.log}")
    if profile:
        findings.note("users", f"profile: {', '.join(profile)}", "few values, or numbers")
    if private:
        findings.note("users", f"left out: {', '.join(private)}", "private, and no habit")
    return UserTable(path=beside.path, user=key.beside, profile=profile)


def _title_score(column: Column) -> float:
    lengths = column.texts.str.len().mean() if len(column.texts) else 0.0
    # A name is said in a few words; a description goes on.
    score = 2.0 * column.says("name") + column.distinct / max(1, len(column.texts))
    return score - 1.0 * (lengths > 120) - 1.0 * column.says("category", "maker", *AWAY)


def _first(columns: list[Column], *meanings: str) -> Column | None:
    for meaning in meanings:
        said = [c for c in columns if c.says(meaning)]
        if said:
            return max(said, key=lambda c: (not c.numeric, c.filled))
    return None


def _is_money(column: Column) -> bool:
    return bool(column.texts.str.contains(r"\d").mean() > 0.9)


def _describes(column: Column) -> bool:
    """Whether a column tells something that many share."""
    few = 1 < column.distinct <= max(2, min(FEW, len(column.texts) // 2))
    measure = column.numeric and not column.says("id") and column.distinct > 1
    return (few or measure) and not column.says("private", "late")
