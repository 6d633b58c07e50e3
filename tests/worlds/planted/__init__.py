"""Planted shops: made-up worlds whose truth is known, to judge simulated users by.

A shop has users, items, 56 days of pages shown by an old policy of known propensities, then 14
later days by the same policy, and a way to live any number of futures under any recommender:

    from planted import KINDS, plant, write

    shop = plant("fashion", seed=1)                      # or grocery, media, or an odd one
    shop = plant("media", seed=7, users=300, items=100)  # any size; items: a multiple of the slate
    write(shop, folder)      # events.parquet, items.parquet, users.parquet, scenario.yaml ...
    shop.log                 # the same events as a frame, later days included
    shop.split               # first moment of the later days

Tests find the package because ``tests`` is on their path; ``benchmarks/planted_shops.py`` puts it
on its own. Nothing here imports the choice models that the shops judge, and users decide by other
arithmetic than theirs on purpose: ideal points, probit and Gumbel noise, fading traces.
"""

from planted.kinds import KINDS, ODD, ORDINARY, Kind
from planted.shop import Shop, plant
from planted.writing import write

__all__ = ["KINDS", "ODD", "ORDINARY", "Kind", "Shop", "plant", "write"]
