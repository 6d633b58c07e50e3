"""A validation on a log of pages with propensities, told as a story.

1. read and cut like a run; fit users if the scenario names none
2. train a field of recommenders, and ask all arms about the pages after the split
3. hold what the simulated users expect of those pages against what the real ones did
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.people import People
from footfall.datasets.arrow_columns import as_frame
from footfall.fitting.pages.backtest import page_slope
from footfall.options import Announce, Options
from footfall.recommenders import audited, build, parse_spec
from footfall.run_folder.logged import LOGGED_ARMS_NAME, LOGGED_NAME
from footfall.runs.foresight import Foresight
from footfall.runs.histories import Histories, read_histories
from footfall.runs.judged_pages import Judged, logged_pages
from footfall.runs.logged import (
    AskedPages,
    ask_arm,
    foresight_on,
    logged_tables,
    numbers_of,
)
from footfall.runs.own_users import with_own_users
from footfall.runs.preparing import setting_of
from footfall.runs.provenance import code_hash, data_hash
from footfall.scenario.scenario import ArmSpec, Scenario
from footfall.serving.logged import LoggedPages
from footfall.world.crowd import Setting
from footfall_eval.blocks.calibration import calibration
from footfall_eval.blocks.distributions import Compared, distributions
from footfall_eval.blocks.grading import not_run
from footfall_eval.blocks.logged_ranking import WholePages, logged_ranking
from footfall_eval.blocks.page_choice import page_choice
from footfall_eval.blocks.predictions import BLEND
from footfall_eval.blocks.provenance import Provenance, provenance
from footfall_eval.reading.block import Block
from footfall_eval.statistics.competing import Competition
from footfall_eval.statistics.logged import LoggedArms, logged_arms
from footfall_lab.validation import contest, page_rivals
from footfall_lab.validation.mirrors import circular, likenesses
from footfall_lab.validation.page_people import page_individuality
from footfall_lab.validation.study import ValidationOptions

Floats = npt.NDArray[np.float64]

SLOW = ("item-knn, 1 neighbour", "bpr")

FIELD = {name.replace(",", ""): raw for name, raw in contest.FIELD.items() if name not in SLOW}
"""The quick ones of ``contest.FIELD``; their ways to learn are known to be independent."""

LEFT_OUT = {
    "F": "no language model was asked, so neither words nor the order of items in a question can "
    "sway anybody; places on the page are judged in blocks B and D",
    "H": "past A/B tests are held against users on logs without propensities only; here block G "
    "holds every arm against what the log's own randomness says",
    "I": "on pages with propensities arms are judged by them; what a recommender would learn from "
    "simulated clicks was not measured",
}
"""Blocks that logs of pages do not have, and why."""


@dataclass(frozen=True, eq=False)
class PageStudy:
    """What was measured on logged pages."""

    scenario: Scenario
    """With the users that are judged."""
    histories: Histories
    judged: Judged
    pages: LoggedPages
    """Of the judged days."""
    users: Foresight
    slates: Mapping[str, npt.NDArray[np.int32]]
    """Arm -> [n_pages, k] codes."""
    left_out: Mapping[str, str]
    """Arm of the scenario -> why it was not asked."""
    found: LoggedArms
    shown: pd.DataFrame
    """One row an item shown."""
    foreseen: dict[str, Floats]
    """Predictor -> [n_rows] chance of a click."""
    item_rates: Floats
    """[n_items] clicks before the split over what the places let expect."""
    field: Mapping[str, ArmSpec]
    """Name in ``FIELD`` -> the arm that plays it."""
    whole: WholePages


def observe_pages(
    scenario: Scenario,
    options: ValidationOptions,
    announce: Announce,
    users: Foresight | None = None,
) -> PageStudy | None:
    """Measure everything; None where the log has no pages with propensities to judge by.

    Args:
        scenario: The scenario; its split has days after it.
        options: Where to look for files, and where to leave them.
        announce: Told what is done.
        users: In place of the scenario's: whoever says what they would do with a page.
    """
    histories = read_histories(scenario, options.base, announce)
    found = logged_pages(scenario, histories)
    if found is None or not found[1].held_out:
        return None
    pages, judged = found[0].take(found[0].judged), found[1]
    options.out.mkdir(parents=True, exist_ok=True)
    rule = None
    if users is None:
        of_run = Options(options.out, base=options.base)
        scenario, _ = with_own_users(scenario, histories, of_run, announce)
        setting = setting_of(scenario, histories, options.base)
        users = foresight_on(pages, judged, histories, setting, speaks=False)
        rule = _competition(scenario, setting, pages)
    answers, left_out = _answers(scenario, histories, pages, judged, users, options, announce)
    tables = {
        name: as_frame(table)
        for name, table in logged_tables(pages, answers, users, histories).items()
    }
    shown = tables[LOGGED_NAME]
    announce("classical predictors of clicks")
    foreseen, rates = page_rivals.foresee(
        histories.split.remembered, histories.catalogue, pages, scenario.seed
    )
    foreseen[BLEND] = shown["p_click"].to_numpy(np.float64)
    arms = logged_arms(shown, tables[LOGGED_ARMS_NAME], "clicks", scenario.seed)
    slates = {name: one.answers.items[:, 0] for name, one in answers.items()}
    field = field_beside(scenario, clicked=_clicked(histories))
    return PageStudy(
        scenario, histories, judged, pages, users, slates, left_out, arms, shown, foreseen, rates,
        field, _whole(rule, shown),
    )  # fmt: skip


def _competition(scenario: Scenario, setting: Setting, pages: LoggedPages) -> Competition | None:
    """How items of a page compete, to users who were fitted to pages."""
    if not isinstance(setting.people, People):
        return None
    habits = scenario.behaviour.habits.model_dump(mode="json")
    places = int(pages.shown.sum()) / max(len(pages), 1)
    return Competition.of(habits, round(places), float(setting.people.shared.page[0]))


def _whole(rule: Competition | None, shown: pd.DataFrame) -> WholePages:
    """What the judged days say of pages as they were shown."""
    by_page = shown.groupby("page", sort=True)
    users, _ = pd.factorize(by_page["user"].first())
    found = page_slope(
        by_page["p_click"].sum().to_numpy(np.float64),
        by_page["clicked"].sum().to_numpy(np.float64),
        users,
    )
    return WholePages(rule, found.value, found.error, refuted=bool(found.stretch))


def page_blocks(study: PageStudy) -> dict[str, Block]:
    """Blocks A to I."""
    seed = study.scenario.seed
    blocks = {
        "A": _provenance(study),
        "B": page_choice(study.shown, study.foreseen, seed=seed),
        "C": calibration(_as_predictions(study.shown), seed=seed),
        "D": distributions(_compared(study), {}, seed=seed),
        "G": logged_ranking(
            study.found,
            base=study.field[contest.RANDOM].name,
            offline=_ndcg(study),
            popularity=_popularity(study),
            whole=study.whole,
        ),
    }
    blocks["E"] = page_individuality(
        study.users,
        study.pages,
        numbers_of(study.pages, study.histories),
        study.histories.catalogue,
        study.item_rates,
        seed,
    )
    blocks |= {letter: not_run(letter, why) for letter, why in LEFT_OUT.items()}
    return dict(sorted(blocks.items()))


def _answers(
    scenario: Scenario,
    histories: Histories,
    pages: LoggedPages,
    judged: Judged,
    users: Foresight,
    options: ValidationOptions,
    announce: Announce,
) -> tuple[dict[str, AskedPages], dict[str, str]]:
    """What the field and the scenario's arms would have shown; who was not asked, and why."""
    field = field_beside(scenario, clicked=_clicked(histories)).values()
    arms = {arm.name: arm for arm in [*field, *scenario.arms]}
    answers: dict[str, AskedPages] = {}
    left_out: dict[str, str] = {}
    for arm in arms.values():
        announce(f'logged pages: recommender "{arm.name}"')
        made = build(
            arm.recommender,
            histories.apart.for_recommenders,
            histories.catalogue,
            base=options.base,
            seed=scenario.seed,
        )
        trained = audited(made, histories.catalogue)
        asked, told = ask_arm(arm, trained, scenario, histories, pages, judged, users, options.base)
        trained.close()
        if asked is None:
            left_out[arm.name] = str(told["why"])
        else:
            answers[arm.name] = asked
    return answers, left_out


def field_beside(scenario: Scenario, *, clicked: bool) -> dict[str, ArmSpec]:
    """Name in ``FIELD`` -> the arm that plays it.

    An arm of the scenario that is the same recommender plays it; what only bears the name of one, a
    service called "als" say, is an arm under suspicion like any other.
    """
    clicks = {"positive": {"action": "click"}} if clicked else {}
    named = {arm.name: arm for arm in scenario.arms}
    found = {}
    for name, raw in FIELD.items():
        spec, other = parse_spec({**raw, **clicks}), named.get(name)
        if other is not None and other.recommender.kind == spec.kind:
            found[name] = other
            continue
        free = name if other is None else f"{name} of the standard field"
        found[name] = ArmSpec(name=free, recommender=spec)
    return found


def _under_suspicion(study: PageStudy) -> list[str]:
    """Arms of the scenario that are not known to be independent of users and of later days."""
    known = {arm.name for arm in study.field.values()}
    return [arm.name for arm in study.scenario.arms if arm.name not in known]


def _clicked(histories: Histories) -> bool:
    return bool((histories.split.remembered.interactions["action"] == "click").any())


def _provenance(study: PageStudy) -> Block:
    own = _under_suspicion(study)
    alike = likenesses(
        study.users,
        study.pages,
        numbers_of(study.pages, study.histories),
        study.slates,
        len(study.histories.catalogue),
        study.scenario.seed,
    )
    suspects = {
        name: f"it knows the days that it is judged on: it shows what was really shown "
        f"{arm.mean_weight:.2f} times as often as an arm could that has not seen them"
        for name, arm in study.found.arms.items()
        if name in own and arm.knows_the_days
    }
    mirrors = circular(alike, [name for name in study.slates if name not in own])
    suspects |= {name: f"it is circular: {why}" for name, why in mirrors.items()}
    hashes = {
        "scenario": study.scenario.digest(),
        "data": data_hash(study.histories),
        "code": code_hash("footfall", ".py"),
    }
    return provenance(
        Provenance(
            hashes=hashes,
            model="",
            split=str(study.histories.split.at),
            tested=f"{study.found.users} users on {study.found.pages} pages after the split",
            suspects=suspects,
            left_out=dict(study.left_out),
            likeness={name: (one.overlap, one.order) for name, one in alike.items()},
        )
    )


def _as_predictions(shown: pd.DataFrame) -> pd.DataFrame:
    """As block C reads it: an option an item; "none" is not asked for."""
    return pd.DataFrame(
        {
            "user": shown["user"],
            "model": BLEND,
            "option": shown["position"],
            "p": shown["p_click"],
            "chosen": shown["clicked"],
        }
    )


def _compared(study: PageStudy) -> list[Compared]:
    """What was clicked, simulated and really, by what it was and where it stood."""
    shown = study.shown
    rng = np.random.default_rng(study.scenario.seed)
    simulated = rng.random(len(shown)) < shown["p_click"].to_numpy()
    catalogue = study.histories.catalogue
    category = dict(zip(catalogue.ids, catalogue.categories, strict=True))
    rate = dict(zip(catalogue.ids, _deciles(study.item_rates), strict=True))
    values = {
        "category": shown["item"].map(category),
        "popularity decile": shown["item"].map(rate),
        "click rate by position": shown["position"],
    }
    return [
        Compared(
            name, "shares", _taken(shown, value, simulated), _taken(shown, value, shown["clicked"])
        )
        for name, value in values.items()
    ]


def _taken(shown: pd.DataFrame, value: Any, clicked: Any) -> pd.DataFrame:
    rows = pd.DataFrame({"user": shown["user"], "value": value, "weight": 1.0})
    return rows[np.asarray(clicked, dtype=bool)]


def _deciles(values: Floats) -> list[int]:
    ranks = pd.Series(values).rank(method="first", pct=True)
    return [min(int(10 * rank), 9) for rank in ranks]


def _ndcg(study: PageStudy) -> dict[str, float]:
    """Of each arm's first pages against what the user clicked in the judged days.

    The rival that an engineer has: plain offline evaluation, even on the very days.
    """
    pages = study.pages
    first = np.flatnonzero(pages.depths == 0)
    clicked: dict[str, npt.NDArray[np.int32]] = {}
    users = np.asarray(pages.users, dtype=object)
    page, place = np.nonzero(pages.clicked)
    for user, items in pd.Series(pages.items[page, place]).groupby(users[page]):
        clicked[str(user)] = np.unique(items.to_numpy(np.int32))
    truth = [clicked.get(str(users[row])) for row in first]
    found = {}
    for name, slate in study.slates.items():
        values = contest.ndcg(slate[first][:, None, :], truth)
        found[name] = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
    return found


def _popularity(study: PageStudy) -> dict[str, float]:
    """Clicks a page of users who click by popularity."""
    reading = study.users.reading(study.pages.items.shape[1])
    return {
        name: float(
            (np.where(slate >= 0, study.item_rates[slate], 0.0) * reading).sum(axis=1).mean()
        )
        for name, slate in study.slates.items()
    }
