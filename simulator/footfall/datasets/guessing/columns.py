"""Which column of a log is what: by its header first, by its cells where headers say nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from footfall.datasets.guessing.asking import Findings, Told
from footfall.datasets.guessing.by_values import by_values
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.flags import flags_of
from footfall.datasets.guessing.moments import Clock, clock_of, moments_of
from footfall.datasets.guessing.possible import of_many
from footfall.datasets.guessing.roles import AWAY, ROLES, Roles, shows
from footfall.datasets.guessing.who import code_beside, who_or_what
from footfall.datasets.guessing.words import action_of, is_action, is_state
from footfall.datasets.lists import POSITION, TAKEN
from footfall.datasets.schema import ACTIONS
from footfall.datasets.table_source import Lists
from footfall.datasets.times import dated, spreadsheet_days
from footfall.errors import DataError, did_you_mean

NEARLY = 1.2
"""How much less a header may say of a moment that comes before another."""

SURELY = 0.99
"""Share of rows in which it does."""

_BEFORE = ("view", "click", "cart")
"""What comes before a purchase; states of orders have none of it."""

OFTEN = 0.1
"""Share of zeros from which on a column does not say how many of a thing were taken."""

MANY = 20
"""Actions that a log has at most; a column of more words is something else."""


def roles_of(
    table: SampledTable,
    keys: dict[str, str],
    told: Told,
    findings: Findings,
    lists: Lists | None = None,
) -> Roles:
    """Tell what each column is.

    Args:
        table: The log.
        keys: "user" and "item" -> the column whose values a table of users or items knows.
        told: Columns that the user named.
        findings: Where reasons go, and who is asked.
        lists: Set where a row of the log listed several items; ``table`` has a row for each.

    Raises:
        DataError: There is no user, item or time.
    """
    roles = Roles()
    _named(table, told, roles, findings)
    if lists is not None:
        _of_lists(lists, table, roles, findings)
    _when(table, roles, findings)
    _what_happened(table, roles, findings)
    for role, name in keys.items():
        if role not in roles.of and not roles.taken(table[name]):
            roles.of[role] = table[name]
            findings.note(role, name, f"its values are those of the table of {role}s")
    for role in ("user", "item"):
        if role not in roles.of:
            who_or_what(role, table, roles, findings)
            code_beside(role, table, roles, findings)
    for role, fits in _FURTHER.items():
        if role not in roles.of:
            _further(role, fits, table, roles, findings)
    by_values(table, roles, findings)
    return roles


def _named(table: SampledTable, told: Told, roles: Roles, findings: Findings) -> None:
    names = [column.name for column in table.columns]
    for role, name in told.columns.items():
        if role not in ROLES:
            raise DataError(
                f'--column {role}={name}: no role "{role}"; {did_you_mean(role, ROLES)}'
            )
        if name not in names:
            raise DataError(f'{table.path}: no column "{name}"; {did_you_mean(name, names)}')
        roles.of[role] = table[name]
        findings.note(role, name, "as you said")


def _of_lists(lists: Lists, table: SampledTable, roles: Roles, findings: Findings) -> None:
    """What was listed are the items; what named some of them are flags of what was done."""
    roles.of["item"] = table[lists.items]
    findings.note("item", lists.items, "its cells list them")
    place = lists.items + POSITION
    marks = [lists.items + TAKEN] if lists.marked else []
    flags = [name for name in lists.along if table[name].flags]
    for name in (*marks, *lists.among, *lists.places, *flags):
        action = action_of(name.removesuffix(TAKEN)) or "view"
        assumed = action in ("view", "ignore", "rate")
        action = "click" if assumed else action
        if action not in roles.flags and table[name].flags:
            roles.flags[action] = table[name]
            findings.note("action", name, f"yes or no for each item: {action}", assumed=assumed)
    if lists.marked:
        findings.note("position", "unknown", "marked lists are not in the order of the page")
    elif roles.flags and "position" not in roles.of and any(c.name == place for c in table.columns):
        roles.of["position"] = table[place]
        findings.note("position", place, "the place in the list")


def _when(table: SampledTable, roles: Roles, findings: Findings) -> None:
    if "time" in roles.of:
        clock = clock_of(roles.of["time"].cells)
        roles.clock = Clock() if clock is None else clock
        return
    clocks = {c.name: clock_of(c.cells) for c in table.columns if not c.flags and not c.says("id")}
    telling = [c for c in table.columns if clocks.get(c.name) is not None and not roles.taken(c)]
    named = [c for c in telling if c.says("time")]
    # A column of bare numbers is a time only if its header says so.
    pool = named or [c for c in telling if not c.numeric] or telling
    if not pool:
        said = ", ".join(f'"{c.name}" ({c.example(2)})' for c in table.columns if c.says("time"))
        seen = f"; what its header calls a time cannot be read as one: {said}" if said else ""
        for counted, fits in _OTHER_DAYS.items():
            if any(fits(c.texts) for c in table.columns if c.says("time")):
                seen += f", {counted}"
        raise DataError(
            f"{table.path}: no column tells the time of what happened{seen}; write times such as "
            "2026-03-31 18:30, or say --column time=HEADER with --time-format"
        )
    best = _first_of({c: clocks[c.name] for c in pool})
    roles.of["time"] = best
    clock = clocks[best.name]
    assert clock is not None, "telling columns have a clock"
    roles.clock = clock
    why = "its header says so" if best in named else "the only column whose cells are times"
    findings.note("time", best.name, why)
    _time_of_day(table, roles, findings)


_OTHER_DAYS: dict[str, Callable[[pd.Series], bool]] = {
    "days as spreadsheets count them": spreadsheet_days,
    "years of the Persian calendar": lambda texts: _years(texts, "1[34]"),
    "years of the Buddhist calendar": lambda texts: _years(texts, "25"),
}


def _years(texts: pd.Series, century: str) -> bool:
    dates = texts.str.contains(rf"(?:^|[./ -]){century}\d\d(?:$|[./ T-])")
    return len(texts) > 0 and bool(dates.mean() > 0.5)


def _first_of(clocks: dict[Column, Clock | None]) -> Column:
    """The column that tells the moment best; of several as good, the one that is never later.

    What happened is written down first by whoever saw it, then by those who were told.
    """
    scores = {c: _moment_score(c) + 0.3 * (clock or Clock()).zoned for c, clock in clocks.items()}
    best = max(scores, key=scores.__getitem__)
    for column, score in scores.items():
        if score > scores[best] - NEARLY and not column.says(*AWAY) and column is not best:
            both = [moments_of(c.cells, clocks[c] or Clock()) for c in (column, best)]
            apart = (both[1] - both[0]).dropna()
            timed = [
                found.dropna().dt.normalize().ne(found.dropna()).mean() > 0.5 for found in both
            ]
            if len(apart) and all(timed) and (apart >= pd.Timedelta(0)).mean() > SURELY:
                best = column if (apart > pd.Timedelta(0)).any() else best
    return best


def _moment_score(column: Column) -> float:
    """How well a column tells the moment of an event, rather than of something else."""
    penalty = 3.0 * column.says(*AWAY) + 1.0 * column.says("user") + 0.5 * column.says("item")
    known = 1.0 * column.says("event", "order") + 0.5 * column.says("time")
    known += 0.5 * (action_of(column.name) in ACTIONS)  # booked_on, purchased
    # What differs from row to row tells more than the day of a batch.
    return known - penalty + column.filled + 0.1 * math.log1p(column.distinct)


def _time_of_day(table: SampledTable, roles: Roles, findings: Findings) -> None:
    """A date alone may have its time of day in a column beside it."""
    date = roles.of["time"].texts
    if not len(date) or (roles.clock.unit is not None) or date.str.contains(":").any():
        return
    for column in table.columns:
        sign = "[:.]?" if column.says("clock", "time") else ":" if column.meanings else "[:.]"
        form = rf"\d{{1,2}}{sign}\d{{2}}({sign}\d{{2}})?(\.\d+)?(\s*[AaPp][Mm])?"
        clocked = column.texts.str.fullmatch(form)
        if len(column.texts) and clocked.mean() > 0.95 and not roles.taken(column):
            clock = clock_of(dated(roles.of["time"].cells, column.cells))
            if clock is not None:
                roles.of["clock"], roles.clock = column, clock
                why = f'times of day beside the dates of "{date.name}"'
                findings.note("clock", column.name, why)
                return


def _what_happened(table: SampledTable, roles: Roles, findings: Findings) -> None:
    """The column that names actions, or those that flag them."""
    if "action" in roles.of or roles.flags:
        return
    best, share = None, 0.0
    for column in table.columns:
        if roles.taken(column) or column.flags or not 0 < column.distinct <= MANY:
            continue
        if is_state(column.name) and not column.texts.map(action_of).isin(_BEFORE).any():
            continue  # what became of an order, told apart later
        # "PayPal" under "payment method" has a word of an action in it, and is none.
        strict = column.says(*AWAY, "total", "name") and not column.says("event")
        words = column.texts.map(is_action) if strict else column.texts.map(action_of).notna()
        if words.any() and set(column.texts[words].map(action_of)) == {"ignore"}:
            continue  # "home", "search": where something was shown
        known = float(words.mean()) if not column.numeric else 0.0
        known += 0.3 * bool(column.says("event") or column.meanings == {"kind"})
        known *= column.filled  # a row without a word would be lost
        if known > max(share, 0.25):
            best, share = column, known
    if best is not None and (share > 0.55 or best.says("event")):
        roles.of["action"] = best
        findings.note("action", best.name, f"its cells are actions: {best.example(5)}")
        return
    flags_of(table, roles, findings)


def _further(
    role: str,
    fits: Callable[[Column], float],
    table: SampledTable,
    roles: Roles,
    findings: Findings,
) -> None:
    if role in ("page", "position", "propensity", "arm") and not shows(roles):
        return
    free = [c for c in table.columns if not roles.taken(c) and len(c.texts) and fits(c) > 0]
    if role == "quantity" and "rating" in roles.of and "action" not in roles.of:
        return  # how many liked it: a rating is of one thing
    if role == "position":
        free = [c for c in free if c.distinct > 1]
    if role in ("page", "order"):  # what no two rows share holds nothing together
        free = [c for c in free if c.distinct < len(c.texts)] or free
    if role == "order":  # "display_order" is a place on the page, a hall no sale
        user = roles.of["user"]
        coarse = [c for c in free if shows(roles) or c.distinct < user.distinct]
        coarse = [c for c in coarse if not c.says("session", "id") and of_many(c, user)]
        free = [c for c in free if c not in coarse]
    if role in ("title", "category"):
        free = [c for c in free if _of_the_item(c, roles.of["item"])]
    record = roles.of["item"].record
    best = max(free, key=lambda c: fits(c) + 0.3 * (c.record == record), default=None)
    if best is None:
        return
    roles.of[role] = best
    findings.note(role, best.name, "its header says so")


def _of_the_item(column: Column, item: Column) -> bool:
    """Whether a column says much the same wherever an item is, and not the same of all items."""
    if column.distinct == 1 and item.distinct > 1:
        return False
    return bool(column.cells.groupby(item.cells).nunique().mean() < 1.5)


def _says(*wanted: str, never: Iterable[str] = ()) -> Callable[[Column], float]:
    """Score a header: all of the first of ``wanted`` or of another, none of ``never``."""
    barred = {*AWAY, *never}

    def score(column: Column) -> float:
        if not column.meanings.isdisjoint(barred):
            return 0.0
        best = 0.0
        for place, words in enumerate(wanted):
            if set(words.split("+")) <= column.meanings:
                best = max(best, len(wanted) - place + 0.1 * column.filled)
        return best

    return score


def _numbers(
    score: Callable[[Column], float], low: float, high: float
) -> Callable[[Column], float]:
    """The same, for columns whose cells are numbers from ``low`` to ``high`` only.

    What has a letter before it, "v3" or "R2", is a name with a number: no currency stands here.
    """

    def within(column: Column) -> float:
        if not score(column) or not len(column.texts):
            return 0.0
        values = column.values()
        good = np.isfinite(values) & (values >= low) & (values <= high)
        good &= ~column.lettered.to_numpy()
        return score(column) if good.mean() > 0.9 else 0.0

    return within


def _units(score: Callable[[Column], float]) -> Callable[[Column], float]:
    """The same, for columns that are seldom 0: nobody takes 0 of a thing, though 0 may like it."""
    return lambda c: score(c) if (c.values() == 0).mean() < OFTEN else 0.0


def _texty(score: Callable[[Column], float]) -> Callable[[Column], float]:
    """The same, and words before numbers."""
    return lambda c: score(c) and score(c) - 0.5 * c.numeric - 0.3 * c.says("id")


def _money(score: Callable[[Column], float]) -> Callable[[Column], float]:
    """The same, for columns whose cells have digits."""

    def priced(column: Column) -> float:
        digits = column.texts.str.contains(r"\d").mean() if len(column.texts) else 0.0
        return score(column) if digits > 0.9 and not _is_time(column) else 0.0

    return priced


def _is_time(column: Column) -> bool:
    return pd.api.types.is_datetime64_any_dtype(column.cells.dtype) or column.says("time", "clock")


_NO_TITLE = ("user", "id", "event", "maker", "category", "order", "page", "session")
_FURTHER: dict[str, Callable[[Column], float]] = {
    "rating": _numbers(_says("rating", never=("event", "id", "time", "name")), 0, 100),
    "quantity": _units(
        _numbers(
            _says("quantity", "item+quantity", never=("price", "total", "time", "id")), -1e6, 1e6
        )
    ),
    "unit_price": _money(_says("price+unit", "price+item", "price", never=("total", "order"))),
    "value": _money(
        _says("total+price", "total", "order+price", "order+total", never=("unit", "quantity"))
    ),
    "currency": _says("currency", never=("total", "price")),
    "propensity": _numbers(_says("propensity"), 1e-12, 1),
    "position": _numbers(_says("position", never=("id",)), 0, 10_000),
    "arm": _says("arm", never=("item", "user", "page", "order")),
    "order": _says(
        "order+id", "order", "session+id", "session", never=("time", "clock", "kind", "total")
    ),
    "page": _says("page+id", "page", never=("name", "kind", "time", "event", "item", "user")),
    "title": _texty(_says("item+name", "name", "item", never=_NO_TITLE)),
    "category": _texty(
        _says("category+item", "category", "item+kind", "maker", never=("user", "event", "arm"))
    ),
}  # fmt: skip
"""Roles that a log may have, in the order in which they choose, and how well a column fits."""
