"""A surrogate repeats a teacher with a known taste, and refuses what it cannot know."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

import shop
from console import footfall
from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import ModelError, ScenarioError
from footfall.llm.fake import FakeModel
from footfall.options import Options
from footfall.plumbing.files import file_hash
from footfall.runs.histories import read_histories
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall.surrogate.choice import FAR_ITEM, FAR_USER, SurrogateChoice
from footfall.surrogate.folder import CARD, NUMBERS, read_student
from footfall.surrogate.leaves import Leaves
from footfall.surrogate.taken import Taken, familiar
from footfall.surrogate.trees import Trees
from footfall.users.familiarity import Familiarity, Repeat
from footfall_lab.distilling import distill as story
from footfall_lab.distilling.lessons import NO_ARM, pages_to_ask

pytestmark = pytest.mark.slow

USERS = 120
ALIGNED = ("times", "actions", "quantities", "values", "orders")
ARMS = [
    {"name": "random", "recommender": {"kind": "random"}},
    {"name": "popular", "recommender": {"kind": "popular"}},
    {"name": "knn", "recommender": {"kind": "item-knn"}},
]


def taste(prefix, item):
    """The share of a history that is of the item's club, and a little for what was bought."""
    lines = [line for line in prefix.splitlines() if "thing" in line]
    if not lines:
        return 0.0
    club, name = item.split()[0], item.strip()
    same = sum(line.startswith(club) for line in lines) / len(lines)
    return 2.0 * same - 1.0 + 0.5 * (name in (line.strip() for line in lines))


@pytest.fixture(scope="module")
def distilled(tmp_path_factory):
    """A folder with shop.yaml and the surrogate of a teacher with ``taste``."""
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder, users=200)
    raw = shop.scenario(
        population={"users": USERS, "min_history": 3},
        choice={"visit_events": False},
        arms=ARMS,
        behaviour={"click": {"llm": 2.0}},
        world={"days": 2, "epoch_days": 1, "slate": 5, "max_pages": 2, "shards": 2},
    )
    (folder / "shop.yaml").write_text(yaml.safe_dump(raw))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "open_model", lambda spec, announce: FakeModel(taste=taste))
        options = story.DistillingOptions(str(folder / "shop.yaml"), folder / "small", users=USERS)
        card = story.distill(options, lambda _: None)
    return folder, raw, card


def asked(raw, folder, **changes):
    choice = {"mode": "surrogate", "path": "small"}
    return parse_scenario({**raw, "choice": choice, **changes}), folder


def test_it_recovers_a_known_taste_on_users_and_items_that_were_kept_back(distilled):
    _, _, card = distilled
    cells = card["fidelity"]["cells"]
    for name in ("held-out users", "held-out items", "held-out users and items"):
        assert cells[name]["pairs"] > 50
        assert cells[name]["pearson"] > 0.95, (name, cells[name])
        assert cells[name]["refused"] < 0.2
    nll = card["fidelity"]["held-out users"]["nll"]
    assert (
        nll["teacher"]
        < nll["surrogate"]
        < nll["guessing"] - 0.8 * (nll["guessing"] - nll["teacher"])
    )
    knn = [row for row in card["fidelity"]["effects"] if row["treatment"] == "knn"]
    assert all(row["same sign"] and abs(row["ratio"] - 1) < 0.15 for row in knn)
    assert all(row["teacher"] > 0 for row in knn)


def counted(_prefix, item):
    """How often the item was taken: the first number behind its name, as template buys has it."""
    return 0.5 * int(item.strip(" :\n").split()[-2].split(",")[0]) - 1.0


def test_it_repeats_a_teacher_who_is_told_how_often_things_were_taken(tmp_path):
    shop.write_shop(tmp_path, users=200)
    raw = shop.scenario(
        population={"users": USERS, "min_history": 3},
        choice={
            "mode": "yes-no", "template": "buys", "item_last": True, "regulars": 20,
            "history_events": 0, "visit_events": False,
        },
        arms=ARMS,
    )  # fmt: skip
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(raw))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "open_model", lambda spec, announce: FakeModel(taste=counted))
        options = story.DistillingOptions(
            str(tmp_path / "shop.yaml"), tmp_path / "small", users=USERS
        )
        card = story.distill(options, lambda _: None)
    cells = card["fidelity"]["cells"]
    assert cells["held-out users"]["pearson"] > 0.95, cells
    assert cells["held-out users and items"]["pearson"] > 0.9, cells


@pytest.mark.parametrize("visit", [False, True])
def test_it_says_the_same_after_reading_and_for_any_batch(distilled, visit):
    folder, raw, _ = distilled
    scenario, base = asked(raw, folder)
    histories = read_histories(scenario, base, lambda _: None)
    rng = np.random.default_rng(0)
    pages = [
        Page(
            histories.population.persona(n % USERS),
            tuple(rng.choice(60, 3 + n % 3, replace=False).tolist()),
            clicked=tuple(rng.choice(60, n % 4, replace=False).tolist()),
        )
        for n in range(600)
    ]
    student, _ = read_student(folder / "small")
    choice = SurrogateChoice(replace(student, visit=visit), histories.catalogue)
    together = choice.utilities(pages)
    alone = [choice.utilities([page])[0] for page in reversed(pages)][::-1]
    for one, other in zip(together, alone, strict=True):
        assert one.reason == other.reason
        assert np.array_equal(one.llm, other.llm, equal_nan=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda found: {"trees.left": found["trees.left"] + 10**6}, "trees that lead nowhere"),
        (lambda found: {"trees.feature": found["trees.feature"] * 0 - 1}, "features that there"),
        (lambda _: {"trees.depth": np.array(2**40)}, "trees of no possible depth"),
        (lambda found: {"trees.left": found["trees.left"] * 0}, "trees deeper than they say"),
        (lambda found: {"liking": found["liking"][1:]}, "no liking for each name"),
        (lambda found: {"space.axes": found["space.axes"][:, :1] * np.nan}, "no axes"),
    ],
)
def test_numbers_of_a_stranger_are_not_trusted(distilled, tmp_path, damage, message):
    """The hash in the card fits: whoever writes a surrogate writes both files."""
    folder, _, card = distilled
    found = load_file(folder / "small" / NUMBERS)
    save_file({**found, **damage(found)}, tmp_path / NUMBERS)
    changed = {**card, "numbers": file_hash(tmp_path / NUMBERS)}
    (tmp_path / CARD).write_text(json.dumps(changed))
    with pytest.raises(ModelError, match=message):
        read_student(tmp_path)


def test_a_run_needs_no_language_model_and_says_who_answered(distilled, tmp_path, monkeypatch):
    folder, raw, card = distilled

    def refuse(spec, announce):
        raise AssertionError("no model may be opened")

    monkeypatch.setattr("footfall.answering.opening.open_model", refuse)
    scenario, base = asked(raw, folder)
    first = run(scenario, Options(tmp_path / "one", base))
    second = run(scenario, Options(tmp_path / "two", base, workers=2))
    assert first["parts"] == second["parts"]
    assert first["model"]["name"] == "surrogate of fake"
    assert first["surrogate"]["numbers"] == card["numbers"]
    assert first["choice"]["questions"] == 0 < first["choice"]["pages"]
    assert not (tmp_path / "one" / "decisions.sqlite").exists()
    shown = footfall("compare", str(tmp_path / "one"), cwd=tmp_path)
    assert "A surrogate answered in place of fake" in " ".join(shown.stdout.split())


def test_the_run_of_a_teacher_is_enough_to_learn_from(distilled, tmp_path, monkeypatch):
    folder, raw, _ = distilled
    monkeypatch.setattr(
        "footfall.answering.opening.open_model", lambda spec, announce: FakeModel(taste=taste)
    )
    run(parse_scenario(raw), Options(tmp_path / "run", folder))
    monkeypatch.chdir(folder)
    card = story.distill(
        story.DistillingOptions(str(tmp_path / "run"), tmp_path / "small", users=USERS),
        lambda _: None,
    )
    assert card["teacher"]["name"] == "fake"
    assert card["fidelity"]["cells"]["held-out users"]["pearson"] > 0.95


def test_foreign_items_and_users_get_no_answer_and_are_counted(distilled):
    folder, raw, _ = distilled
    scenario, base = asked(raw, folder)
    histories = read_histories(scenario, base, lambda _: None)
    catalogue, persona = histories.catalogue, histories.population.persona(0)
    titles = ("Cordless drill", *catalogue.titles[1:])
    foreign = replace(catalogue, titles=titles, categories=("hardware", *catalogue.categories[1:]))
    choice = open_choice(scenario.choice, FakeModel(), foreign, base=base)
    once = {name: getattr(persona, name)[:1].repeat(8) for name in ALIGNED}
    stranger = replace(persona, user="s", **{**once, "items": np.zeros(8, np.int32)})
    pages = [Page(persona, (1, 0)), Page(persona, (1, 2)), Page(stranger, (1, 2))]
    near_item, near, far_user = choice.utilities(pages)
    assert near_item.reason == FAR_ITEM
    assert np.isnan(near_item.llm).all()
    assert near.answered
    assert far_user.reason == FAR_USER
    assert choice.diagnostics.unanswered_pages == 2
    assert choice.diagnostics.no_answers == {FAR_ITEM: 1, FAR_USER: 1}


def test_told_to_guess_it_guesses_of_strangers_too(distilled):
    """As the cheap level of two it mends nothing by silence: a visit would end there."""
    folder, raw, _ = distilled
    scenario, base = asked(raw, folder)
    histories = read_histories(scenario, base, lambda _: None)
    foreign = replace(
        histories.catalogue, titles=("Cordless drill", *histories.catalogue.titles[1:])
    )
    persona = histories.population.persona(0)
    pages = [Page(persona, (1, 0)), Page(persona, (1, 2))]
    spec = scenario.choice.model_copy(update={"strangers": "guess"})
    refusing, guessing = (
        open_choice(one, FakeModel(), foreign, base=base).utilities(pages)
        for one in (scenario.choice, spec)
    )
    assert [one.answered for one in refusing] == [False, True]
    assert all(one.answered and np.isfinite(one.llm).all() for one in guessing)
    assert (guessing[1].llm == refusing[1].llm).all()
    with pytest.raises(ValueError, match="strangers belongs to mode surrogate"):
        ChoiceSpec(mode="yes-no", strangers="guess")


def test_lessons_hold_what_arms_show_on_further_pages(distilled):
    """An item of a second page that everybody sees was refused, and two thirds of the visits with
    it."""
    folder, raw, _ = distilled
    scenario, base = asked(raw, folder, arms=ARMS[1:2], control="popular")
    histories = read_histories(scenario, base, lambda _: None)
    pages = pages_to_ask(scenario, histories, base, users=40, announce=lambda _: None)
    first = {frozenset(page.items) for page, _, arm in pages if arm == 0}
    assert len(first) == 1  # popular: the same five for everybody, and then the next five
    drawn = [frozenset(page.items) for page, _, arm in pages if arm == NO_ARM]
    assert drawn[::2] == [drawn[0]] * 40
    assert not drawn[0] & first.pop()


def test_a_wholly_foreign_population_ends_with_status_2(distilled, tmp_path):
    folder, raw, _ = distilled
    shop.write_shop(tmp_path, users=60)
    for name in ("items.csv",):
        text = (tmp_path / name).read_text()
        text = text.replace("Baking thing", "Cordless drill").replace("Fishing thing", "Oak plank")
        text = text.replace(",baking,", ",power tools,").replace(",fishing,", ",timber,")
        (tmp_path / name).write_text(text)
    choice = {"mode": "surrogate", "path": str(folder / "small")}
    (tmp_path / "other.yaml").write_text(
        yaml.safe_dump({**raw, "choice": choice, "population": {"users": 24}})
    )
    done = footfall("run", "other.yaml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "unlike those that the surrogate learned from" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"mode": "surrogate"}, "needs path"),
        ({"path": "small"}, "path belongs to mode surrogate"),
        ({"mode": "surrogate", "path": "small", "history_events": 7}, "history_events was fixed"),
    ],
)
def test_settings_that_do_not_go_together(choice, message):
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(shop.scenario(choice=choice))


def test_damage_is_found(distilled, tmp_path):
    folder, _, _ = distilled
    with pytest.raises(ModelError, match="is missing; make one"):
        read_student(tmp_path)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (folder / "small").glob("surrogate.*"):
        (copy / file.name).write_bytes(file.read_bytes())
    whole = (copy / NUMBERS).read_bytes()
    (copy / NUMBERS).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match="is not the one"):
        read_student(copy)


def test_trees_answer_as_the_library_that_grew_them_does():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(800, 5))
    targets = rows[:, 0] * (rows[:, 1] > 0) + rng.normal(size=800) / 10
    with threadpool_limits(1):
        booster = HistGradientBoostingRegressor(max_iter=40, random_state=0).fit(rows, targets)
    ours = Trees._of(booster)
    leaves = Leaves.of(Trees.of_arrays(ours.arrays()))
    asked = rng.normal(size=(5_000, 5))
    asked[:500] = rng.choice(ours.threshold[np.isfinite(ours.threshold)], (500, 5))
    with threadpool_limits(1):
        expected = booster.predict(asked)
    whole = leaves.sums(leaves.words(range(5), asked.T))
    assert np.allclose(whole, expected, atol=1e-9)
    of_some, of_others = (leaves.words(part, asked[:, part].T) for part in ([3, 0], [1, 2, 4]))
    assert np.array_equal(leaves.sums(of_some & of_others), whole)


@pytest.mark.parametrize("leaves", [2, 8, 9, 16, 17, 33, 64])
def test_trees_of_any_size_answer_as_the_library_does(leaves):
    rng = np.random.default_rng(leaves)
    rows = rng.integers(0, 40, size=(3_000, 3)).astype(float)
    targets = rng.normal(size=3_000)
    with threadpool_limits(1):
        booster = HistGradientBoostingRegressor(
            max_iter=5, max_leaf_nodes=leaves, min_samples_leaf=1, random_state=0
        ).fit(rows, targets)
        expected = booster.predict(rows)
    trees = Leaves.of(Trees._of(booster))
    assert np.allclose(trees.sums(trees.words(range(3), rows.T)), expected, atol=1e-9)


def test_a_tree_of_too_many_leaves_is_refused():
    rng = np.random.default_rng(0)
    with threadpool_limits(1):
        booster = HistGradientBoostingRegressor(
            max_iter=1, max_leaf_nodes=65, min_samples_leaf=1, random_state=0
        ).fit(rng.normal(size=(3_000, 3)), rng.normal(size=3_000))
    with pytest.raises(ValueError, match="more than 64 leaves"):
        Leaves.of(Trees._of(booster))


def test_what_is_known_of_users_is_found_among_all_pages_of_a_batch():
    """What many users took is searched on one line; nobody may get what another one took."""
    rng = np.random.default_rng(0)
    known = [
        Familiarity(
            n,
            {item: Repeat(1 + n, item) for item in rng.choice(9, n % 5, replace=False).tolist()},
            {kind: Repeat(2 + n, kind) for kind in rng.choice(3, n % 3, replace=False).tolist()},
        )
        for n in range(30)
    ]
    items = np.stack([rng.permutation(9)[:4] for _ in known])
    kinds = items % 3
    found = familiar([Taken.of(one, 9) for one in known], items, kinds, 9)
    for n, one in enumerate(known):
        for k, (item, kind) in enumerate(zip(items[n].tolist(), kinds[n].tolist(), strict=True)):
            own, alike = one.items.get(item, (0, 10_000)), one.categories.get(kind, (0, 10_000))
            counts = [np.expm1(column[n, k]) for column in found]
            assert np.allclose(counts, [*own, *alike, 1])


def test_the_card_is_printed_and_is_json(distilled, monkeypatch):
    folder, _, card = distilled
    monkeypatch.setattr(story, "distill", lambda order, announce: card)
    done = footfall("distill", "shop.yaml", "--out", "small", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "held-out users and items" in done.stdout
    assert "use it: choice: {mode: surrogate, path: small}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    done = footfall("distill", "shop.yaml", "--out", "small", "--json", cwd=folder)
    assert json.loads(done.stdout)["lessons"]["users"] == USERS
    assert "learned" not in json.loads(done.stdout)
    assert footfall("distill", "x.yaml", "--out", "few", "--users", "9", cwd=folder).returncode == 2


def test_it_is_a_choice_model_like_any_other(distilled):
    folder, raw, _ = distilled
    scenario, base = asked(raw, folder)
    histories = read_histories(scenario, base, lambda _: None)
    choice = open_choice(
        ChoiceSpec(mode="surrogate", path=str(folder / "small")), FakeModel(), histories.catalogue
    )
    assert isinstance(choice, SurrogateChoice)
    assert choice.utilities([]) == []
    empty = choice.utilities([Page(histories.population.persona(0), ())])[0]
    assert empty.answered
    assert len(empty.llm) == 0
