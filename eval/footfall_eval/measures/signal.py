"""How strongly the language model's opinion drives what the simulated users do."""

from __future__ import annotations

from dataclasses import dataclass

from footfall_eval.reading.load import RunLog

BINS = 10


@dataclass(frozen=True)
class Signal:
    """Over all impressions with a language-model utility and a decision, all arms together."""

    impressions: int
    correlation_clicked: float
    """Of the utility with 0/1 clicked; NaN where one of them does not vary."""
    correlation_probability: float
    """Of the utility with the probability of a click."""
    bins: tuple[tuple[float, float, int], ...]
    """Mean utility, click rate and impressions in ten equally filled bins."""


def model_signal(log: RunLog) -> Signal | None:
    """The signal, or None where the model was not asked (no ``llm`` in the log)."""
    asked = "FROM impressions WHERE answered AND llm IS NOT NULL AND NOT isnan(llm)"
    row = log.execute(
        f"SELECT count(*), corr(llm, clicked::INT), corr(llm, p_click) {asked}"
    ).fetchone()
    if row is None or not row[0]:
        return None
    # Edges from approximate quantiles: exact ones would sort ten million rows.
    edges = ", ".join(str(k / BINS) for k in range(1, BINS))
    above = " + ".join(f"(llm > cuts[{k}])::INT" for k in range(1, BINS))
    bins = log.execute(
        f"""
        WITH edge AS (SELECT approx_quantile(llm, [{edges}]) AS cuts {asked})
        SELECT avg(llm), avg(clicked::INT), count(*)
        FROM impressions, edge WHERE answered AND llm IS NOT NULL AND NOT isnan(llm)
        GROUP BY {above} ORDER BY 1
        """  # noqa: S608 (constant text)
    ).fetchall()
    nan = float("nan")
    return Signal(
        impressions=int(row[0]),
        correlation_clicked=nan if row[1] is None else float(row[1]),
        correlation_probability=nan if row[2] is None else float(row[2]),
        bins=tuple((float(a), float(b), int(n)) for a, b, n in bins),
    )
