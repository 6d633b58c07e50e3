"""Complete Journey as its package holds it: counts, titles, prices, promotions."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.datasets import grocery_titles
from footfall.datasets.complete_journey import CompleteJourneySource, promotions
from footfall.datasets.schema import Dataset
from footfall.datasets.sources import load
from footfall.errors import DataError
from histories import dataset, week


@pytest.fixture(scope="module")
def journey() -> Dataset:
    return load(CompleteJourneySource(min_purchases=500), Path())


def test_every_row_of_the_source_is_accounted_for(journey: Dataset) -> None:
    rows_of_the_source = 1_469_307
    lost = sum(c.count for c in journey.cleaning if "purchase" in c.problem or "event" in c.problem)
    merged = sum(c.count for c in journey.cleaning if c.action == "merged")
    assert len(journey.interactions) + lost + merged == rows_of_the_source


def test_what_a_reader_sees(journey: Dataset) -> None:
    items = journey.items.set_index("item")
    assert items.loc["white-milk-1-gallon-store-brand", "title"] == (
        "White milk, 1 gallon (store brand)"
    )
    assert items.loc["bananas", "title"] == "Bananas"
    assert 2 < items.loc["white-milk-1-gallon-store-brand", "price"] < 3.5
    assert items["title"].is_unique
    assert not items["title"].str.contains(r"(?<!\d)/|[:&]|[A-Z]{5,}|  ").any()
    assert not items["title"].str.contains("gasoline|coupon", case=False).any()
    assert journey.currency == "USD"


def test_profiles_read_like_words(journey: Dataset) -> None:
    profile = journey.users.set_index("user").loc["1"]
    assert profile["age"] == "65 or older"
    assert profile["income"] == "$35,000 to $49,999 a year"
    assert profile["household"] == "2 adults, no children"


def test_interactions_know_store_and_week(journey: Dataset) -> None:
    assert {"store", "week"} <= set(journey.interactions.columns)
    assert journey.interactions["week"].between(1, 53).all()


def test_promotions_of_some_items_and_weeks(journey: Dataset) -> None:
    found = promotions(journey, ["strawberries-16-oz"], weeks=[10, 11])
    assert len(found) > 0
    assert set(found["week"]) <= {10, 11}
    assert set(found["item"]) == {"strawberries-16-oz"}
    assert found["store"].isin(journey.interactions["store"]).any()
    with pytest.raises(DataError, match="only complete-journey has them"):
        promotions(dataset(week("a", [1], ["x"])), ["x"])


@pytest.mark.parametrize(
    ("raw", "fresh", "size"),
    [
        ("12 OZ/12 PK", False, "12 x 12 oz"),
        ("6-4 OZ", False, "6 x 4 oz"),
        ("16 CT/22 OZ", False, "16 count, 22 oz"),
        ("10.4 OZ/8 CT", False, "8 count, 10.4 oz"),
        ("1/2 L", False, "1/2 liter"),
        ("1/2 PT", True, "1/2 pint"),
        ("22515 32 OZ", False, "32 oz"),
        ("974246  PK", False, ""),
        ("AB    8 OZ", False, "8 oz"),
        ("(600) 4 LB", False, "4 lb"),
        ("48-54 CT", True, ""),
        ("18 LB", True, ""),
        ("2 L", False, "2 liters"),
        ("", False, ""),
    ],
)
def test_sizes(raw: str, fresh: bool, size: str) -> None:
    assert grocery_titles.readable_size(raw, fresh=fresh) == size


@pytest.mark.parametrize(
    ("row", "title"),
    [
        (
            ("GROCERY", "FLUID MILK PRODUCTS", "FLUID MILK WHITE ONLY", "Private", "1 GA"),
            "White milk, 1 gallon (store brand)",
        ),
        (("PRODUCE", "TROPICAL FRUIT", "BANANAS", "National", "40 LB"), "Bananas"),
        (
            ("GROCERY", "ICE CREAM/MILK/SHERBTS", "TRADITIONAL", "National", "1/2 GAL"),
            "Ice cream, traditional, 1/2 gallon",
        ),
        (("MEAT", "BEEF", "RIBS", "National", ""), "Beef, ribs"),
        (("PRODUCE", "PEARS", "PEARS ANJOU", "National", "5 LB"), "Anjou pears, 5 lb"),
        (
            ("GROCERY", "SOUP", "DRY SOUP", "Private", "6 PK/4 OZ"),
            "Dry soup, 6 x 4 oz (store brand)",
        ),
        (
            (
                "GROCERY",
                "FRZN BREAKFAST FOODS",
                "WAFFLES/PANCAKES/FRENCH TOAST",
                "National",
                "L     8 OZ",
            ),
            "Waffles, pancakes or French toast, 8 oz",
        ),
        (
            ("GROCERY", "BATH TISSUES", "TOILET TISSUE", "National", "83.5 SQ FT"),
            "Toilet paper, 83.5 sq ft",
        ),
        (("PRODUCE", "PEPPERS-ALL", "PEPPERS ALL OTHER", "National", "48-54 CT"), "Other peppers"),
        (("GROCERY", "TEAS", "TEA BAGS HERBAL", "National", "CELL#9"), "Tea bags herbal"),
    ],
)
def test_titles(row: tuple[str, str, str, str, str], title: str) -> None:
    assert grocery_titles.title(*row) == title
