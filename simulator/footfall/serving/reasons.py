"""Why? For a sampled share of pages the model is also asked for its reasons, in JSON.

    RUN/reasons/epoch=0000.parquet    one row a page that was asked about

The answers decide nothing and change nobody: they are asked for after an epoch, about pages that
are history by then. Which pages are sampled is the luck of the page, the same in every arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from footfall.choice.reasoned import ReasonedChoice
from footfall.luck import Luck, Purpose, uniform
from footfall.run_folder.layout import part
from footfall.run_folder.log import REASONS, write_part
from footfall.serving.service import LocalService
from footfall.world.pages import PageRequest
from footfall.world.records import EpochRecords, Names

Shown = tuple[PageRequest, npt.NDArray[np.int32]]
"""A page: what was asked for, and the items on it."""


class Reasoner:
    """Asks for reasons after every epoch, and counts."""

    def __init__(self, choice: ReasonedChoice | None) -> None:
        """Ask ``choice``; None: nothing is ever asked."""
        self.counts: dict[str, int] = {"asked": 0, "unanswered": 0}
        self._choice = choice

    def after(
        self, out: Path, epoch: int, shown: Sequence[Shown], names: Names, service: LocalService
    ) -> dict[str, str]:
        """Ask about an epoch's sampled pages, write the answers, and return the part's hash."""
        if self._choice is None:
            return {}
        asked = sorted(shown, key=_place)
        pages = service.pages([request for request, _ in asked], [items for _, items in asked])
        whys = self._choice.whys(pages) if pages else []
        self.counts["asked"] += len(whys)
        self.counts["unanswered"] += sum(bool(why.missing) for why in whys)
        rows = [
            {
                "arm": names.arms[request.arm],
                "user": names.users[request.user],
                "session": request.session,
                "page": request.page,
                "items": [names.items[code] for code in items],
                "wanted": None if why.missing else list(why.wanted),
                "reason": None if why.missing else why.reason,
                "missing": why.missing,
            }
            for (request, items), why in zip(asked, whys, strict=True)
        ]
        name = part("reasons", epoch)
        return {name: write_part(pa.Table.from_pylist(rows, schema=REASONS), out / name)}


def sample(
    records: EpochRecords, share: float, luck: Luck, users: npt.NDArray[np.uint64]
) -> tuple[Shown, ...]:
    """The pages of an epoch to ask about: the same whoever simulated them, and beside whom."""
    if not share:
        return ()
    shown = [
        (request, page.items)
        for block in records.blocks
        for request, page in zip(block.requests, block.pages, strict=True)
        if len(page.items)
    ]
    lots = _lots(luck, users, [request for request, _ in shown])
    return tuple(shown[row] for row in np.flatnonzero(lots < share))


def _place(page: Shown) -> tuple[int, int, int, int]:
    request, _ = page
    return request.arm, request.user, request.session, request.page


def _lots(
    luck: Luck, users: npt.NDArray[np.uint64], requests: Sequence[PageRequest]
) -> npt.NDArray[np.float64]:
    """[n] a number from 0 to 1 for each page; not of the arm, so arms are asked about alike."""
    if not requests:
        return np.zeros(0)
    words, _, _, _ = luck.words(
        Purpose.REASON,
        users[[request.user for request in requests]],
        np.array([request.session for request in requests]),
        np.array([request.page for request in requests]),
    )
    return uniform(words)
