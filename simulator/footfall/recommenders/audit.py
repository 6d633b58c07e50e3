"""Nothing that a recommender does may harm the run, and nothing of it stays unsaid.

``audited`` wraps any recommender: what comes out are slates of known items, each at most once
in a visit, at most k of them, with finite scores or none. What was wrong is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.plumbing.foreign import foreign_code
from footfall.plumbing.latency import Latencies
from footfall.recommenders.foreign_slates import as_slate, as_slates
from footfall.recommenders.outage import OUTAGE
from footfall.recommenders.protocol import Recommender, Request, Slate

Kind = Literal[
    "invented", "invented_slates", "repeated", "unavailable", "too_long", "too_short", "empty",
    "ran_out", "failed", "outages", "bad_scores", "failed_updates",
]  # fmt: skip
"""What is counted:

invented        items that the catalogue lacks (dropped)
invented_slates slates with at least one such item
repeated        items twice in a slate, or already shown in the visit (dropped)
unavailable     items that were not on sale at that time, as the request said (dropped)
too_long        slates with more items than asked for (cut)
too_short       slates that left places of the page empty, after dropping
empty           first slates of a visit without a single usable item, although no request failed
ran_out         later slates of a visit without any item that it had not shown yet
failed          requests without a slate: an exception, a time-out, an unusable answer
outages         requests that the scenario itself let fail
bad_scores      scores or propensities of a slate that were not usable numbers (set to none)
failed_updates  epochs that the recommender could not learn from
"""

_TEXT = frozenset({str})
_NUMBER = frozenset({float})

EXAMPLES = 5
"""Examples kept of each kind."""


@dataclass
class Faults:
    """What a recommender did wrong. Counts may be added up over workers and epochs."""

    slates: int = 0
    """Requests audited: what the counts are out of."""
    places: int = 0
    """Places of the first pages of visits."""
    unfilled: int = 0
    """Those of them that stayed empty although items were on sale, outages apart. Later pages do
    not count: a ranking may have an end."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(get_args(Kind), 0))
    examples: dict[str, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in get_args(Kind)}
    )
    """The first five of each kind, readable."""

    def add(self, kind: Kind, example: str) -> None:
        """Count one fault."""
        self.counts[kind] += 1
        if len(self.examples[kind]) < EXAMPLES:
            self.examples[kind].append(example)

    def merge(self, other: Faults) -> Faults:
        """The faults of both, as a new object; earlier examples first."""
        merged = Faults(
            self.slates + other.slates,
            self.places + other.places,
            self.unfilled + other.unfilled,
        )
        for kind in get_args(Kind):
            merged.counts[kind] = self.counts[kind] + other.counts[kind]
            merged.examples[kind] = (self.examples[kind] + other.examples[kind])[:EXAMPLES]
        return merged

    def __bool__(self) -> bool:
        return any(self.counts.values())

    def as_dict(self) -> dict[str, object]:
        """For manifests: counts, the audited slates, and the examples there are."""
        examples = {kind: list(found) for kind, found in self.examples.items() if found}
        asked = {"slates": self.slates, "places": self.places, "unfilled": self.unfilled}
        return {**asked, **self.counts, "examples": examples}


class AuditedRecommender:
    """A recommender that never raises and never returns an unusable slate."""

    def __init__(self, recommender: Recommender, catalogue: Catalogue) -> None:
        self.recommender = recommender
        self.faults = Faults()
        self._catalogue = catalogue
        self._elsewhere: Counter[str] = Counter()

    def __getstate__(self) -> dict[str, Any]:
        # A copy for a worker begins with clean books.
        return {**self.__dict__, "faults": Faults(), "_elsewhere": Counter()}

    @property
    def diagnostics(self) -> dict[str, int]:
        """What the recommender counts about itself, for instance ``fallback_requests``."""
        counted: dict[str, int] = dict(getattr(self.recommender, "diagnostics", {}))
        for name, count in self._elsewhere.items():
            counted[name] = counted.get(name, 0) + count
        return counted

    def begin(self) -> None:
        """Begin with clean books: what was asked so far, on logged pages, was no user's page."""
        self.faults = Faults()
        for name in self.diagnostics.keys() & {"fallback_requests"}:
            self._elsewhere[name] -= self.diagnostics[name]

    def absorb(
        self, faults: Faults, diagnostics: Mapping[str, int], latencies: Latencies | None = None
    ) -> None:
        """Add what a copy of this recommender did wrong, counted, and waited for elsewhere."""
        self.faults = self.faults.merge(faults)
        self._elsewhere.update(diagnostics)
        if latencies is not None:
            mine: Latencies = self.recommender.latencies  # type: ignore[attr-defined]  # a copy's has
            mine.absorb(latencies)

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One usable slate a request, in order; a failed one is empty and says why."""
        answers = self._ask(list(requests))
        self.faults.slates += len(requests)
        self.faults.places += sum(request.k for request in requests if not request.shown)
        return [self._audit(*pair) for pair in zip(requests, answers, strict=True)]

    def update(self, events: pd.DataFrame) -> None:
        """Pass ``events`` on; a failure is counted and the recommender stays as it was."""
        try:
            with foreign_code():
                self.recommender.update(events)
        except Exception as error:  # noqa: BLE001  # foreign code: one arm must not stop the run
            self.faults.add("failed_updates", _told(error))

    def close(self) -> None:
        """Close the recommender if it can be closed."""
        close = getattr(self.recommender, "close", None)
        if close is not None:
            close()

    def _ask(self, requests: list[Request]) -> list[Slate]:
        """Ask for all at once; where that fails, halve until the culprits are alone."""
        if not requests:
            return []
        try:
            with foreign_code():
                answer = as_slates(self.recommender.recommend(requests))
        except Exception as error:  # noqa: BLE001  # foreign code: one arm must not stop the run
            if len(requests) == 1:
                return [Slate((), failure=_told(error))]
            half = len(requests) // 2
            return self._ask(requests[:half]) + self._ask(requests[half:])
        if len(answer) == len(requests):
            return answer
        if len(requests) == 1:
            return [Slate((), failure=f"recommend() returned {len(answer)} slates for 1 request")]
        # halves could have the right number by chance, and the wrong users
        return [slate for request in requests for slate in self._ask([request])]

    def _audit(self, request: Request, slate: Slate) -> Slate:
        if self._flawless(request, slate):
            return slate
        repaired = self._repaired(request, as_slate(slate))
        if not request.shown and repaired.failure != OUTAGE:
            on_sale = max(0, len(self._catalogue) - len(request.unavailable))
            self.faults.unfilled += max(0, min(request.k, on_sale) - len(repaired.items))
        return repaired

    def _flawless(self, request: Request, slate: Slate) -> bool:
        """Whether nothing is wrong with a slate, told quickly: the way that nearly all go."""
        items = slate.items
        return (
            not slate.failure
            and type(items) is tuple
            and len(items) == request.k
            and set(map(type, items)) <= _TEXT
            and self._catalogue.has(items)
            and len({*items, *request.shown}) == len(items) + len(request.shown)
            and (slate.scores is None or _plain(slate.scores, len(items)))
            and (
                slate.propensities is None
                or (
                    _plain(slate.propensities, len(items))
                    and min(slate.propensities) >= 0.0
                    and max(slate.propensities) <= 1.0
                )
            )
        )

    def _repaired(self, request: Request, slate: Slate) -> Slate:
        """What can be shown of a slate; what cannot is counted."""
        where = f"user {request.user}, visit {request.session}, page {request.page}"
        if slate.failure:
            kind: Kind = "outages" if slate.failure == OUTAGE else "failed"
            self.faults.add(kind, f"{where}: {slate.failure}")
            return Slate((), failure=slate.failure)
        if len(slate.items) > request.k:
            self.faults.add("too_long", f"{where}: {len(slate.items)} items for {request.k}")
        kept = self._usable(request, slate.items, where)[: request.k]
        if not kept:
            self.faults.add("ran_out" if request.shown else "empty", where)
        elif len(kept) < request.k:
            self.faults.add("too_short", f"{where}: {len(kept)} items for {request.k}")
        return Slate(
            tuple(slate.items[place] for place in kept),
            self._aligned(slate, "scores", kept, where),
            self._aligned(slate, "propensities", kept, where),
        )

    def _aligned(
        self, slate: Slate, name: str, kept: list[int], where: str
    ) -> tuple[float, ...] | None:
        """Scores or propensities of the kept items; none if any of the slate's is unusable."""
        values = getattr(slate, name)
        if values is None:
            return None
        low, high = (0.0, 1.0) if name == "propensities" else (-math.inf, math.inf)
        numbers = _numbers(values, len(slate.items), low, high)
        if numbers is None:
            self.faults.add("bad_scores", f"{where}: {name} {values!r:.60}")
            return None
        return tuple(numbers[place] for place in kept)

    def _usable(self, request: Request, items: Iterable[str], where: str) -> list[int]:
        """Places of the items that may be shown."""
        seen = set(request.shown)
        kept = []
        invented = [item for item in items if self._catalogue.code(item) is None]
        if invented:
            self.faults.add("invented_slates", f"{where}: {', '.join(invented):.60}")
        for place, item in enumerate(items):
            if self._catalogue.code(item) is None:
                self.faults.add("invented", f"{where}: {item!r:.60}")
            elif item in seen:
                self.faults.add("repeated", f"{where}: {item}")
            elif item in request.unavailable:
                self.faults.add("unavailable", f"{where}: {item}")
            else:
                seen.add(item)
                kept.append(place)
        return kept


def audited(recommender: Recommender, catalogue: Catalogue) -> AuditedRecommender:
    """Wrap ``recommender`` so that its faults are counted and do no harm."""
    return AuditedRecommender(recommender, catalogue)


def _plain(values: Any, expected: int) -> bool:
    """Whether these are as many finite floats as expected; False may also mean "look closer"."""
    return (
        type(values) is tuple
        and len(values) == expected
        and set(map(type, values)) <= _NUMBER
        and math.isfinite(sum(values))
    )


def _numbers(values: Any, expected: int, low: float, high: float) -> tuple[float, ...] | None:
    """The values if they are as many finite numbers in [low, high] as expected, else none."""
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        return None
    usable = all(math.isfinite(number) and low <= number <= high for number in numbers)
    return numbers if usable and len(numbers) == expected else None


def _told(error: Exception) -> str:
    """An exception as one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
