"""How Footfall checks what is written for it: scenarios, behaviours, orders."""

from pydantic import ConfigDict

SPEC = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
"""Unknown keys are mistakes, and an endless coefficient makes every utility none."""
