"""Conformance test for recommenders, Footfall's own and yours.

>>> from footfall.recommenders.testing import check_recommender
>>> check_recommender(mine, users=["u1", "u2"], catalogue=catalogue)  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.recommenders.protocol import Recommender, Request, Slate

STRANGER = "a user whom nobody has ever seen"
NOON = pd.Timestamp("2024-01-01 12:00")


def check_recommender(
    recommender: Recommender, users: Sequence[str], catalogue: Catalogue, *, k: int = 3
) -> None:
    """Ask ``recommender`` for pages and check everything that the Protocol promises.

    Checked: one slate a request and in order; known items, none twice, none that was shown,
    at most ``k``; scores and propensities as many as items and usable; an unknown user gets a
    page or a failure, not an exception; no requests, no slates; and the answer to a request
    does not depend on repetition, order or batch.

    Args:
        recommender: Trained and ready; it is asked, never updated.
        users: At least one user that it knows.
        catalogue: The items that it may show.
        k: Items a page.

    Raises:
        AssertionError: with one line for each broken promise.
    """
    problems = list(_problems(recommender, users, catalogue, k))
    assert not problems, "\n".join(problems)


def _problems(
    recommender: Recommender, users: Sequence[str], catalogue: Catalogue, k: int
) -> Iterator[str]:
    if not isinstance(recommender, Recommender):
        yield f"{type(recommender).__name__} lacks recommend(requests) or update(events)"
        return
    if recommender.recommend([]):
        yield "no requests were answered with slates"
    first = [
        Request(user, session=0, page=0, time=NOON, k=k, seed=number)
        for number, user in enumerate([*users, STRANGER])
    ]
    slates = recommender.recommend(first)
    if len(slates) != len(first):
        yield f"{len(slates)} slates for {len(first)} requests"
        return
    second = [
        replace(request, page=1, shown=slate.items)
        for request, slate in zip(first, slates, strict=True)
    ]
    requests = first + second
    slates = recommender.recommend(requests)
    for request, slate in zip(requests, slates, strict=True):
        yield from (
            f"{request}: {problem}" for problem in _slate_problems(request, slate, catalogue)
        )
    yield from _dependence(recommender, requests, slates)
    if all(slate.failure for slate in slates[: len(users)]):
        yield "every first page of the known users failed"


def _slate_problems(request: Request, slate: Slate, catalogue: Catalogue) -> Iterator[str]:
    if slate.failure and slate.items:
        yield "failed and has items"
    if len(slate.items) > request.k:
        yield f"{len(slate.items)} items, more than k"
    if len(set(slate.items)) < len(slate.items):
        yield f"items twice in {slate.items}"
    for item in slate.items:
        if catalogue.code(item) is None:
            yield f"{item!r} is not in the catalogue"
        if item in request.shown:
            yield f"{item} was shown before"
    yield from _number_problems("scores", slate.scores, len(slate.items), -math.inf, math.inf)
    yield from _number_problems("propensities", slate.propensities, len(slate.items), 0.0, 1.0)


def _number_problems(
    name: str, values: Sequence[float] | None, expected: int, low: float, high: float
) -> Iterator[str]:
    if values is None:
        return
    if len(values) != expected:
        yield f"{len(values)} {name} for {expected} items"
    if not all(math.isfinite(value) and low <= value <= high for value in values):
        yield f"{name} are not finite numbers in [{low}, {high}]"


def _dependence(
    recommender: Recommender, requests: list[Request], slates: list[Slate]
) -> Iterator[str]:
    if recommender.recommend(requests) != slates:
        yield "the same requests asked again got other slates"
    if recommender.recommend(requests[::-1])[::-1] != slates:
        yield "the same requests in reverse order got other slates"
    if [recommender.recommend([request])[0] for request in requests] != slates:
        yield "the same requests one by one got other slates"
