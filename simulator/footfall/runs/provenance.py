"""What a run is made of, for its manifest: data, model, code, and what was only assumed."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from footfall.answering.stand_in import StandIn
from footfall.behaviour.specs import BehaviourSpec
from footfall.datasets.item_images import COLUMN as IMAGE
from footfall.datasets.takings import best_rating, taken
from footfall.errors import LogError
from footfall.llm.protocol import LanguageModel
from footfall.prompting.untrusted import Cleaner, Inspection, inspect
from footfall.recommenders.audit import EXAMPLES
from footfall.run_folder import manifest
from footfall.run_folder.layout import HELD_OUT, ITEMS, MANIFEST, REMEMBERED, USERS
from footfall.run_folder.warned import Warned
from footfall.scenario.scenario import Scenario
from footfall.world.actions.specs import ActionsSpec

if TYPE_CHECKING:
    from footfall.runs.histories import Histories

SOURCES = {
    "habits.examination": "position-based model; 1 is usual for search results "
    "(Joachims, Swaminathan and Schnabel, WSDM 2017), 0 reads everything",
    "actions.cart.abandoned": "mean of 50 studies of online carts (Baymard Institute)",
    "habits.gap_days": "used only for users whose history tells no gap of their own",
}
"""Where defaults come from that have a source; the others are round numbers."""


CIRCULAR = (
    "circular: too few real users are left over, so what simulated users find popular is counted "
    "among the users that the recommenders learned from; popular items are flattered"
)


NEWEST = 12
"""Remembered events of a user that a run keeps beside its log."""

_SHOWN = ["user", "item", "action", "time"]


def describe(
    scenario: Scenario, histories: Histories, model: LanguageModel | None
) -> dict[str, Any]:
    """The manifest of a run that is about to start."""
    dataset, population = histories.dataset, histories.population
    texts = None if model is None else inspect_texts(scenario, histories, model)
    return {
        "footfall": manifest.versions().get("footfall", "unknown"),
        "status": "running",
        "reason": "",
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
        else {
            "name": model.name,
            "fingerprint": model.fingerprint.hex(),
            **getattr(model, "about", {}),  # what a server says of itself
        },
        "asked": None
        if model is None
        else {"block_size": model.block_size, "max_prompt_tokens": model.max_prompt_tokens},
        "surrogate": model.provenance() if isinstance(model, StandIn) else None,
        "presentations": list(histories.presentations.about),
        "kinds": histories.presentations.kinds,
        "coefficients": scenario.behaviour.click.model_dump(),
        "fitted": scenario.behaviour.sources,
        "assumptions": [*assumptions(scenario.behaviour), *assumed_acts(scenario.actions)],
        "warnings": [one.kept() for one in warnings(scenario, histories, model, texts)],
        "texts": {} if texts is None else texts.as_dict(),
        "images": images_shown(scenario, histories),
        "items": ITEMS,
        "users_table": USERS,
        "held_out": HELD_OUT,
        "remembered": REMEMBERED,
        "recorded": {
            "versions": manifest.versions(),
            "hashes": {
                "scenario": scenario.digest(),
                "data": data_hash(histories),
                "code": code_hash("footfall", ".py"),
                "prompts": code_hash("footfall.prompts", ".j2"),
            },
        },
        "attempts": [],
        "parts": {},
        "tables": {},
    }


def assumptions(spec: BehaviourSpec) -> list[dict[str, Any]]:
    """Every number of the behaviour that no data has spoken for."""
    rows = []
    groups: tuple[Literal["click", "buy", "habits"], ...] = ("click", "buy", "habits")
    for group in (group for group in groups if group not in spec.sources):
        for name, value in getattr(spec, group).model_dump().items():
            source = SOURCES.get(f"{group}.{name}", "a round number; fit it to your own data")
            rows.append({"name": f"{group}.{name}", "value": value, "unit": "", "source": source})
    if "click" not in spec.sources:
        rows += [_assumed(f"spread.{name}", value) for name, value in spec.spread.items()]
    if spec.mood is not None:
        rows += [_assumed(f"mood.{name}", value) for name, value in spec.mood.model_dump().items()]
    return rows


def assumed_acts(actions: ActionsSpec) -> list[dict[str, Any]]:
    """Every number of what users do beside clicking and buying; none of them is fitted."""
    named = actions.model_dump(exclude_none=True, exclude={"reasons"})
    return [
        _assumed(f"actions.{act}.{name}", value)
        for act, options in named.items()
        for name, value in options.items()
        if isinstance(value, int | float)
    ]


def _assumed(name: str, value: float) -> dict[str, Any]:
    source = SOURCES.get(name, "a round number; fit it to your own data")
    return {"name": name, "value": value, "unit": "", "source": source}


def inspect_texts(scenario: Scenario, histories: Histories, model: LanguageModel) -> Inspection:
    """What the catalogue's titles and categories would do to a prompt, counted once each."""
    items = histories.catalogue
    named = dict(zip(items.categories, items.ids, strict=True))
    pairs = [*zip(items.ids, items.titles, strict=True)]
    pairs += [(f"{item} (category)", category) for category, item in named.items() if category]
    cleaner = Cleaner(model.tokenizer.control_tokens)
    return inspect(pairs, cleaner, scenario.choice.max_title_chars)


def warnings(
    scenario: Scenario,
    histories: Histories,
    model: LanguageModel | None,
    texts: Inspection | None,
) -> list[Warned]:
    """What a reader of the result must know before believing it."""
    choice, adapted = scenario.choice, scenario.model.adapter is not None
    hidden = choice.suspects == "hide"
    found = [Warned("circular", CIRCULAR if histories.apart.circular else "")]
    found.append(Warned("surrogate", model.caution() if isinstance(model, StandIn) else ""))
    said = "" if texts is None else texts.warning(choice.mode, hidden=hidden, adapted=adapted)
    found.append(Warned("texts", said))
    without = images_shown(scenario, histories).get("without", 0)
    told = (
        f"{without} of {len(histories.catalogue)} items have no image: only their title was told."
    )
    found.append(Warned("images", told if without else ""))
    found += [Warned("data", doubt) for doubt in histories.dataset.doubts()]
    return [warning for warning in found if warning.text]


def images_shown(scenario: Scenario, histories: Histories) -> dict[str, int]:
    """How many items the model is shown with their image, and how many have none."""
    if not scenario.choice.images:
        return {}
    images = histories.catalogue.images
    shown = sum(image is not None for image in images)
    return {"shown": shown, "without": len(histories.catalogue) - shown}


def users_table(histories: Histories) -> pd.DataFrame:
    """One row a simulated user: id, profile, and habits of the remembered period."""
    population = histories.population
    return pd.DataFrame(
        {"user": population.users, "cold": population.cold, **population.profiles}
    ).join(population.habits.add_prefix("before_"))


def items_table(histories: Histories) -> pd.DataFrame:
    """One row an item; ``popularity``: remembered takings a thousand remembered users.

    Images go by their SHA-256.
    """
    remembered = histories.split.remembered
    events = remembered.interactions
    takings = events.loc[taken(events, best_rating(events)), "item"].value_counts()
    users = max(1, events["user"].nunique())
    kept = [
        name for name in ("item", "title", "category", "price", IMAGE) if name in remembered.items
    ]
    items = remembered.items[kept]
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


def remembered_table(histories: Histories) -> pd.DataFrame:
    """The newest events that each user remembers, newest first: user, item, action, time.

    At most ``NEWEST`` a user, for people who look at a user; copies of a user have no rows.
    """
    events = histories.split.remembered.interactions
    rows = events.loc[events["user"].isin(set(histories.population.users)), _SHOWN]
    newest = rows.sort_values(["user", "time"], ascending=[True, False], kind="stable")
    return newest.groupby("user", sort=False).head(NEWEST).reset_index(drop=True)


def data_hash(histories: Histories) -> str:
    """SHA-256 over the remembered interactions, the items, and what is shown otherwise."""
    digest = hashlib.sha256()
    for frame in (histories.split.remembered.interactions, histories.split.remembered.items):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    shown = histories.presentations
    for words in [] if shown.arms is None else [shown.arms.appeal, shown.arms.price]:
        digest.update(words.tobytes())
    for one in shown.days:
        digest.update(one.appeal.tobytes())
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


def added(before: Any, now: Any) -> Any:
    """Counts of two attempts at one run as one: numbers add up, lists of examples are joined."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        return {key: added(before.get(key), now.get(key)) for key in keys}
    if before is None or now is None:
        return now if before is None else before
    if isinstance(before, list) and isinstance(now, list):
        return (before + now)[:EXAMPLES]
    if not isinstance(before, int | float) or not isinstance(now, int | float):
        raise LogError(
            f"{MANIFEST}: the faults of earlier attempts are not counts; {manifest.CHANGED}"
        )
    return before + now
