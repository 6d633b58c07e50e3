"""What the report's template shows: the comparison and the manifest as plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from footfall.run_folder.answers import KINDS
from footfall_eval.comparing.comparison import Comparison, Contrast
from footfall_eval.comparing.evidence import Lift
from footfall_eval.comparing.figures import amount, estimate, percent, relative
from footfall_eval.comparing.pool import PooledComparison
from footfall_eval.comparing.verdict import leading
from footfall_eval.measures.metrics import METRICS
from footfall_eval.measures.quality import quality
from footfall_eval.reading.load import RunLog

_METRICS = {metric.name: metric for metric in METRICS}

EXPOSURE = {
    "coverage": ("Catalogue shown", "share", "Items shown at least once, of all items."),
    "gini": ("Gini of exposure", "", "0: impressions even over items; 1: all on one item."),
    "novelty": ("Novelty, bits", "", "Mean of -log2 of an item's share of past interactions."),
    "diversity": ("Diversity of a page", "share", "Pairs of items of different categories."),
}


@dataclass(frozen=True)
class ReportTable:
    """A captioned table of words; the first column names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: bool = False
    """Cells are text rather than figures: set left, and wrapped."""


@dataclass(frozen=True)
class Headline:
    """The first screen: the main effect as a number and as an interval to draw."""

    value: str
    interval: str
    label: str
    lift: str
    left: float
    """Start of the interval in percent of the drawn axis."""
    width: float
    point: float
    zero: float


def headline(result: Comparison) -> Headline | None:
    """The effect that the verdict speaks of; None where there is none to show."""
    contrast = leading(result)
    if contrast is None or not math.isfinite(contrast.ci_low):
        return None
    evidence = contrast.evidence
    if evidence is not None:
        both = evidence.both
        value, interval = relative(both.lift, both.low, both.high)
        interval += f", all that is known counted; it rests on {_BASES[evidence.rests_on]}"
        return _drawn(contrast, (both.lift, both.low, both.high), (value, interval, ""))
    unit = _METRICS[contrast.metric].unit
    value, interval = estimate(contrast.difference, contrast.ci_low, contrast.ci_high, unit)
    lift, lifts = relative(contrast.lift, contrast.lift_low, contrast.lift_high)
    words = (value, interval, f"{lift} ({lifts})" if math.isfinite(contrast.lift) else "")
    return _drawn(contrast, (contrast.difference, contrast.ci_low, contrast.ci_high), words)


_BASES = {"simulation": "the simulation", "off-policy": "the log", "both": "simulation and log"}


def _drawn(
    contrast: Contrast, numbers: tuple[float, float, float], words: tuple[str, str, str]
) -> Headline:
    """Lay the interval out on an axis that holds it and no difference."""
    point, first, last = numbers
    reach = [0.0, first, last]
    low, extent = min(reach), max(reach) - min(reach)
    margin = 0.06 * extent
    scale = 100 / (extent + 2 * margin) if extent else 0.0

    def place(value: float) -> float:
        return (value - low + margin) * scale if extent else 50.0

    return Headline(
        value=words[0],
        interval=words[1],
        label=f"{_METRICS[contrast.metric].label}: {contrast.treatment} minus {contrast.control}",
        lift=words[2],
        left=place(first),
        width=(last - first) * scale,
        point=place(point),
        zero=place(0.0),
    )


def label(metric: str, currency: str = "") -> str:
    """A metric's name for people, with the currency where it is money."""
    if metric in EXPOSURE:
        return EXPOSURE[metric][0]
    found = _METRICS[metric]
    return f"{found.label}, {currency}" if found.unit == "money" and currency else found.label


def arms_table(result: Comparison, currency: str) -> ReportTable:
    """Metrics down, arms across; bounds where pages went unanswered."""
    names = list(result.arms[0].metrics)
    rows = [("Users", *(f"{arm.users:,}" for arm in result.arms))]
    rows.append(("Users who came", *(f"{arm.visitors:,}" for arm in result.arms)))
    for name in names:
        unit = EXPOSURE[name][1] if name in EXPOSURE else _METRICS[name].unit
        cells = []
        for arm in result.arms:
            text = amount(arm.metrics[name], unit)
            low, high = arm.lowest.get(name), arm.highest.get(name)
            if low is not None and high is not None and high - low > 1e-12:
                text += f"\n{amount(low, unit)} to {amount(high, unit)}"
            cells.append(text)
        rows.append((label(name, currency), *cells))
    head = (
        "Metric",
        *(f"{a.name}{' (control)' * (a.name == result.control)}" for a in result.arms),
    )
    undecided = any(arm.undecided_pages for arm in result.arms)
    note = (
        "Second lines are bounds: the least and the most that the pages without an answer could "
        "have brought."
    ) * undecided
    return ReportTable("Metrics of each arm", head, tuple(rows), note)


def contrast_tables(result: Comparison, currency: str) -> tuple[ReportTable, ...]:
    """One table a treatment, one row a metric."""
    interval = f"{result.level:.0%} interval"
    head: tuple[str, ...]
    head = ("Metric", "Difference", interval, "Relative", "p", "p corrected", "Correlation")
    head = head[:-1] if result.design == "split" else head
    tables = []
    for arm in result.arms:
        own = [c for c in result.contrasts if c.treatment == arm.name]
        if own:
            words = result.correction_words()
            note = f"{words[0].upper()}{words[1:]}. {result.pairing_words(arm.name)}".rstrip()
            caption = f"{arm.name} minus {result.control}"
            rows = tuple(_contrast_row(c, currency, len(head)) for c in own)
            tables.append(ReportTable(caption, head, rows, note))
    return tuple(tables)


def evidence_tables(result: Comparison) -> tuple[ReportTable, ...]:
    """Each effect of the primary metric, and of clicks and purchases, three times."""
    metrics = dict.fromkeys([result.primary, "clicks", "purchases"])
    return tuple(table for name in metrics if (table := _evidence_table(result, name)))


def _evidence_table(result: Comparison, metric: str) -> ReportTable | None:
    found = [
        (contrast.treatment, contrast.evidence)
        for contrast in result.contrasts
        if contrast.metric == metric and contrast.evidence is not None
    ]
    if not found:
        return None
    head = ("Arm", "Simulated", "Off-policy", "Both", "ESS", "Rests on")
    rows = tuple(
        (
            treatment,
            _lift_words(one.all_uncertainty),
            "n/a" if one.off_policy is None else _lift_words(one.off_policy),
            _lift_words(one.both),
            f"{one.effective_sample_size:,.0f}" if math.isfinite(one.effective_sample_size) else "",
            one.rests_on,
        )
        for treatment, one in found
    )
    errors = [one.model_error for _, one in found if one.model_error > 0]
    known = f"and the model's usual error ({errors[0]:.3f} on the log of a lift)" if errors else ""
    held = f"the draw of users, fitted coefficients {known}" if errors else "the draw of users only"
    pages = max((one.pages for _, one in found), default=0)
    logged = f" Off-policy: {pages:,} logged pages that no arm learned from." if pages else ""
    caption = f"{label(metric)} against {result.control}: simulated, off-policy, both"
    note = (
        f"Lifts with {result.level:.0%} intervals. Simulated: {held}.{logged} Both is what the "
        "verdict goes by. ESS: logged impressions that the off-policy lift is worth."
    )
    return ReportTable(caption, head, rows, note)


def _lift_words(lift: Lift) -> str:
    return "\n".join(relative(lift.lift, lift.low, lift.high))


def pooled_table(pooled: PooledComparison, currency: str = "") -> ReportTable:
    """Simulation and model intervals of the primary metric and its variants, side by side."""
    head = ("Contrast", "Metric", "Difference", "Simulation", "Model", "Between runs", "p same")
    rows = tuple(
        (
            f"{one.treatment} minus {one.control}",
            label(one.metric, currency),
            *estimate(one.difference, one.ci_low, one.ci_high, _METRICS[one.metric].unit),
            estimate(one.difference, one.model_low, one.model_high, _METRICS[one.metric].unit)[1],
            amount(one.between, _METRICS[one.metric].unit),
            p_words(one.p_same),
        )
        for one in pooled.contrasts
        if pooled.primary in {one.metric, _METRICS[one.metric].variant_of}
    )
    note = (
        f"{pooled.level:.0%} intervals over {len(pooled.runs)} runs. Simulation: luck, which more "
        "users and days remove. Model: where the effect would lie with another seed, prompt or "
        "model of the kind; only truer models narrow it."
    )
    return ReportTable("The effect over several runs", head, rows, note)


def _contrast_row(contrast: Contrast, currency: str, width: int) -> tuple[str, ...]:
    unit = _METRICS[contrast.metric].unit
    cells = (
        label(contrast.metric, currency),
        *estimate(contrast.difference, contrast.ci_low, contrast.ci_high, unit),
        relative(contrast.lift, contrast.lift_low, contrast.lift_high)[0],
        p_words(contrast.p_value),
        p_words(contrast.p_adjusted),
        f"{contrast.correlation:.2f}" if math.isfinite(contrast.correlation) else "n/a",
    )
    return cells[:width]


def p_words(p_value: float) -> str:
    """A p-value with two significant digits; never "0"."""
    if not math.isfinite(p_value):
        return "n/a"
    if p_value < 0.0001:
        return "< 0.0001"
    return f"{p_value:.2g}" if p_value < 0.1 else f"{p_value:.2f}"


def cost(manifest: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """(figure, what) for the first screen: what this answer took."""
    choice = manifest.get("choice") or {}
    timings = manifest.get("timings") or {}
    found = []
    if choice.get("pages"):
        found.append((f"{int(choice['pages']):,}", "pages decided"))
    if choice.get("questions"):
        found.append((f"{int(choice['questions']):,}", "questions to the model"))
    if choice.get("prompt_tokens"):
        found.append((_thousands(float(choice["prompt_tokens"])), "tokens read"))
    if timings.get("total"):
        found.append((_duration(float(timings["total"])), "of computing"))
    return tuple(found)


def _thousands(count: float) -> str:
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return f"{count:,.0f}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} seconds"
    return f"{seconds / 60:.3g} minutes" if seconds < 7200 else f"{seconds / 3600:.3g} hours"


def answers_table(result: Comparison) -> ReportTable | None:
    """What each arm's recommender answered, for the first screen; None where nothing was wrong."""
    told = [arm.answers for arm in result.arms if arm.answers is not None]
    if not any(one.problem() or one.caution() for one in told):
        return None
    rows = tuple(
        (one.arm, f"{one.requests:,}", *(f"{one.share(kind):.0%}" for kind in KINDS))
        for one in told
    )
    head = ("Arm", "Requests", *(kind.replace("_", " ").capitalize() for kind in KINDS))
    return ReportTable("What the recommenders answered", head, rows)


def endings_table(log: RunLog) -> ReportTable:
    """Why visits ended, as a share of the arm's visits."""
    found = log.execute(
        "SELECT ended, arm, count(*) AS n FROM sessions GROUP BY ALL ORDER BY ended"
    ).fetchall()
    counts = {(ended, arm): n for ended, arm, n in found}
    totals = {arm: sum(n for (_, a), n in counts.items() if a == arm) for arm in log.arms}
    kinds = list(dict.fromkeys(ended for ended, _ in counts))
    rows = tuple(
        (
            kind,
            *(
                percent(counts.get((kind, arm), 0) / totals[arm]) if totals[arm] else "n/a"
                for arm in log.arms
            ),
        )
        for kind in kinds
    )
    return ReportTable("Why visits ended", ("Ending", *log.arms), rows)


def quality_table(log: RunLog) -> ReportTable | None:
    """Offline quality against held-out choices, where the manifest names them (``held_out``)."""
    held_out = log.table("held_out")
    if held_out is None:
        return None
    found = quality(log, held_out)
    rows = (
        ("Users with held-out choices", *(f"{one.users:,}" for one in found)),
        ("Hit rate", *(percent(one.hit_rate) for one in found)),
        ("Recall", *(percent(one.recall) for one in found)),
        ("NDCG", *(f"{one.ndcg:.3f}" for one in found)),
        ("Reciprocal rank", *(f"{one.mrr:.3f}" for one in found)),
    )
    note = "First pages against what the real users chose later; no simulated choice is involved."
    return ReportTable("First pages against real choices", ("Measure", *log.arms), rows, note)


def pairs(
    caption: str, values: dict[str, Any], head: tuple[str, str] = ("What", "Value")
) -> ReportTable:
    """A mapping as a table; nested mappings are flattened with dots."""
    return ReportTable(caption, head, tuple(_flatten(values, "")), words=True)


def _flatten(values: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    rows = []
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, dict):
            rows += _flatten(value, f"{prefix}{key}.")
        elif value not in (None, "", [], ()):
            rows.append((name, _plain(value)))
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, (list, tuple)):
        return "; ".join(_plain(entry) for entry in value)
    return str(value)


def assumptions_table(manifest: dict[str, Any]) -> ReportTable | None:
    """Numbers that no data has spoken for, with their source."""
    listed = manifest.get("assumptions") or []
    keys = [key for key in ("name", "value", "unit", "source") if any(r.get(key) for r in listed)]
    rows = tuple(tuple(_plain(row.get(key, "")) for key in keys) for row in _folded(listed))
    head = tuple({"name": "Assumed"}.get(key, key.capitalize()) for key in keys)
    return (
        ReportTable("Numbers that no data has spoken for", head, rows, words=True) if rows else None
    )


def _folded(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Numbers of one group that are 0, or not set, for one reason stand in one row."""
    rows: dict[object, dict[str, Any]] = {}
    for row in listed:
        value = row.get("value")
        group, _, name = str(row.get("name", "")).partition(".")
        silent = value in (0, None, [], "")
        key = (group, str(value), row.get("unit"), row.get("source")) if silent else len(rows)
        if key in rows:
            rows[key]["name"] = f"{rows[key]['name']}, {name or group}"
        else:
            rows[key] = {**row, "value": "not set" if silent and value != 0 else value}
    return list(rows.values())
