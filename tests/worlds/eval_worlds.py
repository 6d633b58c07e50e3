"""Planted worlds for the evaluator's tests: run folders whose answer is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from footfall.run_folder.log import IMPRESSIONS, SESSIONS, write_part

START = pd.Timestamp("2024-03-04")
CATEGORIES = ("bread", "milk", "fruit", "tea", "soap")


def items_frame(n_items: int = 20) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [f"i{k:02d}" for k in range(n_items)],
            "title": [f"Item {k} <b>&\"'" for k in range(n_items)],
            "category": [CATEGORIES[k % len(CATEGORIES)] for k in range(n_items)],
            "price": [1.0 + k for k in range(n_items)],
            "popularity": [float(n_items - k) for k in range(n_items)],
        }
    )


def impressions(
    rng: np.random.Generator,
    arm: str,
    users: list[str],
    *,
    click: float = 0.2,
    buy: float = 0.5,
    days: int = 5,
    slate: int = 4,
    items: int = 20,
    tastes: np.ndarray | None = None,
    skew: float = 0.0,
    unanswered: float = 0.0,
) -> pd.DataFrame:
    """One page a visit, one visit a day; ``tastes`` shifts each user's click chance."""
    rows = len(users) * days * slate
    user = np.repeat(np.arange(len(users)), days * slate)
    session = np.tile(np.repeat(np.arange(days), slate), len(users))
    chance = np.clip(click + (0.0 if tastes is None else tastes[user]), 0, 1)
    clicked = rng.random(rows) < chance
    bought = clicked & (rng.random(rows) < buy)
    weight = np.exp(-skew * np.arange(items))
    item = rng.choice(items, rows, p=weight / weight.sum())
    answered = np.repeat(rng.random(rows // slate) >= unanswered, slate)
    price = 1.0 + item
    frame = pd.DataFrame(
        {
            "arm": arm,
            "user": np.array(users)[user],
            "session": session.astype("int32"),
            "page": np.int16(0),
            "position": np.tile(np.arange(slate), rows // slate).astype("int16"),
            "item": np.char.add("i", np.char.zfill(item.astype(str), 2)),
            "time": START + pd.to_timedelta(session, unit="D") + pd.Timedelta(hours=9),
            "price": price.astype(float),
            "score": 1.0 / (1 + item),
            "propensity": np.nan,
            "llm": rng.normal(size=rows) + clicked,
            "utility": rng.normal(size=rows),
            "p_examine": 0.9,
            "p_click": chance,
            "p_buy": buy,
            "answered": answered,
            "team": None,
        }
    )
    for name, value in (("examined", True), ("clicked", clicked), ("bought", bought)):
        frame[name] = pd.array(np.broadcast_to(value, rows).copy(), dtype="boolean")
        frame.loc[~answered, name] = pd.NA
    frame["value"] = np.where(bought & answered, price, 0.0)
    frame.loc[~answered, "llm"] = np.nan
    return frame


def sessions_of(shown: pd.DataFrame) -> pd.DataFrame:
    """The visits that belong to these impressions."""
    grouped = shown.groupby(["arm", "user", "session"], sort=True)
    visits = grouped.agg(
        start=("time", "min"),
        end=("time", "max"),
        pages=("page", "nunique"),
        impressions=("item", "size"),
        clicks=("clicked", "sum"),
        purchases=("bought", "sum"),
        value=("value", "sum"),
        answered=("answered", "all"),
    ).reset_index()
    visits["ended"] = np.where(visits.pop("answered"), "left", "no answer")
    return visits


def table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def write_run(
    folder: Path,
    shown: pd.DataFrame,
    *,
    users: pd.DataFrame | None = None,
    manifest: dict | None = None,
    parts: int = 1,
) -> Path:
    """A run folder as ``footfall run`` leaves it."""
    shown = shown.sort_values(["arm", "user", "session", "page", "position"])
    names = sorted(shown["user"].unique())
    for number, some in enumerate(np.array_split(names, parts)):
        part = shown[shown["user"].isin(some)]
        file = f"epoch=0000-shard={number:04d}.parquet"
        write_part(table(part, IMPRESSIONS), folder / "impressions" / file)
        write_part(table(sessions_of(part), SESSIONS), folder / "sessions" / file)
    items_frame().to_parquet(folder / "items.parquet")
    (pd.DataFrame({"user": names}) if users is None else users).to_parquet(folder / "users.parquet")
    arms = list(dict.fromkeys(shown["arm"]))
    basic = {
        "status": "finished",
        "scenario": {
            "name": "planted",
            "arms": [{"name": arm} for arm in arms],
            "control": arms[0],
            "design": "paired",
        },
        "users": len(names),
        "items": "items.parquet",
        "users_table": "users.parquet",
    }
    text = json.dumps({**basic, **(manifest or {})})
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    return folder


def planted_run(folder: Path, *, n: int = 300, seed: int = 1, **options) -> Path:
    """Two arms over the same users; ``better`` clicks at .3, ``base`` at .2."""
    rng = np.random.default_rng(seed)
    users = [f"u{k:04d}" for k in range(n)]
    tastes = rng.normal(0, 0.08, n)
    shown = pd.concat(
        [
            impressions(rng, "base", users, click=0.2, tastes=tastes, skew=0.2),
            impressions(rng, "better", users, click=0.3, tastes=tastes),
        ]
    )
    return write_run(folder, shown, **options)
