"""The encoding of a text file that is not UTF-8: the one under which its header makes sense."""

from __future__ import annotations

import csv
import re
import unicodedata
from pathlib import Path

from footfall.datasets.archive import open_unpacked
from footfall.datasets.frames import form_of
from footfall.datasets.guessing.asking import Findings, OpenQuestion, Told
from footfall.datasets.guessing.words import action_of, understand
from footfall.datasets.records import is_json
from footfall.errors import DataError

HEAD = 2**16
"""Bytes of a file that are looked at."""

ENCODINGS = {
    "cp1252": "western Europe", "cp1250": "central Europe", "cp1251": "Cyrillic",
    "cp1254": "Turkish", "shift_jis": "Japanese", "gb18030": "Chinese", "euc_kr": "Korean",
    "big5": "traditional Chinese", "cp1253": "Greek", "cp1255": "Hebrew", "cp1256": "Arabic",
    "cp1258": "Vietnamese", "cp874": "Thai",
}  # fmt: skip

OF_LANGUAGES = {
    "pl": "cp1250", "cs": "cp1250", "hu": "cp1250", "ru": "cp1251", "uk": "cp1251", "tr": "cp1254",
    "bg": "cp1251", "ro": "cp1250", "hr": "cp1250", "sk": "cp1250", "el": "cp1253", "he": "cp1255",
    "ar": "cp1256", "fa": "cp1256", "vi": "cp1258", "th": "cp874",
    "ja": "shift_jis", "zh": "gb18030", "ko": "euc_kr",
}  # fmt: skip
"""What else than cp1252 a language was written in."""

_MIXED = re.compile(
    r"[a-z][\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0400-\u04ff]+[a-z]", re.IGNORECASE
)


def encoding_of(path: Path, told: Told, findings: Findings) -> str | None:
    """Name the encoding of a text table; None where its bytes tell it."""
    if told.encoding is not None or path.is_dir() or ".parquet" in path.suffixes or is_json(path):
        return told.encoding
    if not path.is_file():
        return None  # whoever reads it says so
    try:
        form_of(path)
    except DataError:
        return _guessed(path, findings)
    return None


def _guessed(path: Path, findings: Findings) -> str:
    with open_unpacked(path) as file:
        head = file.read(HEAD)
    head = head[: head.rfind(b"\n") + 1] or head
    scores = {name: _sense(head, name, path) for name in ENCODINGS}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > 0 and list(scores.values()).count(scores[best]) == 1:
        findings.note("encoding", best, f"so its header makes sense ({ENCODINGS[best]})")
        return best
    likely = [name for name in ENCODINGS if scores[name] == scores[best]]
    question = OpenQuestion(
        f"{path.name}: its text is not UTF-8; what is it?",
        {name: ENCODINGS[name] for name in likely},
        likely[0],
        "--encoding ANSWER",
    )
    return findings.answer("encoding", question)


def _sense(head: bytes, encoding: str, path: Path) -> float:
    """How many headers and actions are words; -1 where the bytes are no such text."""
    try:
        lines = head.decode(encoding).splitlines()
    except UnicodeDecodeError:
        return -1.0
    separator = form_of(path, encoding).separator or ","
    rows = list(csv.reader(lines[:200], delimiter=separator))
    if not rows:
        return 0.0
    read = understand(rows[0])
    words = {cell for row in rows[1:] for cell in row if not cell.isascii()}
    usual = any(OF_LANGUAGES.get(name, "cp1252") == encoding for name in read.languages)
    known = sum(map(len, read.meanings.values())) - 2.0 * sum(map(_mixed, rows[0]))
    return known + 0.5 * usual + 0.1 * sum(bool(action_of(word)) for word in words)


def _mixed(header: str) -> bool:
    """Whether a word changes its writing in its middle, as none does in any language."""
    return _MIXED.search(unicodedata.normalize("NFKC", header)) is not None
