"""What is measured in each arm, and exactly how.

Two kinds. A *mean* is a sum over users divided by the number of users who could have come,
whether they came or not. A *ratio* is a sum over users divided by another sum over users
(never a mean of each user's own ratio). In both, the unit of the statistics is the user.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.errors import UserError, did_you_mean
from footfall_eval.reading.load import RunLog, pivot

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """One figure of an arm: ``sum(numerator) / sum(denominator)``.

    Without a denominator it is a mean per user.
    """

    name: str
    label: str
    numerator: str
    denominator: str | None
    about: str
    better: Literal["higher", "lower", ""] = "higher"
    unit: Literal["", "money", "share"] = ""
    at_most: tuple[tuple[str, str | None], ...] = ()
    """Columns to add to (numerator, denominator) for the best that no-answer pages allow."""
    at_least: tuple[tuple[str, str | None], ...] = ()
    """The same for the least."""
    variant_of: str = ""
    """The metric that this one estimates with less noise."""

    @property
    def per_user(self) -> bool:
        """Whether this is a mean over users."""
        return self.denominator is None


_EXPECTED: tuple[tuple[str, str, Literal["", "money"], str], ...] = (
    ("clicks", "Chances of a click", "", "undecided_impressions"),
    ("purchases", "Chances of a purchase", "", "undecided_impressions"),
    ("revenue", "Chances of a purchase times the price", "money", "undecided_price"),
)
"""Rao-Blackwell: given the pages shown, a choice has the mean that its probability says."""

METRICS: tuple[Metric, ...] = (
    Metric(
        "clicks",
        "Clicks per user",
        "clicks",
        None,
        "Items clicked, divided by users.",
        at_most=(("undecided_impressions", None),),
    ),
    Metric(
        "purchases",
        "Purchases per user",
        "purchases",
        None,
        "Items bought (rows, not quantities), divided by users.",
        at_most=(("undecided_impressions", None),),
    ),
    Metric(
        "revenue",
        "Revenue per user",
        "revenue",
        None,
        "Money spent, divided by users.",
        unit="money",
        at_most=(("undecided_price", None),),
    ),
    Metric("visits", "Visits per user", "visits", None, "Visits, divided by users."),
    Metric(
        "buyers",
        "Users who bought",
        "buyer",
        None,
        "Users with at least one purchase, divided by users.",
        unit="share",
        at_most=(("maybe_buyer", None),),
    ),
    Metric(
        "ctr",
        "Click-through rate",
        "clicks",
        "answered",
        "Clicks, divided by impressions on pages that were answered.",
        unit="share",
        at_most=(("undecided_impressions", "undecided_impressions"),),
        at_least=(("", "undecided_impressions"),),
    ),
    Metric(
        "conversion",
        "Purchases per click",
        "purchases",
        "clicks",
        "Items bought, divided by items clicked.",
        unit="share",
        at_most=(("undecided_impressions", "undecided_impressions"),),
        at_least=(("", "undecided_impressions"),),
    ),
    Metric("pages_per_visit", "Pages per visit", "pages", "visits", "Pages, divided by visits."),
    Metric(
        "abandonment",
        "Abandoned visits",
        "abandoned",
        "decided_visits",
        "Visits without any click, divided by visits of which that is known.",
        better="lower",
        unit="share",
        at_most=(("unknown_visits", "unknown_visits"),),
        at_least=(("", "unknown_visits"),),
    ),
    Metric(
        "revenue_per_visit",
        "Revenue per visit",
        "revenue",
        "visits",
        "Money spent, divided by visits.",
        unit="money",
        at_most=(("undecided_price", None),),
    ),
    Metric(
        "return_rate",
        "Returning visitors",
        "returner",
        "visitor",
        "Users with at least two visits, divided by users with at least one.",
        unit="share",
    ),
    *(
        Metric(
            f"expected_{name}",
            f"Expected {name}",
            f"expected_{name}",
            None,
            f"{about} added up over what was shown, divided by users: the same mean as {name}, "
            "without the luck of each choice.",
            unit=unit,
            at_most=((undecided, None),),
            variant_of=name,
        )
        for name, about, unit, undecided in _EXPECTED
    ),
)


def in_a_sentence(name: str) -> str:
    """A metric in the middle of a sentence: its name for people where it has one."""
    label = next((metric.label for metric in METRICS if metric.name == name), None)
    return name if label is None else label[0].lower() + label[1:]


"""Every metric, in the order of the report."""


def find_metrics(names: tuple[str, ...] | None = None) -> tuple[Metric, ...]:
    """The metrics of these names, or all of them.

    Raises:
        UserError: A name is unknown.
    """
    known = {metric.name: metric for metric in METRICS}
    for name in names or ():
        if name not in known:
            raise UserError(f"unknown metric {name!r}; {did_you_mean(name, known)}")
    return METRICS if names is None else tuple(known[name] for name in names)


def derive(per_user: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that follow from the counts: buyer, visitor, returner and the unknown."""
    no_answer = per_user["undecided_impressions"] > 0
    unknown = per_user["chanceless"] > 0
    return per_user.assign(
        **{
            f"expected_{name}": per_user[f"expected_{name}"].mask(unknown) for name, *_ in _EXPECTED
        },
        buyer=(per_user["purchases"] > 0).astype(float),
        maybe_buyer=((per_user["purchases"] == 0) & no_answer).astype(float),
        visitor=(per_user["visits"] > 0).astype(float),
        returner=(per_user["visits"] > 1).astype(float),
        unknown_visits=per_user["visits"] - per_user["decided_visits"],
    )


@dataclass(frozen=True)
class Columns:
    """Numerator and denominator of one metric in one arm, [n_users] each."""

    numerator: Array
    denominator: Array | None

    @property
    def value(self) -> float:
        """The metric; NaN where its denominator is zero."""
        if self.denominator is None:
            return float(self.numerator.mean()) if self.numerator.size else float("nan")
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else float("nan")

    def linearised(self) -> Array:
        """[n_users] terms whose mean is ``value`` and whose spread is that of ``value``.

        For a ratio these are the terms of the delta method (Deng, Knoblich and Lu, 2018,
        "Applying the delta method in metric analytics", KDD, section 3.1).
        """
        if self.denominator is None:
            return self.numerator
        level = float(self.denominator.mean())
        ratio = self.value
        terms: Array = ratio + (self.numerator - ratio * self.denominator) / level
        return terms


def columns(per_user: pd.DataFrame, metric: Metric, arm: str) -> Columns:
    """Read one metric of one arm from a frame that ``derive`` completed."""
    below = None if metric.denominator is None else pivot(per_user, metric.denominator, arm)
    return Columns(pivot(per_user, metric.numerator, arm), below)


def bounds(per_user: pd.DataFrame, metric: Metric, arm: str) -> tuple[float, float]:
    """Least and greatest value of a metric, whatever the unanswered pages would have brought.

    Logical bounds, not an interval: at the least nobody clicks on those pages, at the most
    every item on them is clicked and bought once at the price shown. Pages that were never
    shown because a visit ended for want of an answer are beyond these bounds.
    """
    base = columns(per_user, metric, arm)

    def shifted(additions: tuple[tuple[str, str | None], ...]) -> float:
        top = float(base.numerator.sum())
        bottom = len(base.numerator) if base.denominator is None else base.denominator.sum()
        for above, below in additions:
            top += pivot(per_user, above, arm).sum() if above else 0.0
            bottom += pivot(per_user, below, arm).sum() if below else 0.0
        return float(top / bottom) if bottom else float("nan")

    low, value, high = shifted(metric.at_least), base.value, shifted(metric.at_most)
    known = [x for x in (low, value, high) if not np.isnan(x)]
    return (min(known), max(known)) if known else (float("nan"), float("nan"))


@dataclass(frozen=True)
class Exposure:
    """What an arm showed, whatever users did with it. NaN where it cannot be known."""

    coverage: float
    """Share of the catalogue that was shown at least once."""
    gini: float
    """Inequality of impressions over the catalogue: 0 even, 1 all on one item."""
    novelty: float
    """Mean of -log2(share of remembered interactions) over impressions, in bits."""
    diversity: float
    """Mean over pages of the share of item pairs that are of different categories."""


COUNTED_AT_ONCE = 20_000_000
"""Impressions whose pages are counted in one go, in less than a gigabyte."""


def exposure(log: RunLog) -> dict[str, Exposure]:
    """Exposure metrics of every arm.

    The catalogue is the manifest's items table; without one, coverage is unknown and the
    Gini index is over the items shown in any arm. Novelty needs a column ``popularity``
    (remembered interactions of the item) in that table.
    """
    items = log.table("items")
    shown = log.execute("SELECT arm, item, count(*) AS n FROM impressions GROUP BY ALL").df()
    diversity = {} if items is None else _diversity(log, items)
    catalogue = shown["item"].unique() if items is None else items["item"].astype(str).to_numpy()
    result = {}
    for arm in log.arms:
        one = shown.loc[shown["arm"] == arm].set_index("item")["n"]
        counts = one.reindex(catalogue).fillna(0.0).to_numpy(dtype=np.float64)
        result[arm] = Exposure(
            coverage=float("nan") if items is None else float((counts > 0).mean()),
            gini=gini(counts),
            novelty=_novelty(counts, items),
            diversity=diversity.get(arm, float("nan")),
        )
    return result


def gini(counts: Array) -> float:
    """Gini index of non-negative counts; NaN where all are zero."""
    total = counts.sum()
    if not total:
        return float("nan")
    ranked = np.sort(counts)
    n = len(ranked)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ranked / (n * total))


def _novelty(counts: Array, items: pd.DataFrame | None) -> float:
    if items is None or "popularity" not in items.columns or not counts.sum():
        return float("nan")
    popularity = items["popularity"].to_numpy(dtype=np.float64)
    # One more than the count, so that an item that nobody touched stays finite.
    bits = -np.log2((popularity + 1) / (popularity + 1).sum())
    return float(counts @ bits / counts.sum())


def _diversity(log: RunLog, items: pd.DataFrame) -> dict[str, float]:
    """Share of differing pairs on a page: 1 - sum n_c (n_c - 1) / (n (n - 1))."""
    codes, _ = pd.factorize(items["category"].astype(str))
    lookup = pd.DataFrame({"item": items["item"].astype(str), "category": codes})
    log.connection.register("category_of", lookup)
    # A 64-bit hash stands for the page: one integer key needs far less memory than four. Users are
    # counted some at a time, for there are nearly as many keys as impressions.
    ((impressions,),) = log.execute("SELECT count(*) FROM impressions").fetchall()
    slices = -(-impressions // COUNTED_AT_ONCE) or 1
    query = """
        WITH tagged AS (
            SELECT arm, hash("user", session, page) AS page, category
            FROM impressions JOIN category_of USING (item)
            WHERE $slices = 1 OR hash("user") % $slices = $slice
        ), counted AS (
            SELECT arm, page, category, count(*) AS n FROM tagged GROUP BY ALL
        ), paged AS (
            SELECT arm, page, sum(n) AS k, sum(n * (n - 1)) AS same FROM counted GROUP BY ALL
        )
        SELECT arm, k, same, count(*) AS pages FROM paged WHERE k > 1 GROUP BY ALL
    """
    found = [
        log.execute(query, {"slices": slices, "slice": number}).df() for number in range(slices)
    ]
    log.connection.unregister("category_of")
    rows = pd.concat(found).groupby(["arm", "k", "same"])["pages"].sum().reset_index()
    return {str(arm): mean_diversity(part) for arm, part in rows.groupby("arm")}


def mean_diversity(pages: pd.DataFrame) -> float:
    """Mean over pages of the share of pairs of items that differ.

    The database counts and this divides: a mean in floating point would depend on the order in
    which its threads come by, and two equal arms would differ in the last digit.

    Args:
        pages: Columns ``k`` (items of a page, more than one), ``same`` (ordered pairs of one
            category) and ``pages`` (how many pages are such).
    """
    k, same, n = (pages[name].to_numpy(dtype=np.float64) for name in ("k", "same", "pages"))
    return math.fsum(n * (1 - same / (k * (k - 1)))) / float(n.sum())
