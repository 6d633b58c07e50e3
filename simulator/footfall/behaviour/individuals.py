"""Coefficients of a user's own: those of a segment, and a lasting difference from everybody.

A mixed logit has users with coefficients b + s*z, z standard normal (``footfall.fitting.mixed``).
In a run z is drawn once a user, keyed by seed and user: the same person in every arm and visit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import scipy.special

from footfall.behaviour.specs import TERMS, BehaviourSpec, SegmentsSpec
from footfall.errors import ScenarioError, did_you_mean
from footfall.luck import Luck, Purpose, uniform

Floats = npt.NDArray[np.float64]


def coefficients(
    spec: BehaviourSpec, groups: Sequence[str | None] | None, deviates: Floats
) -> Floats:
    """[n_users, len(TERMS)] the coefficients of each user's click.

    Args:
        spec: Common coefficients, segments and spread.
        groups: [n_users] the user's segment, None: of none; None: there are no segments.
        deviates: [n_users, len(TERMS)] standard normal.
    """
    common = np.array([getattr(spec.click, name) for name in TERMS])
    found = np.tile(common, (len(deviates), 1))
    if groups is not None and spec.segments is not None:
        for name, terms in spec.segments.click.items():
            mine = np.array([group == name for group in groups])
            for term, value in terms.items():
                found[mine, TERMS.index(term)] = value
    spread = np.array([spec.spread.get(name, 0.0) for name in TERMS])
    return np.asarray(found + spread * deviates)


def drawn(luck: Luck, users: npt.NDArray[np.uint64]) -> Floats:
    """[n_users, len(TERMS)] standard normal, the same in every arm and visit of a run."""
    columns = np.arange(len(TERMS), dtype=np.uint64)
    words, _, _, _ = luck.words(
        Purpose.TASTE, users[:, None], np.zeros(1, dtype=np.int64), 0, columns[None, :]
    )
    return np.asarray(scipy.special.ndtri(uniform(words)))


def groups_of(
    segments: SegmentsSpec | None, profiles: Mapping[str, npt.NDArray[np.object_]]
) -> list[str | None] | None:
    """[n_users] the segment of each user; None without segments.

    Args:
        segments: As in the scenario.
        profiles: Profile columns by readable name, each [n_users].

    Raises:
        ScenarioError: No such column, or no user is in any of the segments.
    """
    if segments is None:
        return None
    column = segments.by.replace("_", " ")
    if column not in profiles:
        hint = did_you_mean(column, profiles)
        raise ScenarioError(f'behaviour.segments.by: no profile column "{segments.by}"; {hint}')
    # `footfall fit --by` calls those "unknown" of whom the profile does not tell.
    unknown = "unknown" if "unknown" in segments.click else None
    groups = [unknown if group is None else str(group) for group in profiles[column]]
    known = {group for group in groups if group is not None}
    if not known & segments.click.keys():
        first = next(iter(segments.click), "")
        raise ScenarioError(
            f'behaviour.segments: no user\'s "{column}" is "{first}" or another of the segments; '
            f"{did_you_mean(first, known)}"
        )
    return groups
