"""Clicks earlier in the visit: do they take from the wish for more, or tell of the visit's mood?

Who has just clicked is likely to click again: some visits are better than others, and users are
not known exactly. Both make clicks earlier in a visit look as if they led to more, so only the
opposite, fewer clicks the more there were, is a finding; anything else is taken for mood, which no
arm can make.
"""

from __future__ import annotations

from dataclasses import replace

from footfall.behaviour.people import MEASURES
from footfall.fitting.pages.blocks import Design
from footfall.fitting.pages.clicks import ClickFit
from footfall.fitting.pages.design import Scales

EARLIER = MEASURES.index("clicked earlier in the visit")

CERTAIN = 3.0
"""Standard errors below 0 from which earlier clicks are a cause."""


def is_mood(fit: ClickFit) -> bool:
    """Whether clicks earlier in the visit say nothing of what they lead to."""
    error = fit.post.common_cov[EARLIER, EARLIER] ** 0.5
    return bool(fit.post.common[EARLIER] > -CERTAIN * error)


def without_mood(design: Design) -> Design:
    """The same, as if nobody had clicked earlier in the visit."""
    common = design.common.copy()
    common[:, EARLIER] = 0.0
    return replace(design, common=common)


def untold(scales: Scales) -> Scales:
    """The same, with nothing to tell about clicks earlier in the visit."""
    parts = {name: values.copy() for name, values in vars(scales).items()}
    parts["centre"][EARLIER], parts["scale"][EARLIER], parts["told"][EARLIER] = 0.0, 1.0, False
    return Scales(**parts)
