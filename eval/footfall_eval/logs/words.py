"""The logs report as a data card in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from footfall_eval.logs.examine import RARE, LogsReport
from footfall_eval.logs.training import K
from footfall_eval.statistics.resample import Interval

WIDTH = 79
PASS = 0.9
"""Share of the real log's NDCG from which a log is called a substitute for training."""


def as_markdown(report: LogsReport, name: str) -> str:
    """The whole report; every table fits 80 columns."""
    head = (
        f"# Logs of {name}\n\nWhat the doubles of {report.played} real users took, against what "
        f"these users\nreally took from {report.start[:10]} to {report.end[:10]}. "
        f"Arms: {', '.join(report.arms)}."
    )
    parts = [
        head,
        _sizes(report),
        _likeness(report),
        _training(report),
        _nearness(report),
        _membership(report),
    ]
    lines = "\n\n".join(parts).splitlines()
    return "\n".join(line if line.startswith("|") else fill(line, WIDTH) for line in lines) + "\n"


def _sizes(report: LogsReport) -> str:
    sizes = report.sizes
    rows = [
        ("takings", *(f"{n:,}" for n in sizes.takings)),
        ("different (user, item)", *(f"{n:,}" for n in sizes.pairs)),
        ("of these new to the user", *(f"{share:.0%}" for share in sizes.new_pairs)),
        ("users with any", *(f"{n:,}" for n in sizes.users)),
        ("items", *(f"{n:,}" for n in sizes.items)),
        (f"items of fewer than {RARE} users", *(f"{n:,}" for n in sizes.rare)),
    ]
    return "## What is in it\n\n" + _table(("", "simulated", "real"), rows)


def _likeness(report: LogsReport) -> str:
    rows = [
        (row["name"], f"{row['distance']:.4f}", f"{row['floor']:.4f}", f"{row['ratio']:.1f}")
        for row in report.likeness.table
    ]
    if not rows:
        return f"## Like real logs?\n\nNot compared: {report.likeness.explanation}"
    return (
        "## Like real logs?\n\nJensen-Shannon divergence, as many takings of each user; the floor "
        "is that\nbetween two halves of the real users.\n\n"
        + _table(("of", "distance", "floor", "ratio"), rows)
    )


def _training(report: LogsReport) -> str:
    head = "## Train on it, test on reality\n\n"
    if not report.training:
        return head + "Not run: no later takings of these users can test a recommender."
    first = report.training[0]
    rows = [
        (
            one.model,
            f"{one.real:.3f}",
            f"{one.synthetic:.3f}",
            f"{one.share.value:.0%} {_range(one.share, percent=True)}",
            f"{one.blind_share.value:.0%}",
        )
        for one in report.training
    ]
    text = (
        f"NDCG@{K} on what {first.users} users took after {report.end[:10]}; "
        f"{first.interactions:,} takings in\neach log, as many of every user. `blind`: as many "
        "items drawn from the same\npages, so it is what the recommenders' slates alone teach.\n\n"
    )
    best = max(report.training, key=lambda one: one.real)
    verdict = "is" if best.share.value >= PASS else "is not"
    unsure = verdict == "is" and best.share.low < PASS
    text += _table(("trained", "on real", "on simulated", "share (95%)", "blind"), rows)
    text += (
        f"\n\nThe recommender that does best on the real log, {best.model}, reaches "
        f"{best.share.value:.0%}: the log\n{verdict} a substitute for training (from {PASS:.0%})"
        f"{', but luck may explain it' if unsure else ''}."
    )
    if best.blind_share.value >= PASS * best.share.value:
        text += "\n**Blind picks teach nearly as much: slates are what this log is worth.**"
    return head + text


def _nearness(report: LogsReport) -> str:
    head = "## Does it copy anyone?\n\n"
    found = report.nearness
    if found is None:
        return head + "Not run: too few users took anything in both logs."
    rows = [
        ("simulated, to the nearest other real user", f"{found.simulated:.2f}"),
        ("real, to the nearest other real user (floor)", f"{found.real:.2f}"),
        ("simulated, to the own double in the same time", f"{found.own:.2f}"),
        ("real, one half of the time's takings to the other", f"{found.own_in_halves:.2f}"),
        ("simulated users too near to another (.05 by luck)", f"{found.too_near:.2f}"),
    ]
    return head + _table((f"median cosine, {found.users} users", ""), rows)


def _membership(report: LogsReport) -> str:
    head = "## Can one tell whose histories were used?\n\n"
    found = report.membership
    if found is None:
        return head + "Not run: fewer than ten played users, or no others with such histories."
    verdict = (
        "Yes: treat this log like the histories, whatever the ids are called."
        if found.auc.low > 0.5
        else "Not by this attack."
    )
    return (
        head + f"Somebody who knows a history compares it with the log. AUC "
        f"{found.auc.value:.2f} {_range(found.auc)} for\n{found.members} played users against "
        f"{found.outsiders} others with histories as long; the same attack\namong the others: "
        f"{found.control.value:.2f} {_range(found.control)} (.5 is guessing). "
        f"{found.recognised:.0%} of the played users are\nrecognised by their history "
        f"({found.chance:.1%} by guessing). {verdict}"
    )


def _range(interval: Interval, *, percent: bool = False) -> str:
    form = ".0%" if percent else ".2f"
    return f"({interval.low:{form}} to {interval.high:{form}})"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[c]) for row in [head, *rows]) for c in range(len(head))]

    def line(cells: tuple[str, ...]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([line(head), rule, *(line(row) for row in rows)])
