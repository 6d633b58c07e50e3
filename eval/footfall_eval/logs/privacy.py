"""Does the log copy anyone, and can one tell whose histories were behind it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.stats import rankdata
from sklearn.preprocessing import normalize

from footfall_eval.logs.real import Real, same_size
from footfall_eval.statistics.resample import Interval, spread

Floats = npt.NDArray[np.float64]

DRAWS = 500
CLOSE = 0.95
"""A simulated user is "too near" somebody when nearer than this share of real users are."""


@dataclass(frozen=True)
class Nearness:
    """Cosine similarity of what users took to what the nearest other real user took."""

    users: int
    simulated: float
    """Median over simulated users, to the nearest real user other than their own."""
    real: float
    """Median over real users, to the nearest other one: the floor."""
    too_near: float
    """Simulated users nearer to another than 95% of the real ones are; .05 by luck."""
    own: float
    """Median similarity to their own real counterpart in the same time."""
    own_in_halves: float
    """Median similarity of two halves of a real user's takings in that time."""


@dataclass(frozen=True)
class Membership:
    """An attacker who knows people's histories asks: was this one used?"""

    members: int
    outsiders: int
    """Real users who were not played, with histories as long as the members'."""
    auc: Interval
    """.5: no better than guessing."""
    control: Interval
    """The same attack on outsiders of whom half are called members: must hold .5."""
    recognised: float
    """Played users whose own history is the nearest of all to their simulated log."""
    chance: float
    """Of recognising somebody by guessing."""


def nearness(synthetic: pd.DataFrame, real: Real, seed: int) -> Nearness | None:
    """How near simulated users come to real ones in the same time; sizes are made equal.

    None: fewer than three users took something in both.
    """
    ours, theirs = same_size(synthetic, real.window, seed)
    users = sorted(set(ours["user"]))
    if len(users) < 3:
        return None
    items = pd.Index(real.items["item"])
    simulated, actual = (_vectors(frame, users, items) for frame in (ours, theirs))
    across = (simulated @ actual.T).toarray()
    own = np.diag(across).copy()
    among = (actual @ actual.T).toarray()
    for table in (across, among):
        np.fill_diagonal(table, -1.0)
    floor, found = among.max(axis=1), across.max(axis=1)
    return Nearness(
        users=len(users),
        simulated=float(np.median(found)),
        real=float(np.median(floor)),
        too_near=float((found > np.quantile(floor, CLOSE)).mean()),
        own=float(np.median(own)),
        own_in_halves=_halves(real, users, items, seed),
    )


def _halves(real: Real, users: list[str], items: pd.Index, seed: int) -> float:
    mixed = real.window.sample(frac=1.0, random_state=seed)
    even = mixed.groupby("user").cumcount() % 2 == 0
    left, right = same_size(mixed[even], mixed[~even], seed)
    both = [user for user in users if user in set(left["user"])]
    if not both:
        return float("nan")
    a, b = (_vectors(frame, both, items) for frame in (left, right))
    return float(np.median(np.asarray(a.multiply(b).sum(axis=1)).ravel()))


def membership(synthetic: pd.DataFrame, real: Real, seed: int) -> Membership | None:
    """Guess who was played from histories and the log; None with fewer than ten on a side."""
    members = sorted(set(real.memory["user"]) & set(synthetic["user"]))
    matched = _outsiders(real, members, seed)
    if min(len(members), len(matched)) < 10:
        return None
    items = pd.Index(real.items["item"])
    logged = _vectors(synthetic, members, items)
    inside, outside = (_vectors(real.memory, users, items) for users in (members, matched))
    to_log = [(side @ logged.T).toarray().max(axis=1) for side in (inside, outside)]
    half = np.arange(len(matched)) % 2 == 0
    own = np.asarray(inside.multiply(logged).sum(axis=1)).ravel()
    nearest = np.maximum(
        (logged @ inside.T).toarray().max(axis=1), (logged @ outside.T).toarray().max(axis=1)
    )
    return Membership(
        members=len(members),
        outsiders=len(matched),
        auc=_auc(to_log[0], to_log[1], seed),
        control=_auc(to_log[1][half], to_log[1][~half], seed),
        recognised=float((own >= nearest - 1e-12).mean()),
        chance=1.0 / (len(members) + len(matched)),
    )


def _outsiders(real: Real, members: list[str], seed: int) -> list[str]:
    """One user who was not played for each member, with about as long a history; drawn order."""
    length = real.memory.groupby("user").size()
    pool = length[~length.index.isin(real.played)].sort_values(kind="stable")
    free = np.ones(len(pool), dtype=bool)
    found = []
    for member in np.random.default_rng(seed).permutation(np.array(members, dtype=object)):
        gap = np.where(free, np.abs(pool.to_numpy() - length[member]), np.inf)
        place = int(np.argmin(gap)) if len(gap) else -1
        if place < 0 or not np.isfinite(gap[place]) or gap[place] > 0.2 * length[member] + 1:
            continue
        free[place] = False
        found.append(str(pool.index[place]))
    return found


def _auc(members: Floats, outsiders: Floats, seed: int) -> Interval:
    """Area under the ROC curve, with the interval of resampled users of both groups."""
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(side, (DRAWS, len(side))) for side in (members, outsiders)]
    whole = _areas(members[None], outsiders[None])
    return spread(float(whole[0]), _areas(*drawn))


def _areas(members: Floats, outsiders: Floats) -> Floats:
    """[n] AUC of each row, by ranks (Mann-Whitney); ties count half."""
    m, o = members.shape[1], outsiders.shape[1]
    ranks = rankdata(np.hstack([members, outsiders]), axis=1)[:, :m].sum(axis=1)
    return np.asarray((ranks - m * (m + 1) / 2) / (m * o))


def _vectors(rows: pd.DataFrame, users: list[str], items: pd.Index) -> csr_matrix:
    """[n_users, n_items] 1 where the user took the item, scaled to length 1."""
    user = pd.Index(users).get_indexer(pd.Index(rows["user"]))
    item = items.get_indexer(pd.Index(rows["item"]))
    known = (user >= 0) & (item >= 0)
    ones = np.ones(int(known.sum()))
    matrix = csr_matrix((ones, (user[known], item[known])), shape=(len(users), len(items)))
    matrix.data[:] = 1.0  # taken twice is taken
    return normalize(matrix)


def rare_items(synthetic: pd.DataFrame, k: int) -> int:
    """Items that fewer than ``k`` simulated users took; ``footfall export --k-anonymity``."""
    return int((synthetic.groupby("item")["user"].nunique() < k).sum())


def private_counts(
    synthetic: pd.DataFrame,
    items: pd.Series,
    *,
    epsilon: float,
    most: int = 20,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Users who took each item, with noise: epsilon-differentially private in a user's rows.

    Each user counts for at most ``most`` items, drawn, so removing one changes the counts by at
    most that (in sum); two-sided geometric noise (Ghosh, Roughgarden and Sundararajan, STOC 2009)
    hides it. All items of the catalogue are listed, taken or not. It protects the rows of the log;
    coefficients and recommenders that were fitted to people are not covered.

    Args:
        synthetic: Columns ``user``, ``item``.
        items: The whole catalogue.
        epsilon: Privacy loss; 1 is strict, 10 is weak.
        most: Items that a user counts for.
        rng: For tests; by default fresh entropy, as the promise needs.
    """
    rng = rng or np.random.default_rng()
    pairs = synthetic[["user", "item"]].drop_duplicates()
    pairs = pairs.iloc[rng.permutation(len(pairs))]
    pairs = pairs[pairs.groupby("user").cumcount() < most]
    counts = items.map(pairs["item"].value_counts()).fillna(0).to_numpy(dtype=np.int64)
    stop = 1.0 - np.exp(-epsilon / most)
    noise = rng.geometric(stop, len(counts)) - rng.geometric(stop, len(counts))
    return pd.DataFrame({"item": items.to_numpy(), "users": counts + noise})
