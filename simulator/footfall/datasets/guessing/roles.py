"""What a column of a log can be, and which one is what."""

from __future__ import annotations

from dataclasses import dataclass, field

from footfall.datasets.guessing.facts import Column
from footfall.datasets.guessing.moments import Clock
from footfall.datasets.guessing.words import action_of

NEEDED = ("user", "item", "time")

ROLES = (
    *NEEDED, "clock", "action", "rating", "quantity", "value", "unit_price", "order", "title",
    "category", "page", "position", "propensity", "arm", "currency",
)  # fmt: skip
"""What a column can be; beside the columns of a scenario: action, rating and currency."""

AWAY = ("other", "private", "late")
"""Headers that tell of neither who, what, nor when."""


@dataclass
class Roles:
    """Role -> column, and the columns that flag actions."""

    of: dict[str, Column] = field(default_factory=dict)
    flags: dict[str, Column] = field(default_factory=dict)
    """Action -> column of yes and no."""
    filled: list[str] = field(default_factory=list)
    """Those of them that say yes by being filled, and no by being empty."""
    clock: Clock = field(default_factory=Clock)

    def taken(self, column: Column) -> bool:
        """Whether a column has a role already."""
        return column in self.of.values() or column in self.flags.values()


def shows(roles: Roles) -> bool:
    """Whether the log has what was shown, not only what was taken."""
    if roles.flags:
        return True
    action = roles.of.get("action")
    return action is not None and bool((action.texts.map(action_of) == "view").any())
