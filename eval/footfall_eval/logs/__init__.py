"""Is a simulated log fit to train on, and fit to be shared? Against the real histories behind it.

real = read_real(log, dataset)          what the same people really did, before and after
report = judge_logs(log, real, seed=1)  statistics, training, novelty, privacy
report.as_markdown()                    a data card
"""

from typing import TYPE_CHECKING

from footfall.plumbing.lazily import lazily

if TYPE_CHECKING:
    from footfall_eval.logs.judge import LogsReport, judge_logs
    from footfall_eval.logs.real import Real, read_real
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "LogsReport": "footfall_eval.logs.judge",
            "Real": "footfall_eval.logs.real",
            "judge_logs": "footfall_eval.logs.judge",
            "read_real": "footfall_eval.logs.real",
        },
    )

__all__ = ["LogsReport", "Real", "judge_logs", "read_real"]
