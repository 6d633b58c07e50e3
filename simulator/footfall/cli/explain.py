"""``footfall explain`` and ``footfall interview``: why a simulated user did what they did."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from footfall.errors import ModelError, UserError
from footfall.explaining.asked import AskedAbout, asked_about
from footfall.explaining.interview import interview as ask
from footfall.explaining.interview import up_to
from footfall.explaining.replay import Decision, ExplainedPage, Replay, replay
from footfall.llm.specs import ModelSpec
from footfall.plumbing.images import UnfitImageError
from footfall.plumbing.spec import fault
from footfall.plumbing.stderr import stderr

MOST_TERMS = 3
"""Parts of a utility that the line of an item names."""

Run = Annotated[Path, typer.Argument(help="Folder that a run left behind.")]
User = Annotated[str, typer.Option(help="Id of a simulated user.")]
Arm = Annotated[str | None, typer.Option(help="Arm; the control unless told.")]
Base = Annotated[
    Path | None, typer.Option(help="Folder of the scenario, if run or data have moved.")
]
Store = Annotated[Path | None, typer.Option(help="Store of model answers, if not the run's own.")]


def explain(
    run: Run,
    user: User,
    arm: Arm = None,
    visit: Annotated[int | None, typer.Option(min=0, help="Number of the visit, from 0.")] = None,
    page: Annotated[int | None, typer.Option(min=0, help="Page of the visit, from 0.")] = None,
    item: Annotated[str | None, typer.Option(help="Only this item.")] = None,
    moment: Annotated[
        list[str] | None,
        typer.Option(help="Pages of several arms: VISIT,PAGE,ARM each; in place of the others."),
    ] = None,
    base: Base = None,
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Take a user's decisions apart: prompt, probabilities, and every term of the utility.

    Examples:
        footfall explain runs/shop --user 1234
        footfall explain runs/shop --user 1234 --visit 0 --page 0
        footfall explain runs/shop --user 1234 --moment 0,0,knn --moment 0,1,popular --json
    """
    if moment and (arm, visit, page) != (None, None, None):
        raise UserError("--moment names visit, page and arm: leave --arm, --visit and --page out")
    if moment:
        chosen = _at(run, user, [_moment(said) for said in moment], item, base)
    else:
        found = replay(run, user, arm, base=base, announce=stderr.say)
        chosen = [(found, one) for one in _chosen(found, visit, page, item)]
    if as_json:
        typer.echo(json.dumps([_plain(found, one, item, store) for found, one in chosen]))
        return
    console = Console()
    if visit is None and page is None and item is None and not moment:
        _overview(console, found)
        return
    for found, one in chosen:
        _page(console, found, one, item, store)


def interview(
    run: Run,
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    user: User,
    arm: Arm = None,
    visit: Annotated[
        int | None, typer.Option(min=0, help="Moment: number of the visit; nothing later is known.")
    ] = None,
    page: Annotated[int | None, typer.Option(min=0, help="Page of that visit, the last.")] = None,
    show_prompt: Annotated[bool, typer.Option(help="Print the whole prompt as well.")] = False,
    model: Annotated[str | None, typer.Option(help="Who plays the user, if not the run's.")] = None,
    server: Annotated[str | None, typer.Option(help="URL of a server of that model.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.")
    ] = None,
    base: Base = None,
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Ask a simulated user something; the model answers from their memory and their log.

    Examples:
        footfall interview runs/shop "Why did you buy bread?" --user 1234
        footfall interview runs/shop "What is missing here?" --user 1234 --show-prompt
    """
    found = replay(run, user, arm, base=base, announce=stderr.say)
    if visit is not None:
        found = up_to(found, visit, page)
    elif page is not None:
        raise UserError("--page wants the number of its visit: --visit V")
    if model is None and (server or api_key_env):
        raise UserError("--server and --api-key-env want the name of the model: --model NAME")
    said = {"name": model, "server": server, "api_key_env": api_key_env}
    spec = None if model is None else _model(said)
    answer = ask(found, question, model=spec, store=store, announce=stderr.say)
    if as_json:
        typer.echo(json.dumps(asdict(answer)))
        return
    if show_prompt:
        typer.echo(answer.prompt)
    typer.echo(answer.answer or f"(no answer: {answer.missing})")
    stderr.say("Made up by a language model from this user's past; it decided nothing.")


_Moment = tuple[int, int, str]
"""Visit, page and arm."""


def _moment(said: str) -> _Moment:
    visit, page, arm = [*said.split(",", 2), "", ""][:3]
    if not (visit.isdecimal() and page.isdecimal() and arm):
        raise UserError(f'--moment "{said}": say VISIT,PAGE,ARM, for example 0,0,now')
    return int(visit), int(page), arm


def _at(
    run: Path, user: str, moments: list[_Moment], item: str | None, base: Path | None
) -> list[tuple[Replay, ExplainedPage]]:
    """The pages of some moments, in their order; the histories are read once."""
    replays: dict[str, Replay] = {}
    histories = None
    for _, _, arm in moments:
        if arm not in replays:
            replays[arm] = replay(
                run, user, arm, base=base, histories=histories, announce=stderr.say
            )
            histories = replays[arm].histories
    return [
        (replays[arm], one)
        for visit, page, arm in moments
        for one in _chosen(replays[arm], visit, page, item)
    ]


def _chosen(
    found: Replay, visit: int | None, page: int | None, item: str | None
) -> list[ExplainedPage]:
    chosen = [
        one
        for one in found.pages
        if (visit is None or one.session == visit)
        and (page is None or one.page == page)
        and (item is None or any(decision.item == item for decision in one.decisions))
    ]
    if not chosen:
        raise UserError(
            f'user {found.user} saw no such page in arm "{found.arm}"; '
            f"without --visit, --page and --item all {len(found.pages)} pages are listed"
        )
    return chosen


def _overview(console: Console, found: Replay) -> None:
    table = Table(
        title=f"User {found.user}, arm {found.arm}", title_justify="left", box=None,
        padding=(0, 2, 0, 0),
    )  # fmt: skip
    for head in ("Visit", "Page", "When", "Items", "P(any click)", "Done"):
        table.add_column(head, justify="left" if head in {"When", "Done"} else "right")
    for one in found.pages:
        chance = sum(decision.p_click for decision in one.decisions)
        done = [
            f"{'bought' if d.bought else 'clicked'} {d.title}" for d in one.decisions if d.clicked
        ]
        many = found.scenario.behaviour.habits.picks == "many"
        table.add_row(
            str(one.session),
            str(one.page),
            f"{one.time:%d %b %H:%M}",
            str(len(one.decisions)),
            "" if many or not one.answered else f"{chance:.1%}",
            "; ".join(done) if one.answered else "no answer",
        )
    console.print(table)
    console.print(Text("The terms of a page: --visit V --page P, of an item: --item I", "dim"))


def _page(
    console: Console, found: Replay, one: ExplainedPage, item: str | None, store: Path | None
) -> None:
    console.print(
        Text(f"\nVisit {one.session}, page {one.page}, {one.time:%d %b %Y %H:%M}", "bold")
    )
    if not one.answered:
        console.print("The model gave no answer, so nobody decided.")
    if item is None:
        _items(console, one)
    for decision in one.decisions:
        if decision.item == item:
            _item(console, decision)
    _prompts(console, found, one, store)


def _items(console: Console, one: ExplainedPage) -> None:
    """One line an item, with the parts that count most."""
    table = Table(box=None, padding=(0, 1, 0, 1))
    for head in ("", "Item", "utility", "P(click)", "What counts most", ""):
        table.add_column(head, justify="right" if head in {"utility", "P(click)"} else "left")
    for decision in one.decisions:
        known = [term for term in decision.terms if term.name != "none" and term.value]
        most = sorted(known, key=lambda term: -abs(term.value))[:MOST_TERMS]
        table.add_row(
            str(decision.position + 1),
            escape(decision.title),
            f"{decision.utility:+.2f}",
            f"{decision.p_click:.1%}",
            ", ".join(f"{term.name} {term.value:+.2f}" for term in most),
            "bought" if decision.bought else "clicked" if decision.clicked else "",
        )
    console.print(table)
    console.print(Text("All terms of an item: --item I", "dim"))


def _item(console: Console, decision: Decision) -> None:
    done = "bought" if decision.bought else "clicked" if decision.clicked else "passed over"
    table = Table(
        title=f"{decision.position + 1}. {decision.title} [{decision.item}]: {done}".replace(
            "[", r"\["
        ),
        title_justify="left", box=None, padding=(0, 2, 0, 2),
    )  # fmt: skip
    for head in ("Term", "Coefficient", "Feature", "Adds"):
        table.add_column(head, justify="left" if head == "Term" else "right")
    for term in decision.terms:
        if term.coefficient:
            feature = "" if term.name == "none" else f"{term.feature:.3f}"
            coefficient = term.value if term.name == "none" else term.coefficient
            table.add_row(term.name, f"{coefficient:.3f}", feature, f"{term.value:+.3f}")
    table.add_row("utility", "", "", f"{decision.utility:+.3f}", style="bold")
    console.print(table)
    console.print(
        f"  P(reads to here) {decision.p_examine:.1%}, P(click) {decision.p_click:.2%}, "
        f"P(buy if clicked) {decision.p_buy:.1%}",
        highlight=False,
    )


def _prompts(console: Console, found: Replay, one: ExplainedPage, store: Path | None) -> None:
    asked, missing = _asked(found, one, store)
    if missing:
        return
    if not asked.questions:
        console.print("No language model was asked.")
        return
    before = ""
    for question in asked.questions:
        if question.shared != before:
            console.print(Text("\nThe model was asked:", "bold"))
            console.print(question.shared, markup=False, highlight=False)
            before = question.shared
        answer = question.answer or "(answer not stored)"
        if question.image:
            console.print(f"  shown: {question.image}", markup=False, highlight=False)
        console.print(
            f"  ...{' '.join(question.own.split())}  ->  {answer}", markup=False, highlight=False
        )


def _asked(found: Replay, one: ExplainedPage, store: Path | None) -> tuple[AskedAbout, str]:
    """What was asked about a page; or why that cannot be put together any more."""
    try:
        return asked_about(found, one, store), ""
    except ModelError as error:
        missing = f"the prompts are not shown: {error}"
        stderr.say(missing)
        return AskedAbout(), missing


def _model(said: dict[str, Any]) -> ModelSpec:
    """The model that was named on the command line; one line where something is wrong with it."""
    try:
        return ModelSpec.model_validate(said)
    except ValidationError as error:
        raise UserError(fault(error)) from None


def _plain(
    found: Replay, one: ExplainedPage, item: str | None, store: Path | None
) -> dict[str, Any]:
    asked, missing = _asked(found, one, store)
    return {
        "arm": found.arm,
        "user": found.user,
        "visit": one.session,
        "page": one.page,
        "time": one.time.isoformat(),
        "answered": one.answered,
        "decisions": [
            {**_finite(asdict(decision)), "image": _image(found, code)}
            for decision, code in zip(one.decisions, one.codes, strict=True)
            if item is None or decision.item == item
        ],
        "asked": [asdict(question) for question in asked.questions],
        "memory": [{**asdict(event), "time": event.time.isoformat()} for event in asked.memory],
        "missing": missing,
    }


def _image(found: Replay, code: int) -> dict[str, str] | None:
    """An item's image, small; None where the data name none."""
    images = found.histories.catalogue.images
    image = images[code] if images else None
    if image is None:
        return None
    try:
        return {"file": str(image), "small": image.small()}
    except UnfitImageError as error:
        return {"file": f"{image}: {error}", "small": ""}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
