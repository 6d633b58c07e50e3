"""MiniLM tuned whole on differences inside tests: a title's appeal from its very words.

The head is learned first, on the model as it is, and then both go on together (Kumar et al.,
"Fine-Tuning can Distort Pretrained Features", ICLR 2022). Embeddings of words stay as they are:
they are half of the parameters, and few words occur twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.appeal.model import Voice
from footfall.llm.encoders import MOST_TOKENS, Tuned, sentence_folder
from footfall_lab.appeal.lessons import TitlePairs

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FROZEN = "embeddings."


@dataclass(frozen=True)
class TuningSchedule:
    """How long and how fast to tune; chosen by cross-fitting inside a development part."""

    rounds: int = 2
    """Times that each test is seen."""
    rate: float = 1e-5
    """Learning rate of the model, after a tenth of warming up, falling to 0."""
    head_rate: float = 1e-3
    tests_a_step: int = 8


def tune(
    lessons: TitlePairs,
    learn: Bools,
    head: Floats,
    schedule: TuningSchedule,
    *,
    seed: int,
    tell: Callable[[str], None],
) -> Voice:
    """Tune MiniLM on pairs inside tests; deterministic for a number of threads.

    Args:
        lessons: Pairs and titles.
        learn: [n_pairs] those to learn from.
        head: [384] worth of the untuned model's numbers, to begin with.
        schedule: How long and how fast.
        seed: Order of tests, and dropout.
        tell: Told after each round.
    """
    import torch  # noqa: PLC0415 - heavy, and wanted by few

    torch.manual_seed(seed)
    net = _Net(lessons.titles, head)
    steps = _steps(lessons, learn, schedule, seed)
    optimiser = torch.optim.AdamW(
        [
            {"params": net.body, "lr": schedule.rate, "weight_decay": 0.01},
            {"params": [net.head], "lr": schedule.head_rate, "weight_decay": 0.0},
        ]
    )
    warm = max(1, len(steps) // 10)
    slope = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min((k + 1) / warm, 1.0) * (1.0 - k / len(steps))
    )
    mean_weight = float(lessons.weights[learn].mean())
    for number, rows in enumerate(steps, start=1):
        loss = _loss(net, lessons, rows) / (mean_weight * schedule.tests_a_step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*net.body, net.head], 1.0)
        optimiser.step()
        slope.step()
        if number % max(1, len(steps) // 20) == 0:
            tell(f"tuning: {number} of {len(steps)} steps")
    return net.voice()


def _steps(lessons: TitlePairs, learn: Bools, schedule: TuningSchedule, seed: int) -> list[Any]:
    """Rows of pairs of each step: all pairs of some tests."""
    rows = np.flatnonzero(learn)
    tests = lessons.pairs.test[rows]
    rng = np.random.default_rng(seed)
    steps = []
    for _ in range(schedule.rounds):
        order = rng.permutation(np.unique(tests))
        for start in range(0, len(order), schedule.tests_a_step):
            some = order[start : start + schedule.tests_a_step]
            steps.append(rows[np.isin(tests, some)])
    return steps


def _loss(net: _Net, lessons: TitlePairs, rows: Any) -> Any:
    """Sum of weighted squared errors.

    A test with many pairs counts by the root of their number, as they share their arms.
    """
    import torch  # noqa: PLC0415 - heavy, and wanted by few

    titles, place = np.unique(
        np.concatenate([lessons.first[rows], lessons.second[rows]]), return_inverse=True
    )
    scores = net.scores(titles)
    apart = scores[place[: len(rows)]] - scores[place[len(rows) :]]
    _, test, sizes = np.unique(lessons.pairs.test[rows], return_inverse=True, return_counts=True)
    counts = lessons.weights[rows] / np.sqrt(sizes[test])
    wanted = torch.tensor(lessons.pairs.difference[rows], dtype=torch.float32)
    return (torch.tensor(counts, dtype=torch.float32) * (apart - wanted) ** 2).sum()


class _Net:
    """MiniLM with a linear head, on titles that are tokenised once."""

    def __init__(self, titles: tuple[str, ...], head: Floats) -> None:
        import torch  # noqa: PLC0415 - heavy, and wanted by few
        from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - likewise

        folder = sentence_folder()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        self._ids = tokenizer(list(titles), truncation=True, max_length=MOST_TOKENS)["input_ids"]
        self._model = AutoModel.from_pretrained(folder).train()
        self.head = torch.nn.Parameter(torch.tensor(head, dtype=torch.float32))
        self.body = []
        for name, parameter in self._model.named_parameters():
            parameter.requires_grad = not name.startswith(_FROZEN)
            if parameter.requires_grad:
                self.body.append(parameter)

    def scores(self, titles: npt.NDArray[np.int64]) -> Any:
        """[n] scores of titles by number."""
        import torch  # noqa: PLC0415 - heavy, and wanted by few

        rows = [torch.tensor(self._ids[title]) for title in titles]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], True)
        states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        seen = mask.unsqueeze(-1)
        mean = (states * seen).sum(dim=1) / seen.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=1) @ self.head

    def voice(self) -> Voice:
        """What was learned, as float16 so that what is written down is the very same."""
        changed = {
            name: parameter.detach().numpy().astype(np.float16)
            for name, parameter in self._model.named_parameters()
            if parameter.requires_grad
        }
        worth = self.head.detach().numpy().astype(np.float64)
        return Voice("tuned", Tuned(changed), worth)
