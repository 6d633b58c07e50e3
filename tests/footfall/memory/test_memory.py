"""What comes to mind: recent, relevant, lived through in the run, and summed up."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import shop
from footfall.answering.opening import open_choice
from footfall.choice.memory_specs import MemorySpec
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import ScenarioError
from footfall.llm.fake import FakeModel
from footfall.memory.recall import Recall
from footfall.memory.similarity import open_similarity
from footfall.options import Options
from footfall.run_folder.log import file_hash
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall.users.moments import Moment
from remembered_world import CATALOGUE, NOW, persona

pytestmark = pytest.mark.slow


def recalled(items, slate, every_days=1, **spec):
    memory = MemorySpec(**spec)
    recall = Recall(memory, open_similarity(memory.similarity, CATALOGUE))
    page = Page(persona(items, every_days=every_days), tuple(slate), time=NOW)
    return recall.persona(page).items.tolist()


def test_the_newest_events_are_always_there():
    assert recalled([0, 1, 2, 3, 4], [5], recent=2) == [3, 4]
    assert recalled([0, 1, 2, 3, 4], [5], recent=9) == [0, 1, 2, 3, 4]


def test_what_is_like_the_page_comes_to_mind_though_it_is_old():
    history = [0, 3, 2, 2, 2, 2]
    assert recalled(history, [1], recent=2, retrieved=1) == [0, 2, 2]
    assert recalled(history, [4], recent=2, retrieved=1) == [3, 2, 2]


def test_an_item_comes_to_mind_once_and_in_order():
    assert recalled([0, 0, 1, 0, 3, 2], [5], recent=1, retrieved=3) == [1, 0, 3, 2]


def test_old_memories_fade():
    fresh = {"recent": 1, "retrieved": 1, "half_life_days": 1.0}
    # Oat milk is as like whole milk as it was, but cheese (a word of its kind) is 200 days newer.
    assert recalled([0, 5, 2], [1], every_days=100, **fresh) == [5, 2]
    assert recalled([0, 5, 2], [1], every_days=100, **{**fresh, "half_life_days": None}) == [0, 2]


def test_embeddings_know_that_cheese_is_nearer_to_milk_than_a_hose_without_shared_words():
    pytest.importorskip("all_minilm_l6_v2")
    bare = dataclasses.replace(CATALOGUE, categories=("",) * 6)
    similarity = open_similarity("sentences", bare)
    near = similarity.nearest(np.array([5, 3]), np.array([1]))
    assert near[0] > near[1] + 0.1
    assert open_similarity("words", bare).nearest(np.array([5, 3]), np.array([1])).tolist() == [
        0,
        0,
    ]


def knows(title):
    """A model that says Yes to everything if and only if ``title`` is in the prompt."""
    return FakeModel(taste=lambda prefix, item: 3.0 if title in prefix else -3.0)


def asked(model, page, **memory):
    spec = ChoiceSpec(mode="yes-no", memory=MemorySpec(**memory))
    return open_choice(spec, model, CATALOGUE).utilities([page])[0]


def test_the_model_sees_what_was_retrieved_and_not_what_was_forgotten():
    page = Page(persona([0, 2, 2, 2, 2]), (1, 3), time=NOW)
    model = knows("Oat milk")
    assert (asked(model, page, recent=3).llm < -2).all()
    assert (asked(model, page, recent=3, retrieved=1).llm > 2).all()


def test_purchases_of_earlier_visits_of_the_run_are_remembered_if_wanted():
    lived = (Moment(session=0, seconds=0.0, item=4, quantity=1.0, value=2.0),)
    page = Page(persona([2]), (1,), time=NOW, session=1, clock=86_400.0, lived=lived)
    assert asked(knows("Tulip bulbs"), page).llm[0] > 2
    assert asked(knows("Tulip bulbs"), page, simulated=False).llm[0] < -2


def dairy(prefix, item):
    """Milk drinkers sum up that they like dairy, and whoever is told so says yes."""
    if item.strip() == "Dairy":
        return 2.0 if "milk" in prefix else 0.0
    return 3.0 if "likes: Dairy" in prefix else -3.0


def test_a_summary_names_what_the_history_makes_likelier_and_reaches_the_prompt():
    page = Page(persona([0, 1, 0]), (3,), time=NOW)
    told = asked(FakeModel(taste=dairy), page, recent=0, reflection={"words": 1})
    assert told.summary == "Dairy"
    assert told.llm[0] > 2
    assert asked(FakeModel(taste=dairy), page, recent=0).llm[0] < -2


def test_a_new_version_is_made_every_few_visits_of_what_happened_before():
    likes = FakeModel(
        taste=lambda prefix, item: 2.0 * ("Garden hose" in prefix) * ("Garden" in item)
    )
    lived = (Moment(session=1, seconds=0.0, item=3, quantity=1.0, value=2.0),)
    texts = {}
    for session in (1, 2, 3, 4):
        page = Page(persona([0]), (1,), time=NOW, session=session, clock=9e5, lived=lived)
        memory = {"reflection": {"words": 1, "every": 2}}
        texts[session] = asked(likes, page, **memory).summary
    assert texts[2] == texts[4] == "Garden"  # made for these visits, after the purchase
    assert texts[1] == texts[3] == ""  # the version made for the visit before still holds


def test_without_an_answer_to_the_reflection_there_is_no_answer():
    page = Page(persona([0]), (1,), time=NOW)
    told = asked(FakeModel(fail_one_in=1), page, reflection={})
    assert not told.answered
    assert told.reason.startswith("reflection: ")


def test_somebody_without_a_past_has_no_summary_and_is_still_asked():
    page = Page(persona([]), (1,), time=NOW)
    told = asked(FakeModel(), page, reflection={})
    assert told.answered
    assert told.summary == ""


def test_a_summary_of_items_without_categories_is_refused():
    bare = dataclasses.replace(CATALOGUE, categories=("",) * 6)
    spec = ChoiceSpec(memory=MemorySpec(reflection={}))
    with pytest.raises(ScenarioError, match="these items have none"):
        open_choice(spec, FakeModel(), bare)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


def test_a_run_with_memory_is_the_same_for_any_number_of_workers(base, tmp_path):
    memory = {"recent": 5, "retrieved": 2, "reflection": {"every": 2}}
    scenario = parse_scenario(shop.scenario(choice={"memory": memory}))
    hashes = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        run(scenario, Options(out, base=base, workers=workers))
        hashes.append({p.relative_to(out): file_hash(p) for p in out.rglob("epoch=*.parquet")})
    assert hashes[0] == hashes[1]
    events = pd.read_parquet(tmp_path / "1" / "events")
    assert set(events["action"]) == {"reflect"}
    assert (events["session"] % 2 == 0).all()
    assert (events["page"] == 0).all()
    assert events["text"].str.contains("baking|fishing").all()
    impressions = pd.read_parquet(tmp_path / "1" / "impressions")
    visits = impressions[["arm", "user", "session"]].drop_duplicates()
    assert len(events) == (visits["session"] % 2 == 0).sum()
