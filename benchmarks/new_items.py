"""Who foresees the takers of new items in planted shops, and how well anybody could by their words.

    python benchmarks/new_items.py [--kinds media,grocery] [--seed 2] [--users 250] [--states]
        [--out FOLDER]

Each shop is planted and judged by ``footfall validate --protocol new-items``; with ``--states`` the
embedded language model reads the titles as well. Under its table stand two ceilings, on the very
same slates: the AUC of somebody who knows what each user truly feels for the words of a title (the
styles that titles name, which are the signs of an item's two strongest factors), and of somebody
who knows the whole utility. Where the first is hardly above a half, no text model can win.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from footfall.fitting.ground import Ground, lay
from footfall.scenario.reading import read_scenario
from footfall_eval.blocks.terminal import print_new_items
from footfall_lab.validation.newitems.hiding import NewItemSlates, clicked, parts_of, put_before
from footfall_lab.validation.newitems.judging import slate_aucs
from footfall_lab.validation.newitems.story import foresee_takers
from footfall_lab.validation.study import ValidationOptions

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "worlds"))

from planted import Shop, plant, write
from planted.people import liking

Floats = npt.NDArray[np.float64]


def tell(line: str) -> None:
    """Progress goes to stderr."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Plant, judge, and print a table and its ceilings for each kind of shop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", default="media,grocery")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--users", type=int, default=250)
    parser.add_argument("--states", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/new-items"))
    given = parser.parse_args()
    for kind in given.kinds.split(","):
        folder = given.out / f"{kind}-{given.seed}"
        shop = plant(kind, given.seed)
        scenario = read_scenario(write(shop, folder))
        if not given.states:
            model = scenario.model.model_copy(update={"name": "none"})
            scenario = scenario.model_copy(update={"model": model})
        ground = lay(scenario, folder, users=given.users, announce=tell)
        options = ValidationOptions(out=folder, base=folder, users=given.users, questions=0)
        print(f"\n{kind}, seed {given.seed}")
        print_new_items(foresee_takers(ground, options, None, tell))
        print(ceilings(shop, ground))


def ceilings(shop: Shop, ground: Ground) -> str:
    """AUC of who knows each user's taste for the words, and of who knows the whole utility."""
    test = clicked(ground.stages.test)
    parts = parts_of(ground.catalogue, ground.scenario.seed)
    slates = [put_before(test, new, (), ground.catalogue, ground.scenario.seed) for new in parts]
    whole = liking(shop.kind, shop.world.people, shop.world.goods, shop.days)
    found = {
        "taste for the words": by_the_words(shop),
        "the whole utility": whole,
    }
    lines = [f"{name} {mean_auc(shop, ground, slates, known):.3f}" for name, known in found.items()]
    return "who knows: " + ", ".join(lines)


def by_the_words(shop: Shop) -> Floats:
    """[n_users, n_items] true taste for the two styles that a title names."""
    factors = shop.world.goods.factors
    strongest = np.argsort(-np.abs(factors), axis=1, kind="stable")[:, :2]
    named = np.zeros_like(factors)
    rows = np.arange(len(factors))[:, None]
    named[rows, strongest] = np.sign(factors[rows, strongest])
    return np.asarray(shop.world.people.factors @ named.T)


def mean_auc(shop: Shop, ground: Ground, slates: list[NewItemSlates], known: Floats) -> float:
    """Mean over users of the slates' AUC, by utilities known for each user and item."""
    users = {name: n for n, name in enumerate(shop.world.people.table["customer_id"])}
    items = {name: n for n, name in enumerate(shop.world.goods.table["sku"])}
    item = np.array([items[name] for name in ground.catalogue.ids])
    told: dict[str, list[float]] = {}
    for one in slates:
        names = [one.stage.users[user] for user in one.users]
        rows = np.array([users[name] for name in names])
        scores = known[rows[:, None], item[one.items]]
        for name, auc in zip(names, slate_aucs(scores, one), strict=True):
            told.setdefault(name, []).append(float(auc))
    return float(np.mean([np.mean(values) for values in told.values()]))


if __name__ == "__main__":
    main()
