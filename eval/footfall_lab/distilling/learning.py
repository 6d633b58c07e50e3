"""From a teacher's answers to a student, and how truly it repeats what it was not told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.choice.protocol import Page
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.titles import short
from footfall.errors import UserError
from footfall.fitting.stages import lot
from footfall.surrogate.bounds import Bounds
from footfall.surrogate.features import MIN_WINDOW, ItemFeatures, window
from footfall.surrogate.student import Reader, Student
from footfall.surrogate.texts import TextSpace, item_texts
from footfall.surrogate.trees import Trees
from footfall.users.population import Population
from footfall_lab.distilling import fidelity
from footfall_lab.distilling.lessons import AnsweredPage, AnsweredPages

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LIKING_PRIOR = 1.0
"""Answers' worth of the mean that are mixed into what is thought of a name."""

FEWEST_USERS = 20
"""Users without whom neither learning nor measuring means anything."""


@dataclass(frozen=True, eq=False)
class Halves:
    """Who and what is kept back; items of one name are kept back together."""

    user: Bools
    """[n_users] by number in the population."""
    item: Bools
    """[n_items] by code."""

    def of_users(self) -> Halves:
        """The same users, and no item."""
        return Halves(self.user, np.zeros_like(self.item))


def keep_back(
    population: Population, catalogue: Catalogue, *, users: float, items: float, seed: int
) -> Halves:
    """Draw a share of the users and of the items; the same for the same seed."""
    names = [short(title) for title in catalogue.titles]
    return Halves(
        np.array([lot(user, seed, "distil-user") < users for user in population.users]),
        np.array([lot(name, seed, "distil-item") < items for name in names]),
    )


def learn(
    lessons: AnsweredPages,
    kept: Halves,
    catalogue: Catalogue,
    *,
    events: int,
    visit: bool,
    seed: int,
) -> Student:
    """Learn from those users and items that are not kept back.

    Raises:
        UserError: The teacher answered too few users.
    """
    mine = [one for one in lessons.answered if not kept.user[one.user]]
    users = {one.user for one in mine}
    if len(users) < FEWEST_USERS or len(users) == len(lessons.users()):
        raise UserError(
            f"distill: the teacher answered {len(lessons.users())} users, {len(users)} of whom "
            f"may be learned from; {FEWEST_USERS} are needed, and some to keep back: simulate "
            "more users, or distil from a scenario with more --users"
        )
    texts = item_texts(catalogue)
    codes = [code for code in lessons.items() if not kept.item[code]]
    learned = tuple(sorted({texts[code] for code in codes}))
    space = TextSpace.learn(learned, seed=seed)
    table = ItemFeatures.of(catalogue, space)
    events = max(MIN_WINDOW, events)
    rows, targets, names = _rows(mine, kept, table, catalogue, events=events, visit=visit)
    called, liking, others = _liking(names, targets)
    trees = Trees.grow(np.column_stack([rows, others]), targets, seed=seed)
    student = Student(space, learned, called, liking, trees, Bounds.anywhere(), events, visit)
    pasts = {one.user: window(Page(one.page.persona, ()), events, visit=False) for one in mine}
    traits = student.at(catalogue).traits(np.stack([pasts[user] for user in sorted(pasts)]))
    return replace(student, bounds=Bounds.learn(space.weigh(learned), traits, seed=seed))


def _rows(
    lessons: Sequence[AnsweredPage],
    kept: Halves,
    table: ItemFeatures,
    catalogue: Catalogue,
    *,
    events: int,
    visit: bool,
) -> tuple[Floats, Floats, list[str]]:
    """[n, f] features, [n] utilities and short titles of pairs to learn from, each once."""
    rows, targets, names, seen = [], [], [], set()
    taken = {one.user: table.taken(one.page.persona) for one in lessons}
    for one in lessons:
        told = window(one.page, events, visit=visit)
        items = np.array([one.page.items], dtype=np.int64)
        numbers = table.features(told[None], [taken[one.user]], items)[0]
        for place, item in enumerate(one.page.items):
            pair = (one.user, told.tobytes(), item, float(one.llm[place]))
            if not kept.item[item] and pair not in seen:
                seen.add(pair)
                rows.append(numbers[place])
                targets.append(one.llm[place])
                names.append(short(catalogue.titles[item]))
    return np.stack(rows), np.array(targets), names


def _liking(names: Sequence[str], targets: Floats) -> tuple[tuple[str, ...], Floats, Floats]:
    """Names, what is thought of each, and [n] the same by the *other* rows of that name.

    A row must not see itself: trees would learn to copy it. Few rows are drawn to the mean.
    """
    called, which = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
    above = targets - targets.mean()
    sums, counts = np.bincount(which, weights=above), np.bincount(which)
    others = (sums[which] - above) / (counts[which] - 1 + LIKING_PRIOR)
    return tuple(called.tolist()), sums / (counts + LIKING_PRIOR), others


def measure(
    lessons: AnsweredPages,
    kept: Halves,
    reader: Reader,
    twin: Reader,
    *,
    effects: Callable[[Sequence[AnsweredPage], Sequence[Floats], float], list[dict[str, Any]]],
) -> dict[str, Any]:
    """Fidelity on what was kept back, as written on the surrogate's card.

    Args:
        lessons: All that the teacher said.
        kept: Who and what the twin has not learned from.
        reader: The surrogate itself, which has learned from all items.
        twin: One that has not, to tell what new items will be like.
        effects: The A/B test of pages by teacher and surrogate.
    """
    everything = list(lessons.answered)
    asked = [one.page for one in everything]
    known = reader.known(asked)
    said, far = reader.utilities(asked, known), reader.far_users(known)
    apart = twin.utilities(asked, twin.known(asked))
    whole, parts = kept.of_users(), (everything, apart, far, twin.far_items, kept)
    own = (everything, said, far, reader.far_items, whole)
    found: dict[str, Any] = {
        "learned from": _cell(*own, user=False, item=False),
        "held-out users": _cell(*own, user=True, item=False),
        "held-out items": _cell(*parts, user=False, item=True),
        "held-out users and items": _cell(*parts, user=True, item=True),
    }
    theirs = [n for n, one in enumerate(everything) if kept.user[one.user] and len(one.llm)]
    pages, answers = [everything[n] for n in theirs], [said[n] for n in theirs]
    teacher = [one.llm for one in pages]
    weight = fidelity.loudness([one.llm for one in everything if not kept.user[one.user]])
    return {
        "cells": found,
        "held-out users": {
            "users": len({one.user for one in pages}),
            "pages": len(pages),
            "correlation within pages": fidelity.within_pages(teacher, answers),
            "nll": fidelity.page_nll(teacher, answers, weight),
            "refused users": _share(
                {one.user: bool(far[n]) for n, one in zip(theirs, pages, strict=True)}
            ),
        },
        "weight": weight,
        "effects": effects(pages, answers, weight),
    }


def _cell(
    lessons: Sequence[AnsweredPage],
    said: Sequence[Floats],
    far_users: Bools,
    far_items: Bools,
    kept: Halves,
    *,
    user: bool,
    item: bool,
) -> dict[str, Any]:
    """Agreement on one kind of pairs; refused ones are counted and measured all the same."""
    teacher, theirs, refused = [], [], []
    for number, one in enumerate(lessons):
        if kept.user[one.user] != user:
            continue
        codes = np.array(one.page.items, dtype=np.int64)
        mine = kept.item[codes] == item
        teacher.append(one.llm[mine])
        theirs.append(said[number][mine])
        refused.append(far_items[codes[mine]] | far_users[number])
    both = [np.concatenate(part) if part else np.empty(0) for part in (teacher, theirs)]
    away = np.concatenate(refused) if refused else np.empty(0)
    return {
        **fidelity.agreement(*both),
        "refused": float(away.mean()) if len(away) else None,
    }


def _share(flags: dict[int, bool]) -> float:
    return float(np.mean(list(flags.values()))) if flags else 0.0
