"""How Footfall checks what is written for it: scenarios, behaviours, orders."""

from pydantic import ConfigDict, ValidationError

SPEC = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
"""Unknown keys are mistakes, and an endless coefficient makes every utility none."""


def fault(error: ValidationError) -> str:
    """The first thing that is wrong with what was read: where, and what."""
    wrong = error.errors()[0]
    return f'"{".".join(map(str, wrong["loc"]))}": {wrong["msg"]}'
