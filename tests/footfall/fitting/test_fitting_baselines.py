"""Baselines as users: each does what its name says, and each can play in a run."""

import numpy as np
import pytest

from fitting_worlds import cut, grocery
from footfall.behaviour.features import FEATURES, Past
from footfall.choice.protocol import Page
from footfall.errors import ModelError
from footfall.fitting import choice_sets
from footfall.fitting.baselines.choosing import ALONE, ScorerChoice
from footfall.fitting.baselines.neighbours import item_knn, markov
from footfall.fitting.baselines.scorers import BASELINES, baseline, utilities
from footfall.fitting.baselines.sequence import GatedSequence
from footfall.fitting.known import Known
from footfall.fitting.logit import log_scores
from footfall.fitting.stages import StageSpec, divide
from footfall.users.population import Population, PopulationSpec


@pytest.fixture(scope="module")
def shop():
    halves, catalogue = cut(grocery(users=60))
    stages = divide(halves, StageSpec(max_users=None), seed=1)
    known = {
        s.name: Known.of_stage(s, catalogue, halves.remembered.items)
        for s in (stages.fit, stages.test)
    }
    sets = {s.name: choice_sets.shelf(s, catalogue, k=6, seed=2) for s in (stages.fit, stages.test)}
    return halves, catalogue, known, sets


def score(name, shop):
    _, _, known, sets = shop
    model = baseline(name)
    model.fit((known["fit"], sets["fit"]))
    test = sets["test"]
    found = utilities(model, known["test"], test)
    assert found.shape == test.items.shape
    assert np.isfinite(found[test.shown]).all()
    return -log_scores(found, test.shown, test.chosen, outside=test.outside).mean()


def test_households_with_favourites_are_told_by_their_repeats(shop):
    loss = {name: score(name, shop) for name in BASELINES}
    assert loss["uniform"] == pytest.approx(np.log(6))
    for name in ("repeat", "logit", "logistic"):
        assert loss[name] < 0.6 * loss["uniform"], name
    # The fixed favourites are also what follows what, and what goes together.
    for name in ("item-knn", "markov"):
        assert loss[name] < 0.97 * loss["uniform"], name
    assert max(loss.values()) < 1.05 * loss["uniform"]


def _past(sequences, n_users):
    """One visit an item; the last item of a sequence was taken a day ago."""
    rows = [(u, i, float(len(s) - p)) for u, s in enumerate(sequences) for p, i in enumerate(s)]
    users, items, ages = (np.array(column) for column in zip(*rows, strict=True))
    return Past(
        users=users.astype(np.int64),
        items=items.astype(np.int32),
        ages=ages,
        taken=np.ones(len(rows), dtype=bool),
        ratings=np.full(len(rows), np.nan),
        visits=np.array([len(s) for s in sequences]),
    )


def _known(crowd, own, n_items):
    return Known(_past(own, len(own)), _past(crowd, len(crowd)), None, n_items)


def test_item_knn_finds_the_own_club():
    crowd = [[0, 1, 2, 3]] * 20 + [[4, 5, 6, 7]] * 20
    scores = item_knn(_known(crowd, [[0, 1], [6, 7]], 8))
    assert scores[0, 2:4].min() > scores[0, 4:].max()
    assert scores[1, 4:6].min() > scores[1, :4].max()


def test_the_chain_knows_what_follows():
    crowd = [[0, 1, 2, 3, 0, 1, 2, 3, 0]] * 30
    scores = markov(_known(crowd, [[1]], 4))
    assert scores[0].argmax() == 2
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1)


def test_the_network_learns_a_cycle_and_is_the_same_for_the_same_seed():
    crowd = [[(start + step) % 6 for step in range(20)] for start in range(6)] * 20
    known = _known(crowd, [[2, 3], [4, 5, 0]], 6)
    found = []
    for _ in range(2):
        model = GatedSequence(seed=1, epochs=15)
        model.learn((known, None))
        every = np.broadcast_to(np.arange(6, dtype=np.int32), (2, 6))
        found.append(model.columns(known)(np.arange(2), every)[:, :, 0])
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0].argmax(axis=1).tolist() == [4, 1]


def test_a_baseline_plays_in_a_run(shop):
    halves, catalogue, known, sets = shop
    model = baseline("repeat")
    model.fit((known["fit"], sets["fit"]))
    population = Population.draw(halves, catalogue, PopulationSpec(users=5), seed=1)
    before = Known.of_population(population, halves.remembered, catalogue, halves.at)
    choice = ScorerChoice(model.open(before), population)
    pages = [
        Page(persona=population.persona(user), items=tuple(range(user, user + 3 + user)))
        for user in range(5)
    ]
    opinions = choice.utilities(pages)
    assert choice.diagnostics.pages == 5
    counts = [population.purchase_counts(user) for user in range(5)]
    for page, opinion, own in zip(pages, opinions, counts, strict=True):
        assert opinion.answered
        assert len(opinion.llm) == len(page.items)
        expected = model.fitted.coefficients[0] * np.log1p([own.get(i, 0) for i in page.items])
        np.testing.assert_allclose(opinion.llm, expected)
    alone = choice.utilities(pages[3:4])[0].llm
    np.testing.assert_array_equal(alone, opinions[3].llm)
    assert choice.utilities([]) == []
    assert all(getattr(ALONE, name) == 0 for name in FEATURES)


def test_mistakes_are_one_line(shop):
    _, _, known, _ = shop
    with pytest.raises(ModelError, match='did you mean "markov"'):
        baseline("markow")
    model = baseline("gru4rec")
    with pytest.raises(ModelError, match="before it was fitted"):
        model.open(known["test"])
