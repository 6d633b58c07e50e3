"""Who meets whom: paired, split and interleaved designs."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shop
from footfall.errors import ScenarioError
from footfall.luck import identities
from footfall.options import Options
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall.world.design import assign, team_draft


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


@given(st.integers(1, 200), st.integers(1, 5), st.integers(0, 99))
def test_a_split_gives_every_user_one_arm_and_arms_alike(n, arms, seed):
    users = identities([str(i) for i in range(n)])
    pairs = assign("split", users, arms, seed)
    assert sorted(user for _, user in pairs) == list(range(n))
    sizes = [sum(arm == one for arm, _ in pairs) for one in range(arms)]
    assert max(sizes) - min(sizes) <= 1
    assert pairs == assign("split", users, arms, seed)


@given(
    st.lists(st.integers(0, 30), unique=True, max_size=12),
    st.lists(st.integers(0, 30), unique=True, max_size=12),
    st.integers(1, 10),
    st.integers(0, 2**63 - 1),
)
def test_team_draft_is_fair_and_keeps_each_side_s_order(first, second, k, coins):
    page = team_draft(first, second, k, coins)
    items = [item for item, _ in page]
    assert len(set(items)) == len(items) == min(k, len(set(first) | set(second)))
    for team, side in enumerate((first, second)):
        mine = [side.index(item) for item, whose in page if whose == team]
        assert mine == sorted(mine)
    if set(first).isdisjoint(second) and min(len(first), len(second)) >= k:
        teams = [team for _, team in page]
        assert abs(teams.count(0) - teams.count(1)) <= 1


def test_in_a_split_run_nobody_meets_two_arms_and_the_users_table_says_who_met_which(
    base, tmp_path
):
    scenario = parse_scenario(shop.scenario(design="split"))
    run(scenario, Options(tmp_path / "run", base=base))
    rows = pd.read_parquet(tmp_path / "run" / "impressions")
    users = pd.read_parquet(tmp_path / "run" / "users.parquet").set_index("user")["arm"]
    assert rows.groupby("user")["arm"].nunique().max() == 1
    assert (rows["user"].map(users) == rows["arm"]).all()
    assert users.value_counts().tolist() == [12, 12]


def test_interleaved_pages_credit_the_recommender_that_knows_the_clubs(base, tmp_path):
    plan = shop.scenario(
        design="interleaved", population={"users": 60}, world={"days": 21, "slate": 6}
    )
    run(parse_scenario(plan), Options(tmp_path / "run", base=base))
    rows = pd.read_parquet(tmp_path / "run" / "impressions")
    assert set(rows["arm"]) == {"interleaved"}
    shown = rows.groupby("team").size()
    assert abs(shown["knn"] - shown["random"]) < 0.1 * len(rows)
    clicks = rows.groupby("team")["clicked"].sum()
    assert clicks["knn"] > clicks["random"]


def test_interleaving_wants_two_arms():
    arms = [{"name": name, "recommender": {"kind": "random"}} for name in "abc"]
    with pytest.raises(ScenarioError, match="two arms, not 3"):
        parse_scenario(shop.scenario(design="interleaved", arms=arms))
