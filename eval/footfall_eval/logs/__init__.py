"""Is a simulated log fit to train on, and fit to be shared? Against the real histories behind it.

real = read_real(log, dataset)          what the same people really did, before and after
report = examine_logs(log, real, seed=1)  statistics, training, novelty, privacy
report.as_markdown()                    a data card
"""

from typing import TYPE_CHECKING

from footfall.plumbing.lazily import lazily

if TYPE_CHECKING:
    from footfall_eval.logs.examine import LogsReport, examine_logs
    from footfall_eval.logs.real import Real, read_real
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "LogsReport": "footfall_eval.logs.examine",
            "Real": "footfall_eval.logs.real",
            "examine_logs": "footfall_eval.logs.examine",
            "read_real": "footfall_eval.logs.real",
        },
    )

__all__ = ["LogsReport", "Real", "examine_logs", "read_real"]
