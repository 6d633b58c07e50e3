"""Orders that came to nothing: cancelled, refunded, failed. Their rows are no purchases."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.guessing.asking import Findings, OpenQuestion, Told
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.roles import Roles
from footfall.datasets.guessing.words import action_of, is_done, is_state, is_void, tokens
from footfall.datasets.table_source import ActionColumn
from footfall.datasets.undone import came_to_nothing

MOST = 15
"""States that an order can be in, at most."""

ALL = 0.95
"""Share of the rows whose state must be told for those that failed to be left out."""

ENOUGH = 0.95
"""Of the money or the units of a row, what came back where all of it did."""

FEW = 0.05
"""Share of such rows from which on a part is no slip."""

SOME = 0.5
"""A mark of orders that came to nothing is in fewer rows than this share."""

POSSIBLE = frozenset({
    "returning", "returnable", "refundable", "cancellable", "policy", "window", "deadline", "until",
    "eligible", "allowed", "possible", "days", "customer", "visitor", "voidable",
})  # fmt: skip
"""Words in headers of what may be undone, or of who comes again."""

EVERY = "*"
"""Stands for every row, where a log names no actions."""

BOUGHT, NOTHING = "purchase", "ignore"

_MEANT = {BOUGHT: "the order came about", NOTHING: "it came to nothing: leave its rows out"}


def status_of(
    table: SampledTable, roles: Roles, told: Told, findings: Findings
) -> ActionColumn | None:
    """Tell purchases by the state of their order, where a column has states that are none.

    States that no list knows are asked about: one of them may be a cancelled order.
    """
    for column in table.columns:
        if roles.taken(column) or not 2 <= column.distinct <= MOST:
            continue
        states = _states(column, told.actions)
        if not states or set(states.values()) == {BOUGHT} or _describes(column, roles):
            continue
        listed = ", ".join(sorted(word for word, meant in states.items() if meant != BOUGHT))
        if column.filled < ALL:
            why = f'only {column.filled:.0%} of the rows say so in "{column.name}"; take them out'
            findings.note("action", f"{listed}: read as purchases", why, assumed=True)
            return None
        return _of_states(column, states, roles, findings)
    return None


def _states(column: Column, told: Mapping[str, str]) -> dict[str, str | None]:
    """What each state of an order means, None where that is unknown; {} for other columns."""
    words = [str(word) for word in column.texts.unique()]
    if column.flags:
        return {}
    states = {word: told.get(word) or _came_about(word) for word in words}
    named = is_state(column.name) or (is_void(column.name) and not column.numeric)
    named = named and not column.says("user", "time")
    return states if named or {BOUGHT, NOTHING} <= set(states.values()) else {}


def undone_of(table: SampledTable, roles: Roles, told: Told, findings: Findings) -> list[str]:
    """Columns such as "cancelled", "returned on" and "refunded amount": rows to leave out.

    Where a part of the units or of the money came back, nobody but the owner knows what counts.
    """
    names: list[str] = []
    if EVERY in told.actions:
        return names
    for column in table.columns:
        if roles.taken(column) or not is_void(column.name) or column.name in names:
            continue
        if not len(column.texts) or column.says("user", "item", "rating"):
            continue
        void = came_to_nothing(column.cells)
        if not 0 < void.mean() < SOME or POSSIBLE.intersection(tokens(column.name)):
            continue
        some = f"{void.mean():.0%} of the rows"
        if column.numeric and not column.flags and _in_part(column, void, roles):
            _ask_of_part(column, some, findings)
            continue
        names.append(column.name)
        findings.note("undone", column.name, f"{some} came to nothing: left out")
    return names


def _in_part(column: Column, void: npt.NDArray[np.bool_], roles: Roles) -> bool:
    """Whether less came back than a row has, in units or in money."""
    whole = roles.of.get("quantity" if column.says("quantity") else "value")
    if whole is None and not column.says("quantity"):
        whole = roles.of.get("unit_price")
    if whole is None or not whole.numeric:
        return False
    back, all_ = (_on_rows(c)[void] for c in (column, whole))
    known = np.isfinite(back) & np.isfinite(all_)
    return bool(known.any()) and bool((np.abs(back) < ENOUGH * np.abs(all_))[known].mean() > FEW)


def _on_rows(column: Column) -> npt.NDArray[np.float64]:
    values = pd.Series(column.values(), column.texts.index).reindex(column.cells.index)
    return np.asarray(values, dtype=np.float64)


def _ask_of_part(column: Column, some: str, findings: Findings) -> None:
    question = OpenQuestion(
        f'"{column.name}" says that a part came back in {some}: do they count as purchases? '
        "If not, take them out first.",
        {BOUGHT: "they count, as all other rows do"},
        BOUGHT,
        "--action ANSWER",
    )
    findings.answer("action", question)


def _came_about(word: str) -> str | None:
    if is_done(word):
        return BOUGHT
    return NOTHING if is_void(word) or action_of(word) == NOTHING else None


def _describes(column: Column, roles: Roles) -> bool:
    """Whether it is the same in all rows of each user, or of each item: a state of theirs."""
    for role in ("user", "item"):
        rows = column.cells.groupby(roles.of[role].cells).agg(["size", "nunique"])
        several = rows[rows["size"] > 1]
        if len(several) and (several["nunique"] <= 1).all():
            return True
    return False


def _of_states(
    column: Column, states: Mapping[str, str | None], roles: Roles, findings: Findings
) -> ActionColumn:
    """Leave out the rows of orders that came to nothing; ask about states that are unknown."""
    shares = column.texts.value_counts(normalize=True)
    unknown = [word for word in map(str, shares.index) if states[word] is None]
    meant = dict(states)
    if len(unknown) == 1 and shares[unknown[0]] > SOME and NOTHING in states.values():
        word = unknown.pop()  # the others came to nothing, or are known to have come about
        meant[word] = BOUGHT
        why = f"{shares[word]:.0%} of the rows: most orders come about, as no other state says"
        findings.note("action", f"{word} = purchase", why, assumed=True)
    for word in unknown:
        question = OpenQuestion(
            f'{column.name}: did orders that are "{word}" ({shares[word]:.0%} of the rows) come '
            "about?",
            _MEANT,
            BOUGHT,
            " ".join(f"--action {quote(other + '=ANSWER')}" for other in unknown),
        )
        meant[word] = findings.answer(f"action {word}", question)
    done = sorted(word for word, action in meant.items() if action != NOTHING)
    void = sorted(word for word, action in meant.items() if action == NOTHING)
    findings.note("action", column.name, f"the state of an order: {', '.join(done)}")
    if void:
        findings.note("action", f"{', '.join(void)}: left out", "these orders came to nothing")
    roles.of["action"] = column
    return ActionColumn.model_validate(
        {"column": column.name, "map": {word: meant[word] for word in done}}
    )
