"""GRU4Rec: what is taken next, from the order in which things were taken.

A gated recurrent network reads a user's takings, oldest first, and predicts the next one among
all items (Hidasi et al., ICLR 2016). In training it is compared with the other items of the batch
only, corrected for how likely each is to be there (Bengio and Senecal, 2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Takings = npt.NDArray[np.int64]
"""Codes of items, oldest first."""


class Network(nn.Module):  # type: ignore[misc]  # torch is not type-checked here
    """Embeddings, one gated layer, and a bias for each item."""

    def __init__(self, n_items: int, width: int) -> None:
        super().__init__()
        self.n_items = n_items
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


@dataclass(frozen=True)
class Training:
    """How a network is trained; the same seed gives the same network."""

    seed: int = 0
    width: int = 32
    length: int = 30
    """Newest takings that are read; longer histories are cut into pieces."""
    epochs: int = 12
    batch: int = 64
    most_sequences: int = 2_000
    """Pieces that are learned from, drawn; bounds the time."""


def train(sequences: Iterable[Takings], n_items: int, how: Training) -> Network | None:
    """Train a network on the CPU; None: nobody took two things, so there is no sequence."""
    pieces = [piece for takings in sequences for piece in _pieces(takings, how.length)]
    if not pieces:
        return None
    np.random.default_rng(how.seed).shuffle(pieces)
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(how.seed)
        return _trained(pieces[: how.most_sequences], n_items, how)


def next_scores(
    network: Network, newest: Sequence[Takings], length: int
) -> npt.NDArray[np.float64]:
    """[n, n_items] log-probabilities of what comes after each of ``newest``."""
    rows, ends = [], []
    for takings in newest:
        mine = takings[-length:]
        rows.append(_fit(mine, length, network.n_items))
        ends.append(max(0, len(mine) - 1))
    with torch.no_grad(), one_thread():
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


def _trained(pieces: list[Takings], n_items: int, how: Training) -> Network:
    network = Network(n_items, how.width)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
    rows = torch.from_numpy(np.stack([_fit(piece, how.length, n_items) for piece in pieces]))
    shares = torch.bincount(rows[rows != n_items], minlength=n_items) / (rows != n_items).sum()
    for _ in range(how.epochs):
        for part in torch.randperm(len(rows)).split(how.batch):
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


def _pieces(takings: Takings, length: int) -> Iterator[Takings]:
    """Parts of at most ``length`` + 1 takings, the newest cut first."""
    for end in range(len(takings), 1, -length):
        piece = takings[max(0, end - length - 1) : end]
        if len(piece) > 1:
            yield piece


def _fit(piece: Takings, length: int, padding: int) -> Takings:
    out = np.full(length + 1, padding, dtype=np.int64)
    out[: len(piece)] = piece
    return out
