"""One pipeline that every source passes: nothing is dropped or repaired without a count.

A reader hands over a ``Draft`` whose columns have their canonical names but not yet
canonical contents. ``finish`` repairs what has one obvious repair, drops what has none,
counts both, checks the result against the schemas and returns a ``Dataset``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.errors
import pandera.pandas as pa

from footfall.datasets.cells import numbers
from footfall.datasets.ids import as_id
from footfall.datasets.pages import PAGE_COLUMNS, with_pages
from footfall.datasets.schema import (
    ACTIONS,
    INTERACTIONS,
    ITEMS,
    USERS,
    Cleaning,
    Dataset,
    PageNotes,
)
from footfall.errors import DataError, one_line

EPOCH = pd.Timestamp("1970-01-01")
"""Earlier times are always a mistake (zero or negative Unix seconds)."""

TIES = ("order", "quantity", "value")
"""What tells apart the events of one user, item and moment, besides where they were shown."""


@dataclass
class Draft:
    """Tables on their way to a ``Dataset``; frames are owned and may be replaced."""

    name: str
    interactions: pd.DataFrame
    """``user``, ``item``, ``action``, ``time``; optional ``quantity``, ``value``, ``order`` and,
    of what was shown, ``page``, ``position``, ``propensity``, ``arm``."""
    items: pd.DataFrame
    users: pd.DataFrame
    currency: str = ""
    about: str = ""
    licence: str = ""
    prices_from_interactions: bool = False
    earliest: pd.Timestamp | None = None
    """Earlier events are impossible and dropped."""
    latest: pd.Timestamp | None = None
    """Later events are impossible and dropped; None: later than now."""
    cleaning: list[Cleaning] = field(default_factory=list)
    extra: dict[str, pd.DataFrame] = field(default_factory=dict)

    pages: PageNotes = field(default_factory=PageNotes)

    def note(self, problem: str, action: str, count: int, sample: str = "") -> None:
        """Count a repair; nothing is noted where nothing happened."""
        if count:
            self.cleaning.append(Cleaning(problem, action, int(count), sample))

    def keep(self, good: npt.NDArray[np.bool_] | pd.Series, problem: str) -> None:
        """Keep the interactions where ``good``, and count the others under ``problem``."""
        mask = np.asarray(good, dtype=bool)
        self.note(problem, "dropped", int((~mask).sum()))
        if not mask.all():
            self.interactions = self.interactions[mask]


def finish(draft: Draft) -> Dataset:
    """Clean, order and validate a draft.

    Raises:
        DataError: Nothing is left, or the cleaned tables still break the schema.
    """
    for step in STEPS:
        step(draft)
    if draft.interactions.empty:
        lost = "; ".join(f"{c.count} x {c.problem}" for c in draft.cleaning) or "it had none"
        raise DataError(f"{draft.name}: no usable history is left ({lost})")
    draft.interactions = in_order(draft.interactions)
    draft.interactions, draft.pages = with_pages(draft.interactions, draft.pages)
    draft.interactions = _canonical_first(draft.interactions, INTERACTIONS)
    if draft.prices_from_interactions:
        draft.items = with_prices(draft.items, draft.interactions)
    return Dataset(
        name=draft.name,
        users=_checked(USERS, draft.users, f"{draft.name}, users"),
        items=_checked(ITEMS, draft.items, f"{draft.name}, items"),
        interactions=_checked(INTERACTIONS, draft.interactions, f"{draft.name}, interactions"),
        currency=draft.currency,
        cleaning=tuple(draft.cleaning),
        about=draft.about,
        licence=draft.licence,
        extra=draft.extra,
        prices_from_interactions=draft.prices_from_interactions,
        pages=draft.pages,
    )


def in_order(interactions: pd.DataFrame) -> pd.DataFrame:
    """Sort by (time, user, item, action), ties by what is left, and number the rows anew."""
    keys = ["time", "user", "item", "action"]
    # A dataset must not depend on the order of its source: every other column breaks ties.
    keys += [c for c in (*TIES, *PAGE_COLUMNS) if c in interactions]
    codes = [_rank(interactions[key]) for key in keys]
    ordered: pd.DataFrame = interactions.iloc[np.lexsort(codes[::-1])].reset_index(drop=True)
    return ordered


def with_prices(items: pd.DataFrame, interactions: pd.DataFrame) -> pd.DataFrame:
    """Set ``price`` to the median price paid for one unit in ``interactions``; NaN: never."""
    rows = interactions[interactions["action"] == "purchase"]
    unit = (rows["value"] / rows["quantity"]).groupby(rows["item"]).median()
    return items.assign(price=items["item"].map(unit).astype(float))


def _rank(column: pd.Series) -> npt.NDArray[np.generic]:
    if column.dtype != object:
        return column.to_numpy()
    codes: npt.NDArray[np.intp] = pd.factorize(column, sort=True)[0]
    return codes


def _missing(draft: Draft) -> None:
    for column in ("user", "item"):
        draft.interactions = draft.interactions.assign(
            **{column: as_id(draft.interactions[column])}
        )
        draft.keep(draft.interactions[column].notna(), f"event without {_a(column)}")
    draft.keep(draft.interactions["time"].notna(), "event with no readable time")


def _times(draft: Draft) -> None:
    time = draft.interactions["time"].astype("datetime64[ns]")
    draft.interactions = draft.interactions.assign(time=time)
    first = max(EPOCH, draft.earliest) if draft.earliest is not None else EPOCH
    draft.keep(time >= first, f"event before {first:%Y-%m-%d}, which is impossible")
    last = draft.latest if draft.latest is not None else _now()
    word = f"{last:%Y-%m-%d}" if draft.latest is not None else "now"
    draft.keep(draft.interactions["time"] <= last, f"event after {word}, which is impossible")


def _actions(draft: Draft) -> None:
    draft.keep(draft.interactions["action"].isin(ACTIONS), "event with an unknown action")


def _quantities(draft: Draft) -> None:
    frame = draft.interactions
    quantity = _numbers(frame, "quantity", 1.0)
    draft.note("event without a quantity", "repaired to 1", int(quantity.isna().sum()))
    draft.interactions = frame.assign(quantity=quantity.fillna(1.0))
    good = (draft.interactions["quantity"] > 0) & np.isfinite(draft.interactions["quantity"])
    draft.keep(good, "event with a quantity of zero or less (a return or a void)")


def _values(draft: Draft) -> None:
    value = _numbers(draft.interactions, "value", float("nan"))
    endless = np.isinf(value)
    draft.note("infinite value", "repaired to unknown", int(endless.sum()))
    draft.interactions = draft.interactions.assign(value=value.mask(endless))
    money = draft.interactions["action"] != "rate"
    draft.keep(money | draft.interactions["value"].notna(), "rating without a value")
    money = draft.interactions["action"] != "rate"
    draft.keep(~((draft.interactions["value"] < 0) & money), "event with money below zero")


def _orders(draft: Draft) -> None:
    frame = draft.interactions
    order = as_id(frame["order"]) if "order" in frame else pd.Series("", frame.index, dtype=object)
    draft.interactions = frame.assign(order=order.fillna(""))


def _shown(draft: Draft) -> None:
    """Where events were shown: names as text, places and chances as numbers that can be."""
    frame = draft.interactions
    texts = {name: as_id(frame[name]).fillna("") for name in ("page", "arm") if name in frame}
    draft.interactions = frame.assign(**texts)
    if "position" in frame:
        _positions(draft)
    if "propensity" in frame:
        chance = _numbers(frame, "propensity", float("nan"))
        bad = frame["propensity"].notna() & ~((chance > 0) & (chance <= 1))
        _note_bad(draft, "propensity", bad, "propensity that is not above 0 and at most 1")
        draft.interactions = draft.interactions.assign(propensity=chance.mask(bad))


def _positions(draft: Draft) -> None:
    """The smallest position is the top, and the top is 1, wherever the log counts from."""
    position = _numbers(draft.interactions, "position", float("nan"))
    bad = draft.interactions["position"].notna() & ~((position >= 0) & np.isfinite(position))
    _note_bad(draft, "position", bad, "position that is no place on a page")
    position = position.mask(bad)
    first = 1.0 if position.isna().all() else float(position.min())
    draft.note(f"position counted from {first:g}", "moved, so that 1 is the top",
               0 if first == 1 else int(position.notna().sum()))  # fmt: skip
    draft.pages = PageNotes(first_position=first)
    draft.interactions = draft.interactions.assign(position=position - first + 1)


def _note_bad(draft: Draft, column: str, bad: pd.Series, problem: str) -> None:
    written = draft.interactions.loc[bad, column].astype(str)
    sample = "" if written.empty else one_line(written.min(), 40)
    draft.note(problem, "repaired to unknown", int(bad.sum()), sample)


def _duplicates(draft: Draft) -> None:
    draft.keep(~draft.interactions.duplicated(), "duplicate event")


def _items(draft: Draft) -> None:
    items = draft.items.assign(item=as_id(draft.items["item"]))
    items = _unique(draft, items, "item")
    title = items["title"].astype(object).where(items["title"].notna(), "").astype(str).str.strip()
    blank = title == ""
    draft.note("item without a title", "repaired from its id", int(blank.sum()))
    items = items.assign(title=title.mask(blank, "Untitled item " + items["item"]))
    category = items["category"] if "category" in items else pd.Series(None, items.index)
    items = items.assign(category=category.astype(object).where(category.notna(), "").astype(str))
    price = _numbers(items, "price", float("nan"))
    bad = (price < 0) | np.isinf(price)
    draft.note("item with an impossible price", "repaired to unknown", int(bad.sum()))
    draft.items = items.assign(price=price.mask(bad))
    known = draft.interactions["item"].isin(draft.items["item"])
    draft.keep(known, "event with an item that the catalogue lacks")


def _users(draft: Draft) -> None:
    users = _unique(draft, draft.users.assign(user=as_id(draft.users["user"])), "user")
    seen = pd.Index(draft.interactions["user"].unique())
    unknown = seen.difference(pd.Index(users["user"]), sort=True)
    if len(users):
        draft.note("user without a profile", "repaired with an empty one", len(unknown))
    added = pd.DataFrame({"user": unknown.astype(object)})
    draft.users = pd.concat([users, added], ignore_index=True) if len(users) else added
    draft.users = draft.users.sort_values("user", ignore_index=True)


def _unique(draft: Draft, frame: pd.DataFrame, key: str) -> pd.DataFrame:
    present = frame[key].notna()
    draft.note(f"{key} row without an id", "dropped", int((~present).sum()))
    frame = frame[present]
    again = frame[key].duplicated()
    draft.note(f"second row for one {key}", "dropped", int(again.sum()))
    return frame[~again].reset_index(drop=True)


def _numbers(frame: pd.DataFrame, column: str, default: float) -> pd.Series:
    if column not in frame:
        return pd.Series(default, index=frame.index, dtype=float)
    return numbers(frame[column]).astype(float)


def _canonical_first(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    canonical = [column for column in schema.columns if column in frame]
    return frame[[*canonical, *(c for c in frame.columns if c not in canonical)]]


def _checked(schema: pa.DataFrameSchema, frame: pd.DataFrame, where: str) -> pd.DataFrame:
    try:
        checked: pd.DataFrame = schema.validate(frame)
    except pandera.errors.SchemaError as error:
        reason = one_line(error, 200)
        raise DataError(f"{where}: {reason}") from error
    return checked


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeio" else f"a {word}"


def _now() -> pd.Timestamp:
    return pd.Timestamp.now("UTC").tz_localize(None)


STEPS: tuple[Callable[[Draft], None], ...] = (
    _missing,
    _times,
    _actions,
    _quantities,
    _values,
    _orders,
    _shown,
    _duplicates,
    _items,
    _users,
)
"""In this order: cheap refusals first, what depends on other tables last."""
