"""What recommenders of others answer, as slates: lists, arrays and ids of any type.

Ids are spelt as data sets spell them (``footfall.datasets.ids``), so that 7, 7.0 and "7" are one
item. What has no order, or is no list of items, is refused: it fails the request that it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from footfall.datasets.ids import id_of
from footfall.errors import DataError
from footfall.recommenders.protocol import Slate

LONGEST = 100_000
"""Items of a slate, or slates of an answer, that are looked at: a generator may never end."""


def as_slates(answer: Any) -> list[Slate]:
    """What ``recommend`` returned as slates; those that are none have failed.

    Raises:
        TypeError: It is no sequence of slates at all.
    """
    rows = _listed(answer, "recommend() returned", "a list with one slate a request")
    return [row if isinstance(row, Slate) else _or_failure(row) for row in rows]


def as_slate(answer: Any) -> Slate:
    """One answer as a slate, its ids spelt as the catalogue's; what is none has failed."""
    if not isinstance(answer, Slate):
        return _or_failure(answer)
    if answer.failure:
        return answer
    found = _or_failure(answer.items)
    return Slate(found.items, answer.scores, answer.propensities, found.failure)


def spelt(item: object) -> str:
    """An item's id as text; what is no id stays recognisable, and is in no catalogue."""
    try:
        return id_of(item) or repr(item)[:60]
    except DataError:
        return repr(item)[:60]


def _or_failure(items: Any) -> Slate:
    try:
        return Slate(tuple(map(spelt, _listed(items, "a slate is", "a list of item ids"))))
    except TypeError as error:
        return Slate((), failure=f"TypeError: {error}")


def _listed(answer: Any, said: str, wanted: str) -> list[Any]:
    """The members of what has an order.

    Raises:
        TypeError: It has none, or no members.
    """
    if isinstance(answer, str | bytes | Mapping | AbstractSet | pd.DataFrame) or _deep(answer):
        raise TypeError(f"{said} a {type(answer).__name__} ({answer!r:.40}), not {wanted}")
    if not isinstance(answer, Iterable):
        raise TypeError(f"{said} {answer!r:.40}, not {wanted}")
    members: Iterator[Any] = iter(answer)
    return list(islice(members, LONGEST))


def _deep(answer: Any) -> bool:
    """Whether this is an array of more or fewer dimensions than a list has."""
    return isinstance(answer, np.ndarray) and answer.ndim != 1
