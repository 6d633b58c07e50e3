"""How a fit of pages is shown in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from footfall.fitting.pages.report import FittedTerm, PagesReport


def show_pages(report: PagesReport, console: Console) -> None:
    """Terms with errors, how users and items differ, what it rests on and what was assumed."""
    console.print(
        f"{report.pages} pages, {report.impressions} impressions, {report.clicks} clicks, "
        f"{report.purchases} purchases of {report.users} users ({report.tested} more are spared)",
        highlight=False,
    )
    console.print(report.picks, highlight=False)
    _terms("clicks, per standard deviation", report.terms, console)
    _terms("buying what was clicked", report.buying, console)
    _terms("asking for another page", report.going, console)
    coming = report.coming
    console.print(
        f"coming back: each click above the usual adds {coming.per_click:+.3f} (std. error "
        f"{coming.per_click_error:.3f}) to the logarithm of the rate; {coming.visits} visits",
        highlight=False,
    )
    for sentence in coming.sentences():
        console.print(sentence, highlight=False)
    if report.reading:
        places = ", ".join(
            f"{place}: {value:.2f} +- {error:.2f}"
            for place, (value, error) in enumerate(
                zip(report.reading, report.reading_errors, strict=True), start=1
            )
        )
        console.print(f"read down to place {places}", highlight=False)
    console.print("standard deviation over what was shown: " + _listed(report.spread, ".2f"))
    console.print("known from own data (0 to 1): " + _listed(report.information, ".2f"))
    console.print(
        f"the last days' pages, foretold from the earlier ones: {report.over_uniform:+.4f} nats a "
        f"page over uniform users, {report.over_popular:+.4f} over popularity",
        highlight=False,
    )
    console.print("the last days would weigh the parts: " + _listed(report.weights, ".2f"))
    refuted = {name: weight for name, weight in report.applied.items() if weight != 1}
    if refuted:
        console.print("refuted, and so weighed: " + _listed(refuted, ".2f"))
    used = "so items are judged beside each other" if report.page_weight_used else "not used"
    console.print(
        f"a page's mean worth adds to each of its items: {report.page_weight:+.2f} of itself "
        f"(std. error {report.page_weight_error:.2f}; 0: items are judged one by one); {used}",
        highlight=False,
    )
    if report.page_slope is not None:
        console.print(
            f"pages foretold to be clicked more by a little were clicked {report.page_slope:.2f} "
            f"times as much more (std. error {report.page_slope_error or 0:.2f})",
            highlight=False,
        )
    console.print(
        f"lifts are off by {report.discrepancy:.1%} beside luck and errors of the fit, as "
        f"{report.contrasts} contrasts of the last days say",
        highlight=False,
    )
    for note in report.notes:
        console.print(f"note: {note}", highlight=False)
    for name, why in report.assumed.items():
        console.print(f"assumed: {name}: {why}", highlight=False)


def _terms(title: str, terms: Sequence[FittedTerm], console: Console) -> None:
    if not terms:
        return
    table = Table(title, "fitted", "std. error", "between users", box=None, width=80)
    for term in terms:
        between = "" if term.between_users is None else f"{term.between_users:.3f}"
        table.add_row(term.name, f"{term.value:+.3f}", f"{term.error:.3f}", between)
    console.print(table)


def _listed(numbers: dict[str, float], form: str) -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in numbers.items())
