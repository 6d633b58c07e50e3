"""What a run is made of, for its manifest: data, model, code, and what was only assumed."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from footfall import manifest
from footfall.behaviour import BehaviourSpec
from footfall.fitting.features import best_rating, taken
from footfall.llm.protocol import LanguageModel
from footfall.scenario import Scenario

if TYPE_CHECKING:
    from footfall.run import Histories

SOURCES = {
    "habits.examination": "position-based model; 1 is usual for search results "
    "(Joachims, Swaminathan and Schnabel, WSDM 2017), 0 reads everything",
    "habits.gap_days": "used only for users whose history tells no gap of their own",
}
"""Where defaults come from that have a source; the others are round numbers."""


CIRCULAR = (
    "circular: too few real users are left over, so what simulated users find popular is counted "
    "among the users that the recommenders learned from; popular items are flattered"
)


def describe(
    scenario: Scenario, histories: Histories, model: LanguageModel | None
) -> dict[str, Any]:
    """The manifest of a run that is about to start."""
    dataset, population = histories.dataset, histories.population
    return {
        "footfall": manifest.versions().get("footfall", "unknown"),
        "status": "running",
        "stopped": "",
        "scenario": scenario.model_dump(mode="json"),
        "users": len(population),
        "population": population.counts,
        "dataset": {
            **dataset.summary(),
            "split": str(histories.split.at),
            "about": dataset.about,
            "licence": dataset.licence,
        },
        "model": None
        if model is None
        else {"name": model.name, "fingerprint": model.fingerprint.hex()},
        "coefficients": scenario.behaviour.click.model_dump(),
        "fitted": scenario.behaviour.sources,
        "assumptions": assumptions(scenario.behaviour),
        "warnings": warnings(histories),
        "items": "items.parquet",
        "users_table": "users.parquet",
        "held_out": "held_out.parquet",
        "recorded": {
            "versions": manifest.versions(),
            "hashes": {
                "scenario": scenario.digest(),
                "data": data_hash(histories),
                "code": code_hash("footfall", ".py"),
                "prompts": code_hash("footfall.prompts", ".j2"),
            },
        },
        "parts": {},
    }


def assumptions(spec: BehaviourSpec) -> list[dict[str, Any]]:
    """Every number of the behaviour that no data has spoken for."""
    rows = []
    groups: tuple[Literal["click", "buy", "habits"], ...] = ("click", "buy", "habits")
    for group in (group for group in groups if group not in spec.sources):
        for name, value in getattr(spec, group).model_dump().items():
            source = SOURCES.get(f"{group}.{name}", "a round number; fit it to your own data")
            rows.append({"name": f"{group}.{name}", "value": value, "unit": "", "source": source})
    return rows


def warnings(histories: Histories) -> list[str]:
    """What a reader of the result must know before believing it."""
    if not histories.apart.circular:
        return []
    return [CIRCULAR]


def users_table(histories: Histories) -> pd.DataFrame:
    """One row a simulated user: id, profile, and habits of the remembered period."""
    population = histories.population
    return pd.DataFrame(
        {"user": population.users, "cold": population.cold, **population.profiles}
    ).join(population.habits.add_prefix("before_"))


def items_table(histories: Histories) -> pd.DataFrame:
    """One row an item; ``popularity``: remembered takings a thousand remembered users."""
    remembered = histories.split.remembered
    events = remembered.interactions
    takings = events.loc[taken(events, best_rating(events)), "item"].value_counts()
    users = max(1, events["user"].nunique())
    items = remembered.items[["item", "title", "category", "price"]]
    popularity = items["item"].map(takings).fillna(0.0).astype(float) * 1000.0 / users
    return items.assign(popularity=popularity)


def held_out_table(histories: Histories) -> pd.DataFrame:
    """What the simulated users really took after the split: ``user``, ``item``, each pair once.

    For the evaluator only, which holds recommenders against it; the world never reads it.
    Copies of a user have no rows: they are the same real person.
    """
    events = histories.split.held_out
    best = best_rating(histories.split.remembered.interactions)
    real = events["user"].isin(set(histories.population.users))
    rows = events.loc[real & taken(events, best), ["user", "item"]]
    return rows.drop_duplicates().sort_values(["user", "item"], ignore_index=True)


def data_hash(histories: Histories) -> str:
    """SHA-256 over the remembered interactions and the items, in canonical order."""
    digest = hashlib.sha256()
    for frame in (histories.split.remembered.interactions, histories.split.remembered.items):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def code_hash(package: str, ending: str) -> str:
    """SHA-256 over the package's own files, so that a result names the code that made it."""
    digest = hashlib.sha256()
    for name, entry in sorted(_walk(files(package), "")):
        if name.endswith(ending):
            digest.update(name.encode() + b"\0" + entry.read_bytes())
    return digest.hexdigest()


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        found += _walk(entry, f"{name}/") if entry.is_dir() else [(name, entry)]
    return found
