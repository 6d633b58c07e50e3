"""Block D's tables: what simulated and real users took, and when they came."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.features import FEATURES
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.world.calendar import DAY, Calendar
from footfall.world.setup import calendar_of
from footfall_eval.blocks.distributions import Compared
from footfall_lab.validation.tables import Bools, deciles, drawn, really, takes

Floats = npt.NDArray[np.float64]

MISSING = {
    "session length": "real visits hold everything that was bought in the shop, simulated ones "
    "only what a recommender's page showed",
    "dwell": "the data does not tell how long anybody looked",
    "click rate by position": "the data does not tell what stood where",
}
"""What is not compared, and why, unless the data has views."""


def compared(ground: Ground, sets: ChoiceSets, chances: Floats, known: Known) -> list[Compared]:
    """Everything that can be compared on the test sets and the calendar.

    Args:
        ground: Who may learn from what.
        sets: Test sets.
        chances: [n, k + 1] the simulated users' probabilities of the items and of none.
        known: Of the test stage.
    """
    catalogue = ground.catalogue
    kinds = {
        "category": np.asarray(catalogue.categories, dtype=object),
        "popularity decile": np.asarray(deciles(known.features.crowd.popularity), dtype=object),
    }
    simulated = drawn(chances, ground.scenario.seed)
    found = [
        Compared(name, "shares", takes(sets, simulated, values), takes(sets, really(sets), values))
        for name, values in kinds.items()
    ]
    repeats = known.features.of(sets.users, sets.items)[:, :, FEATURES.index("repeat")] > 0
    if repeats.any():
        found.append(_repeats(sets, simulated, repeats))
    gaps = _gaps(ground)
    return found if gaps is None else [*found, gaps]


def _repeats(sets: ChoiceSets, simulated: Bools, repeats: Bools) -> Compared:
    """Taken before or new, of what was taken."""
    sides = []
    for took in (simulated, really(sets)):
        frames = [
            takes(sets, took & mask, np.full(sets.items.max() + 1, name, dtype=object))
            for name, mask in (("again", repeats), ("new", ~repeats))
        ]
        sides.append(pd.concat(frames, ignore_index=True))
    return Compared("taken before", "shares", *sides)


def _gaps(ground: Ground) -> Compared | None:
    """Days between visits: the calendar of a run against real visits in the test stage."""
    stage = ground.stages.test
    if ground.cut != "time":
        return None
    rows = stage.choices.drop_duplicates(["user", "order"]).sort_values(["user", "time"])
    gaps = rows.groupby("user")["time"].diff().dt.total_seconds() / DAY
    real = rows.assign(value=gaps)
    real = real.dropna(subset=["value"])
    end = float((stage.choices["time"].max() - stage.at) / pd.Timedelta(days=1))
    simulated = _simulated_gaps(ground, end)
    if real.empty or simulated.empty:
        return None
    columns = ["user", "value", "weight"]
    return Compared(
        "days between visits",
        "amounts",
        simulated.assign(weight=1.0)[columns],
        real.assign(weight=1.0)[columns],
    )


def _simulated_gaps(ground: Ground, days: float) -> pd.DataFrame:
    """Gaps within the test stage's length, so that both sides miss the long ones alike."""
    scenario = ground.scenario
    population = ground.population(ground.stages.test)
    always = np.zeros(len(population))
    calendar = calendar_of(population, scenario.behaviour.habits, scenario.seed, always)
    return _visit_gaps(calendar, np.array(population.users, dtype=object), days)


def _visit_gaps(calendar: Calendar, names: npt.NDArray[np.object_], days: float) -> pd.DataFrame:
    """Gaps in days between the visits of ``names`` within ``days``, users in order."""
    users = np.arange(len(names))
    now = np.zeros(len(names))
    rows: list[pd.DataFrame] = []
    session = 0
    while len(users):
        starts = calendar.next_starts(users, np.full(len(users), session), now)
        within = starts <= days * DAY
        gaps = (starts - now)[within] / DAY
        users, now = users[within], starts[within]
        if session:
            rows.append(pd.DataFrame({"number": users, "value": gaps}))
        session += 1
    found = pd.concat([pd.DataFrame({"number": users[:0], "value": now[:0]}), *rows])
    found = found.sort_values("number", kind="stable", ignore_index=True)
    return pd.DataFrame({"user": names[found["number"]], "value": found["value"]})
