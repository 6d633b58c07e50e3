"""Six items of three kinds, and personas who took some of them, one a day."""

import numpy as np
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.users.population import Persona

TITLES = ("Oat milk", "Whole milk", "Rye bread", "Garden hose", "Tulip bulbs", "Cheddar cheese")
KINDS = ("Dairy", "Dairy", "Bakery", "Garden", "Garden", "Dairy")
CATALOGUE = Catalogue(
    ids=tuple(f"i{n}" for n in range(6)),
    titles=TITLES,
    categories=KINDS,
    prices=np.full(6, 2.0),
    _codes={f"i{n}": n for n in range(6)},
)
NOW = pd.Timestamp("2024-03-01")


def persona(items, user="u", every_days=1):
    n = len(items)
    days = np.arange(n)[::-1] * every_days + 1
    return Persona(
        user=user,
        profile={},
        items=np.array(items, dtype=np.int32),
        times=NOW.to_datetime64() - days.astype("timedelta64[D]"),
        actions=np.full(n, 3, dtype=np.int8),
        quantities=np.ones(n),
        values=np.full(n, 2.0),
        orders=np.arange(n),
    )
