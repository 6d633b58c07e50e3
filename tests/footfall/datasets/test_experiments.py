"""Past experiments: readers on files in their published layouts, checks, and noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.experiments import (
    check_ratios,
    measure_noise,
    pairs_of,
    read_experiments,
)
from footfall.datasets.experiments.stories import stories_of
from footfall.errors import DataError
from headline_worlds import headlines

ARCHIVE = (
    ",created_at,updated_at,clickability_test_id,excerpt,headline,lede,slug,eyecatcher_id,"
    "impressions,clicks,significance,first_place,winner,share_text,square,test_week"
)


def package(created: str, test: str, headline: str, image: str, shown: int, clicks: int) -> str:
    """A line of the archive, as published."""
    return (
        f"0,{created} 06:43:16.005,2016-04-02 16:33:38.062,{test},Things that matter.,"
        f"{headline},<p>a lede</p>,a-slug,{image},{shown},{clicks},100.0,True,True,,,201446"
    )


UPWORTHY = "\n".join(
    [
        ARCHIVE,
        package("2014-11-20", "546d88fb", "They're Being Called A Nightmare.", "1f", 3052, 150),
        package("2014-11-20", "546d88fb", '"This, Is What It Sounds Like"', "1f", 3033, 122),
        package("2014-11-20", "546d88fb", "Who Said It First", "2f", 3092, 110),
        package("2013-08-20", "doubtful", "A Doubtful Headline One", "3f", 3092, 110),
        package("2013-08-20", "doubtful", "A Doubtful Headline Two", "3f", 3092, 90),
        package("2014-12-20", "short", "Shown Too Seldom One", "4f", 20, 1),
        package("2014-12-20", "short", "Shown Too Seldom Two", "4f", 2000, 90),
        "",
    ]
)


def problems(experiments) -> dict[str, int]:
    return {one.problem: one.count for one in experiments.cleaning}


def test_the_upworthy_archive_as_published(tmp_path: Path) -> None:
    (tmp_path / "packages.csv").write_text(UPWORTHY)
    found = read_experiments(tmp_path / "packages.csv")
    assert found.arms["test"].unique().tolist() == ["546d88fb"]
    assert found.arms["title"].tolist()[2] == "Who Said It First"
    assert found.arms["taken"].tolist() == [150, 122, 110]
    assert problems(found) == {
        "arm of a test whose randomisation the archive doubts": 2,
        "arm shown fewer than 500 times": 1,
        "test with a single arm": 1,
    }
    assert "not a statistical one" in found.about
    pairs = pairs_of(found)
    assert len(pairs) == 1  # only two arms share their image
    assert pairs.difference[0] == pytest.approx(np.log(150.5 / 3053) - np.log(122.5 / 3034))


def test_asos_has_outcomes_only(tmp_path: Path) -> None:
    columns = (
        "experiment_id variant_id metric_id time_since_start count_c mean_c count_t mean_t "
        "variance_c variance_t"
    )
    rows = [
        ("e1", 1, 1, 1.0, 1000.0, 0.10, 1010.0, 0.12, 0.1, 0.1),
        ("e1", 1, 1, 2.0, 2000.0, 0.10, 2020.0, 0.12, 0.1, 0.1),
        ("e1", 2, 1, 2.0, 2000.0, 0.10, 1990.0, 0.11, 0.1, 0.1),
        ("e1", 1, 4, 2.0, 2.0, 9.0, 2.0, 9.0, 1.0, 1.0),
    ]
    pd.DataFrame(rows, columns=columns.split()).to_parquet(tmp_path / "asos.parquet")
    found = read_experiments(tmp_path / "asos.parquet")
    assert found.arms["shown"].tolist() == [2000, 2020, 1990]
    assert found.arms["taken"].tolist() == [200, 242, 219]
    assert found.outcome == "metric 1"
    assert len(pairs_of(found)) == 0  # nothing to read in them


def test_a_plain_table_by_its_usual_names_and_by_named_ones(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "experiment": ["a", "a", "b", "b"],
            "wording": ["Buy one", "Buy two now", "Fresh bread today", "Bread that is warm"],
            "views": [900, 910, 905, 899],
            "orders": [30, 41, 20, 2000],
            "day": ["2024-05-02", "2024-05-02", "2024-05-01", "2024-05-01"],
        }
    )
    rows.to_csv(tmp_path / "mine.csv", index=False)
    found = read_experiments(tmp_path / "mine.csv")
    assert problems(found) == {
        "arm without a test, or with impossible counts": 1,
        "test with a single arm": 1,
    }
    assert found.arms["test"].tolist() == ["a", "a"]
    assert found.arms["time"].iloc[0] == pd.Timestamp("2024-05-02").timestamp()
    (tmp_path / "mine.yaml").write_text(
        "data: {kind: experiments, path: mine.csv, outcome: orders, columns: {title: wording}}"
    )
    assert read_experiments(tmp_path / "mine.yaml").outcome == "orders"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{path: mine.csv, columns: {title: wordin}}", 'did you mean "wording"?'),
        ("{path: nine.csv}", 'did you mean "mine.csv"?'),
        ("{pathh: mine.csv}", 'unknown key "pathh"; did you mean "path"?'),
        ("data: [", "cannot be read"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.csv").write_text("test,wording,shown,clicks\na,x,900,3\na,y,900,4\n")
    (tmp_path / "tests.yaml").write_text(text)
    with pytest.raises(DataError) as caught:
        read_experiments(tmp_path / "tests.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_stories_join_tests_of_one_image_or_nearly_one_title() -> None:
    arms = pd.DataFrame(
        [
            ("a", "A Brave Dog Saved Her House And Her Cat", "1"),
            ("b", "A brave dog saved her house and her cats!", "2"),
            ("c", "Nothing To Do With It At All", "2"),
            ("d", "Sale", ""),
            ("e", "Sale now", ""),
            ("f", "Whoever sang this song in the rain", ""),
        ],
        columns=["test", "title", "image"],
    )
    assert stories_of(arms).tolist() == ["a", "a", "a", "d", "e", "f"]


@pytest.mark.parametrize("noise", [1.0, 1.8])
def test_equal_arms_tell_the_noise(noise: float) -> None:
    world = headlines(tests=600, noise=noise, seed=3)
    found = measure_noise(pairs_of(world, ()))
    assert found.measured
    assert found.tests == 600
    assert found.low <= noise <= found.high
    # Nothing is made of a few pairs: noise is then binomial, and says so.
    few = measure_noise(pairs_of(headlines(tests=10), ()))
    assert (few.overdispersion, few.measured) == (1.0, False)
    assert "not measured" in few.sentence()


def test_an_unequal_split_is_flagged_and_an_equal_one_is_not() -> None:
    world = headlines(tests=50)
    assert check_ratios(world).flagged == ()
    arms = world.arms.copy()
    arms.loc[0, "shown"] = 5_000
    skewed = type(world)("skewed", arms)
    assert check_ratios(skewed).flagged == ("t0",)


def test_pairs_differ_in_the_title_and_in_nothing_else() -> None:
    world = headlines(tests=30)
    arms = world.arms.copy()
    arms.loc[arms.index[::4], "image"] = "another"
    pairs = pairs_of(type(world)("w", arms))
    for side in (arms.loc[pairs.first], arms.loc[pairs.second]):
        assert (side["image"] != "another").all()
    titles = arms["title"].to_numpy()
    assert (titles[pairs.first] != titles[pairs.second]).all()
    assert (arms["test"].to_numpy()[pairs.first] == arms["test"].to_numpy()[pairs.second]).all()
