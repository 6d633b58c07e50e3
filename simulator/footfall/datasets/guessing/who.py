"""Which column names the users, and which the items: by header, by cells, or by asking."""

from __future__ import annotations

import math

from footfall.datasets.guessing.asking import Findings, OpenQuestion
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.possible import able, is_record, likelihood, of_one_moment, why_not
from footfall.datasets.guessing.roles import AWAY, Roles
from footfall.datasets.guessing.words import tokens
from footfall.errors import DataError

FILLED = 0.7
"""Share of rows that must have a user or an item for nothing to be said of the others."""

ALMOST = 0.95
"""Share of rows from which on nearly all have something."""


def who_or_what(role: str, table: SampledTable, roles: Roles, findings: Findings) -> None:
    """The user or the item: by header, then by cells, then by asking."""
    free = [c for c in table.columns if not roles.taken(c) and len(c.texts)]
    # A column without a repeated value names rows, not people or things.
    free = [c for c in free if c.distinct < len(c.texts) or len(c.texts) < 2]
    named = [c for c in free if c.says(role) and not c.says(*AWAY, "category", "kind")]
    named = [c for c in named if not c.says("time", "price", "total", "quantity", "rating")]
    barred = {c.name: why_not(role, c, roles) for c in free if c in named or is_record(c)}
    free, named = able(role, free, roles), [c for c in named if not barred[c.name]]
    if named:
        best = max(named, key=lambda c: _name_score(c, role, roles))
        _settle(role, best, free, roles, findings)
        return
    if role == "user" and _by_address_or_session(free, roles, findings):
        return
    _asked(role, free, barred, table, roles, findings)


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


def _by_address_or_session(free: list[Column], roles: Roles, findings: Findings) -> bool:
    """People by their addresses; where nobody is named, a session is a user."""
    addresses = [c for c in free if c.says("private") and c.texts.str.contains("@").all()]
    if addresses:
        roles.of["user"] = addresses[0]
        why = "no other column names people; addresses are private: replace them before sharing"
        findings.note("user", addresses[0].name, why)
        return True
    sessions = [c for c in free if c.says("session")]
    if sessions:
        roles.of["user"] = max(sessions, key=lambda c: c.says("id"))
        name = roles.of["user"].name
        findings.note("user", name, "no column names people, so a session is a user")
    return bool(sessions)


def _name_score(column: Column, role: str, roles: Roles) -> float:
    """An identifier names best, then a bare header, then a name; few words are better than many."""
    strange = {"user", "item", "order", "session", "page", "event", "position"} - {role}
    score = 2.0 * column.says("id") - 1.0 * column.says("name") - 3.0 * column.says(*strange)
    if role == "user" and of_one_moment(column, roles.of["time"]):
        score -= 4.0  # an order under the name of a customer
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
    told = ("time", "price", "total", "quantity", "currency", "rating", "category", "position",
            "propensity", *AWAY)  # fmt: skip
    named = [c for c in free if not c.says(*told) and c.distinct > 1 and not c.flags]
    named = [c for c in named if c.whole or not c.numeric]  # nobody's name is 0.25
    unknown = [c for c in named if c.meanings <= {"id"}] or named
    identifiers = [c for c in unknown if c.says("id")]
    if role == "item" and len(identifiers) == 1:
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
        likely.name,
        f"--column {role}=ANSWER",
    )
    roles.of[role] = table[findings.answer(role, question)]
