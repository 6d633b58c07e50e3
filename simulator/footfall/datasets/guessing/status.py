"""Orders that came to nothing: cancelled, refunded, failed. Their rows are no purchases."""

from __future__ import annotations

from footfall.datasets.guessing.asking import Findings
from footfall.datasets.guessing.facts import SampledTable
from footfall.datasets.guessing.roles import Roles
from footfall.datasets.guessing.words import action_of, is_done
from footfall.datasets.table_source import ActionColumn

MOST = 15
"""States that an order can be in, at most."""

ALL = 0.95
"""Share of the rows whose state must be told for those that failed to be left out."""


def status_of(table: SampledTable, roles: Roles, findings: Findings) -> ActionColumn | None:
    """Tell purchases by the state of their order, where a column has states that are none."""
    for column in table.columns:
        if roles.taken(column) or column.numeric or not 2 <= column.distinct <= MOST:
            continue
        words = {str(word) for word in column.texts.unique()}
        done = {word for word in words if is_done(word)}
        void = {word for word in words - done if action_of(word) == "ignore"}
        if not void or not done or words - done - void:
            continue
        listed = ", ".join(sorted(void))
        if column.filled < ALL:
            why = f'only {column.filled:.0%} of the rows say so in "{column.name}"; take them out'
            findings.note("action", f"{listed}: read as purchases", why, assumed=True)
            return None
        findings.note("action", column.name, f"the state of an order: {', '.join(sorted(done))}")
        findings.note("action", f"{listed}: left out", "these orders came to nothing")
        roles.of["action"] = column
        return ActionColumn.model_validate(
            {"column": column.name, "map": dict.fromkeys(sorted(done), "purchase")}
        )
    return None
