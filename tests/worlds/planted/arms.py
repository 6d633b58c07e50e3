"""Ten recommenders as an engineer has them, learned from the log before the split, and a leak.

Four come with Footfall; four are tables of slates computed here; two are code that the shop
serves (``served.py``). ``oracle`` ranks by what the users truly like: more than any log
holds. ``leak`` has seen the judged days, which no honest arm has; it is not one of the ten.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from planted.people import Floats, Ints
from planted.policies import Lots, Policy, Ranked
from planted.shop import Shop

ORACLE = "oracle"
LEAK = "leak"
CONTROL = "current"

_CLICKS: dict[str, Any] = {"positive": {"action": "click"}}

_BUILT_IN: dict[str, dict[str, Any]] = {
    "popular": {"kind": "popular", **_CLICKS},
    "item-knn": {"kind": "item-knn", **_CLICKS},
    "als": {"kind": "implicit", "algorithm": "als", "factors": 16, **_CLICKS},
    "random": {"kind": "random"},
}

_SERVED = {
    CONTROL: {"kind": "callable", "target": "served:Current"},
    "profile": {"kind": "callable", "target": "served:ByProfile"},
}

_TABLES = ("rate", "category", "ranker", ORACLE)

TEN = (CONTROL, *_BUILT_IN, "profile", *_TABLES)
"""Names of the arms, the control first."""


def serve(shop: Shop, folder: Path, names: Sequence[str] = TEN) -> list[dict[str, Any]]:
    """Write what the arms need into ``folder`` and return them as a scenario lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).with_name("served.py"), folder / "served.py")
    ids = shop.world.goods.table["sku"].to_numpy(dtype=str)
    customers = shop.world.people.table["customer_id"].to_numpy(dtype=str)
    np.savez_compressed(
        folder / "current.npz",
        items=ids,
        users=customers,
        ranking=shop.old.ranking,
        slate=shop.old.slate,
        keenness=shop.old.keenness,
        luck=shop.old.luck,
    )
    arms = []
    for name in names:
        if name in _TABLES or name == LEAK:
            _write_table(shop, _ranking(shop, name), folder / f"{name}.parquet")
            spec: dict[str, Any] = {"kind": "table", "path": f"{name}.parquet"}
        else:
            spec = (_BUILT_IN | _SERVED)[name]
        arms.append({"name": name, "recommender": spec, **_made_at(shop, name)})
    return arms


def _made_at(shop: Shop, name: str) -> dict[str, str]:
    """Since when an arm that Footfall does not train has learned nothing; the leak tells it."""
    if name in _BUILT_IN:
        return {}
    days = shop.later_days if name == LEAK else 0
    return {"made_at": str((shop.split + pd.Timedelta(days=days)).date())}


def policies(shop: Shop, scenario: Path, names: Sequence[str] = TEN) -> dict[str, Policy]:
    """The same arms as the truth lives under; built-in ones are trained on the whole past.

    Args:
        shop: The planted shop.
        scenario: Its scenario file, written by ``writing.write`` with the arms of ``serve``.
        names: Which arms.
    """
    found: dict[str, Policy] = {}
    trained = _trained(shop, scenario, [name for name in names if name in _NEED_TRAINING])
    for name in names:
        if name == CONTROL:
            found[name] = shop.old
        elif name == "random":
            found[name] = Lots(shop.world.slate)
        elif name in trained:
            found[name] = Ranked(trained[name], shop.world.slate)
        else:
            found[name] = Ranked(_ranking(shop, name), shop.world.slate)
    return found


_NEED_TRAINING = ("popular", "item-knn", "als", "profile")


def _trained(shop: Shop, scenario: Path, names: Sequence[str]) -> dict[str, Ints]:
    """What recommenders that Footfall builds show each user: [n_users, depth] items."""
    # Loading LensKit takes seconds that tests without such arms need not wait for.
    from footfall.datasets.catalogue import Catalogue
    from footfall.datasets.sources import load
    from footfall.datasets.split import split
    from footfall.recommenders import build
    from footfall.recommenders.protocol import Request
    from footfall.scenario.reading import read_scenario

    read = read_scenario(scenario)
    halves = split(load(read.data, scenario.parent), read.split)
    catalogue = Catalogue.from_items(halves.remembered.items, "EUR")
    codes = {sku: code for code, sku in enumerate(shop.world.goods.table["sku"])}
    depth = shop.world.slate * shop.kind.max_pages
    requests = [
        Request(user, 0, 0, halves.at, depth) for user in shop.world.people.table["customer_id"]
    ]
    found = {}
    for arm in read.arms:
        if arm.name in names:
            made = build(arm.recommender, halves, catalogue, base=scenario.parent, seed=read.seed)
            rows = [[codes[item] for item in one.items] for one in made.recommend(requests)]
            found[arm.name] = np.array(rows)
    return found


def _write_table(shop: Shop, ranking: Ints, path: Path) -> None:
    users, depth = ranking.shape
    pd.DataFrame(
        {
            "user": shop.world.people.table["customer_id"].to_numpy().repeat(depth),
            "item": shop.world.goods.table["sku"].to_numpy()[ranking.ravel()],
            "rank": np.tile(np.arange(1, depth + 1), users),
        }
    ).to_parquet(path, index=False)


def _ranking(shop: Shop, name: str) -> Ints:
    """[n_users, depth] of a table arm, best first."""
    scores = {
        "rate": _by_rate,
        "category": _by_category,
        "ranker": _by_ranker,
        ORACLE: _by_truth,
        LEAK: _by_judged_days,
    }[name](shop)
    depth = shop.world.slate * shop.kind.max_pages
    return np.argsort(-scores, axis=1, kind="stable")[:, :depth]


def _counts(shop: Shop, days: range) -> tuple[Floats, Floats]:
    """[n_users, n_items] clicks that the place alone would explain, and clicks."""
    shape = (len(shop.world.people.activity), len(shop.world.goods.launch))
    pages = [page for page in shop.pages if page.day in days]
    by_place = sum(page.clicked.sum(axis=0) for page in pages) / sum(
        len(page.lives) for page in pages
    )
    expected, clicked = np.zeros(shape), np.zeros(shape)
    for page in pages:
        cells = (page.lives[:, None], page.items)
        expected[cells] += by_place
        clicked[cells] += page.clicked
    return expected, clicked


def _by_rate(shop: Shop) -> Floats:
    """Click rates, the same for everybody."""
    expected, clicked = _counts(shop, range(shop.days))
    return np.asarray(np.tile(np.log(_rates(expected, clicked)), (len(expected), 1)))


def _by_category(shop: Shop) -> Floats:
    """Click rates, and each user's own leaning to categories."""
    expected, clicked = _counts(shop, range(shop.days))
    return np.asarray(np.log(_rates(expected, clicked)) + _leanings(shop, expected, clicked))


def _by_ranker(shop: Shop) -> Floats:
    """A learned ranker: yesterday's knowledge regressed on the last two weeks' clicks."""
    taught = max(shop.days - 14, shop.days // 2)
    seen = _knowledge(shop, taught)
    rows, places, labels = [], [], []
    for page in shop.pages:
        if taught <= page.day < shop.days:
            rows.append(seen[page.lives[:, None], page.items].reshape(-1, seen.shape[2]))
            places.append(np.tile(np.arange(shop.world.slate), len(page.lives)))
            labels.append(page.clicked.ravel())
    place = np.concatenate(places)[:, None] == np.arange(1, shop.world.slate)
    lesson = np.column_stack([np.concatenate(rows), place])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    model.fit(lesson, np.concatenate(labels))
    now = _knowledge(shop, shop.days)
    first = np.zeros((now[..., 0].size, shop.world.slate - 1))
    top = np.column_stack([now.reshape(-1, now.shape[2]), first])
    return np.asarray(model.decision_function(top).reshape(now.shape[:2]))


def _knowledge(shop: Shop, day: int) -> Floats:
    """[n_users, n_items, 8] what the log before ``day`` tells of users and items."""
    expected, clicked = _counts(shop, range(day))
    goods = shop.world.goods
    rate, lean = _rates(expected, clicked), _leanings(shop, expected, clicked)
    mean = (clicked @ goods.log_price) / (clicked.sum(axis=1) + 3)
    age = np.maximum(day - goods.launch, 0)
    parts = [
        np.tile(np.log(rate), (len(clicked), 1)),
        lean,
        _singular(expected * rate * _eagerness(expected, clicked) * np.exp(lean), clicked),
        np.tile(np.log(_eagerness(expected, clicked)), (1, clicked.shape[1])),
        np.log1p(clicked),
        np.log1p(expected / expected.mean()),
        np.abs(goods.log_price - mean[:, None]),
        np.tile(np.where(goods.launch > 0, np.exp(-age / 14), 0), (len(clicked), 1)),
    ]
    return np.stack(parts, axis=2)


def _singular(base: Floats, clicked: Floats) -> Floats:
    """What eight singular vectors say of clicks beyond ``base``."""
    surprise = (clicked - base) / np.sqrt(base + 0.1)
    left, size, right = np.linalg.svd(surprise, full_matrices=False)
    return np.asarray((left[:, :8] * np.maximum(size[:8] - size[8], 0)) @ right[:8])


def _rates(expected: Floats, clicked: Floats) -> Floats:
    """[n_items] clicks over what the places explain, shrunk."""
    return np.asarray((clicked.sum(axis=0) + 5) / (expected.sum(axis=0) + 5))


def _eagerness(expected: Floats, clicked: Floats) -> Floats:
    """[n_users, 1] the same of users."""
    own = (clicked.sum(axis=1) + 2) / (expected.sum(axis=1) + 2)
    return np.asarray(own[:, None])


def _leanings(shop: Shop, expected: Floats, clicked: Floats) -> Floats:
    """[n_users, n_items] log of own clicks in the item's category over what is usual, shrunk."""
    of = np.eye(len(shop.kind.words))[shop.world.goods.category]
    base = expected * _rates(expected, clicked) * _eagerness(expected, clicked)
    return np.asarray(np.log((clicked @ of + 4) / (base @ of + 4))[:, shop.world.goods.category])


def _by_truth(shop: Shop) -> Floats:
    """What each user likes as the later days begin; nobody could learn this from a log."""
    users, items = len(shop.world.people.activity), len(shop.world.goods.launch)
    every = np.tile(np.arange(items), (users, 1))
    rows = np.arange(users)
    return shop.world.worth(shop.state, rows, rows, every, shop.days)


def _by_judged_days(shop: Shop) -> Floats:
    """First what the user clicks in the judged days, then click rates."""
    _, clicked = _counts(shop, range(shop.days, shop.days + shop.later_days))
    return np.asarray(_by_rate(shop) + 100 * clicked)
