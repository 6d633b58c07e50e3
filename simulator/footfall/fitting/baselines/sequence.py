"""GRU4Rec as a user: what comes next, from the order in which things were taken.

A gated recurrent network reads a user's takings, oldest first, and predicts the next one among
all items (Hidasi et al., ICLR 2016). In training it is compared with the other items of the batch
only, corrected for how likely each is to be there (Bengio and Senecal, 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from footfall.behaviour.features import Codes, Floats, Numbers, Past
from footfall.errors import ModelError
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.known import Known


class _Network(nn.Module):  # type: ignore[misc]  # torch is not type-checked here
    def __init__(self, n_items: int, width: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        self.dropout = nn.Dropout(0.2)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(n_items))
        nn.init.normal_(self.items.weight, std=width**-0.5)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        """[n, length] codes -> [n, length, width] states."""
        states, _ = self.gru(self.dropout(self.items(sequences)))
        return torch.as_tensor(states)

    def scores(self, states: torch.Tensor, items: torch.Tensor | None = None) -> torch.Tensor:
        """States -> log-odds of some items, or all, unnormalised."""
        chosen = slice(-1) if items is None else items
        return (
            states @ self.items.weight[chosen].T
            + self.bias[slice(None) if items is None else items]
        )


@dataclass
class GatedSequence:
    """A small GRU4Rec on the CPU; the same seed gives the same network."""

    seed: int = 0
    width: int = 32
    length: int = 30
    """Newest takings that are read; longer histories of the crowd are cut into pieces."""
    epochs: int = 12
    batch: int = 64
    most_sequences: int = 2_000
    """Pieces that are learned from, drawn; bounds the time."""
    _network: _Network | None = field(default=None, repr=False)

    def learn(self, known: Known, sets: ChoiceSets) -> None:
        """Train on the takings of the crowd and of the users themselves."""
        del sets
        pieces = [*_pieces(known.crowd, self.length), *_pieces(known.past, self.length)]
        rng = np.random.default_rng(self.seed)
        rng.shuffle(pieces)
        with torch.random.fork_rng(devices=[]), one_thread():
            torch.manual_seed(self.seed)
            self._network = self._train(pieces[: self.most_sequences], known.n_items)

    def columns(self, known: Known) -> Callable[[Numbers, Codes], Floats]:
        """Log-odds of every item coming next after the user's newest takings."""
        if self._network is None:
            raise ModelError("gru4rec was asked before it was fitted")
        table = self._next(self._network, known)
        return lambda users, items: np.asarray(table[users[:, None], items][:, :, None])

    def _train(self, pieces: list[npt.NDArray[np.int64]], n_items: int) -> _Network:
        if not pieces:
            raise ModelError("gru4rec: nobody took two things, so there is no sequence to learn")
        network = _Network(n_items, self.width)
        optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
        rows = torch.from_numpy(np.stack([_fit(piece, self.length, n_items) for piece in pieces]))
        shares = torch.bincount(rows[rows != n_items], minlength=n_items) / (rows != n_items).sum()
        for _ in range(self.epochs):
            for part in torch.randperm(len(rows)).split(self.batch):
                states = network(rows[part, :-1])
                wanted = rows[part, 1:]
                real = wanted != n_items
                near, place = torch.unique(wanted[real], return_inverse=True)
                present = -torch.expm1(len(place) * torch.log1p(-shares[near]))
                scores = network.scores(states[real], near) - present.log()
                optimiser.zero_grad()
                nn.functional.cross_entropy(scores, place).backward()
                optimiser.step()
        network.eval()
        return network

    def _next(self, network: _Network, known: Known) -> Floats:
        """[n_users, n_items] log-probabilities of what comes next."""
        newest: dict[int, npt.NDArray[np.int64]] = _sequences(known.past)
        empty = np.empty(0, dtype=np.int64)
        rows, ends = [], []
        for user in range(known.past.n_users):
            mine = newest.get(user, empty)[-self.length :]
            rows.append(_fit(mine, self.length, known.n_items))
            ends.append(max(0, len(mine) - 1))
        with torch.no_grad():
            states = network(torch.from_numpy(np.stack(rows)))
            last = states[torch.arange(len(rows)), torch.tensor(ends)]
            scores = torch.log_softmax(network.scores(last), dim=1)
        return np.asarray(scores.numpy(), dtype=np.float64)


@contextmanager
def one_thread() -> Iterator[None]:
    """So small a network loses more by handing work to threads than it wins."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _sequences(past: Past) -> dict[int, npt.NDArray[np.int64]]:
    """User -> takings, oldest first; within one moment by code."""
    users, items, ages = past.users[past.taken], past.items[past.taken], past.ages[past.taken]
    order = np.lexsort((items, -ages, users))
    bounds = np.flatnonzero(np.diff(users[order])) + 1
    parts = np.split(items[order].astype(np.int64), bounds)
    owners = users[order][np.concatenate([[0], bounds])] if len(order) else []
    return dict(zip((int(owner) for owner in owners), parts, strict=False))


def _pieces(past: Past, length: int) -> list[npt.NDArray[np.int64]]:
    """Sequences of at most ``length`` + 1 takings, the newest of each user first cut."""
    pieces = [
        sequence[max(0, end - length - 1) : end]
        for sequence in _sequences(past).values()
        for end in range(len(sequence), 1, -length)
    ]
    return [piece for piece in pieces if len(piece) > 1]


def _fit(piece: npt.NDArray[np.int64], length: int, padding: int) -> npt.NDArray[np.int64]:
    out = np.full(length + 1, padding, dtype=np.int64)
    out[: len(piece)] = piece
    return out
