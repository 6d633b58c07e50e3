"""Evaluate recommenders and simulated users from logs."""

from footfall_eval.compare import compare, compare_users
from footfall_eval.comparison import Arm, Comparison, Contrast
from footfall_eval.load import RunLog
from footfall_eval.metrics import METRICS, Metric
from footfall_eval.validity import Validity, read_validity

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
