"""A language model asked about headlines as it is: Yes or No, and how likely their words are.

It learns nothing from tests, so its scores need no folds. The likelihoods tell one thing more:
whether the model knows these headlines by heart (contamination).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.choice.asking import Score, open_prompter
from footfall.choice.likelihood import per_token
from footfall.choice.specs import ChoiceSpec
from footfall.choice.yes_no import labels, log_odds
from footfall.datasets.catalogue import Catalogue
from footfall.llm.protocol import Answer, LanguageModel, Question
from footfall.prompting.prompter import VisitSoFar
from footfall_lab.appeal.backtest import UntaughtScores
from footfall_lab.appeal.lessons import TitlePairs

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

AT_ONCE = 256
"""Questions between two lines of progress; answers are in the store after each."""

RECITED_TOKENS = 5
"""Last tokens of a headline that somebody who knows it by heart finds likely."""

RECITED = np.log(0.5)
"""Mean log-probability of them from which a headline counts as known."""

MOST_KNOWN = 0.01
"""Share of known headlines up to which a model counts as one that does not know them."""


@dataclass(frozen=True)
class Contamination:
    """Does the model know these headlines by heart?"""

    asked: int
    """Headlines whose likelihood was read."""
    known: float
    """Share of them whose last tokens it finds more likely than not."""
    known_winners: float
    """The same among the best of each test, which were published and may be in its training."""

    @property
    def clean(self) -> bool:
        """Neither many headlines are known, nor winners more often than others."""
        return max(self.known, self.known_winners) <= MOST_KNOWN

    def sentence(self) -> str:
        """For people."""
        verdict = "does not know these headlines" if self.clean else "may know these headlines"
        return (
            f"The bare model {verdict}: it finds the last {RECITED_TOKENS} tokens of "
            f"{self.known:.1%} of {self.asked:,} headlines likely, and of {self.known_winners:.1%} "
            "of those that won their test."
        )


@dataclass(frozen=True)
class HeadlineAnswers:
    """What a model said about the headlines of some tests."""

    asked: tuple[UntaughtScores, ...]
    contamination: Contamination


def some_tests(lessons: TitlePairs, tests: int) -> Bools:
    """[n_pairs] pairs of a number of tests at most, drawn by their stories' lots."""
    lot = lessons.lots(10_000, "appeal-asked")
    order = pd.Series(lot).groupby(lessons.pairs.test).first().sort_values(kind="stable")
    return np.isin(lessons.pairs.test, order.index[:tests])


def ask(
    model: LanguageModel, lessons: TitlePairs, rows: Bools, tell: Callable[[str], None]
) -> HeadlineAnswers:
    """Ask about the titles of ``rows`` in both ways.

    Args:
        model: Who is asked; wrap it in a store to ask nothing twice.
        lessons: The tests.
        rows: [n_pairs] those whose titles are asked about.
        tell: Told how far it is.
    """
    codes = np.unique(np.concatenate([lessons.first[rows], lessons.second[rows]]))
    titles = [lessons.titles[code] for code in codes]
    yes, no = labels(model)
    said = {
        "asked yes-no": _ask(
            model, titles, (*yes, *no), lambda answer: log_odds(answer, len(yes)), tell
        ),
        "asked likelihood": _ask(model, titles, (), per_token, tell),
    }
    about = {
        "asked yes-no": "the language model asked Yes or No, untaught",
        "asked likelihood": "how likely the words are to the language model, untaught",
    }
    asked = []
    for name, (scores, seconds, tokens, _) in said.items():
        every = np.full(len(lessons.titles), np.nan)
        every[codes] = scores
        asked.append(UntaughtScores(name, about[name], every, seconds, tokens))
    known = np.full(len(lessons.titles), np.nan)
    known[codes] = said["asked likelihood"][3]
    return HeadlineAnswers(tuple(asked), _contamination(lessons, rows, known))


def _ask(
    model: LanguageModel,
    titles: Sequence[str],
    wanted: tuple[int, ...],
    score: Callable[[Answer], Score],
    tell: Callable[[str], None],
) -> tuple[Floats, float, int, Floats]:
    """Scores, seconds, prompt tokens, and [n] mean log-probability of the last tokens."""
    mode: Any = "yes-no" if wanted else "likelihood"
    spec = ChoiceSpec(mode=mode, template=f"headline-{mode}", max_title_chars=300)
    prompter = open_prompter(spec, model, _catalogue(titles), Path(), item_in_answer=not wanted)
    prefix = prompter.prefixes([VisitSoFar(None)])[0].tokens
    questions = [Question(prefix, one, wanted) for one in prompter.suffixes(range(len(titles)))]
    scores, last = np.full(len(titles), np.nan), np.full(len(titles), np.nan)
    start = time.perf_counter()
    for first in range(0, len(questions), AT_ONCE):
        some = questions[first : first + AT_ONCE]
        for row, reply in enumerate(model.ask(some), start=first):
            if isinstance(reply, Answer):
                scores[row] = score(reply).value
                last[row] = np.mean(reply.logprobs[-RECITED_TOKENS:])
        tell(f"asked {mode}: {min(first + AT_ONCE, len(questions)):,} of {len(questions):,}")
    tokens = sum(len(question) for question in questions)
    return scores, time.perf_counter() - start, tokens, last


def _catalogue(titles: Sequence[str]) -> Catalogue:
    ids = [str(number) for number in range(len(titles))]
    return Catalogue.from_items(
        pd.DataFrame({"item": ids, "title": list(titles), "category": "", "price": np.nan})
    )


def _contamination(lessons: TitlePairs, rows: Bools, last: Floats) -> Contamination:
    """Of the titles of ``rows``; a winner has the highest rate of its test."""
    arms = lessons.experiments.arms
    rate = lessons.experiments.log_rates()
    used = np.unique(np.concatenate([lessons.pairs.first[rows], lessons.pairs.second[rows]]))
    best = pd.Series(rate[used]).groupby(arms["test"].iloc[used].to_numpy()).idxmax()
    place = {title: number for number, title in enumerate(lessons.titles)}
    winners = np.unique([place[arms["title"].iloc[used[row]]] for row in best])
    told = np.isfinite(last)
    known = last > RECITED
    return Contamination(
        asked=int(told.sum()),
        known=float(known[told].mean()) if told.any() else float("nan"),
        known_winners=float(known[winners][told[winners]].mean())
        if told[winners].any()
        else float("nan"),
    )
