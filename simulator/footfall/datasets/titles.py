"""Titles as people read them."""

from __future__ import annotations

import re

_END_OF_HEAD = re.compile(r", | \(")


def short(title: str) -> str:
    """Head of a title, up to the first comma or bracket: tokens are the cost.

    >>> short("Soft drink, multi-pack of cans, 12 oz (store brand)")
    'Soft drink'
    """
    end = _END_OF_HEAD.search(title)
    return (title[: end.start()] if end else title).strip() or title
