"""Evaluate recommenders and simulated users from logs."""

from footfall_eval.comparing.compare import compare, compare_users
from footfall_eval.comparing.comparison import Arm, Comparison, Contrast
from footfall_eval.measures.metrics import METRICS, Metric
from footfall_eval.reading.load import RunLog
from footfall_eval.reading.validity import Validity, read_validity

__all__ = [
    "METRICS",
    "Arm",
    "Comparison",
    "Contrast",
    "Metric",
    "RunLog",
    "Validity",
    "compare",
    "compare_users",
    "read_validity",
]
