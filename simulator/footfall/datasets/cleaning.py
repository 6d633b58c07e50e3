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

from footfall.datasets.cells import amounts, how_to_read, point_of_thousands
from footfall.datasets.contradictions import as_text, one_each
from footfall.datasets.ids import HIDDEN, as_id
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

COMMANDS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
"""Control signs that are neither blanks nor ends of lines: the beginnings of terminal commands,
and what turns the direction of writing."""

MOST = 1e15
"""No price, rating or quantity is beyond; sums of such are no numbers any more."""

EPOCH = pd.Timestamp("1970-01-01")
"""Earlier times are always a mistake (zero or negative Unix seconds)."""

FIRST = pd.Timestamp("1971-01-01")
"""Times of 1970 are Unix times in a wrong unit, unless ``earliest`` says otherwise."""

MOST_EARLY = 0.1
"""Share of times in 1970 from which on it is not single rows that are wrong but the unit."""

LIKELY = pd.Timestamp("1990-01-01")

UNITS = {10**3: "s, not ms", 10**6: "s, not us", 10**9: "s, not ns"}
"""What is taken for what, by how much longer it is."""

MONEY = ("value", "unit_price", "price", "quantity")
"""Columns of amounts, as drafts call them."""

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
    decimal: str = "."
    """The sign before the part of a number below 1."""
    thousands: str = ""
    """The sign between groups of three digits."""
    written: dict[str, pd.Series] = field(default_factory=dict)
    """Columns as the source wrote them, where the interactions hold what was read of them; with
    the labels of the interactions."""
    cleaning: list[Cleaning] = field(default_factory=list)
    extra: dict[str, pd.DataFrame] = field(default_factory=dict)

    pages: PageNotes = field(default_factory=PageNotes)

    def note(
        self, problem: str, action: str, count: int, sample: str = "", *, doubtful: bool = False
    ) -> None:
        """Count a repair; nothing is noted where nothing happened."""
        if count:
            self.cleaning.append(Cleaning(problem, action, int(count), sample, doubtful))

    def keep(self, good: Mask, problem: str, column: str = "", how: str = "") -> None:
        """Keep the interactions where ``good``, and count the others under ``problem``.

        Args:
            good: Which ones.
            problem: Of the others.
            column: One of their values in it is shown.
            how: What to do about it.
        """
        mask = np.asarray(good, dtype=bool)
        if not mask.all():
            sample = self.sample(column, ~mask) if column else ""
            self.note(problem, f"dropped{how}", int((~mask).sum()), sample)
            self.interactions = self.interactions[mask]

    def sample(self, column: str, which: Mask) -> str:
        """The first value of a column, in their order, where ``which``, as it is written."""
        labels = self.interactions.index[np.asarray(which, dtype=bool)]
        written = self.written.get(column, self.interactions.get(column))
        if written is None:
            return ""
        return smallest(written.reindex(labels))

    def numbers(self, column: str, default: float, table: pd.DataFrame) -> Numbers:
        """A column of numbers, and where it holds something that is none."""
        if column not in table:
            return Numbers(pd.Series(default, index=table.index, dtype=float), None)
        if column in MONEY and self.decimal == "." and not self.thousands:
            odd = point_of_thousands(table[column])
            problem = f"{column.replace('_', ' ')} with three digits behind its point"
            action = 'read as a fraction; `decimal: ","`, `thousands: "."` reads thousands'
            self.note(problem, action, len(odd), smallest(odd))
        found = amounts(table[column], self.decimal, self.thousands).astype(float)
        unread = found.isna() & table[column].notna()
        blank = table.loc[unread, column].astype(str).str.strip() == ""
        return Numbers(found, unread & ~blank.reindex(unread.index, fill_value=False))


Mask = npt.NDArray[np.bool_] | pd.Series


@dataclass(frozen=True)
class Numbers:
    """A column as numbers."""

    known: pd.Series
    """NaN where there is none."""
    unread: pd.Series | None
    """Where there is something that is no number; None: nowhere."""


def smallest(column: pd.Series) -> str:
    """The first of the texts of a column in their order, short; "" where there is none."""
    texts = [one_line(value, 40) for value in column.dropna().astype(str).unique()[:1000]]
    return min((text for text in texts if text), default="")


def finish(draft: Draft) -> Dataset:
    """Clean, order and validate a draft.

    Raises:
        DataError: Nothing is left, or the cleaned tables still break the schema.
    """
    for step in STEPS:
        step(draft)
    if draft.interactions.empty:
        lost = "; ".join(note.what() for note in draft.cleaning) or "it had none"
        raise DataError(f"{draft.name}: no usable history is left ({lost})")
    draft.interactions = in_order(draft.interactions)
    draft.interactions, draft.pages = with_pages(draft.interactions, draft.pages)
    draft.interactions = _canonical_first(draft.interactions, INTERACTIONS)
    if draft.prices_from_interactions:
        draft.items = with_prices(draft.items, draft.interactions)
    _prices(draft)
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
        return as_id(given.rename(str(name))).rename(column)
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
    share = early.mean() if len(time) else 0.0
    if share > MOST_EARLY:
        value = pd.Timestamp(time[early].median()).value
        factor = next((f for f in (1000, 1000**2, 1000**3)
                       if LIKELY.value <= value * f <= _now().value), None)  # fmt: skip
        likely = (
            f"; in a unit {factor:,} times as long ({UNITS[factor]}) they fall in "
            f"{pd.Timestamp(value * factor).year}" if factor else ""
        )  # fmt: skip
        keep = ", or set `earliest` where they are right" if draft.written else ""
        raise DataError(
            f"{draft.name}: {int(early.sum())} of {len(early)} times fall in 1970, such as "
            f'"{draft.sample("time", early)}"{likely}. Correct the unit of times{keep}'
        )
    draft.keep(~early, "event in 1970, of a time in another unit or unknown", "time")
    draft.keep(draft.interactions["time"] != EPOCH, "event at the time 0, which is unknown")


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
    moved = 0 if first == 1 else int(position.notna().sum())
    draft.note(f"position counted from {first:g}", "moved, so that 1 is the top", moved)
    draft.pages = PageNotes(first_position=first)
    draft.interactions = draft.interactions.assign(position=position - first + 1)


def _note_bad(draft: Draft, column: str, bad: pd.Series, problem: str) -> None:
    draft.note(problem, "repaired to unknown", int(bad.sum()), draft.sample(column, bad))


def _duplicates(draft: Draft) -> None:
    draft.keep(~draft.interactions.duplicated(), "duplicate event")


def _items(draft: Draft) -> None:
    items = draft.items.assign(item=as_id(draft.items["item"]))
    items = _unique(draft, _readable(draft, items), "item").sort_values("item", ignore_index=True)
    title = items["title"].astype(object).where(items["title"].notna(), "").astype(str).str.strip()
    blank = title.str.strip(HIDDEN + " ") == ""
    draft.note("item without a title", "repaired from its id", int(blank.sum()))
    items = items.assign(title=title.mask(blank, "Untitled item " + items["item"]))
    category = items["category"] if "category" in items else pd.Series(None, items.index)
    items = items.assign(category=category.astype(object).where(category.notna(), "").astype(str))
    bad = (items["price"] < 0) | (items["price"] > MOST)
    draft.note("item with an impossible price", "repaired to unknown", int(bad.sum()))
    draft.items = items.assign(price=items["price"].mask(bad))
    known = draft.interactions["item"].isin(draft.items["item"])
    if len(known) and len(items) and not known.any():
        raise DataError(
            f"{draft.name}: the table of items knows none of the items of the history; its ids are "
            f'such as "{smallest(items["item"])}", theirs '
            f'"{smallest(draft.interactions["item"])}"; write them alike'
        )
    draft.keep(known, "event with an item that the catalogue lacks", "item")


def _readable(draft: Draft, items: pd.DataFrame) -> pd.DataFrame:
    """Prices as numbers, and lists as text; of a list of categories the first counts."""
    price = draft.numbers("price", float("nan"), items)
    if price.unread is not None and price.unread.any():
        sample = smallest(items.loc[price.unread, "price"])
        action = f"repaired to unknown{how_to_read(sample)}"
        count = int(price.unread.sum())
        draft.note("item price that is no number", action, count, sample, doubtful=True)
    texts = {}
    for column in items.columns.drop(["item", "price"], errors="ignore"):
        listed = _nested(items[column])
        if not listed.any():
            continue
        values = items[column].astype(object)
        if column == "category":
            draft.note("category that is a list", "its first taken", int(listed.sum()))
            values = values.mask(listed, values[listed].map(_first))
        texts[column] = values.mask(_nested(values), values[_nested(values)].map(as_text))
    return _printable(draft, items.assign(price=price.known, **texts))


def _printable(draft: Draft, items: pd.DataFrame) -> pd.DataFrame:
    """Texts without signs that command a terminal, which would obey when they are shown."""
    texts = {}
    for column in items.columns.drop(["item", "price"], errors="ignore"):
        if items[column].dtype != object:
            continue
        commands = items[column].astype(str).str.contains(COMMANDS, regex=True)
        if commands.any():
            draft.note(f"{column} with control signs", "read as blanks", int(commands.sum()))
            plain = items.loc[commands, column].astype(str).str.replace(COMMANDS, " ", regex=True)
            texts[column] = items[column].mask(commands, plain)
    return items.assign(**texts) if texts else items


def _nested(column: pd.Series) -> pd.Series:
    if column.dtype != object:
        return pd.Series(data=False, index=column.index)
    return column.map(lambda value: isinstance(value, list | dict)).astype(bool)


def _first(value: object) -> object:
    return (value[0] if value else None) if isinstance(value, list) else value


def _prices(draft: Draft) -> None:
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


def _users(draft: Draft) -> None:
    users = _unique(draft, draft.users.assign(user=as_id(draft.users["user"])), "user")
    seen = pd.Index(draft.interactions["user"].unique())
    unknown = seen.difference(pd.Index(users["user"]), sort=True)
    if len(users) and len(unknown) == len(seen):
        theirs, ours = smallest(users["user"]), smallest(pd.Series(seen))
        raise DataError(
            f"{draft.name}: the table of users knows none of the {len(seen)} users of the history; "
            f'its ids are such as "{theirs}", theirs "{ours}"; write them alike'
        )
    if len(users):
        draft.note("user without a profile", "repaired with an empty one", len(unknown))
    added = pd.DataFrame({"user": unknown.astype(object)})
    draft.users = pd.concat([users, added], ignore_index=True) if len(users) else added
    draft.users = draft.users.sort_values("user", ignore_index=True)


def _unique(draft: Draft, frame: pd.DataFrame, key: str) -> pd.DataFrame:
    present = frame[key].notna()
    draft.note(f"{key} row without an id", "dropped", int((~present).sum()))
    single = one_each(frame[present], key)
    draft.cleaning += single.notes
    return single.frame


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
