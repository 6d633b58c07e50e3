"""Word of mouth: what friends bought, and what everybody buys just now; told at epoch ends.

Within an epoch users do not touch each other. At its end everybody hears what was bought in the
last epochs, in the own arm only: arms are worlds of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field
from scipy import sparse

from footfall.behaviour.features import PairTable
from footfall.datasets.delimited import read_cells
from footfall.errors import DataError
from footfall.plumbing.spec import Spec
from footfall.world.pages import PageRequest

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]


class SocialSpec(Spec):
    """How users hear of each other; ``behaviour.click.trend`` and ``.friends`` say what it does."""

    path: str | None = None
    """CSV of friends: columns ``user`` and ``friend``, ids as in the data; friendship is mutual.
    None: a graph is made."""
    friends: int = Field(default=6, ge=0, le=1000)
    """Friends a user in a made graph, an even number (Watts and Strogatz, Nature 393, 1998)."""
    rewired: float = Field(default=0.1, ge=0, le=1)
    """Share of made friendships that lead to anybody instead of a neighbour."""
    epochs: int = Field(default=3, ge=1)
    """Epochs for which purchases are talked about."""


def graph_of(spec: SocialSpec, users: Sequence[str], base: Path, seed: int) -> sparse.csr_array:
    """[n_users, n_users] 1 for friends.

    Raises:
        DataError: The file cannot be read or has no friends among the users.
    """
    if spec.path is None:
        import networkx as nx  # noqa: PLC0415 - slow, and few scenarios have friends

        degree = min(spec.friends - spec.friends % 2, max(0, len(users) - 1))
        made = nx.watts_strogatz_graph(len(users), degree, spec.rewired, seed=seed)
        return sparse.csr_array(nx.to_scipy_sparse_array(made, dtype=np.float64, format="csr"))
    path = base / spec.path
    try:
        pairs = read_cells(path).frame
    except (OSError, ValueError) as error:
        raise DataError(f"social.path: {path} cannot be read: {error}") from None
    for column in ("user", "friend"):
        if column not in pairs:
            raise DataError(f'social.path: {path} has no column "{column}"; needed: user, friend')
    number = pd.Series(np.arange(len(users)), index=list(users))
    ends = pd.DataFrame({c: pairs[c].map(number) for c in ("user", "friend")}).dropna().astype(int)
    ends = ends[ends["user"] != ends["friend"]]
    if ends.empty:
        raise DataError(
            f"social.path: none of the friends in {path} are among the users played; write ids as "
            "the data does, or play more users"
        )
    cells = np.concatenate([ends.to_numpy(), ends.to_numpy()[:, ::-1]])
    one = sparse.coo_array((np.ones(len(cells)), cells.T), shape=(len(users),) * 2).tocsr()
    return sparse.csr_array(one > 0, dtype=np.float64)


@dataclass
class Society:
    """What users of each arm have heard."""

    spec: SocialSpec
    graph: sparse.csr_array
    n_items: int
    arms: int
    _epochs: deque[dict[str, npt.NDArray[Any]]] = field(init=False)
    _trend: Floats = field(init=False)
    """[arms, n_items]"""
    _friends: list[PairTable] = field(init=False)
    """By arm: how many friends of a user bought an item."""

    def __post_init__(self) -> None:
        self._epochs = deque(maxlen=self.spec.epochs)
        self._trend = np.zeros((self.arms, self.n_items))
        nothing = np.empty(0, dtype=np.int64)
        empty = PairTable(nothing, np.empty(0), self.n_items)
        self._friends = [empty] * self.arms

    def learn(self, columns: dict[str, npt.NDArray[Any]]) -> None:
        """Hear of an epoch: ``columns`` are its impressions (``EpochRecords.impressions``)."""
        names = ("arm", "user", "item")
        rows = columns["bought"] & columns["answered"] if columns else slice(0)
        empty = np.empty(0, dtype=np.int64)
        self._epochs.append({name: columns[name][rows] if columns else empty for name in names})
        told = {name: np.concatenate([part[name] for part in self._epochs]) for name in names}
        users = self.graph.shape[0]
        for arm in range(self.arms):
            mine = told["arm"] == arm
            who, what = told["user"][mine], told["item"][mine]
            counts = np.bincount(what, minlength=self.n_items)
            self._trend[arm] = np.log1p(counts * 1000.0 / max(1, users))
            shape = (users, self.n_items)
            took = sparse.coo_array((np.ones(len(who)), (who, what)), shape=shape).tocsr() > 0
            heard = (self.graph @ took.astype(np.float64)).tocoo()
            self._friends[arm] = PairTable.total(
                heard.row.astype(np.int64), heard.col.astype(np.int32), heard.data, self.n_items
            )

    def of(self, requests: Sequence[PageRequest], items: Sequence[Codes]) -> list[Floats]:
        """[k, 2] a page: ``trend`` and ``friends`` of its items."""
        found = []
        for request, codes in zip(requests, items, strict=True):
            friends = self._friends[request.arm].of(np.array([request.user]), codes[None])[0]
            found.append(np.stack([self._trend[request.arm, codes], friends], axis=1))
        return found
