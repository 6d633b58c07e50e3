"""What a scenario lets happen at given times: prices move, shelves empty, services fail.

    interventions:
      - {kind: promotion, at: 7, until: 14, where: category == "Dairy", discount: 0.2}
      - {kind: outage, at: 3, until: 3.5, arms: [new]}

Times are days since the start of the run and need not be the ends of epochs: what holds is a
function of simulated time alone, the same in every arm, worker and rerun.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pandas as pd
from pydantic import BaseModel, BeforeValidator, Field, model_validator

from footfall.datasets.query import select
from footfall.errors import DataError, did_you_mean
from footfall.plumbing.spec import Spec
from footfall.users.population import lots


class _Timed(Spec):
    at: float = Field(ge=0)
    """Days since the start of the run."""


class _Lasting(_Timed):
    until: float | None = None
    """Days since the start at which all is as before; never, unless told."""

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> _Lasting:
        if self.until is not None and self.until <= self.at:
            raise ValueError(f"it ends (until: {self.until:g}) before it starts (at: {self.at:g})")
        return self


class ItemChoice(Spec):
    """Which items it is about; several conditions must all hold, none means every item."""

    items: tuple[str, ...] = ()
    """Ids."""
    where: str | None = None
    """A comparison over the columns of the items (``title``, ``category``, ``price``, attributes)
    and ``popularity`` (remembered takings a thousand users): ``category == "Dairy"``."""
    top: int | None = Field(default=None, ge=1)
    """Of those, the so many most popular ones."""
    sample: int | None = Field(default=None, ge=1)
    """Of those, so many drawn with the run's seed."""


class _OfItems(_Lasting, ItemChoice):
    pass


class PriceChange(_OfItems):
    """Prices rise or fall; users compare with what such items cost before."""

    kind: Literal["price"]
    factor: float = Field(gt=0)
    """New price over the old one: 1.1 is ten percent more."""


class Promotion(_OfItems):
    """A lower price, and a place on display if wanted."""

    kind: Literal["promotion"]
    discount: float = Field(default=0.0, ge=0, lt=1)
    """Share of the price that is taken off."""
    display: float = 0.0
    """Added to the utility: what a banner or a display does beyond the price."""


class Displays(_Lasting):
    """What Complete Journey's stores had on display and in the leaflet in those very weeks.

    Each user meets what was promoted in the store that he or she used most. The numbers are log
    odds ratios of buying, between stores in the same week (Mantel-Haenszel, before 2017-10-18, 95%
    interval over items .20 to .25 and .08 to .25), with whatever price cut came along.
    """

    kind: Literal["displays"]
    display: float = 0.22
    """Added to the utility of what stood on a display."""
    mailer: float = 0.16
    """Added to the utility of what was in the leaflet."""


class Coupons(_Lasting):
    """Coupons that Complete Journey's households were sent in those very weeks.

    Campaigns of types B and C, whose households got all coupons. Of type A each got 16 that the
    data does not name, so these are left out.
    """

    kind: Literal["coupons"]
    utility: float
    """Added to the utility of items with a coupon. To be assumed: the data shows no effect."""


class StockOut(_OfItems):
    """Nothing left: it can be clicked, not bought, or is not shown at all."""

    kind: Literal["stock-out"]
    hidden: bool = False
    """True: recommenders are told and do not show it. False: they are not, and the click is
    lost."""


class CatalogueCut(_OfItems):
    """Items leave the catalogue; recommenders are told."""

    kind: Literal["catalogue-cut"]


class NewItem(Spec):
    """An item that the data does not have."""

    item: str = Field(min_length=1)
    title: str = Field(min_length=1)
    category: str = ""
    price: float | None = Field(default=None, ge=0)


class NewItems(_Timed, ItemChoice):
    """Items enter the catalogue, without a past.

    Existing items that are chosen are taken out of all that users and recommenders remember,
    and are not shown before; how popular they really are (among users whom no recommender has
    seen) still decides how well they are liked. Items of ``add`` are new to everyone.
    """

    kind: Literal["new-items"]
    add: tuple[NewItem, ...] = ()
    """Items that the data does not have; nothing else is chosen unless said."""


class Outage(_Lasting):
    """A recommender does not answer: the page stays empty, and the user goes."""

    kind: Literal["outage"]
    arms: tuple[str, ...] = ()
    """Whose recommender; all unless told."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Of requests that fail."""


class Slowness(_Lasting):
    """A recommender answers late; some users do not wait that long."""

    kind: Literal["slow"]
    arms: tuple[str, ...] = ()
    """Whose recommender; all unless told."""
    seconds: float = Field(gt=0)
    """Wait before every page."""
    patience: float = Field(default=10.0, gt=0)
    """Seconds that a user waits on average (exponential); an assumption, a round number."""


class NewUsers(_Timed):
    """A wave of users who were not there before."""

    kind: Literal["new-users"]
    users: int = Field(ge=1)
    """How many."""
    history: bool = False
    """True: they remember a history as others do; False: a profile at most."""


class PageChange(_Lasting):
    """Another page: more or fewer items, or a layout that is read otherwise."""

    kind: Literal["page"]
    slate: int | None = Field(default=None, ge=1, le=200)
    """Items a page."""
    examination: float | None = Field(default=None, ge=0)
    """P(reads down to position p) = (1/p)**examination: 0 is seen at one glance, 1 is a list."""

    @model_validator(mode="after")
    def _changes_something(self) -> PageChange:
        if self.slate is None and self.examination is None:
            raise ValueError("a page change needs `slate` or `examination`, or both")
        return self


class Rewording(_Lasting):
    """Other titles for some items, in every arm; the scenario's ``appeal`` reads them."""

    kind: Literal["presentation"]
    path: Path
    """A table of ``item`` and ``title``."""


_Kinds = (
    PriceChange
    | Promotion
    | Displays
    | Coupons
    | StockOut
    | CatalogueCut
    | NewItems
    | Outage
    | Slowness
    | NewUsers
    | PageChange
    | Rewording
)

KINDS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(_Kinds)
}


def _helpful(raw: object) -> object:
    """Refuse unknown kinds with a hint, before pydantic says less about them."""
    if isinstance(raw, dict):
        kind = str(raw.get("kind", ""))
        if kind not in KINDS:
            raise ValueError(f'no intervention of kind "{kind}"; {did_you_mean(kind, KINDS)}')
    return raw


Intervention = Annotated[_Kinds, Field(discriminator="kind"), BeforeValidator(_helpful)]
"""One thing that happens."""


def choose(choice: ItemChoice, items: pd.DataFrame, seed: int, purpose: str) -> list[str]:
    """Ids that a choice means, in the order of ``items``.

    Args:
        choice: The conditions.
        items: Canonical items with ``popularity``.
        seed: Luck of ``sample``, together with ``purpose``.
        purpose: Two interventions of different purpose draw different samples.

    Raises:
        DataError: An id or column is unknown, or nothing is chosen.
    """
    left = items
    if choice.items:
        known = set(items["item"])
        for name in choice.items:
            if name not in known:
                hint = did_you_mean(name, known) if len(known) <= 20 else "look at its ids"
                raise DataError(f'interventions: the catalogue has no item "{name}"; {hint}')
        left = left[left["item"].isin(choice.items)]
    if choice.where is not None:
        left = select(left, choice.where)
    if choice.top is not None:
        left = left.sort_values("popularity", ascending=False, kind="stable").head(choice.top)
    if choice.sample is not None:
        luck = pd.Series(lots(left["item"], seed, purpose), index=left.index)
        left = left.loc[luck.sort_values(kind="stable").index[: choice.sample]]
    if left.empty:
        raise DataError(f"interventions: {purpose}: no item is chosen; loosen its conditions")
    return [str(item) for item in items.loc[items["item"].isin(left["item"]), "item"]]


def chooses(spec: NewItems) -> bool:
    """Whether a spec of new items means existing ones too."""
    named = spec.items or spec.where is not None
    return bool(named or spec.top is not None or spec.sample is not None or not spec.add)


def with_new_items(items: pd.DataFrame, interventions: Sequence[Any]) -> pd.DataFrame:
    """``items`` with those that ``new-items`` adds; further columns stay empty.

    Raises:
        DataError: Such an item is there already.
    """
    added = [
        new.model_dump() for one in interventions if isinstance(one, NewItems) for new in one.add
    ]
    if not added:
        return items
    rows = pd.DataFrame(added)
    twice = rows.loc[rows["item"].isin(items["item"]) | rows["item"].duplicated(), "item"]
    if len(twice):
        raise DataError(
            f'interventions: new item "{twice.iloc[0]}" is in the catalogue already; give it '
            "another id"
        )
    for column in items.columns.difference(rows.columns):
        rows[column] = "" if items[column].dtype == object else pd.NA
    rows = rows[list(items.columns)].astype(items.dtypes.to_dict())
    return pd.concat([items, rows], ignore_index=True)
