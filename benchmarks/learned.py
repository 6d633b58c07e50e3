"""What a language model knows of users whom nobody learned from, with an adapter or without.

    python benchmarks/learned.py [SCENARIO] [--adapter NAME|none] [--users 300] [--save FILE]

Real choices after the scenario's split, by users whom ``footfall validate`` tests too: an item
that was taken against one about as popular that was not (``footfall.fitting.matched``). Printed
with 95% intervals over users: AUC of the model's bare answer, on all items and on those that the
user had never taken; its calibration before anything was fitted; and, from ten folds over users,
what it adds to own frequency and popularity, and to all that the question tells: counts of item
and category, and what users alike take.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from footfall.answering.opening import open_choice, pages_at_once
from footfall.choice.feeding import weigh
from footfall.choice.protocol import Page
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.ground import Ground, lay
from footfall.fitting.sets import of_stage
from footfall.llm.opening import open_model
from footfall.llm.store import AnswerStore, StoredModel
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario
from footfall.users.familiarity import Familiarity, Repeat
from footfall.users.population import Persona
from footfall_eval.blocks.calibration import expected_calibration_error

Floats = npt.NDArray[np.float64]

Figure = Callable[[npt.NDArray[np.int64]], float]
"""A figure of some of the rows, by place."""

DRAWS = 500
COUNTED = ("own", "own_ago", "kind", "kind_ago", "orders", "popularity", "affinity")
SIMPLE = ("own", "popularity")


@dataclass(frozen=True)
class Asked:
    """Questions, one a row, and the truth."""

    rows: pd.DataFrame
    """Columns ``user``, ``item``, ``taken``, ``new``, ``COUNTED``."""
    pages: list[Page]
    """One a choice set, its items in the order of the rows."""


def questions(ground: Ground, sets: ChoiceSets) -> Asked:
    """Rows with everything that can be counted before the choice."""
    stage, catalogue = ground.stages.test, ground.catalogue
    population = ground.population(stage)
    crowd = catalogue.codes(stage.crowd[stage.liked(stage.crowd)]["item"])
    popular = np.bincount(crowd, minlength=len(catalogue))
    _, kinds = np.unique(np.asarray(catalogue.categories, dtype=str), return_inverse=True)
    who: dict[int, tuple[Persona, Familiarity]] = {}
    rows, pages = [], []
    for user, items, chosen in zip(sets.users.tolist(), sets.items, sets.chosen, strict=True):
        if user not in who:
            persona = population.persona(population.index(sets.names[user]))
            who[user] = persona, Familiarity.of(persona, kinds)
        persona, known = who[user]
        shown = [(place, int(item)) for place, item in enumerate(items) if item >= 0]
        pages.append(Page(persona, tuple(item for _, item in shown)))
        for place, item in shown:
            own = known.items.get(item, Repeat(0, 999))
            kind = known.categories.get(int(kinds[item]), Repeat(0, 999))
            counts = (*own, *kind, known.orders, popular[item], known.affinity(item))
            rows.append((user, item, place == chosen, own.orders == 0, *counts))
    return Asked(pd.DataFrame(rows, columns=["user", "item", "taken", "new", *COUNTED]), pages)


def answers(scenario: Scenario, base: Path, asked: Asked, ground: Ground, store: Path) -> Floats:
    """[n_rows] the model's log-odds."""
    model = open_model(scenario.model, announce=print)
    with AnswerStore(store) as kept:
        choice = open_choice(scenario.choice, StoredModel(model, kept), ground.catalogue, base=base)
        size = pages_at_once(scenario.model, scenario.choice)
        batches = [asked.pages[i : i + size] for i in range(0, len(asked.pages), size)]
        return np.concatenate([one.llm for batch in weigh(choice, batches) for one in batch])


def learned(rows: pd.DataFrame, columns: Sequence[str], *, trees: bool) -> Floats:
    """[n_rows] chance of being taken, each user's from the nine tenths of the others."""
    features = rows[list(columns)].astype(float)
    if trees:
        model = HistGradientBoostingClassifier(
            max_iter=120, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=60, random_state=0
        )
    else:
        counts = [name for name in columns if name != "llm"]
        features[counts] = np.log1p(features[counts])
        model = make_pipeline(StandardScaler(), LogisticRegression())
    folds = GroupKFold(10)
    found = cross_val_predict(
        model, features, rows["taken"], groups=rows["user"], cv=folds, method="predict_proba"
    )
    return np.asarray(found[:, 1], dtype=np.float64)


def interval(rows: pd.DataFrame, value: Figure) -> str:
    """A figure of rows, with its bootstrap interval over users."""
    places = [part.to_numpy() for _, part in rows.reset_index().groupby("user")["index"]]
    rng = np.random.default_rng(0)
    drawn = [
        value(np.concatenate([places[i] for i in rng.integers(len(places), size=len(places))]))
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{value(np.arange(len(rows))):+.4f} [{low:+.4f}, {high:+.4f}]"


def report(rows: pd.DataFrame) -> None:
    """Print every figure."""
    rows = rows.reset_index(drop=True)
    taken, llm = rows["taken"].to_numpy(), rows["llm"].to_numpy()
    new = rows[rows["new"]].reset_index(drop=True)
    chance = 1 / (1 + np.exp(-llm))
    share = f"{len(rows):,}, {rows['user'].nunique()}, {rows['new'].mean():.2f}"
    say("questions, users, share new", share)
    say("AUC of the model alone", interval(rows, auc(rows, llm)))
    say("AUC of the model alone, new items", interval(new, auc(new, new["llm"].to_numpy())))
    say(
        "ECE before calibration",
        interval(rows, lambda at: expected_calibration_error(chance[at], taken[at] * 1.0)),
    )
    compare(rows, "own frequency and popularity", SIMPLE, trees=False)
    compare(rows, "all that is told, boosted trees", COUNTED, trees=True)


def compare(rows: pd.DataFrame, name: str, columns: Sequence[str], *, trees: bool) -> None:
    """What the model adds to these columns."""
    taken = rows["taken"].to_numpy()
    without = learned(rows, columns, trees=trees)
    with_it = learned(rows, [*columns, "llm"], trees=trees)
    before, after = auc(rows, without), auc(rows, with_it)
    gain = log_chance(with_it, taken) - log_chance(without, taken)
    say(f"AUC of {name}", interval(rows, before))
    say("  and the model", interval(rows, after))
    say("  difference of AUC", interval(rows, lambda at: after(at) - before(at)))
    say("  gain of log-likelihood, nats a question", interval(rows, lambda at: gain[at].mean()))


def auc(rows: pd.DataFrame, score: Floats) -> Figure:
    """Area under the ROC curve of a score of these rows."""
    truth = rows["taken"].to_numpy()
    return lambda at: float(roc_auc_score(truth[at], score[at]))


def say(name: str, text: str) -> None:
    """One line of the table."""
    print(f"{name:<44}{text}", flush=True)


def log_chance(chance: Floats, taken: npt.NDArray[np.bool_]) -> Floats:
    """Log of the chance of what happened."""
    return np.asarray(np.log(np.where(taken, chance, 1 - chance)), dtype=np.float64)


def main() -> None:
    """Ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("scenario", nargs="?", default="demo")
    parser.add_argument("--adapter", help='another than the scenario\'s; "none": without')
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--protocol", default="matched")
    parser.add_argument("--store", type=Path, default=Path("learned.sqlite"))
    parser.add_argument("--save", type=Path, help="rows with the model's answers, Parquet")
    options = parser.parse_args()
    scenario, base = read_scenario(options.scenario), folder_of(options.scenario)
    if options.adapter is not None:
        name = None if options.adapter == "none" else options.adapter
        changed = scenario.model.model_copy(update={"adapter": name})
        scenario = scenario.model_copy(update={"model": changed})
    ground = lay(scenario, base, users=options.users, announce=print)
    sets = of_stage(ground, ground.stages.test, options.protocol, seed=scenario.seed)
    asked = questions(ground, sets)
    print(json.dumps(scenario.model.model_dump(mode="json", exclude_unset=True)))
    rows = asked.rows.assign(llm=answers(scenario, base, asked, ground, options.store))
    print(f"without an answer: {int(rows['llm'].isna().sum())}")
    if options.save:
        rows.to_parquet(options.save)
    if rows["llm"].isna().all():
        raise SystemExit("the model answered nothing: hardly a yes or a no behind this prompt")
    report(rows[rows["llm"].notna()])


if __name__ == "__main__":
    main()
