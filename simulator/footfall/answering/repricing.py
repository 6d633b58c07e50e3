"""Questions that tell prices are asked with the prices of the moment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from footfall.answering.opening import open_choice
from footfall.choice.protocol import ChoiceModel, Diagnostics, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec, Mode
from footfall.datasets.catalogue import Catalogue
from footfall.llm.nobody import NOBODY
from footfall.llm.protocol import LanguageModel
from footfall.prompting.templates import Template


def open_with_prices(
    spec: ChoiceSpec,
    model: LanguageModel,
    catalogue: Catalogue,
    prices: npt.NDArray[np.float64],
    *,
    base: Path,
) -> ChoiceModel | None:
    """Like ``open_choice``; ``prices`` [n_spells, n_items] are what items cost in each spell.

    None where the scenario has no language model.

    Raises:
        TemplateError: The template is wrong.
        ModelError: The model cannot be asked in this mode.
    """
    if model.name == NOBODY:
        return None
    lists = {row.tobytes(): row for row in prices}  # bytes, because NaN differs from itself
    if len(lists) == 1 or not _tells_prices(spec, base):
        return open_choice(spec, model, catalogue, base=base)
    models = [
        open_choice(spec, model, replace(catalogue, prices=one), base=base)
        for one in lists.values()
    ]
    numbers = {name: number for number, name in enumerate(lists)}
    return RepricedChoice(models, [numbers[row.tobytes()] for row in prices])


class RepricedChoice:
    """One choice model a price list, and the one of the moment is asked."""

    def __init__(self, models: Sequence[ChoiceModel], of_spell: Sequence[int]) -> None:
        """Take ``models``, one a price list, and the number of the list of each spell."""
        self.diagnostics = Diagnostics()
        """Totals of all of them."""
        self._models = models
        self._of_spell = of_spell

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order; the pages of a price list are asked in one batch."""
        out: dict[int, PageUtilities] = {}
        for number, model in enumerate(self._models):
            rows = [r for r, page in enumerate(pages) if self._of_spell[page.spell] == number]
            if rows:
                before = replace(model.diagnostics, no_answers=dict(model.diagnostics.no_answers))
                answers = model.utilities([pages[row] for row in rows])
                _add(self.diagnostics, model.diagnostics, before)
                out.update(zip(rows, answers, strict=True))
        return [out[row] for row in range(len(pages))]


def _add(total: Diagnostics, now: Diagnostics, before: Diagnostics) -> None:
    """Add what one of the models has counted since."""
    for entry in (entry.name for entry in fields(Diagnostics) if entry.name != "no_answers"):
        grown = getattr(now, entry) - getattr(before, entry)
        setattr(total, entry, getattr(total, entry) + grown)
    for reason, count in now.no_answers.items():
        new = count - before.no_answers.get(reason, 0)
        total.no_answers[reason] = total.no_answers.get(reason, 0) + new


def _tells_prices(spec: ChoiceSpec, base: Path) -> bool:
    if spec.ensemble is not None:
        return any(_tells_prices(member, base) for member in spec.ensemble.of)
    if spec.mode == "surrogate":
        return False
    if spec.template is None and spec.mode not in get_args(Mode):
        return True  # a mode of another package asks as it likes
    source = Template(spec.template or spec.mode, base, required=()).source
    return re.search(r"\bprice\b", source) is not None
