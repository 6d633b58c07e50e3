"""A model's own tokenizer and chat template, read with transformers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from footfall.errors import ModelError, one_line

_MARK = "FOOTFALLUSERWORDS"
_KEPT_CHATS = 1024
_LOG_NAMES = ("transformers", "huggingface_hub")


class HubTokenizer:
    """``footfall.llm.protocol.Tokenizer`` over a Hugging Face tokenizer.

    Models without a chat template (base models) get the bare text; models whose template
    knows no system role get its words at the head of the user's.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._fast = tokenizer.backend_tokenizer
        added = tokenizer.get_added_vocab()
        self.control_tokens = tuple(sorted({*tokenizer.all_special_tokens, *added}))
        self._chats: dict[str, tuple[str, str]] = {}

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

    def _wrap(self, system: str) -> tuple[str, str]:
        """Text before and after the user's words."""
        if not self._tokenizer.chat_template:
            return (f"{system}\n\n" if system else ""), "\n"
        user = {"role": "user", "content": _MARK}
        try:
            turns = [{"role": "system", "content": system}, user] if system else [user]
            text = self._render(turns)
        except Exception:  # noqa: BLE001 - a template may raise anything to refuse a role
            text = self._render([{"role": "user", "content": f"{system}\n\n{_MARK}"}])
        before, found, after = text.partition(_MARK)
        if not found:
            raise ModelError("the model's chat template drops the user's words")
        return before, after

    def _render(self, turns: list[dict[str, str]]) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,  # the answer is read from the very next token
            )
        )


def load_tokenizer(source: Path | str, revision: str | None = None) -> HubTokenizer:
    """Read the tokenizer of a folder or a hub id.

    Raises:
        ModelError: It is missing, unreadable, or has no fast version (tokenizer.json).
    """
    for name in _LOG_NAMES:
        logging.getLogger(name).setLevel(logging.ERROR)
    # Not AutoTokenizer: that imports torch, which takes longer than a small replayed run.
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - takes a second

    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(source), revision=revision)
    except Exception as error:  # transformers raises many kinds; each means "not usable"
        reason = one_line(error, 200)
        raise ModelError(f'cannot read the tokenizer of "{source}": {reason}') from error
    return HubTokenizer(tokenizer)
