"""Agents with a life, each on a world where the answer is plain."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import shop
from footfall.behaviour.decisions import Behaviour, PageFeatures
from footfall.behaviour.features import slots_of
from footfall.behaviour.individuals import coefficients, drawn, groups_of
from footfall.behaviour.ratings import RatingModel, fit_remembered
from footfall.behaviour.specs import TERMS, BehaviourSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import DataError, ScenarioError
from footfall.fitting.known import Known
from footfall.fitting.stages import Stage
from footfall.luck import Luck, identities
from footfall.options import Options
from footfall.run_folder.log import EVENTS, HAPPENINGS, file_hash
from footfall.runs.provenance import assumed_acts, assumptions
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall.users.moments import Moment
from footfall.world.actions.funnel import quantities
from footfall.world.actions.reviews import review
from footfall.world.actions.search import CatalogueSearch, query_for
from footfall.world.diary import Diary, DiarySpec
from footfall.world.pages import PageOutcome, PageRequest
from footfall.world.shopper import Shopper
from footfall.world.society import SocialSpec, Society, graph_of
from footfall_eval.blocks.distributions import distributions
from footfall_lab.validation.stars import KOLMOGOROV, compared_stars, with_kolmogorov

pytestmark = pytest.mark.slow

STARS = {"share": 0.6, "levels": [1, 2, 3, 4, 5], "cuts": [-2, -1, 0, 1.5]}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


def simulate(base, out, workers=1, **changes):
    plain = {"population": {"users": 40}}
    scenario = parse_scenario(shop.scenario(**{**plain, **changes}))
    run(scenario, Options(out, base=base, workers=workers))
    events = out / "events"
    return pd.read_parquet(out / "impressions"), pd.read_parquet(
        events
    ) if events.exists() else None


def parts(out, folder="epoch="):
    found = sorted(out.rglob("epoch=*.parquet"))
    return {str(p.relative_to(out)): file_hash(p) for p in found if folder in str(p)}


# --- users who differ


def test_users_differ_by_the_spread_and_stay_the_same():
    users = identities([f"u{n}" for n in range(4000)])
    spec = BehaviourSpec(spread={"price": 0.5})
    own = coefficients(spec, None, drawn(Luck(3), users))
    price, rest = TERMS.index("price"), [n for n, name in enumerate(TERMS) if name != "price"]
    assert own[:, price].std() == pytest.approx(0.5, rel=0.05)
    assert own[:, price].mean() == pytest.approx(spec.click.price, abs=0.03)
    assert (own[:, rest] == own[0, rest]).all()
    few = coefficients(spec, None, drawn(Luck(3), users[[7, 2]]))
    np.testing.assert_array_equal(few, own[[7, 2]])


def test_a_segment_has_its_own_coefficients_and_the_others_the_common_ones():
    segments = {"by": "home_town", "click": {"Oslo": {"price": -2.0}}}
    spec = BehaviourSpec.model_validate({"segments": segments})
    towns = np.array(["Oslo", "Rome", None], dtype=object)
    groups = groups_of(spec.segments, {"home town": towns})
    own = coefficients(spec, groups, np.zeros((3, len(TERMS))))[:, TERMS.index("price")]
    assert own.tolist() == [-2.0, spec.click.price, spec.click.price]
    with pytest.raises(ScenarioError, match='no profile column "home_town"; did you mean "homes"'):
        groups_of(spec.segments, {"homes": towns})
    with pytest.raises(ScenarioError, match="or another of the segments"):
        groups_of(spec.segments, {"home town": towns[1:]})


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ({"spread": {"prise": 1}}, 'no term "prise"; did you mean "price"'),
        ({"spread": {"price": -1}}, "a spread is at least 0"),
        ({"segments": {"by": "age", "click": {"old": {"prise": 1}}}}, 'did you mean "price"'),
    ],
)
def test_wrong_coefficients_are_refused_in_one_line(behaviour, message):
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(shop.scenario(behaviour=behaviour))


def test_users_of_their_own_click_as_the_formula_says():
    n, k = 2, 3
    zero = np.zeros((n, k))
    price = np.array([[0.0, 0.5, 1.0]] * n)
    own = np.tile([getattr(BehaviourSpec().click, name) for name in TERMS], (n, 1))
    own[1, TERMS.index("price")] = -3.0
    features = PageFeatures(np.ones((n, k), bool), zero, zero, price, zero, zero, own=own)
    terms = Behaviour(BehaviourSpec()).terms(features)
    np.testing.assert_allclose(terms["price"], [[0, -0.15, -0.3], [0, -1.5, -3.0]])


# --- satisfaction


def visit(diary, clicked, ended="left", session=0):
    request = PageRequest(0, 0, session, 0, 0.0, (), (), ())
    diary.note(request, PageOutcome((1,), clicked, (), 0.0, 1.0, False, True))
    diary.leave(session, 0, 1.0, ended)


def test_satisfaction_moves_by_surprise_and_fades():
    mood = {"carry": 0.5, "expects": 0.25, "gap": 1.0}
    diary = Diary(DiarySpec(mood=BehaviourSpec.model_validate({"mood": mood}).mood))
    visit(diary, (1,))
    assert diary.mood == pytest.approx(0.5 * 0.75)
    assert diary.patience == pytest.approx(np.exp(-0.375))  # comes back sooner
    visit(diary, ())
    assert diary.mood == pytest.approx(0.5 * 0.375 - 0.5 * 0.25)
    before = diary.mood
    visit(diary, (), ended="no answer")
    assert diary.mood == before


def test_disappointed_users_come_back_later(base, tmp_path):
    def visits(mood):
        world = {"days": 60, "epoch_days": 10, "slate": 5}
        behaviour = {"click": {"none": -12.0}, "mood": mood}  # nobody ever finds anything
        out = tmp_path / str(mood["gap"])
        simulate(base, out, behaviour=behaviour, world=world)
        return len(pd.read_parquet(out / "sessions"))

    assert visits({"gap": 2.0, "expects": 1.0}) < 0.5 * visits({"gap": 0.0, "expects": 1.0})


# --- fatigue


def test_items_that_were_shown_before_are_clicked_less_by_the_planted_amount(base, tmp_path):
    """Every page shows the same five items; only how often they were seen differs."""
    click = {"none": -1, "llm": 0, "popularity": 0, "price": 0, "repeat": 0, "fatigue": -0.5}
    habits = {"examination": 0.0, "picks": "many"}
    rows, _ = simulate(
        base, tmp_path / "run", population={"users": 60},
        arms=[{"name": "same", "recommender": {"kind": "popular", "retrain": "never"}}],
        behaviour={"click": click, "habits": habits},
        world={"days": 20, "epoch_days": 5, "slate": 5, "max_pages": 1},
    )  # fmt: skip
    seen = rows.groupby(["user", "item"]).cumcount()
    np.testing.assert_allclose(rows["utility"], -1.0 - 0.5 * seen, atol=1e-9)
    first, third = (rows.loc[seen == n, "clicked"].mean() for n in (0, 2))
    assert first - third == pytest.approx(0.269 - 0.119, abs=0.06)


# --- more than clicking


def test_the_funnel_is_the_same_for_any_number_of_workers_and_adds_up(base, tmp_path):
    actions = {
        "cart": {"abandoned": 0.5}, "quantity": {"mean": 2.0}, "budget": {"amount": 12.0},
        "rate": {**STARS, "like_from": 4, "dislike_to": 2, "review": 0.5},
        "search": {"share": 0.8}, "similar": {"share": 0.5}, "reasons": True,
    }  # fmt: skip
    changes = {"actions": actions, "world": {"days": 20, "epoch_days": 5, "slate": 5}}
    rows, events = simulate(base, tmp_path / "one", **changes)
    simulate(base, tmp_path / "two", workers=2, **changes)
    assert parts(tmp_path / "one") == parts(tmp_path / "two")
    count = events["action"].value_counts()
    assert set(count.index) <= set(HAPPENINGS)
    assert pd.read_parquet(tmp_path / "one" / "events").columns.tolist() == EVENTS.names
    # Everything bought was in a cart, about half of the carts were left.
    bought = events[events["action"] == "purchase"]
    assert count["purchase"] < count["cart"]
    assert count["purchase"] / count["cart"] == pytest.approx(0.5, abs=0.15)
    assert bought["quantity"].mean() == pytest.approx(1.5, abs=0.4)  # the budget cuts some
    spent = bought.groupby(["arm", "user", "session"])["value"].sum()
    assert spent.max() <= 12.0 + 1e-9
    on_pages = bought.loc[bought["text"] == "", "value"].sum()
    assert on_pages == pytest.approx(rows["value"].sum())
    # Whoever searches finds something like what was looked for, and clicks on such pages count.
    assert (events.loc[events["action"] == "search", "text"].str.contains("thing")).all()
    assert set(events.loc[events["action"] == "click", "text"]) <= {"search", "similar"}
    assert set(events.loc[events["action"] == "leave", "text"]) >= {"nothing of interest"}
    stars = events[events["action"] == "rate"]["value"]
    assert set(stars) <= {1, 2, 3, 4, 5}
    assert count["like"] == (stars >= 4).sum()
    assert count["dislike"] == (stars <= 2).sum()


def test_carts_alone_change_neither_impressions_nor_visits(base, tmp_path):
    simulate(base, tmp_path / "without")
    simulate(base, tmp_path / "with", actions={"cart": {}})
    for folder in ("impressions", "sessions"):
        assert parts(tmp_path / "without", folder) == parts(tmp_path / "with", folder)


@pytest.mark.parametrize(("kind", "about"), [("search", "oat milk"), ("similar", "7")])
def test_what_the_shop_itself_does_not_find_is_no_empty_page_of_an_arm(kind, about):
    shopper = Shopper(0, 0, 3, Diary(DiarySpec(acts=True, reasons=True)))
    assert shopper.advance().kind == ""
    shopper.answer(
        PageOutcome((7,), (), (), 0.0, 5.0, go_on=False, answered=True, then=(kind, about))
    )
    assert shopper.advance().kind == kind
    shopper.answer(PageOutcome((), (), (), 0.0, 0.0, go_on=False, answered=True))
    assert shopper.advance() is None
    (visit,) = shopper.collect()
    assert (visit.ended, visit.pages) == ("left", 1)
    looked, left = shopper.collect_happenings()
    assert (looked.action, looked.quantity, left.action) == (kind, 0, "leave")


def test_search_finds_by_words_and_similar_items_are_alike():
    catalogue = Catalogue(
        ids=("a", "b", "c", "d"),
        titles=("Oat milk, 1 l", "Whole milk", "Rye bread", "Garden hose"),
        categories=("Drinks", "Drinks", "Bakery", "Garden"),
        prices=np.ones(4),
    )
    search = CatalogueSearch.of(catalogue)
    assert search.find(query_for("Oat milk, 1 l"), 3).tolist() == [0, 1]
    assert search.like(0, 3).tolist() == [1]
    assert search.find("caviar", 3).tolist() == []


def test_pieces_are_those_of_the_history_shrunk_to_the_mean():
    found = quantities(np.array([4.0] * 90 + [1.0] * 90), np.repeat([0, 1], 90), 3, None)
    assert found == pytest.approx([3.85, 1.15, 2.5])
    assert quantities(np.array([]), np.array([], dtype=int), 2, 1.5).tolist() == [1.5, 1.5]


def test_reviews_say_what_the_stars_say():
    assert review("Oat milk, 1 l", 0.0, 0.0) == "Oat milk: would not buy it again."
    assert review("Oat milk, 1 l", 1.0, 0.999) == "Oat milk: very good."


def raters(users=120, items=30, seed=0):
    """Stars by an ordered logit of a lenient or strict user and a good or bad item."""
    rng = np.random.default_rng(seed)
    lean, good = rng.normal(size=users), rng.normal(size=items)
    who, what = np.repeat(np.arange(users), items), np.tile(np.arange(items), users)
    latent = lean[who] + good[what] + rng.logistic(size=len(who))
    stars = 1.0 + np.searchsorted([-2.5, -1.0, 0.5, 2.0], latent)
    order = np.concatenate([rng.permutation(items) for _ in range(users)])
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(order, unit="D")
    return pd.DataFrame(
        {
            "user": [f"u{n}" for n in who], "item": [f"i{n}" for n in what], "action": "rate",
            "time": days, "quantity": 1.0, "value": stars, "order": "",
        }
    ).sort_values("time", ignore_index=True)  # fmt: skip


def test_simulated_stars_are_distributed_like_real_ones_of_other_users():
    catalogue_frame = pd.DataFrame({"item": [f"i{n}" for n in range(30)], "category": "x"})
    catalogue = Catalogue(tuple(catalogue_frame["item"]), ("t",) * 30, ("x",) * 30, np.ones(30),
                          _codes={f"i{n}": n for n in range(30)})  # fmt: skip
    model = fit_remembered(raters(), catalogue_frame, catalogue)
    assert model.levels.tolist() == [1, 2, 3, 4, 5]
    assert model.leniency > 0.5
    assert model.quality > 0.5
    rng = np.random.default_rng(1)
    others = raters(seed=9)["value"]
    lean, good = rng.normal(size=(2, 20_000)) * 0.9 / np.std(others)
    drawn_stars = model.draw(lean, good, np.zeros(20_000), rng.random(20_000))
    real = others.value_counts(normalize=True).sort_index().cumsum()
    simulated = pd.Series(drawn_stars).value_counts(normalize=True).sort_index().cumsum()
    assert (real - simulated).abs().max() <= 0.10  # the Kolmogorov-Smirnov distance


def test_ratings_that_are_too_few_to_fit_are_refused():
    with pytest.raises(DataError, match="are too few to fit"):
        fit_remembered(raters(users=2), pd.DataFrame(), None)


def test_the_levels_of_a_rating_model_have_its_chances():
    model = RatingModel(np.array([1.0, 2.0, 3.0]), np.array([-1.0, 1.0]))
    nothing = np.zeros(100_000)
    chances = model.chances(nothing, nothing, nothing)[0]
    stars = model.draw(nothing, nothing, nothing, np.random.default_rng(0).random(100_000))
    shares = [(stars == level).mean() for level in model.levels]
    assert shares == pytest.approx(chances.tolist(), abs=0.01)


def test_what_nobody_fitted_is_said_to_be_assumed():
    changes = {
        "actions": {"cart": {}, "reasons": True},
        "behaviour": {"mood": {}, "spread": {"price": 0.5}},
    }
    scenario = parse_scenario(shop.scenario(**changes))
    rows = [*assumptions(scenario.behaviour), *assumed_acts(scenario.actions)]
    named = {row["name"]: row for row in rows}
    assert "Baymard" in named["actions.cart.abandoned"]["source"]
    assert named["spread.price"]["value"] == 0.5
    assert "mood.carry" in named
    fitted = scenario.behaviour.model_copy(update={"sources": {"click": "choices"}})
    assert "spread.price" not in {row["name"] for row in assumptions(fitted)}


# --- others


def friends_of(*pairs, n=4):
    graph = np.zeros((n, n))
    for a, b in pairs:
        graph[a, b] = graph[b, a] = 1
    return graph


def epoch(*purchases):
    arm, user, item = np.array(purchases, dtype=np.int64).reshape(-1, 3).T
    true = np.ones(len(arm), dtype=bool)
    return {"arm": arm, "user": user, "item": item, "bought": true, "answered": true}


def test_friends_tell_each_other_in_their_own_arm_and_forget():
    from scipy import sparse

    graph = sparse.csr_array(friends_of((0, 1), (1, 2)))
    society = Society(SocialSpec(epochs=1), graph, n_items=3, arms=2)
    society.learn(epoch((0, 1, 2)))
    asked = [
        PageRequest(arm, user, 0, 0, 0.0, (), (), ()) for arm, user in ((0, 0), (0, 3), (1, 0))
    ]
    items = [np.array([2, 1], dtype=np.int32)] * 3
    friend, stranger, elsewhere = society.of(asked, items)
    assert friend[:, 1].tolist() == [1, 0]
    assert stranger[:, 1].tolist() == [0, 0]
    assert friend[0, 0] == stranger[0, 0] == pytest.approx(np.log1p(250))
    assert not elsewhere.any()
    society.learn(epoch())
    assert not np.any(society.of(asked, items))


def test_a_graph_is_made_or_given(tmp_path):
    users = [f"u{n}" for n in range(20)]
    made = graph_of(SocialSpec(friends=4), users, tmp_path, seed=1)
    assert made.sum() == 20 * 4
    assert (made != made.T).nnz == 0
    (tmp_path / "friends.csv").write_text("user,friend\nu1,u2\nu2,u1\nu3,u3\nu9,somebody\n")
    given = graph_of(SocialSpec(path="friends.csv"), users, tmp_path, seed=1)
    assert given.sum() == 2
    assert given[1, 2] == given[2, 1] == 1
    (tmp_path / "bad.csv").write_text("user,pal\nu1,u2\n")
    with pytest.raises(DataError, match='has no column "friend"'):
        graph_of(SocialSpec(path="bad.csv"), users, tmp_path, seed=1)


def test_what_friends_buy_spreads(base, tmp_path):
    def concentration(friends):
        click = {"popularity": 0, "price": 0, "repeat": 0, "friends": friends}
        world = {"days": 24, "epoch_days": 2, "slate": 20, "max_pages": 1}
        rows, _ = simulate(
            base, tmp_path / str(friends), population={"users": 60},
            social={"friends": 20, "epochs": 12}, world=world, arms=shop.scenario()["arms"][:1],
            behaviour={"click": click, "buy": {"base": 3.0}, "habits": {"examination": 0.0}},
        )  # fmt: skip
        shares = rows.groupby("item")["bought"].sum() / rows["bought"].sum()
        return float((shares**2).sum())

    assert concentration(2.0) > 1.5 * concentration(0.0)


# --- occasions and cold starts


def test_the_parts_of_the_week_and_the_months():
    times = ["2024-03-01T05:00", "2024-03-02T13:00", "2024-12-30T23:59"]  # Friday, Saturday, Monday
    parts_of_week, months = slots_of(np.array(times, dtype="datetime64[ns]"))
    assert parts_of_week.tolist() == [0, 6, 3]
    assert months.tolist() == [2, 2, 11]


def test_users_without_a_past_and_items_without_buyers_take_part(base, tmp_path):
    """Cold users have a profile only; new items are known by nobody: all fare as the terms say."""
    population = {"users": 10, "cold_start": 10}
    choice = {"memory": {"retrieved": 2, "reflection": {}}}
    rows, events = simulate(
        base, tmp_path / "run", population=population, choice=choice,
        actions={"search": {}, "similar": {}}, behaviour={"spread": {"price": 0.3}},
    )  # fmt: skip
    cold = rows["user"].str.startswith("cold-")
    assert cold.any()
    assert rows.loc[cold, "answered"].all()
    summed_up = events.loc[events["action"] == "reflect", "user"]
    assert not summed_up.str.startswith("cold-").any()


def test_pieces_and_money_are_remembered():
    diary = Diary(DiarySpec(remembers=1))
    request = PageRequest(0, 0, 3, 0, 7.0, (), (), ())
    outcome = PageOutcome((1, 2), (1, 2), (1, 2), 9.0, 1.0, False, True,
                          paid=(5.0, 4.0), pieces=(1.0, 2.0))  # fmt: skip
    diary.note(request, outcome)
    assert diary.spent == 9.0
    assert diary.lived == ()  # not before the visit is over
    diary.leave(3, 0, 8.0, "satisfied")
    assert diary.lived == (Moment(3, 7.0, 2, 2.0, 4.0),)
    assert diary.spent == 0.0


def rated_ground(memory, choices, crowd, **rate):
    """What of a ground the stars are compared on: one stage of users who rated."""
    items = pd.DataFrame({"item": [f"i{n}" for n in range(30)], "category": "x"})
    catalogue = Catalogue(tuple(items["item"]), ("t",) * 30, ("x",) * 30, np.ones(30),
                          _codes={f"i{n}": n for n in range(30)})  # fmt: skip
    users = tuple(sorted(memory["user"].unique()))
    stage = Stage("test", users, memory["time"].max() + pd.Timedelta(1), memory, choices, crowd,
                  choices, 5.0)  # fmt: skip
    ground = SimpleNamespace(
        scenario=parse_scenario(shop.scenario(actions={"rate": rate} if rate else {})),
        stages=SimpleNamespace(test=stage),
        split=SimpleNamespace(remembered=SimpleNamespace(items=items)),
        catalogue=catalogue,
    )
    return ground, Known.of_stage(stage, catalogue, items)


def test_block_d_compares_the_stars_of_held_out_ratings():
    tested = raters(seed=4).assign(user=lambda rows: "t" + rows["user"])
    half = tested["time"] < "2024-01-16"
    crowd = raters(seed=0)
    ground, known = rated_ground(tested[half], tested[~half], crowd, share=0.2)
    stars = compared_stars(ground, known)
    assert len(stars.simulated) == len(stars.real) == (~half).sum()
    block = with_kolmogorov(distributions([stars], {}, seed=1), stars)
    assert block.metrics[KOLMOGOROV] <= 0.10
    assert block.table[0]["name"] == "ratings"
    one_star = {"levels": [1, 2, 3, 4, 5], "cuts": [9, 10, 11, 12]}
    stars = compared_stars(*rated_ground(tested[half], tested[~half], crowd, **one_star))
    block = with_kolmogorov(distributions([stars], {}, seed=1), stars)
    assert block.metrics[KOLMOGOROV] > 0.5
    assert block.status == "red"
    assert compared_stars(*rated_ground(tested[half], tested[~half], crowd)) is None
    with pytest.raises(DataError, match="rated nothing after the split"):
        compared_stars(*rated_ground(tested[half], tested[:0], crowd, share=0.2))
    with pytest.raises(DataError, match="too few to fit"):
        compared_stars(*rated_ground(tested[half], tested[~half], crowd[:20], share=0.2))
