"""How others ask: prompts of plain text, unpadded, already tokenised for them.

Each is given the same histories, items and words as Footfall's own modes, and the tokenising
for free, so what differs is only how the engine is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footfall.bench.results import FREE_TEXT, JSON_ITEM, NAIVE, ONE_BY_ONE
from footfall.choice.protocol import Page
from footfall.datasets.catalogue import Catalogue
from footfall.llm.protocol import Tokenizer
from footfall.prompting.prompter import Budget, Layout, Prompter, VisitSoFar
from footfall.prompting.templates import Template

FREE_TEXT_TOKENS = 200
"""Agent4Rec's agents think aloud about a page: about so many tokens."""
JSON_TOKENS = 32
"""``{"buys": false, "reason": "..."}`` with a reason of one short sentence."""
LONE_PAGES = 2
"""Pages that are written about one by one; they take as long as a whole batch."""
TOP = 20
"""Log-probabilities that a naive yes/no asks for: vLLM's largest number by default."""

Prompts = list[list[int]]


@dataclass(frozen=True)
class Rival:
    """A way of asking that is not Footfall's."""

    name: str
    prompts: Prompts
    sampling: dict[str, Any]
    """Arguments of vLLM's ``SamplingParams``."""
    pages: Sequence[Page]
    """What the prompts are about."""
    batched: bool = True
    """False: a prompt is sent when the one before it is answered."""


def writers(
    pages: Sequence[Page], catalogue: Catalogue, tokenizer: Tokenizer, events: int
) -> list[Rival]:
    """Free text a page and a JSON an item; the length is fixed, so nobody is lucky."""
    # No seed: on a CPU vLLM 0.32 breaks down where a seeded prompt is read in two pieces.
    text = {"max_tokens": FREE_TEXT_TOKENS, "ignore_eos": True, "temperature": 0.7}
    told = page_prompts(pages, catalogue, tokenizer, events)
    asked = item_prompts(pages, catalogue, tokenizer, events)
    return [
        Rival(FREE_TEXT, told, text, pages),
        Rival(ONE_BY_ONE, told[:LONE_PAGES], text, pages[:LONE_PAGES], batched=False),
        Rival(JSON_ITEM, asked, {**text, "max_tokens": JSON_TOKENS}, pages),
    ]


def naive(pages: Sequence[Page], catalogue: Catalogue, tokenizer: Tokenizer, events: int) -> Rival:
    """One token an item and its likeliest alternatives, prompts as they come."""
    prompts = item_prompts(pages, catalogue, tokenizer, events)
    return Rival(NAIVE, prompts, {"max_tokens": 1, "temperature": 0.0, "logprobs": TOP}, pages)


def page_prompts(
    pages: Sequence[Page], catalogue: Catalogue, tokenizer: Tokenizer, events: int
) -> Prompts:
    """One prompt a page, with all its items, numbered."""
    prompter = _plain("listwise", catalogue, tokenizer, events)
    prefixes = prompter.prefixes([VisitSoFar(page.persona) for page in pages])
    return [
        [*prefix.tokens.ids, *prompter.slate_suffix(page.items, _numbers(page), "0").ids]
        for page, prefix in zip(pages, prefixes, strict=True)
    ]


def item_prompts(
    pages: Sequence[Page], catalogue: Catalogue, tokenizer: Tokenizer, events: int
) -> Prompts:
    """One prompt an item; a user's items follow each other."""
    prompter = _plain("yes-no", catalogue, tokenizer, events)
    prefixes = prompter.prefixes([VisitSoFar(page.persona) for page in pages])
    return [
        [*prefix.tokens.ids, *suffix.ids]
        for page, prefix in zip(pages, prefixes, strict=True)
        for suffix in prompter.suffixes(page.items)
    ]


def _plain(template: str, catalogue: Catalogue, tokenizer: Tokenizer, events: int) -> Prompter:
    """A prompter without padding; the history is limited by its events only."""
    layout = Layout(item_in_answer=False, block_size=1)
    budget = Budget(history_events=events, history_tokens=1 << 30)
    read = Template(template, Path(), required=("history", "item"))
    return Prompter(read, layout, budget, tokenizer, catalogue)


def _numbers(page: Page) -> list[str]:
    return [str(place + 1) for place in range(len(page.items))]
