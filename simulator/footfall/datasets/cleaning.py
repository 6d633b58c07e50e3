"""One pipeline that every source passes: nothing is dropped or repaired without a count.

A reader hands over a ``Draft`` whose columns have their canonical names but not yet
canonical contents. ``finish`` repairs what has one obvious repair, drops what has none,
counts both, checks the result against the schemas and returns a ``Dataset``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.errors
import pandera.pandas as pa

from footfall.datasets.cells import how_to_read
from footfall.datasets.draft import MOST, Draft, OfUsers, smallest
from footfall.datasets.item_cleaning import known_items, with_items, with_users
from footfall.datasets.pages import PAGE_COLUMNS, with_pages
from footfall.datasets.schema import (
    ACTIONS,
    INTERACTIONS,
    ITEMS,
    USERS,
    Dataset,
    PageNotes,
)
from footfall.errors import DataError, one_line

EPOCH = pd.Timestamp("1970-01-01")
"""Earlier times are always a mistake (zero or negative Unix seconds)."""

FIRST = pd.Timestamp("1971-01-01")
"""Times of 1970 are Unix times in a wrong unit, unless ``earliest`` says otherwise."""

MOST_EARLY = 0.1
"""Share of times in 1970 from which on it is not single rows that are wrong but the unit."""

LIKELY = pd.Timestamp("1990-01-01")

UNITS = {10**3: "s, not ms", 10**6: "s, not us", 10**9: "s, not ns"}
"""What is taken for what, by how much longer it is."""

TIES = ("order", "quantity", "value")
"""What tells apart the events of one user, item and moment, besides where they were shown."""


def finish(draft: Draft) -> Dataset:
    """Clean, order and validate a draft.

    Raises:
        DataError: Nothing is left, or the cleaned tables still break the schema.
    """
    for step in STEPS:
        step(draft)
    if draft.interactions.empty:
        refuse_empty(draft)
    order_and_pages(draft)
    if draft.prices_from_interactions:
        draft.items = with_prices(draft.items, draft.interactions)
    note_prices(draft)
    return as_dataset(
        draft, checked(INTERACTIONS, draft.interactions, f"{draft.name}, interactions")
    )


def as_dataset(draft: Draft, interactions: pd.DataFrame) -> Dataset:
    """A cleaned draft with its events, which are not looked at any more."""
    return Dataset(
        name=draft.name,
        users=checked(USERS, draft.users, f"{draft.name}, users"),
        items=checked(ITEMS, draft.items, f"{draft.name}, items"),
        interactions=interactions,
        currency=draft.currency,
        cleaning=tuple(draft.cleaning),
        about=draft.about,
        licence=draft.licence,
        extra=draft.extra,
        prices_from_interactions=draft.prices_from_interactions,
        pages=draft.pages,
    )


def refuse_empty(draft: Draft) -> NoReturn:
    """Say why nothing is left; raises DataError."""
    lost = "; ".join(note.what() for note in draft.cleaning) or "it had none"
    raise DataError(f"{draft.name}: no usable history is left ({lost})")


def order_and_pages(draft: Draft) -> None:
    """Sort the events, and name the pages that they were seen on."""
    whole = draft.of_users or OfUsers()
    rows = in_order(draft.interactions)
    rows, draft.pages = with_pages(
        rows, draft.pages, paged=whole.paged, orders_apart=whole.orders_apart
    )
    draft.interactions = _canonical_first(rows, INTERACTIONS)


def in_order(interactions: pd.DataFrame) -> pd.DataFrame:
    """Sort by (time, user, item, action), ties by what is left, and number the rows anew."""
    codes = [_rank(interactions[key]) for key in ("time", "user", "item", "action")]
    order = np.lexsort(codes[::-1])
    new = np.ones(len(order) + 1, dtype=bool)  # whether a row differs from the one before
    new[1:-1] = np.any([code[order][1:] != code[order][:-1] for code in codes], axis=0)
    tied = np.flatnonzero(~(new[:-1] & new[1:]))
    # A dataset must not depend on the order of its source: every other column breaks ties.
    if len(tied):
        rows = interactions.iloc[order[tied]]
        ties = [_rank(rows[key]) for key in (*TIES, *PAGE_COLUMNS) if key in rows]
        within = np.lexsort([*ties[::-1], np.cumsum(new[:-1])[tied]])
        order[tied] = order[tied][within]
    ordered: pd.DataFrame = interactions.iloc[order].reset_index(drop=True)
    return ordered


def with_prices(items: pd.DataFrame, interactions: pd.DataFrame) -> pd.DataFrame:
    """Set ``price`` to the median price paid for one unit in ``interactions``; NaN: never."""
    rows = interactions[interactions["action"] == "purchase"]
    unit = (rows["value"] / rows["quantity"]).groupby(rows["item"]).median()
    return items.assign(price=items["item"].map(unit).astype(float))


def _rank(column: pd.Series) -> npt.NDArray[Any]:
    if column.dtype != object:
        return column.to_numpy()
    codes: npt.NDArray[np.intp] = pd.factorize(column, sort=True)[0]
    return codes


def _missing(draft: Draft) -> None:
    for column in ("user", "item"):
        draft.interactions = draft.interactions.assign(**{column: _ids(draft, column)})
        absent = draft.interactions[column].isna()
        sample = draft.sample(column, absent)
        problem, words = f"event without {_a(column)}", ""
        if sample:
            words = "; `missing: []` keeps such words"
        draft.keep(~absent, problem, column, words)
    draft.keep(draft.interactions["time"].notna(), "event with no readable time", "time")


def _ids(draft: Draft, column: str) -> pd.Series:
    """Ids as text; what is wrong with them is told under the name that the file has for them."""
    given = draft.interactions[column]
    name = draft.written[column].name if column in draft.written else column
    try:
        return draft.ids(given.rename(str(name)), column).rename(column)
    except DataError as error:
        raise DataError(f"{draft.name}: {error}") from None


def _times(draft: Draft) -> None:
    time = draft.interactions["time"].astype("datetime64[ns]")
    draft.interactions = draft.interactions.assign(time=time)
    first = max(EPOCH, draft.earliest) if draft.earliest is not None else EPOCH
    draft.keep(time >= first, f"event before {first:%Y-%m-%d}, which is impossible", "time")
    if draft.earliest is None:
        _refuse_wrong_unit(draft)
    last = draft.latest if draft.latest is not None else _now()
    word = f"{last:%Y-%m-%d}" if draft.latest is not None else "now"
    late = f"event after {word}, which is impossible"
    draft.keep(draft.interactions["time"] <= last, late, "time")


def _refuse_wrong_unit(draft: Draft) -> None:
    """Seconds that are read as milliseconds lie in January 1970, and so on; a few are mistakes."""
    time = draft.interactions["time"]
    early = ((time < FIRST) & (time > EPOCH)).to_numpy()
    found = time.to_numpy()[early].astype(np.int64)
    if draft.of_users is not None:
        draft.of_users.times += len(time)
        draft.of_users.early.append(found)
        draft.of_users.sample_early = draft.sample("time", early)
    else:
        refuse_early(draft, found, len(time), draft.sample("time", early))
    draft.keep(~early, "event in 1970, of a time in another unit or unknown", "time")
    draft.keep(draft.interactions["time"] != EPOCH, "event at the time 0, which is unknown")


def refuse_early(draft: Draft, early: npt.NDArray[np.int64], count: int, sample: str) -> None:
    """Refuse a log of which too many times lie in 1970.

    Args:
        draft: Of the log.
        early: Those times, nanoseconds.
        count: How many times there are.
        sample: One of them as it is written.

    Raises:
        DataError: They are more than ``MOST_EARLY``; says which unit would fit.
    """
    if len(early) > MOST_EARLY * count:
        value = int(np.median(early))
        factor = next((f for f in (1000, 1000**2, 1000**3)
                       if LIKELY.value <= value * f <= _now().value), None)  # fmt: skip
        likely = (
            f"; in a unit {factor:,} times as long ({UNITS[factor]}) they fall in "
            f"{pd.Timestamp(value * factor).year}" if factor else ""
        )  # fmt: skip
        keep = ", or set `earliest` where they are right" if draft.written else ""
        raise DataError(
            f"{draft.name}: {len(early)} of {count} times fall in 1970, such as "
            f'"{sample}"{likely}. Correct the unit of times{keep}'
        )


def _actions(draft: Draft) -> None:
    known = draft.interactions["action"].isin(ACTIONS)
    draft.keep(known, "event with an unknown action", "action")


def _quantities(draft: Draft) -> None:
    quantity, unread = _read(draft, "quantity", 1.0)
    if unread is not None and unread.any():
        sample = draft.sample("quantity", unread)
        action = f"repaired to 1, and its money to unknown{how_to_read(sample)}"
        draft.note("quantity that is no number", action, int(unread.sum()), sample, doubtful=True)
        quantity = quantity.mask(unread, 1.0)
    draft.note("event without a quantity", "repaired to 1", int(quantity.isna().sum()))
    draft.interactions = draft.interactions.assign(
        quantity=quantity.fillna(1.0), uncounted=False if unread is None else unread
    )
    good = draft.interactions["quantity"] > 0
    draft.keep(good, "event with a quantity of zero or less (a return or a void)", "quantity")
    possible = draft.interactions["quantity"] <= MOST
    draft.keep(possible, f"event with a quantity beyond {MOST:.0e}", "quantity")


def _values(draft: Draft) -> None:
    column = "unit_price" if "unit_price" in draft.interactions else "value"
    value, unread = _read(draft, column, float("nan"))
    if unread is not None and unread.any():
        sample = draft.sample(column, unread)
        problem = f"{column.replace('_', ' ')} that is no number"
        action = f"repaired to unknown{how_to_read(sample)}"
        draft.note(problem, action, int(unread.sum()), sample, doubtful=True)
    frame = draft.interactions
    value = value * frame["quantity"] if column == "unit_price" else value
    value = value.mask(frame["uncounted"].astype(bool))
    endless = value.abs() > MOST
    draft.note(f"value beyond {MOST:.0e}", "repaired to unknown", int(endless.sum()))
    draft.interactions = frame.drop(columns=["uncounted", "unit_price"], errors="ignore").assign(
        value=value.mask(endless)
    )
    money = draft.interactions["action"] != "rate"
    draft.keep(money | draft.interactions["value"].notna(), "rating without a value", column)
    money = draft.interactions["action"] != "rate"
    below = (draft.interactions["value"] < 0) & money
    draft.keep(~below, "event with money below zero", column)


def _read(draft: Draft, column: str, default: float) -> tuple[pd.Series, pd.Series | None]:
    found = draft.numbers(column, default, draft.interactions)
    return found.known, found.unread


def _orders(draft: Draft) -> None:
    frame = draft.interactions
    none = pd.Series("", frame.index, dtype=object)
    order = draft.ids(frame["order"], "order") if "order" in frame else none
    draft.interactions = frame.assign(order=order.fillna(""))


def _shown(draft: Draft) -> None:
    """Where events were shown: names as text, places and chances as numbers that can be."""
    frame = draft.interactions
    texts = {
        name: draft.ids(frame[name], name).fillna("") for name in ("page", "arm") if name in frame
    }
    draft.interactions = frame.assign(**texts)
    if "position" in frame:
        _positions(draft)
    if "propensity" in frame:
        chance = draft.numbers("propensity", float("nan"), frame).known
        bad = frame["propensity"].notna() & ~((chance > 0) & (chance <= 1))
        _note_bad(draft, "propensity", bad, "propensity that is not above 0 and at most 1")
        draft.interactions = draft.interactions.assign(propensity=chance.mask(bad))


def _positions(draft: Draft) -> None:
    """The smallest position is the top, and the top is 1, wherever the log counts from."""
    position = draft.numbers("position", float("nan"), draft.interactions).known
    bad = draft.interactions["position"].notna() & ~((position >= 0) & np.isfinite(position))
    _note_bad(draft, "position", bad, "position that is no place on a page")
    position = position.mask(bad)
    first = 1.0 if position.isna().all() else float(position.min())
    if draft.of_users is not None:
        draft.of_users.first_position = float(position.min())
        draft.of_users.positions = int(position.notna().sum())
    elif first != 1:
        note_moved(draft, first, int(position.notna().sum()))
    draft.pages = PageNotes(first_position=first)
    draft.interactions = draft.interactions.assign(position=position - first + 1)


def note_moved(draft: Draft, first: float, count: int) -> None:
    """Say that positions are counted from another number than 1."""
    draft.note(f"position counted from {first:g}", "moved, so that 1 is the top", count)


def _note_bad(draft: Draft, column: str, bad: pd.Series, problem: str) -> None:
    draft.note(problem, "repaired to unknown", int(bad.sum()), draft.sample(column, bad))


def _duplicates(draft: Draft) -> None:
    draft.keep(~draft.interactions.duplicated(), "duplicate event")


def note_prices(draft: Draft) -> None:
    """Say so where only some of the items can be sold."""
    unpriced = draft.items["price"].isna()
    if unpriced.any() and not unpriced.all():
        sample = smallest(draft.items.loc[unpriced, "item"])
        count = int(unpriced.sum())
        draft.note(
            "item without a price",
            "kept, but no built-in recommender shows it",
            count,
            sample,
            doubtful=True,
        )


def _canonical_first(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    canonical = [column for column in schema.columns if column in frame]
    return frame[[*canonical, *(c for c in frame.columns if c not in canonical)]]


def checked(schema: pa.DataFrameSchema, frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """A table that passes a schema; raises DataError where it does not."""
    try:
        valid: pd.DataFrame = schema.validate(frame)
    except pandera.errors.SchemaError as error:
        reason = one_line(error, 200)
        raise DataError(f"{where}: {reason}") from error
    return valid


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeio" else f"a {word}"


def _now() -> pd.Timestamp:
    return pd.Timestamp.now("UTC").tz_localize(None)


EVENT_STEPS: tuple[Callable[[Draft], None], ...] = (
    _missing,
    _times,
    _actions,
    _quantities,
    _values,
    _orders,
    _shown,
    _duplicates,
)
"""What is done to events, in this order: cheap refusals first."""

STEPS = (*EVENT_STEPS, with_items, known_items, with_users)
"""What depends on other tables comes last."""
