"""Why did this user do that? Every decision of a run, taken apart.

A run is replayed for one user in one arm: the pages and the model's opinions come from the log,
everything else (features, coefficients, luck) from the scenario and the data. What comes out must
equal the log to the last bit; if it does not, the explanation would be of another run, and is
refused. The terms of a utility are what the choice model added up, in that order.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.decisions import Behaviour, Decisions, PageFeatures, PageLuck
from footfall.behaviour.specs import TERMS
from footfall.errors import LogError, UserError, did_you_mean
from footfall.options import Announce, Options
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST, epochs_of
from footfall.run_folder.log import IMPRESSIONS, read_part
from footfall.runs.histories import Histories, read_histories
from footfall.runs.preparing import epochs, job_of, setting_of
from footfall.runs.resuming import Earlier
from footfall.scenario.scenario import Scenario, parse_scenario
from footfall.serving.service import LocalService
from footfall.workers.shards import Learners
from footfall.world.crowd import Crowd
from footfall.world.design import INTERLEAVED
from footfall.world.pages import FilledPage, PageRequest


@dataclass(frozen=True)
class Term:
    """One part of a utility: coefficient times feature."""

    name: str
    coefficient: float
    feature: float
    value: float


@dataclass(frozen=True)
class Decision:
    """One item on one page."""

    item: str
    title: str
    position: int
    terms: tuple[Term, ...]
    """In the order in which they were added; their values sum to ``utility`` exactly."""
    utility: float
    p_examine: float
    p_click: float
    p_buy: float
    clicked: bool
    bought: bool


@dataclass(frozen=True)
class ExplainedPage:
    """One page that the user saw."""

    session: int
    page: int
    time: pd.Timestamp
    answered: bool
    decisions: tuple[Decision, ...]
    request: PageRequest
    codes: tuple[int, ...]


@dataclass(frozen=True)
class Replay:
    """A user of a run, and what it takes to ask further about them."""

    run: Path
    scenario: Scenario
    base: Path
    arm: str
    user: str
    number: int
    histories: Histories
    service: LocalService
    pages: tuple[ExplainedPage, ...]


def replay(
    run: Path, user: str, arm: str | None = None, *, base: Path | None = None,
    histories: Histories | None = None, announce: Announce = lambda _: None,
) -> Replay:  # fmt: skip
    """Take the decisions of one user apart.

    Args:
        run: The run's folder.
        user: Id, as in the log.
        arm: Name; the control unless told otherwise.
        base: Folder that the scenario's paths are relative to, if the data was moved.
        histories: The run's, where they were read for another arm already.
        announce: Told about steps that take long.

    Raises:
        UserError: No such user or arm, or the data is not there any more.
        LogError: The replay does not come out as the log has it.
    """
    record = manifest.read(run)
    scenario = parse_scenario(record["scenario"], str(run / MANIFEST))
    base = base or Path(os.path.normpath(run / record.get("base", ".")))
    arm = _arm(scenario, arm)
    histories = histories or read_histories(scenario, base, announce)
    population = histories.population
    if user not in population.users:
        raise UserError(f'{run}: no user "{user}"; {did_you_mean(user, population.users[:20])}')
    number, code = population.index(user), _code(scenario, arm)
    setting = setting_of(scenario, histories, base)
    witness = _Witness(setting.behaviour)
    job = job_of(scenario, histories, setting, Options(run, base), Earlier())
    service = job.service(Learners(()), None, lambda _pages, _items: None)
    logged = _LoggedPages(_rows(run, record, user, arm), histories, setting.slate)
    crowd = Crowd(replace(setting, behaviour=witness), [(code, number)])
    for until in islice(epochs(scenario), epochs_of(record["parts"])):
        crowd.advance(until, logged)
    pages = _pages(logged, witness, histories)
    return Replay(run, scenario, base, arm, user, number, histories, service, pages)


class _Witness(Behaviour):
    """Behaves as usual and writes down why."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour.spec)
        self.seen: list[tuple[PageFeatures, Decisions]] = []

    def decide(self, features: PageFeatures, luck: PageLuck) -> Decisions:
        decisions = super().decide(features, luck)
        self.seen.append((features, decisions))
        return decisions


class _LoggedPages:
    """``PageService`` that shows what the log says was shown."""

    def __init__(self, rows: pd.DataFrame, histories: Histories, slate: int) -> None:
        self.rows = {
            (int(part["session"].iloc[0]), int(part["page"].iloc[0])): part.sort_values("position")
            for _, part in rows.groupby(["session", "page"])
        }
        for (session, page), part in self.rows.items():
            if len(part) > slate or not histories.catalogue.has(part["item"]):
                raise LogError(
                    f"visit {session}, page {page} shows more items than fit, or items that are "
                    "not in the data: the data, the scenario or the log have changed since"
                )
        self.served: list[PageRequest] = []
        self._catalogue = histories.catalogue

    def serve(self, requests: Sequence[PageRequest]) -> list[FilledPage]:
        """The logged page of each request; empty where the log has none."""
        return [self._page(request) for request in requests]

    def _page(self, request: PageRequest) -> FilledPage:
        self.served.append(request)
        rows = self.rows.get((request.session, request.page))
        if rows is None:
            return FilledPage(np.zeros(0, dtype=np.int32), None, None, np.zeros(0))
        llm = rows["llm"].to_numpy(dtype=np.float64)
        return FilledPage(self._catalogue.codes(rows["item"]), None, None, llm)


def _pages(
    logged: _LoggedPages, witness: _Witness, histories: Histories
) -> tuple[ExplainedPage, ...]:
    found = []
    for request, (features, decisions) in zip(logged.served, witness.seen, strict=True):
        rows = logged.rows.get((request.session, request.page))
        if rows is None:
            continue
        _check(rows, decisions, request)
        terms = _terms(witness, features)
        common = witness.spec.click.model_dump()
        own = common if features.own is None else dict(zip(TERMS, features.own[0], strict=True))
        weights = {name: float(value) for name, value in own.items()}
        made = tuple(
            _decision(row, place, terms, decisions, histories, weights)
            for place, row in enumerate(rows.itertuples(index=False))
        )
        found.append(
            ExplainedPage(
                session=request.session,
                page=request.page,
                time=rows["time"].iloc[0],
                answered=bool(decisions.answered[0]),
                decisions=made,
                request=request,
                codes=tuple(histories.catalogue.codes(rows["item"]).tolist()),
            )
        )
    missing = logged.rows.keys() - {(page.session, page.page) for page in found}
    if missing:
        session, page = min(missing)
        raise LogError(
            f"visit {session}, page {page} is in the log and does not happen when the run is "
            "replayed: the data, the scenario or Footfall itself have changed since"
        )
    return tuple(found)


def _check(rows: pd.DataFrame, decisions: Decisions, request: PageRequest) -> None:
    """The replay must say what the log says, to the last bit."""
    if not bool(rows["answered"].all()):
        return
    for name in ("utility", "p_examine", "p_click", "p_buy"):
        again = getattr(decisions, name)[0][: len(rows)]
        if not np.array_equal(again, rows[name].to_numpy(dtype=np.float64)):
            raise LogError(
                f"visit {request.session}, page {request.page}: {name} comes out otherwise than "
                "in the log: the data, the scenario or Footfall itself have changed since"
            )


def _terms(witness: Behaviour, features: PageFeatures) -> dict[str, npt.NDArray[np.float64]]:
    """[k] each: what was added up for the only page."""
    shape = features.shown.shape
    return {
        name: np.broadcast_to(value, shape)[0] for name, value in witness.terms(features).items()
    }


def _term(name: str, value: float, weights: dict[str, float]) -> Term:
    """Coefficient and feature of a part; the constant and promotions have a coefficient of 1."""
    if name == "none" or name not in weights:
        return Term(name, 1.0, value, value)
    coefficient = weights[name]
    return Term(name, coefficient, value / coefficient if coefficient else float("nan"), value)


def _decision(
    row: Any,
    place: int,
    terms: dict[str, npt.NDArray[np.float64]],
    decisions: Decisions,
    histories: Histories,
    weights: dict[str, float],
) -> Decision:
    code = histories.catalogue.code(row.item)
    assert code is not None
    parts = tuple(_term(name, float(values[place]), weights) for name, values in terms.items())
    return Decision(
        item=row.item,
        title=histories.catalogue.titles[code],
        position=place,
        terms=parts,
        utility=float(decisions.utility[0, place]),
        p_examine=float(decisions.p_examine[0, place]),
        p_click=float(decisions.p_click[0, place]),
        p_buy=float(decisions.p_buy[0, place]),
        clicked=bool(decisions.clicked[0, place]),
        bought=bool(decisions.bought[0, place]),
    )


def _arm(scenario: Scenario, arm: str | None) -> str:
    if scenario.design == "interleaved":
        return INTERLEAVED
    names = [one.name for one in scenario.arms]
    if arm is not None and arm not in names:
        raise UserError(f'no arm "{arm}"; {did_you_mean(arm, names)}')
    return arm or scenario.control


def _code(scenario: Scenario, arm: str) -> int:
    if scenario.design == "interleaved":
        return 0
    return [one.name for one in scenario.arms].index(arm)


def _rows(run: Path, record: dict[str, Any], user: str, arm: str) -> pd.DataFrame:
    """The user's impressions in one arm."""
    parts = [run / name for name in record["parts"] if name.startswith("impressions/")]
    own = [("user", "==", user), ("arm", "==", arm)]
    frames = [read_part(part, IMPRESSIONS, filters=own) for part in parts]
    found = [frame for frame in frames if len(frame)]
    return pd.concat(found) if found else pd.DataFrame(columns=IMPRESSIONS.names)
