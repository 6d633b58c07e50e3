"""Every file of a run folder, by name. Whoever reads or writes one takes its name from here.

RUN/manifest.json        what the run is, and which parts of its log are complete
RUN/progress.jsonl       what was added to a large manifest since it was written whole
RUN/impressions/...      the log, a part an epoch and shard: see ``footfall.run_folder.log``
RUN/items.parquet        the catalogue; likewise users, what they remember last, held-out choices
RUN/decisions.sqlite     what the model answered, unless a store elsewhere was named
RUN/people.npz           users fitted to the log's pages, where the run has fitted them itself
RUN/draws.parquet        arm, user, draw, expected_clicks, expected_purchases, discrepancy, stretch:
                         the run's pages under drawn worlds, where users are fitted to pages
                         (``footfall.runs.draws``)
RUN/asked/                a run folder of its own: the users whom the language model played as well,
                         in a run of two levels
RUN/pilot/               a run folder of its own, of a few users whom the model played before; in
                         it ``crowd``, the same users by the surrogate that they taught
RUN/taught/              that surrogate
RUN/levels.json          how many users were to be asked, and why (``footfall.runs.levels``)
RUN/whom.parquet         who was asked: user, stratum (within it the users asked were drawn evenly),
                         foreseen (variance of what answers may change), cost (questions), asked
RUN/validity.json        from ``footfall validate``, where it was pointed here
RUN/report.html          from ``footfall report``
RUN/.lock                held by the process that writes to the folder
GRID/grid.json           in the folder around the runs of a grid: what each of them sets
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

MANIFEST = "manifest.json"
LOCK = ".lock"
PROGRESS = "progress.jsonl"
STORE = "decisions.sqlite"
"""Answers of the model; the runs of a grid share one in the folder around them."""
SPENT = "spent.json"
"""What a run with a budget has used up so far."""
GRID = "grid.json"
VALIDITY = "validity.json"
REPORT = "report.html"

PEOPLE = "people.npz"
"""Users fitted to the log's pages, where the run has fitted them itself."""
ASKED = "asked"
"""Folder of the users who were asked as well, in a run of two levels."""
PILOT = "pilot"
"""Folder of the pilot, where a run distils by itself."""
CROWD = "crowd"
"""In the pilot's: folder of the same users, by the surrogate."""
TAUGHT = "taught"
"""Folder of the surrogate that learned from the pilot."""
LEVELS = "levels.json"
"""What the pilot measured: who it was, and how many users are asked."""
WHOM = "whom.parquet"
"""Who is asked in a run of two levels, and by which chances."""

DRAWS = "draws.parquet"
"""What the run's pages would have brought in worlds that the fit leaves possible."""

ITEMS = "items.parquet"
USERS = "users.parquet"
HELD_OUT = "held_out.parquet"
REMEMBERED = "remembered.parquet"
"""The newest events that each user remembers, for whoever looks at a user."""

Log = Literal["impressions", "sessions", "events", "reasons"]
LOGS: tuple[Log, ...] = get_args(Log)
"""Folders of the log, one a table."""

ASIDE = "set-aside"
"""Folder for files that were damaged or foreign."""

_PART = re.compile(rf"(?:{'|'.join(LOGS)})/epoch=(\d{{4}})(?:-shard=\d{{4}})?\.parquet", re.ASCII)


def part(log: Log, epoch: int, shard: int | None = None) -> str:
    """Name of a part of the log, within the run folder.

    >>> part("impressions", 3, 1)
    'impressions/epoch=0003-shard=0001.parquet'
    """
    of_shard = "" if shard is None else f"-shard={shard:04d}"
    return f"{log}/epoch={epoch:04d}{of_shard}.parquet"


def epoch_of(name: str) -> int | None:
    """The epoch of a part by its name; None where the name is no part's."""
    found = _PART.fullmatch(name)
    return int(found[1]) if found else None


def epochs_of(parts: Iterable[str]) -> int:
    """Epochs from the first to the last one that any of the parts is of."""
    found = (epoch_of(part) for part in parts)
    return max((number + 1 for number in found if number is not None), default=0)
