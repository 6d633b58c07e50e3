"""All users of all arms, advanced together from one synchronisation point to the next.

Inside an epoch users do not touch each other. Every user is run up to its next question; all
waiting users are then served as one batch; and so on until nobody has a question left before
the epoch's end. What comes out is ordered by (arm, user, session, page, position), so neither
batching nor the number of workers can be seen in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from footfall.behaviour import TASTES, Behaviour, PageFeatures, PageLuck
from footfall.fitting.features import FEATURES, PairFeatures
from footfall.world.calendar import Calendar
from footfall.world.luck import Luck, Purpose
from footfall.world.pages import FilledPage, PageRequest, PageService
from footfall.world.records import EpochRecords, PageBlock
from footfall.world.shopper import Shopper


@dataclass(frozen=True)
class Setting:
    """What every shopper of a run shares; plain arrays, so that workers can be sent it."""

    behaviour: Behaviour
    calendar: Calendar
    luck: Luck
    users: npt.NDArray[np.uint64]
    """[n_users] keys of the users' luck."""
    items: npt.NDArray[np.uint64]
    """[n_items] keys of the items' luck."""
    prices: npt.NDArray[np.float64]
    """[n_items] unit prices, NaN where there is none."""
    known: PairFeatures
    """What is known of users and items before the run."""
    slate: int
    max_pages: int


class Crowd:
    """Some of the shoppers of a run."""

    def __init__(self, setting: Setting, people: Sequence[tuple[int, int]]) -> None:
        """Wake ``people`` up: (arm, number of the user in the population)."""
        self.setting = setting
        self.shoppers = [
            Shopper(arm, user, setting.max_pages, setting.calendar) for arm, user in people
        ]

    def advance(self, until: float, service: PageService) -> EpochRecords:
        """Simulate up to ``until`` (seconds since the start) and return what happened."""
        blocks: list[PageBlock] = []
        active = self.shoppers
        while True:
            asking = [shopper for shopper in active if shopper.advance(until) is not None]
            if not asking:
                break
            blocks.append(self._round(asking, service))
            active = asking
        return EpochRecords(blocks, [(s.arm, s.user, s.collect()) for s in self.shoppers])

    def _round(self, asking: list[Shopper], service: PageService) -> PageBlock:
        requests = [shopper.pending for shopper in asking if shopper.pending is not None]
        pages = service.serve(requests)
        block = self._decide(asking, requests, pages)
        for shopper, outcome in zip(asking, block.outcomes(), strict=True):
            shopper.answer(outcome)
        return block

    def _decide(
        self, asking: list[Shopper], requests: list[PageRequest], pages: list[FilledPage]
    ) -> PageBlock:
        items = pad([page.items for page in pages], self.setting.slate, -1)
        shown = items >= 0
        numbers = np.array([request.user for request in requests], dtype=np.int64)
        known = self.setting.known.of(numbers, items)
        features = PageFeatures(
            shown=shown,
            llm=pad([page.llm for page in pages], self.setting.slate, np.nan),
            popularity=known[:, :, FEATURES.index("popularity")],
            price=known[:, :, FEATURES.index("price")],
            repeat=known[:, :, FEATURES.index("repeat")],
            seen=_times_seen(asking, items),
            tastes=known[:, :, -len(TASTES) :],
        )
        decisions = self.setting.behaviour.decide(features, self._luck(requests, items))
        prices = self.setting.prices[items]
        return PageBlock(requests, pages, items, features.llm, prices, decisions)

    def _luck(self, requests: list[PageRequest], items: npt.NDArray[np.int32]) -> PageLuck:
        users = self.setting.users[[request.user for request in requests]]
        sessions = np.array([request.session for request in requests])
        numbers = np.array([request.page for request in requests])
        luck = self.setting.luck
        noise, buy, _, _ = luck.words(
            Purpose.ITEM,
            users[:, None],
            sessions[:, None],
            numbers[:, None],
            self.setting.items[items],
        )
        if self.setting.behaviour.spec.habits.picks == "one":
            # One click a page at most: arms that get different items clicked still share the
            # luck of buying, which makes the paired difference of purchases a lot less noisy.
            once, _, _, _ = luck.words(Purpose.BUY, users, sessions, numbers)
            buy = np.broadcast_to(once[:, None], buy.shape)
        depth, outside, go_on, _ = luck.words(Purpose.PAGE, users, sessions, numbers)
        return PageLuck(noise, buy, depth, outside, go_on)


_Number = TypeVar("_Number", np.int32, np.float64)


def pad(rows: Sequence[npt.NDArray[_Number]], width: int, fill: float) -> npt.NDArray[_Number]:
    """[n, width] of rows of at most that length, filled up at the end."""
    out = np.full((len(rows), width), fill, dtype=rows[0].dtype)
    lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
    out[np.arange(width) < lengths[:, None]] = np.concatenate(rows)
    return out


def _times_seen(asking: list[Shopper], items: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    rows = [
        [shopper.seen[item] for item in row]
        for shopper, row in zip(asking, items.tolist(), strict=True)
    ]
    return np.array(rows, dtype=np.float64)
