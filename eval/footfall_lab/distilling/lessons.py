"""What the teacher said: pages of users, and the language model's utility of every item.

Pages come from the scenario (the first page of every arm, and pages of items drawn evenly), for
which the teacher is asked, or from the log of a run, which already holds the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.choice.protocol import ChoiceModel, Page
from footfall.errors import LogError
from footfall.options import Announce
from footfall.recommenders import Request, audited, build
from footfall.run_folder import manifest
from footfall.run_folder.layout import USERS
from footfall.run_folder.log import IMPRESSIONS, read_part
from footfall.runs.histories import Histories
from footfall.scenario.scenario import Scenario

Floats = npt.NDArray[np.float64]

NO_ARM = -1
"""``AnsweredPage.arm`` of a page that is not the first one of an arm."""

DRAWN_PAGES = 2
"""Pages of items drawn evenly from the catalogue that each user is asked about: what arms show is
the better part of it, and a surrogate must not be lost outside."""

BATCH = 64
"""Pages put to the teacher at once; answers are stored after each."""


@dataclass(frozen=True, slots=True)
class AnsweredPage:
    """One page and what the teacher said."""

    page: Page
    user: int
    """Number of the real user in the population."""
    arm: int
    """Whose first page for this user it is, or ``NO_ARM``."""
    llm: Floats
    """[k] finite utilities."""


@dataclass(frozen=True)
class AnsweredPages:
    """All answered pages, and how many were not answered."""

    answered: tuple[AnsweredPage, ...]
    unanswered: int
    drawn: tuple[int, ...] = ()
    """Numbers of all users who were to be asked about, those too of whom there was no page: to be
    among them is luck of the draw, to have come is not."""

    def users(self) -> list[int]:
        """Numbers of the users, rising."""
        return sorted({lesson.user for lesson in self.answered})

    def items(self) -> list[int]:
        """Codes of the items, rising."""
        return sorted({item for lesson in self.answered for item in lesson.page.items})


def ask(
    choice: ChoiceModel, pages: Sequence[tuple[Page, int, int]], announce: Announce
) -> AnsweredPages:
    """Put pages (with user and arm) to the teacher."""
    lessons, unanswered = [], 0
    for first in range(0, len(pages), BATCH):
        part = pages[first : first + BATCH]
        opinions = choice.utilities([page for page, _, _ in part])
        for (page, user, arm), opinion in zip(part, opinions, strict=True):
            if opinion.answered:
                lessons.append(AnsweredPage(page, user, arm, opinion.llm))
            else:
                unanswered += 1
        announce(f"the teacher answered {first + len(part):,} of {len(pages):,} pages")
    drawn = sorted({user for _, user, _ in pages})
    return AnsweredPages(tuple(lessons), unanswered, tuple(drawn))


def pages_to_ask(
    scenario: Scenario, histories: Histories, base: Path, *, users: int, announce: Announce
) -> list[tuple[Page, int, int]]:
    """The first page of every arm and some drawn pages, for the first ``users`` real users.

    Drawn are items of the arms' further pages and of the whole catalogue in turns: what a surrogate
    never met it will refuse, and an arm may show it to everybody. Where the question holds what
    was clicked in the visit, the drawn pages follow a click.
    """
    numbers = _real_users(histories)[:users]
    population, catalogue = histories.population, histories.catalogue
    rng = np.random.default_rng(scenario.seed)
    k = scenario.world.slate
    lists = _lists(scenario, histories, base, numbers, announce)
    pages = []
    for number, own in zip(numbers, lists, strict=True):
        persona = population.persona(number)
        shown = [(items[:k], arm) for arm, items in enumerate(own) if items]
        further = sorted({item for items in own for item in items[k:]})
        pools = [
            further if n % 2 == 0 and len(further) >= k else len(catalogue)
            for n in range(DRAWN_PAGES)
        ]
        drawn = [tuple(rng.choice(pool, k, replace=False).tolist()) for pool in pools]
        clicks = rng.integers(len(catalogue), size=DRAWN_PAGES).tolist()
        for items, arm in shown:
            pages.append((Page(persona, items, time=histories.split.at), number, arm))
        for items, click in zip(drawn, clicks, strict=True):
            clicked = (click,) if scenario.choice.visit_events and click not in items else ()
            page = Page(persona, items, clicked=clicked, time=histories.split.at)
            pages.append((page, number, NO_ARM))
    return pages


def _real_users(histories: Histories) -> list[int]:
    """The first copy of every real user with a history, in the order of the population."""
    real = histories.population.real
    _, first = np.unique(real, return_index=True)
    return [int(number) for number in np.sort(first) if real[number] >= 0]


def _lists(
    scenario: Scenario,
    histories: Histories,
    base: Path,
    numbers: Sequence[int],
    announce: Announce,
) -> list[list[tuple[int, ...]]]:
    """[user][arm] codes of all that a visit may show; () where a recommender gave nothing."""
    catalogue, names = histories.catalogue, histories.population.users
    most = min(scenario.world.slate * scenario.world.max_pages, len(catalogue))
    requests = [Request(names[n], 0, 0, histories.split.at, most, seed=n) for n in numbers]
    pages: list[list[tuple[int, ...]]] = [[] for _ in numbers]
    with ExitStack() as stack:
        for arm in scenario.arms:
            announce(f'recommender "{arm.name}": {arm.recommender.kind}')
            trained = audited(
                build(
                    arm.recommender,
                    histories.apart.for_recommenders,
                    catalogue,
                    base=base,
                    seed=scenario.seed,
                ),
                catalogue,
            )
            stack.callback(trained.close)
            for own, slate in zip(pages, trained.recommend(requests), strict=True):
                own.append(tuple(catalogue.codes(slate.items).tolist()))
    return pages


def logged(folder: Path, histories: Histories, *, users: int) -> AnsweredPages:
    """The answers in a run's log, for the first ``users`` real users of it.

    Raises:
        LogError: The log holds no answers of a language model.
    """
    record = manifest.read(folder)
    arms = [arm["name"] for arm in record["scenario"]["arms"]]
    population = histories.population
    wanted = {population.users[number]: number for number in _real_users(histories)[:users]}
    parts = sorted(name for name in record["parts"] if name.startswith("impressions/"))
    columns = ["arm", "user", "session", "page", "item", "time", "llm", "clicked", "bought"]
    frame = pd.concat([read_part(folder / part, IMPRESSIONS, columns) for part in parts])
    frame = frame[frame["user"].isin(wanted)]
    lessons, unanswered = [], 0
    for _, visit in frame.groupby(["arm", "user", "session"], sort=True):
        for lesson in _visit(visit, wanted, arms, histories):
            if lesson is None:
                unanswered += 1
            else:
                lessons.append(lesson)
    if not lessons:
        raise LogError(f"{folder}: the log holds no answers of a language model to learn from")
    played = set(pd.read_parquet(folder / USERS, columns=["user"])["user"].astype(str))
    drawn = sorted(number for user, number in wanted.items() if user in played)
    return AnsweredPages(tuple(lessons), unanswered, tuple(drawn))


def _visit(
    visit: pd.DataFrame, wanted: dict[str, int], arms: list[str], histories: Histories
) -> Iterator[AnsweredPage | None]:
    """The pages of one visit in order; None where the model gave no answer."""
    number = wanted[visit["user"].iloc[0]]
    persona = histories.population.persona(number)
    arm = visit["arm"].iloc[0]
    clicked: list[int] = []
    bought: list[int] = []
    for place, (_, rows) in enumerate(visit.groupby("page", sort=True)):
        codes = histories.catalogue.codes(rows["item"])
        first = place == 0 and not visit["session"].iloc[0] and arm in arms
        page = Page(
            persona,
            tuple(codes.tolist()),
            tuple(clicked),
            tuple(bought),
            time=pd.Timestamp(rows["time"].iloc[0]),
        )
        llm = rows["llm"].to_numpy(dtype=np.float64)
        whole = np.isfinite(llm).all()
        yield (
            AnsweredPage(page, number, arms.index(arm) if first else NO_ARM, llm) if whole else None
        )
        clicked += codes[rows["clicked"].fillna(False).to_numpy(dtype=bool)].tolist()
        bought += codes[rows["bought"].fillna(False).to_numpy(dtype=bool)].tolist()
