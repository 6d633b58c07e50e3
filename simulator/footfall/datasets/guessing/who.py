"""Which column names the users, and which the items: by header, by cells, or by asking."""

from __future__ import annotations

import math

from footfall.datasets.guessing.asking import Findings, OpenQuestion
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.kinds import (
    FEW,
    coded,
    determines,
    is_coded,
    order_among,
    told_by_cells,
)
from footfall.datasets.guessing.possible import able, is_record, likelihood, of_one_moment, why_not
from footfall.datasets.guessing.roles import AWAY, Roles
from footfall.datasets.guessing.words import tokens
from footfall.errors import DataError

FILLED = 0.7
"""Share of rows that must have a user or an item for nothing to be said of the others."""

ALMOST = 0.95
"""Share of rows from which on nearly all have something."""

NAMELESS = frozenset({"anonymous", "anon", "cookie", "device", "distinct", "pseudo", "visitor"})
"""Words of ids that people have before they are known by name, and of which they have several."""

CODED = 3.9
"""Cells that are codes whatever their header says: of one length, with digits, without blanks."""

_TOLD = ("time", "price", "total", "quantity", "currency", "rating", "category", "position",
         "propensity", *AWAY)  # fmt: skip
"""Headers of columns that are neither users nor items."""


def who_or_what(role: str, table: SampledTable, roles: Roles, findings: Findings) -> None:
    """The user or the item: by header, then by cells, then by asking."""
    free = [c for c in table.columns if not roles.taken(c) and len(c.texts)]
    # A column without a repeated value names rows, not people or things.
    free = [c for c in free if c.distinct < len(c.texts) or len(c.texts) < 2]
    named = [c for c in free if c.says(role) and not c.says(*AWAY, "category", "kind")]
    named = [c for c in named if not _measures(c)]
    barred = {c.name: why_not(role, c, roles) for c in free if c in named or is_record(c)}
    free, named = able(role, free, roles), [c for c in named if not barred[c.name]]
    if named:
        best = max(named, key=lambda c: _name_score(c, role, roles))
        _settle(role, best, free, roles, findings)
        return
    if role == "user" and _by_address(free, roles, findings):
        return
    if _by_cells(role, free, table, roles, findings):
        return
    if role == "user" and _by_session(free, roles, findings):
        return
    _asked(role, free, barred, table, roles, findings)


def _measures(column: Column) -> bool:
    """Whether it counts or rates who it names, as "user_rating"; "review_user_id" names a user."""
    name = column.says("id") or (column.says("name") and bool(column.lettered.mean() > ALMOST))
    return column.says("time", "price", "total", "quantity", "rating") and not name


def _settle(role: str, best: Column, free: list[Column], roles: Roles, findings: Findings) -> None:
    """Take the column that a header names; ask where many rows have none, and a session instead."""
    sessions = [c for c in free if c.says("session") and c.filled > ALMOST and c is not best]
    if role == "user" and best.filled < FILLED and sessions:
        session = max(sessions, key=lambda c: c.says("id"))
        missing = f"{1 - best.filled:.0%}"
        question = OpenQuestion(
            f'"{best.name}" is empty in {missing} of the rows; who is a user there?',
            {session.name: "each session is a user of its own",
             best.name: f"leave these {missing} of the rows out"},
            session.name,
            "--column user=ANSWER",
        )  # fmt: skip
        name = findings.answer(role, question)
        roles.of[role] = session if name == session.name else best
        return
    roles.of[role] = best
    findings.note(role, best.name, "its header says so")
    if best.filled < FILLED:  # such rows are dropped, and counted, when they are read
        why = f'"{best.name}" is empty there'
        findings.note(role, f"{1 - best.filled:.0%} of the rows are left out", why, assumed=True)


def _by_address(free: list[Column], roles: Roles, findings: Findings) -> bool:
    """People by their addresses, where nothing else names them."""
    addresses = [c for c in free if c.says("private") and c.texts.str.contains("@").all()]
    if addresses:
        roles.of["user"] = addresses[0]
        why = "no other column names people; addresses are private: replace them before sharing"
        findings.note("user", addresses[0].name, why)
    return bool(addresses)


def _by_session(free: list[Column], roles: Roles, findings: Findings) -> bool:
    """Where nobody is named, a session is a user."""
    sessions = [c for c in free if c.says("session")]
    if sessions:
        roles.of["user"] = max(sessions, key=lambda c: c.says("id"))
        name = roles.of["user"].name
        findings.note("user", name, "no column names people, so a session is a user")
    return bool(sessions)


def _by_cells(
    role: str, free: list[Column], table: SampledTable, roles: Roles, findings: Findings
) -> bool:
    """The only column whose header says nothing and whose cells are those of users, or items."""
    unknown = [c for c in _nameless(free) if c.meanings <= {"id", "name"}]
    found = told_by_cells(role, unknown, roles, order_among(table, roles))
    if found is not None:
        roles.of[role] = found
        findings.note(role, found.name, _BY_CELLS[role], assumed=True)
    return found is not None


def code_beside(role: str, table: SampledTable, roles: Roles, findings: Findings) -> None:
    """Take the code that stands beside a name, one to one: a name may be written in many ways."""
    name = roles.of[role]
    if is_coded(name) or name.distinct < FEW:
        return
    strange = {"user", "item", "order", "session", "page", "event"} - {role}
    codes = [
        c for c in _nameless([c for c in table.columns if not roles.taken(c)])
        if not c.says(*strange) and is_coded(c) and c.distinct == name.distinct
        and determines(name, c) and determines(c, name)
    ]  # fmt: skip
    best = max(codes, key=lambda c: (c.says(role), c.says("id"), coded(c)), default=None)
    if best is None or not (best.says("id", role) or coded(best) > CODED):
        return
    roles.of[role] = best
    findings.note(role, best.name, f'codes that stand one to one beside "{name.name}"')
    if role == "item" and "title" not in roles.of:
        roles.of["title"] = name
        findings.note("title", name.name, f'one to one beside "{best.name}"')


_BY_CELLS = {
    "user": "no header names people; only its cells stay the same within orders or visits, and "
    "come again on other days",
    "item": "no header names items; only its cells differ within orders or visits, and come again "
    "with other users",
}


def _nameless(free: list[Column]) -> list[Column]:
    """Columns that can name somebody or something: nobody's name is 0.25."""
    named = [c for c in free if not c.says(*_TOLD) and c.distinct > 1 and not c.flags]
    return [c for c in named if c.whole or not c.numeric]


def _name_score(column: Column, role: str, roles: Roles) -> float:
    """An identifier names best, then a bare header, then a name; few words are better than many."""
    strange = {"user", "item", "order", "session", "page", "event", "position"} - {role}
    score = 2.0 * column.says("id") - 1.0 * column.says("name") - 3.0 * column.says(*strange)
    if role == "user" and of_one_moment(column, roles.of["time"]):
        score -= 4.0  # an order under the name of a customer
    score -= 0.5 * bool(NAMELESS.intersection(tokens(column.name)))
    score -= 0.1 * len(tokens(column.name.rpartition(".")[2]))
    return score + 2.0 * column.filled + 0.001 * math.log1p(column.distinct)


def _asked(
    role: str,
    free: list[Column],
    barred: dict[str, str],
    table: SampledTable,
    roles: Roles,
    findings: Findings,
) -> None:
    named = _nameless(free)
    strange = {"user", "item", "order", "session", "page", "event"} - {role}
    unknown = [c for c in named if c.meanings <= {"id"}]
    unknown = unknown or [c for c in named if not c.says(*strange)]
    identifiers = [c for c in unknown if c.says("id")]
    if role == "item" and len(identifiers) == 1 and identifiers[0].distinct >= FEW:
        roles.of[role] = identifiers[0]
        why = "the only identifier that comes again and is nothing else"
        findings.note(role, identifiers[0].name, why, assumed=True)
        return
    cannot = "".join(f' Not "{name}": {why}.' for name, why in barred.items() if why)
    if not unknown:
        raise DataError(
            f"{table.path}: no column names the {role};{cannot} Its columns: "
            f"{', '.join(c.name for c in table.columns)}; say which with --column {role}=HEADER"
        )
    likely = max(unknown, key=lambda c: (likelihood(role, c, roles) + c.says("id"), c.distinct))
    question = OpenQuestion(
        f"{table.path.name}: which column names the {role}?{cannot}",
        {c.name: f"{c.distinct} values, such as {c.example()}" for c in unknown},
        None if likely.distinct < FEW else likely.name,
        f"--column {role}=ANSWER",
    )
    roles.of[role] = table[findings.answer(role, question)]
