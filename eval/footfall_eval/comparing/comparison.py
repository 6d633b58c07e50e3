"""What a comparison of arms found: named, frozen, and ready for JSON and notebooks."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

import pandas as pd

from footfall.errors import UserError, did_you_mean
from footfall.run_folder.answers import RequestCounts
from footfall_eval.comparing.evidence import Evidence
from footfall_eval.comparing.figures import amount, estimate
from footfall_eval.comparing.result_table import COLUMNS, MATTER, ResultTable, TableCell, best
from footfall_eval.measures.metrics import METRICS, in_a_sentence
from footfall_eval.reading.load import Design
from footfall_eval.reading.validity import Validity
from footfall_eval.statistics.effects import Effect

Correction = Literal["holm", "bh", "none"]
_METRICS = {metric.name: metric for metric in METRICS}

CORRECTIONS: tuple[Correction, ...] = ("holm", "bh", "none")


@dataclass(frozen=True)
class Arm:
    """One recommender under test and its metrics (NaN: not defined here)."""

    name: str
    users: int
    visitors: int
    metrics: dict[str, float]
    lowest: dict[str, float]
    """Least value that the unanswered pages allow; equal to the metric if there are none."""
    highest: dict[str, float]
    """Greatest value that they allow."""
    undecided_pages: int
    pages: int
    lost_visits: float = 0.0
    """Share of the visits that ended because the model gave no answer."""
    answers: RequestCounts | None = None
    """What its recommender answered, as the run counted it; None where it did not."""


@dataclass(frozen=True)
class Contrast:
    """Treatment minus control in one metric."""

    metric: str
    control: str
    treatment: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    """Of this contrast alone."""
    p_adjusted: float
    """Primary metric: corrected over treatments. Others: over all their contrasts."""
    correlation: float
    """Between arms over users; NaN in a split design or where an arm does not vary."""
    control_value: float
    treatment_value: float
    lift: float
    """Relative difference: 0.1 is 10% more than the control."""
    lift_low: float
    lift_high: float
    lowest: float
    """Least difference that unanswered pages allow (a bound, not an interval)."""
    highest: float
    standard_error: float
    users: int
    method: str
    pairing_ratio: float = float("nan")
    """Width of the interval over that of a split test with the same users; NaN unless paired."""
    cautions: tuple[str, ...] = ()
    evidence: Evidence | None = None
    """The effect by simulation, off-policy and both, with all uncertainty; None where the run
    knows of nothing but its own luck. Where there is some, ``p_adjusted`` corrects its p-value."""

    @classmethod
    def of(
        cls,
        metric: str,
        arms: tuple[str, str],
        values: tuple[float, float],
        found: Effect,
        **more: Any,
    ) -> Contrast:
        """From an effect; the bounds are the difference itself unless ``more`` has them.

        Args:
            metric: Its name.
            arms: Control and treatment.
            values: The metric in each.
            found: The effect.
            more: Other fields.
        """
        return cls(
            metric=metric,
            control=arms[0],
            treatment=arms[1],
            difference=found.difference,
            ci_low=found.ci_low,
            ci_high=found.ci_high,
            p_value=found.p_value,
            p_adjusted=found.p_value,
            correlation=found.correlation,
            control_value=values[0],
            treatment_value=values[1],
            lift=found.lift,
            lift_low=found.lift_low,
            lift_high=found.lift_high,
            standard_error=found.standard_error,
            users=found.users,
            method=found.method,
            **{"lowest": found.difference, "highest": found.difference, **more},
        )

    @property
    def ruling_p(self) -> float:
        """The p-value, of this contrast alone, that the verdict goes by."""
        return self.p_value if self.evidence is None else self.evidence.p_value

    @property
    def direction(self) -> float:
        """What the verdict goes by: above 0, the treatment has more."""
        return self.difference if self.evidence is None else self.evidence.both.lift


@dataclass(frozen=True)
class Comparison:
    """The result of an A/B, A/A or A/B/n test, ready to print, plot and save."""

    verdict: str
    """One plain sentence about the primary metric, and one about validity."""
    design: Design
    control: str
    primary: str
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    validity: Validity
    cautions: tuple[str, ...]
    """What to know before believing any of it."""
    correction: Correction
    level: float
    no_verdict: tuple[str, ...] = ()
    """Why no winner is named, in sentences: an arm or the model is broken."""
    played: str = ""
    """Whose answers these are, where they are nobody's: the fake model's."""

    def contrast(self, treatment: str, metric: str | None = None) -> Contrast:
        """The contrast of one treatment, in the primary metric unless another is named."""
        wanted = metric or self.primary
        for found in self.contrasts:
            if (found.treatment, found.metric) == (treatment, wanted):
                return found
        known = {f"{c.treatment}/{c.metric}" for c in self.contrasts}
        raise UserError(f"no contrast {treatment}/{wanted}; {did_you_mean(wanted, known)}")

    def pairing_words(self, treatment: str) -> str:
        """How much pairing narrowed the primary metric's interval; "" where nothing is paired."""
        main = self.contrast(treatment)
        if not math.isfinite(main.pairing_ratio):
            return ""
        words = (
            f"The interval of {in_a_sentence(self.primary)} is {main.pairing_ratio:.2f} times as "
            "wide as a split test's with the same users"
        )
        for other in self.contrasts:
            same = _METRICS[other.metric].variant_of == self.primary
            if same and other.treatment == treatment and math.isfinite(other.pairing_ratio):
                words += f"; that of {in_a_sentence(other.metric)}, {other.pairing_ratio:.2f} times"
        return f"{words}."

    def correction_words(self) -> str:
        """What the corrected p-values are corrected for."""
        names = {"holm": "Holm", "bh": "Benjamini and Hochberg"}
        if self.correction == "none":
            return "p-values are not corrected"
        leads = sum(contrast.metric == self.primary for contrast in self.contrasts)
        others = len(self.contrasts) - leads
        main = f"{in_a_sentence(self.primary)} for {leads} treatment{'s' * (leads > 1)}"
        return f"corrected by {names[self.correction]}: {main}, the rest for {others} contrasts"

    def to_frame(self) -> pd.DataFrame:
        """One row a contrast, one column a field."""
        rows = [asdict(contrast) for contrast in self.contrasts]
        return pd.DataFrame([_flat(row) for row in rows])

    def table(self, *, every: bool = False) -> ResultTable:
        """Lay out recommenders down and metrics across; all metrics, or those that matter."""
        metrics, repeated = _chosen(self, every=every)
        rows = []
        for arm in self.arms:
            name = f"{arm.name} (control)" if arm.name == self.control else arm.name
            rows.append((name, tuple(_cell(self, arm, metric) for metric in metrics)))
        note = (
            f"Bold: the best of its column. In brackets: the {self.level:.0%} interval of the "
            f"difference to {self.control}; *: it leaves out 0 (not corrected for several looks)."
        )
        if any(contrast.evidence for contrast in self.contrasts):
            note += " Of the luck of the draw only: what is believed, all uncertainty in, is apart."
        for name, first in repeated.items():
            note += f" {_METRICS[name].label}: the same as {in_a_sentence(first)} in every arm."
        return ResultTable(
            caption=f"{self.arms[0].users:,} simulated users an arm, {self.design}",
            note=note,
            metrics=tuple(metrics),
            head=tuple(_METRICS[metric].label for metric in metrics),
            rows=tuple(rows),
        )

    def to_markdown(self, *, every: bool = False) -> str:
        """``table`` in Markdown."""
        return self.table(every=every).to_markdown()

    def to_latex(self, *, every: bool = False) -> str:
        """``table`` in LaTeX, for the package ``booktabs``."""
        return self.table(every=every).to_latex()

    def as_dict(self) -> dict[str, Any]:
        """The document of ``footfall compare --json``; NaN becomes None."""
        return {
            "verdict": self.verdict,
            "arms": [
                {
                    "name": arm.name,
                    "metrics": {k: finite(v) for k, v in arm.metrics.items()},
                    "answers": None if arm.answers is None else arm.answers.as_dict(),
                }
                for arm in self.arms
            ],
            "contrasts": [_plain(asdict(contrast)) for contrast in self.contrasts],
            "no_verdict": list(self.no_verdict),
            "played": self.played,
            "design": self.design,
            "control": self.control,
            "primary": self.primary,
            "level": self.level,
            "correction": self.correction,
            "cautions": list(self.cautions),
            "validity": {
                "status": self.validity.status,
                "reasons": list(self.validity.reasons),
                "blocks": {key: block.status for key, block in self.validity.blocks.items()},
            },
        }

    def to_json(self) -> str:
        """One JSON document: ``verdict``, ``arms``, ``contrasts``, and what to know of them."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, and the table; every contrast is in ``to_frame``."""
        table = self.table().to_html()
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.cautions)
        return f"<p><strong>{escape(self.verdict)}</strong></p>{table}<ul>{notes}</ul>"


def _chosen(result: Comparison, *, every: bool) -> tuple[list[str], dict[str, str]]:
    """Metrics to show, and those left out because they repeat one that is shown."""
    known = [name for name in result.arms[0].metrics if name in _METRICS]
    if every:
        return known, {}
    wanted = [name for name in dict.fromkeys([result.primary, *MATTER]) if name in known]
    first: dict[tuple[float, ...], str] = {}
    repeated = {}
    for name in wanted:
        values = tuple(arm.metrics[name] for arm in result.arms)
        if any(values) and first.setdefault(values, name) != name:
            repeated[name] = first[values]
    return list(first.values())[:COLUMNS], repeated


def _cell(result: Comparison, arm: Arm, metric: str) -> TableCell:
    unit, value = _METRICS[metric].unit, arm.metrics[metric]
    pairs = {(contrast.treatment, contrast.metric): contrast for contrast in result.contrasts}
    contrast = pairs.get((arm.name, metric))
    others = [other.metrics[metric] for other in result.arms]
    return TableCell(
        value,
        amount(value, unit),
        "" if contrast is None else _difference(contrast, unit),
        best=best(value, others, _METRICS[metric].better),
        differs=contrast is not None and (contrast.ci_low > 0 or contrast.ci_high < 0),
    )


def _difference(contrast: Contrast, unit: str) -> str:
    size, interval = estimate(contrast.difference, contrast.ci_low, contrast.ci_high, unit)
    low, _, high = interval.removesuffix(" points").partition(" to ")
    plain = size.removesuffix(" points")
    return plain if not high else f"{plain} [{low}, {high}]"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Fit for JSON, what is within included."""
    return {
        key: _plain(value) if isinstance(value, dict) else finite(value)
        for key, value in row.items()
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Evidence as columns, ``both_lift`` and the like; none without evidence."""
    evidence = row.pop("evidence") or {}
    for key, value in evidence.items():
        if isinstance(value, dict):
            row |= {f"{key}_{name}": number for name, number in value.items()}
        else:
            row[f"evidence_{key}" if key in row else key] = value
    return row


def finite(value: Any) -> Any:
    """For JSON, which has no NaN and no infinity: None in their place."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
