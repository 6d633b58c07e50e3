"""Evaluate recommenders and simulated users from logs."""

from typing import TYPE_CHECKING

from footfall.plumbing.lazily import lazily

if TYPE_CHECKING:
    from footfall_eval.comparing.compare import compare, compare_users
    from footfall_eval.comparing.comparison import Arm, Comparison, Contrast
    from footfall_eval.comparing.own import OwnMetric, compare_own
    from footfall_eval.measures.metrics import METRICS, Metric
    from footfall_eval.reading.load import RunLog
    from footfall_eval.reading.validity import Validity, read_validity
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "METRICS": "footfall_eval.measures.metrics",
            "Arm": "footfall_eval.comparing.comparison",
            "Comparison": "footfall_eval.comparing.comparison",
            "Contrast": "footfall_eval.comparing.comparison",
            "Metric": "footfall_eval.measures.metrics",
            "OwnMetric": "footfall_eval.comparing.own",
            "RunLog": "footfall_eval.reading.load",
            "Validity": "footfall_eval.reading.validity",
            "compare": "footfall_eval.comparing.compare",
            "compare_own": "footfall_eval.comparing.own",
            "compare_users": "footfall_eval.comparing.compare",
            "read_validity": "footfall_eval.reading.validity",
        },
    )

__all__ = [
    "METRICS",
    "Arm",
    "Comparison",
    "Contrast",
    "Metric",
    "OwnMetric",
    "RunLog",
    "Validity",
    "compare",
    "compare_own",
    "compare_users",
    "read_validity",
]
