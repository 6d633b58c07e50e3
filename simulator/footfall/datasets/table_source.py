"""What a scenario says of a history of one's own: its columns, actions, numbers and times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from footfall.datasets.base import Source
from footfall.datasets.cells import Unit
from footfall.datasets.delimited import WORDS, Form
from footfall.datasets.ids import id_of
from footfall.datasets.times import TimeForm

Action = Literal["view", "click", "cart", "purchase", "rate"]


class InteractionColumns(Source):
    """Which column of the interactions is what."""

    user: str
    item: str
    time: str
    clock: str | None = None
    """Time of day, where ``time`` is only its date."""
    quantity: str | None = None
    """Units; 1 where there is no column."""
    value: str | None = None
    """Money paid for the whole row, or the rating."""
    unit_price: str | None = None
    """Price of one unit, instead of ``value``."""
    order: str | None = None
    """Basket or visit."""
    title: str | None = None
    """Item title, for histories without an items table."""
    category: str | None = None
    """Item category, for histories without an items table."""
    page: str | None = None
    """Name of the page among those of its user; without it, a page is what one user was shown in
    one order at one time."""
    position: str | None = None
    """Place on the page; the smallest of the log is the top."""
    propensity: str | None = None
    """Chance, above 0 and at most 1, with which the policy that logged put the item there."""
    arm: str | None = None
    """Name of the policy that logged."""


class ActionColumn(Source):
    """Actions that differ from row to row."""

    column: str
    map: dict[str, Action] = Field(default_factory=dict)
    """Words of the source -> actions; words that are not here must be actions themselves,
    otherwise their rows are dropped and counted."""

    @field_validator("map", mode="before")
    @classmethod
    def _words(cls, raw: object) -> object:
        """YAML reads 1 as a number and true as a truth; the words of a column are texts."""
        if not isinstance(raw, Mapping):
            return raw
        if any(id_of(key) is None for key in raw):
            raise ValueError("one of its words is empty; rows without a word are dropped")
        return {id_of(key): value for key, value in raw.items()}


class ActionFlags(Source):
    """Impressions in the wide form: a row is a view, columns of 0 and 1 say what came of it."""

    flags: dict[Literal["view", "click", "cart", "purchase"], str] = Field(min_length=1)
    """Actions -> columns, for instance ``{click: clicked, purchase: bought}``. Every row is a view
    too, unless a column of views says which are. Where a column says
    neither yes nor no, the impression is dropped and counted: silence is not "no click"."""

    filled: list[str] = Field(default_factory=list)
    """Those of these columns that say yes by being filled (an x, the time of the click), and no by
    being empty."""

    @model_validator(mode="before")
    @classmethod
    def _not_both(cls, raw: object) -> object:
        if isinstance(raw, Mapping) and "column" in raw:
            raise ValueError(
                "actions stand in one `column`, or have `flags` of their own: give one"
            )
        return raw


_WORD = "[word]"
"""Name of a side that no model has; the brackets keep it out of messages, as pydantic's own."""


def _form_of_action(raw: object) -> str:
    """Which side of the union is meant: the name of a model (messages leave it out), or a word."""
    if isinstance(raw, Mapping):
        return ActionFlags.__name__ if "flags" in raw else ActionColumn.__name__
    return type(raw).__name__ if isinstance(raw, (ActionColumn, ActionFlags)) else _WORD


Actions = Annotated[
    Annotated[Action, Tag(_WORD)]
    | Annotated[ActionColumn, Tag("ActionColumn")]
    | Annotated[ActionFlags, Tag("ActionFlags")],
    Discriminator(_form_of_action),
]
"""One action for every row, the column that tells it, or the columns that flag it."""


class ItemTable(Source):
    """What the items are."""

    path: Path
    item: str
    title: str
    category: str | None = None
    image: str | None = None
    """Column with each item's image, shown to the model with ``choice: {images: true}``: PNG, JPEG
    or WebP, as a path below the folder of this table, or as bytes (a Parquet file)."""
    price: str | None = None
    """Unit price. Without it, prices are the median of what was paid."""
    attributes: list[str] = Field(default_factory=list)
    """Further columns to keep."""


class UserTable(Source):
    """Who the users are."""

    path: Path
    user: str
    profile: list[str] = Field(default_factory=list)
    """Columns that describe the user; a persona shows them under their own names."""


class Lists(Source):
    """Cells that list several items: a whole page, or a whole basket, in one row."""

    items: str
    """Column that lists them: a list of JSON or Parquet, or a text such as "[1, 2]" or "1|2". Their
    places become a column of the same name with ``.position`` behind it."""
    separator: str | None = None
    """Between the entries of a text; lists and texts in brackets need none."""
    marked: bool = False
    """Entries have a 0 or 1 behind them (N1-0): it becomes a column with ``.taken`` in its name."""
    along: list[str] = Field(default_factory=list)
    """Columns that list a value for each of the items: clicks, chances, prices."""
    among: list[str] = Field(default_factory=list)
    """Columns that name some of the items, for instance those that were clicked. They become
    columns of 1 and 0, and so ``flags`` of actions."""
    places: list[str] = Field(default_factory=list)
    """Columns with the places of some of the items; they become such columns, too."""
    counts_from: Literal[0, 1] = 1
    """What the first place is called in ``places``."""


class TableSource(Source):
    """A history of your own, in CSV, Parquet, JSON lines and the like."""

    kind: Literal["table"] = "table"
    path: Path
    """A file of delimited text (also compressed), Parquet, Feather, ORC or JSON lines, or a folder
    of such parts."""
    columns: InteractionColumns
    records: list[str] = Field(default_factory=list)
    """Columns of delimited text whose cells are records of JSON. Each entry becomes a column, such
    as properties.price."""
    lists: Lists | None = None
    """Set where a row holds a list of items, rather than one."""
    action: Actions | None = None
    """What the rows are: one action for all of them, the column that tells it, or the columns that
    flag it. Purchases, where nothing is said and no column looks like other events."""
    undone: list[str] = Field(default_factory=list)
    """Columns that say of a row that it came to nothing, for instance when it was cancelled, or how
    much was refunded. Rows in which one of them is filled, with anything but 0 or a word for no,
    are left out and counted."""
    once: list[str] = Field(default_factory=list)
    """Columns that are filled on one row of each ``order`` and hold for all of its rows."""
    time_unit: Unit | None = None
    """Unit of times that are numbers (Unix time); needed for them, so that 20240131 is never
    taken for a day of 1970 in silence."""
    time_format: str | None = None
    """strptime format of times that are text; ISO 8601 where there is none."""
    timezone: str = "UTC"
    """Zone of times that name none."""
    decimal: Literal[".", ","] = "."
    """The sign before the part of a number below 1."""
    thousands: Literal["", ",", ".", " ", "'", "_"] = ""
    """The sign between groups of three digits; a blank stands for any kind of blank."""
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    """Between the cells of delimited text; without it, what the header shows: a comma, a semicolon,
    a tab or a bar."""
    header: list[str] = Field(default_factory=list)
    """Names of the columns of delimited text that has no line of headers."""
    encoding: str | None = None
    """Of delimited text, as Python names it; UTF-8, or UTF-16 by its mark, by default."""
    missing: list[str] = Field(default_factory=lambda: sorted(WORDS - {""}))
    """Words that stand for "unknown" in columns of text, beside empty cells."""
    cents: bool = False
    """Money of the log (``value``, ``unit_price``) is in hundredths of the currency."""
    currency: str = ""
    """ISO code of prices and money."""
    earliest: dt.datetime | dt.date | None = None
    """Events before this moment (UTC) are impossible: dropped and counted."""
    latest: dt.datetime | dt.date | None = None
    """Events after this moment are impossible; now, where it is not given."""
    items: ItemTable | None = None
    users: UserTable | None = None
    most_events: int = Field(default=5_000_000, ge=1)
    """Of a longer log whole users are loaded until they have about so many events, drawn by the
    hash of their id; of the others counts are loaded. Only logs that are cleaned in parts."""
    name: str = "table"
    """How reports call the data."""
    about: str = ""
    licence: str = ""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            pd.Timestamp(0).tz_localize(zone)
        except Exception as error:
            raise ValueError(f'no time zone "{zone}"; names look like Europe/Paris') from error
        return zone

    @field_validator("time_format")
    @classmethod
    def _letters_of_strptime(cls, form: str | None) -> str | None:
        if form is not None and "%" not in form:  # pandas would guess at "mixed"
            raise ValueError(
                f'"{form}" has no letters of strptime, which look like %Y-%m-%d %H:%M; ISO 8601 '
                "needs no format"
            )
        return form

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        try:
            "a".encode(name or "utf-8")  # codecs that compress or rot are no encodings of text
        except LookupError:
            raise ValueError(f'no encoding "{name}"; names look like utf-8, cp1252') from None
        return name

    @model_validator(mode="after")
    def _once_an_order(self) -> Self:
        if self.once and self.columns.order is None:
            raise ValueError("`once` needs `order` among the columns: whose rows belong together")
        return self

    @model_validator(mode="after")
    def _two_signs(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("`decimal` and `thousands` are two signs")
        return self

    @property
    def form(self) -> Form:
        """How delimited text is written."""
        return Form(self.separator, self.encoding or "utf-8", header=tuple(self.header))

    @property
    def times(self) -> TimeForm:
        """How times are written."""
        return TimeForm(self.time_unit, self.time_format, self.timezone)
