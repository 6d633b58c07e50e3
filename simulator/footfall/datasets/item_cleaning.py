"""Cleaning of the tables of items and users."""

from __future__ import annotations

import pandas as pd

from footfall.datasets.cells import how_to_read
from footfall.datasets.contradictions import as_text, one_each
from footfall.datasets.draft import MOST, Draft, smallest
from footfall.datasets.ids import HIDDEN, as_id
from footfall.errors import DataError

COMMANDS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
"""Control signs that are neither blanks nor ends of lines: the beginnings of terminal commands,
and what turns the direction of writing."""


def with_items(draft: Draft) -> None:
    """Clean the table of items: an id each, a title, a price that can be."""
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


def known_items(draft: Draft) -> None:
    """Drop events of items that the catalogue lacks.

    Raises:
        DataError: It has none of them.
    """
    known = draft.interactions["item"].isin(draft.items["item"])
    theirs = "" if known.any() else smallest(draft.interactions["item"])
    if draft.of_users is not None:
        draft.of_users.looked_up += len(known)
        draft.of_users.sample_item = theirs
    elif len(known) and not known.any():
        refuse_strangers(draft, theirs)
    draft.keep(known, "event with an item that the catalogue lacks", "item")


def refuse_strangers(draft: Draft, theirs: str) -> None:
    """Refuse a log none of whose items, such as ``theirs``, the catalogue has.

    Raises:
        DataError: The catalogue has items.
    """
    if len(draft.items):
        raise DataError(
            f"{draft.name}: the table of items knows none of the items of the history; its ids are "
            f'such as "{smallest(draft.items["item"])}", theirs "{theirs}"'
        )


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


def with_users(draft: Draft) -> None:
    """One row for each user of the history, and for those of the table beside."""
    with_users_seen(draft, pd.Index(draft.interactions["user"].unique()))


def with_users_seen(draft: Draft, seen: pd.Index) -> None:
    """Like ``with_users``, of users whom the whole history has.

    Raises:
        DataError: The table knows none of them.
    """
    users = _unique(draft, draft.users.assign(user=as_id(draft.users["user"])), "user")
    unknown = seen.difference(pd.Index(users["user"]), sort=True)
    if len(users) and len(unknown) == len(seen):
        theirs, ours = smallest(users["user"]), smallest(pd.Series(seen))
        raise DataError(
            f"{draft.name}: the table of users knows none of the {len(seen)} users of the history; "
            f'its ids are such as "{theirs}", theirs "{ours}"'
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
