"""Each shipped scenario, made small, shows what its comment says one should see.

The films are a made-up MovieLens in its published layout: the real one cannot be shipped.
"""

import threading
import zipfile

import numpy as np
import pandas as pd
import pytest
from footfall.scenarios import made_up, service

from footfall.options import Options
from footfall.run_folder.answers import no_verdict
from footfall.runs.grid import cells
from footfall.runs.histories import read_histories
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario, shipped
from footfall.scenario.scenario import parse_scenario
from footfall_eval import RunLog
from footfall_eval.measures.trends import trends

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenarios")
    made_up.write(folder / "data" / "made-up")
    write_films(folder / "data" / "ml-latest-small.zip")
    return folder


@pytest.fixture(scope="module")
def play(base, tmp_path_factory):
    """Run a shipped scenario with fewer users and read its log, with days since the start."""
    known = {}

    def played(name, users=40, **changes):
        key = (name, repr(changes))
        if key not in known:
            out = tmp_path_factory.mktemp(name)
            raw = raw_of(name)
            raw["population"]["users"] = users
            raw = {**raw, **changes}
            record = run(parse_scenario(raw), Options(out, base=base))
            start = pd.Timestamp(record["dataset"]["split"])
            tables = []
            for table, column in (("impressions", "time"), ("sessions", "start")):
                rows = pd.read_parquet(out / table)
                rows["day"] = (rows[column] - start) / pd.Timedelta(days=1)
                tables.append(rows)
            known[key] = (*tables, record, out)
        return known[key]

    return played


def raw_of(name):
    return read_scenario(name).model_dump(mode="json", exclude_unset=True)


def write_films(path, users=150, films=400):
    """MovieLens' layout: popular films come first, and each user likes two genres."""
    rng = np.random.default_rng(0)
    genres = ["Comedy", "Drama", "Horror", "Romance", "War"]
    kinds = rng.integers(0, len(genres), films)
    movies = pd.DataFrame(
        {
            "movieId": np.arange(1, films + 1),
            "title": [f"Film {n} ({1960 + n % 60})" for n in range(films)],
            "genres": [genres[kind] for kind in kinds],
        }
    )
    rows = []
    for user in range(1, users + 1):
        seen = np.unique(np.minimum(rng.geometric(0.02, 60) - 1, films - 1))
        start = 1_400_000_000 + rng.integers(0, 40_000_000)
        for place, film in enumerate(rng.permutation(seen)):
            stars = 4.5 if kinds[film] in (user % 5, (user + 1) % 5) else 2.5
            rows.append((user, film + 1, stars, start + 86_400 * place))
    ratings = pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, frame in (("movies", movies), ("ratings", ratings)):
            archive.writestr(f"ml-latest-small/{name}.csv", frame.to_csv(index=False))


def clicks(visits):
    return visits.groupby("arm")["clicks"].mean()


def test_all_say_in_a_comment_what_one_should_see():
    from importlib.resources import files

    assert len(shipped()) >= 10
    for name in shipped():
        text = (files("footfall.scenarios") / f"{name}.yaml").read_text()
        assert text.startswith("#")
        if name not in {"demo", "movies"}:
            assert "\n# See" in text, name


def test_new_ranker_is_close_to_popularity_and_both_sell(play):
    rows, visits, _, out = play("new-ranker", users=60)
    rate = clicks(visits)
    assert abs(rate["item-knn"] - rate["popular"]) < 0.5 * rate["popular"]
    first = rows[rows["page"] == 0].groupby(["arm", "user", "session"])["item"].agg(set)
    both = pd.concat([first["popular"], first["item-knn"]], axis=1, keys=["one", "other"]).dropna()
    same = [len(one & other) / 8 for one, other in zip(both["one"], both["other"], strict=True)]
    assert 0.6 < np.mean(same) < 0.9
    assert rows["bought"].sum() > 10
    assert trends(RunLog.open(out)).unit == "day"


def test_a_feedback_loop_narrows_what_is_shown(play):
    _, _, record, out = play("feedback-loop", users=60, world={"days": 49, "epoch_days": 7,
                                                               "slate": 8})  # fmt: skip
    assert record["faults"]["learns"]["trainings"] >= 4
    found = trends(RunLog.open(out))
    assert (found.unit, found.length) == ("week", 7)
    first, last = found.of("learns")[0], found.of("learns")[-1]
    once = found.of("learned once")
    assert first.coverage == once[0].coverage  # until the first lesson they are the same
    assert last.gini - first.gini > once[-1].gini - once[0].gini
    # Once the window holds nothing real, less is shown than by the one that never learned.
    assert last.coverage < 0.7 * once[-1].coverage
    wide = found.of("random")
    assert all(w.coverage > one.coverage for w, one in zip(wide, found.of("learns"), strict=True))


def test_a_promotion_week_lifts_its_items_and_then_no_more(play):
    rows, _, _, _ = play("promotion-week", users=120)
    week = np.floor(rows["day"] / 7).astype(int)
    usual = rows[week == 0].groupby("item")["price"].first()
    cheap = rows[(week == 1) & (rows["price"] < 0.75 * rows["item"].map(usual))]["item"].unique()
    assert 0 < len(cheap) <= 20
    chance = rows[rows["item"].isin(cheap)].groupby(week)["p_click"].mean()
    assert chance[1] > 1.5 * chance[0]
    assert chance[2] < 0.8 * chance[1]


def test_real_displays_lift_clicks_a_little_while_they_stand(play):
    world = {"days": 14, "slate": 8, "max_pages": 3}
    shown = play("displays", users=120, world=world)[0]
    known = raw_of("displays")["interventions"][0] | {"display": 0, "mailer": 0}
    plain = play("displays", users=120, world=world, interventions=[known])[0]
    rates = [
        [table.loc[week, "p_click"].mean() for week in (table["day"] < 7, table["day"] >= 7)]
        for table in (plain, shown)
    ]
    assert rates[0][0] == rates[1][0]
    assert 1.01 < rates[1][1] / rates[0][1] < 1.3


def test_an_outage_brings_nothing_and_the_other_arm_does_not_notice(play):
    _, visits, record, _ = play("outage")
    down = visits["day"].between(3, 5, inclusive="left") & (visits["arm"] == "shaky")
    assert (visits[down]["ended"] == "empty page").all()
    slow = visits["day"].between(7, 9, inclusive="left") & (visits["arm"] == "shaky")
    assert (visits[slow]["ended"] == "gave up waiting").any()
    assert set(visits[visits["arm"] == "steady"]["ended"]) <= {"left", "satisfied", "page limit"}
    assert record["faults"]["shaky"]["outages"] == down.sum() > 0
    assert record["faults"]["shaky"]["failed"] == record["faults"]["steady"]["failed"] == 0
    assert not no_verdict(record)  # the outage is what is rehearsed


def test_at_a_cold_start_rankers_know_nobody_and_show_nothing_new(play, base):
    changes = {
        "interventions": [
            {"kind": "new-users", "at": 3, "users": 40},
            {"kind": "new-items", "at": 3, "top": 100, "sample": 30},
        ]
    }
    rows, _, record, _ = play("cold-start", **changes)
    assert record["faults"]["item-knn"]["fallback_requests"] > 0
    fresh = rows[rows["user"].str.startswith("cold-")]
    first = fresh[(fresh["session"] == 0) & (fresh["page"] == 0)]
    lists = first.pivot_table(index="user", columns="arm", values="item", aggfunc=tuple)
    assert (lists["popular"] == lists["item-knn"]).all()
    rate = fresh.groupby("arm")["p_click"].mean()
    assert abs(rate["learns"] / rate["item-knn"] - 1) < 0.15
    assert record["faults"]["learns"]["fallback_requests"] < rows["arm"].eq("learns").sum() / 10
    early = set(rows[rows["day"] < 3]["item"])
    new = set(rows[(rows["arm"] == "random") & (rows["day"] > 3)]["item"]) - early
    assert new
    shown = rows[rows["arm"] == "popular"]["item"]
    late_only = new - set(rows[rows["arm"] != "random"]["item"])
    assert late_only
    assert not shown.isin(late_only).any()
    histories = read_histories(parse_scenario({**raw_of("cold-start"), **changes}), base, print)
    films = [histories.catalogue.ids[code] for code in histories.chosen[1][1]]
    assert set(rows.loc[rows["item"].isin(films), "arm"]) == {"random"}


def test_popularity_bias_can_be_seen_in_what_is_shown(play):
    _, visits, _, out = play("popularity-bias", world={"days": 21, "epoch_days": 7, "slate": 10})
    last = {arm: trends(RunLog.open(out)).of(arm)[-1] for arm in ("random", "popular", "item-knn")}
    assert last["popular"].head > last["item-knn"].head > last["random"].head
    assert last["random"].coverage > last["item-knn"].coverage > last["popular"].coverage
    rate = clicks(visits)
    assert rate["popular"] > rate["random"]


def test_music_follows_the_listener(play):
    rows, _, _, _ = play("music", users=60)
    plays = rows.groupby("arm")["bought"].sum()
    assert plays["ease"] > 1.5 * plays["popular"]
    assert plays["similar"] > 1.5 * plays["popular"]


def test_a_feed_of_ones_own_topics_shows_more_of_what_is_posted(play):
    rows, _, _, _ = play("social-feed", users=60)
    arms = rows.groupby("arm").agg(liked=("bought", "sum"), shown=("item", "nunique"))
    assert arms.loc["mixed", "shown"] > 2 * arms.loc["popular", "shown"]
    assert arms.loc["mixed", "liked"] > 1.3 * arms.loc["popular", "liked"]


def test_breaking_news_is_shown_by_chance_only(play):
    rows, _, _, _ = play("breaking-news", users=80)
    first_seen = rows.groupby("item")["day"].min()
    by_arm = rows.groupby("arm")["item"].agg(set)
    numbers = {f"n{40 * s + n}" for s in range(5) for n in range(12)}
    assert not by_arm["sunday"] & numbers
    assert len(by_arm["mixed"] & numbers) > 20
    assert len(by_arm["daily"] & numbers) < len(by_arm["mixed"] & numbers) / 4
    assert first_seen[list(by_arm["mixed"] & numbers)].min() >= 1.25


def test_price_sensitivity_answers_with_what_was_put_in(base, tmp_path):
    bought = []
    for cell in cells(read_scenario("price-sensitivity")):
        out = tmp_path / cell.name
        run(cell.scenario, Options(out, base=base))
        rows = pd.read_parquet(out / "impressions")
        half = rows["time"].min() + pd.Timedelta(days=7)
        late = (rows["time"] >= half) & (rows["arm"] == "popular")
        coats = rows["item"].str.startswith("coats")
        bought.append(rows[late & coats]["p_click"].mean() / rows[~late & coats]["p_click"].mean())
    indifferent, minding, strict = bought
    assert strict < minding < indifferent
    assert strict < 0.8


def test_a_service_over_http_knows_its_customers(play, base):
    server = service.serve(base / "data" / "made-up", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/recommend"
    arms = raw_of("over-http")["arms"]
    arms[1]["recommender"]["url"] = url
    try:
        _, visits, record, _ = play("over-http", users=100, arms=arms)
    finally:
        server.shutdown()
        server.server_close()
    assert record["faults"]["service"]["failed"] == 0
    rate = clicks(visits)
    assert rate["service"] > rate["popular"]
