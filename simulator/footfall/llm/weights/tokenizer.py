"""A model's own tokenizer and chat template, read with transformers."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from footfall.errors import ModelError, one_line

_MARK, _SAMPLE = "FootfallUserWords", "What a System says."
_KEPT_CHATS = 1024
_TODAY = dt.datetime(2024, 7, 26, tzinfo=dt.UTC)
"""What templates that tell the date are told: a run that is resumed tomorrow asks the same. It is
the date that Llama's templates have by themselves."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}")
"""How Python shows where in memory something lies, other in each process."""
_LOG_NAMES = ("transformers", "huggingface_hub")


class HubTokenizer:
    """``footfall.llm.protocol.Tokenizer`` over a Hugging Face tokenizer.

    Models without a chat template (base models) get the bare text, behind the token of its
    beginning where they were trained with one. Models whose template knows no system role, or
    leaves it out in silence, get its words at the head of the user's.

    Raises:
        ModelError: The chat template loses, changes or repeats what it is given.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._fast = tokenizer.backend_tokenizer
        added = tokenizer.get_added_vocab()
        self.control_tokens = tuple(sorted({*tokenizer.all_special_tokens, *added}))
        self._chats: dict[str, tuple[str, str]] = {}
        # A template that does not do is told of before the first question.
        if self._wrap(_SAMPLE) != self._wrap(_SAMPLE):
            raise ModelError(
                "the model's chat template writes something else each time; choose another model, "
                "or mend its chat template"
            )

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, without special tokens added."""
        return self.encode_many([text])[0]

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text; the Rust tokenizer uses the cores that it finds.

        Without the offsets of the tokens in the text, which take longer than the tokens.
        """
        encodings = self._fast.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ``ids``, control tokens included."""
        return str(self._fast.decode(list(ids), skip_special_tokens=False))

    def chat(self, system: str, user: str) -> tuple[str, str]:
        """Wrap a conversation; see ``footfall.llm.protocol.Tokenizer``."""
        if system not in self._chats:
            if len(self._chats) >= _KEPT_CHATS:  # a template may put a profile into it
                self._chats.clear()
            self._chats[system] = self._wrap(system)
        opening, closing = self._chats[system]
        return opening + user, closing

    def image_mark(self) -> str:
        """Text that stands for an image; see ``footfall.llm.protocol.Tokenizer``."""
        told = {"role": "user", "content": [_said("["), {"type": "image"}, _said("]")]}
        try:
            text = self._render([told]) if self._tokenizer.chat_template else ""
        except Exception:  # noqa: BLE001 - a template may raise anything at what is no text
            text = ""
        shown = text.partition("[")[2].rpartition("]")[0].strip()
        if not any(token in shown for token in self.control_tokens):
            raise ModelError(
                "the model's chat template knows no images; choose a vision-language model, or "
                "leave choice.images out"
            )
        return shown

    def _wrap(self, system: str) -> tuple[str, str]:
        """Text before and after the user's words."""
        if not self._tokenizer.chat_template:
            return self._beginning() + (f"{system}\n\n" if system else ""), "\n"
        user = {"role": "user", "content": _MARK}
        try:
            text = self._with_system(system, user) if system else self._render([user])
        except Exception as error:  # a template may raise anything, and be none
            raise ModelError(
                f"the model's chat template does not work ({one_line(error, 150)}); choose another "
                "model, or mend its chat template"
            ) from error
        before, *after = text.split(_MARK)
        if len(after) != 1 or system.strip() not in before or _ADDRESS.search(text):
            raise ModelError(
                "the model's chat template loses, changes or repeats the words that it is given; "
                "choose another model, or mend its chat template"
            )
        return before, after[0]

    def _with_system(self, system: str, user: dict[str, Any]) -> str:
        """A conversation with the system's words in it, in their own turn or in the user's."""
        try:
            text = self._render([{"role": "system", "content": system}, user])
        except Exception:  # noqa: BLE001 - a template may raise anything to refuse a role
            text = ""
        if system.strip() in text:
            return text
        return self._render([{**user, "content": f"{system}\n\n{user['content']}"}])

    def _beginning(self) -> str:
        """The special tokens that the tokenizer itself puts in front of a text, as text."""
        plain = self._fast.encode("a", add_special_tokens=False).ids
        whole = self._fast.encode("a", add_special_tokens=True).ids
        extra = next((n for n in range(len(whole)) if whole[n : n + len(plain)] == plain), 0)
        return self.decode(whole[:extra])

    def _render(self, turns: list[dict[str, Any]]) -> str:
        """A conversation as text; templates of models that see may take words as parts only."""
        words = [turn["content"] for turn in turns if isinstance(turn["content"], str)]
        problem: Exception | None = None
        try:
            text = self._applied(turns)
        except Exception as error:  # noqa: BLE001 - a template may raise anything
            text, problem = "", error
        if words and not all(word.strip() in text for word in words):
            parts = [
                {**turn, "content": [_said(turn["content"])]}
                if isinstance(turn["content"], str)
                else turn
                for turn in turns
            ]
            with suppress(Exception):  # then it is as it was without parts
                told = self._applied(parts)
                if all(word.strip() in told for word in words):
                    return told
        if problem is not None:
            raise problem
        return text

    def _applied(self, turns: list[dict[str, Any]]) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,  # the answer is read from the very next token
                strftime_now=_TODAY.strftime,
            )
        )


def _said(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def load_tokenizer(
    source: Path | str, revision: str | None = None, *, at_hand: bool = False
) -> HubTokenizer:
    """Read the tokenizer of a folder or a hub id; ``at_hand``: from this machine, or not at all.

    Raises:
        ModelError: It is missing, unreadable, or has no fast version (tokenizer.json).
    """
    for name in _LOG_NAMES:
        logging.getLogger(name).setLevel(logging.ERROR)
    # Not AutoTokenizer: that imports torch, which takes longer than a small replayed run.
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - takes a second

    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            str(source), revision=revision, local_files_only=at_hand
        )
    except Exception as error:  # transformers raises many kinds; each means "not usable"
        reason = one_line(error, 200)
        raise ModelError(f'cannot read the tokenizer of "{source}": {reason}') from error
    return HubTokenizer(tokenizer)
