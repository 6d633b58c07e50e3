"""Answers on disk, shared between runs and processes.

One SQLite table from ``Question.key(fingerprint)`` to float32 log-probabilities. A rerun
replays them: arithmetic moves a little with the shape of a batch, stored answers do not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from footfall.errors import LogError, ModelError, RunError
from footfall.llm.protocol import Answer, LanguageModel, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.stream import Pending, submit
from footfall.llm.writing import Passage, Writer, Written

_VERSION = 1
_CHUNK = 500  # names in one IN (...); more gains nothing, and old SQLites allow only 999
_BUSY_SECONDS = 60.0


class AnswerStore:
    """A file of answers. What one process stored first is what every process reads.

    Killing a process loses nothing that ``settle`` returned; a power cut may lose the last
    answers, which are then asked again.

    Args:
        path: The SQLite file; made if missing, with its folder.

    Raises:
        LogError: The file exists and is not a store that this version can read.
        RunError: It can be neither made nor opened: no such place, no permission, a full disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
            if path.with_name(name).is_symlink():
                raise RunError(f"{path.with_name(name)} is a symbolic link; name the file itself")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make {path.parent} for the store: {error.strerror}") from error
        with self._errors():
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.OperationalError as error:
            self._db.close()
            raise self._unusable(error) from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            message = f"{path}: not a store of answers ({error}); move it away to start a new one"
            raise LogError(message) from error

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS answers"
            " (key BLOB PRIMARY KEY, logprobs BLOB NOT NULL) WITHOUT ROWID"
        )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS texts"
            " (key BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"
        )
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            self._db.close()
            message = f"{self.path}: written by another version of Footfall (format {version})"
            raise LogError(message)
        if version == 0:
            self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def find(self, keys: Sequence[bytes]) -> dict[bytes, tuple[float, ...]]:
        """Log-probabilities of those keys that are stored."""
        found: dict[bytes, tuple[float, ...]] = {}
        with self._errors():
            for start in range(0, len(keys), _CHUNK):
                chunk = keys[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                rows = self._db.execute(
                    f"SELECT key, logprobs FROM answers WHERE key IN ({marks})",  # noqa: S608 - only marks
                    chunk,
                )
                found.update((key, _unpack(blob)) for key, blob in rows)
        return found

    def settle(self, answers: Mapping[bytes, Sequence[float]]) -> dict[bytes, tuple[float, ...]]:
        """Store answers and return what counts from now on.

        That is the stored value, rounded to float32; where another process was faster, its
        value. So a replay sees exactly what the first run saw.
        """
        rows = [(key, np.asarray(values, dtype="<f4").tobytes()) for key, values in answers.items()]
        with self._errors(), self._at_once():
            before = self._db.total_changes
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", rows)
            all_new = self._db.total_changes - before == len(rows)
        if all_new:
            return {key: _unpack(blob) for key, blob in rows}
        return self.find([key for key, _ in rows])

    def texts(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """What was written under those keys that are stored."""
        found: dict[bytes, str] = {}
        with self._errors():
            for key in keys:
                row = self._db.execute("SELECT text FROM texts WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = str(row[0])
        return found

    def settle_texts(self, texts: Mapping[bytes, str]) -> dict[bytes, str]:
        """Store what was written and return what counts from now on, as ``settle`` does."""
        with self._errors(), self._at_once():
            self._db.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", list(texts.items()))
        return self.texts(list(texts))

    def __len__(self) -> int:
        """Answers in the store."""
        with self._errors():
            return int(self._db.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """All of what is written inside, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            raise

    def _unusable(self, error: sqlite3.Error) -> RunError:
        return RunError(f"{self.path}: {error}; see to it, then go on with --resume")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:  # locked, disk full, read-only
            raise self._unusable(error) from error
        except sqlite3.DatabaseError as error:
            message = f"{self.path}: damaged ({error}); move it away to ask the model again"
            raise LogError(message) from error


class StoredModel:
    """A language model that asks only what the store does not know.

    Questions that occur twice in a batch are asked once. ``NoAnswer`` is never stored, so a
    failed question is asked again next time.
    """

    def __init__(self, model: LanguageModel, store: AnswerStore) -> None:
        self._model = model
        self._store = store
        self.name = model.name
        self.fingerprint = model.fingerprint
        self.tokenizer: Tokenizer = model.tokenizer
        self.block_size = model.block_size
        self.max_prompt_tokens = model.max_prompt_tokens
        self.from_store = 0
        """Questions answered from the store so far."""

    @property
    def engine_seconds(self) -> float:
        """Wall time spent inside the engine so far; the store's own time is not in it."""
        return self._model.engine_seconds

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order."""
        return self.submit(questions)()

    def submit(self, questions: Sequence[Question]) -> Pending:
        """Look the questions up at once, and queue those that nobody has asked before."""
        keys = [question.key(self.fingerprint) for question in questions]
        wanted = dict(zip(keys, questions, strict=True))
        found = self._store.find(list(wanted))
        for key, values in found.items():
            if len(values) != (len(wanted[key].labels) or len(wanted[key].suffix)):
                raise LogError(
                    f"{self._store.path}: damaged (an answer does not fit its question); move it "
                    "away to ask the model again"
                )
        known: dict[bytes, Reply] = {
            key: Answer(values, from_store=True) for key, values in found.items()
        }
        self.from_store += sum(key in known for key in keys)
        missing = [key for key in wanted if key not in known]
        pending = submit(self._model, [wanted[key] for key in missing]) if missing else list

        def wait() -> list[Reply]:
            if missing:
                known.update(self._settle(missing, pending()))
                missing.clear()
            return [known[key] for key in keys]

        return wait

    def _settle(self, keys: Sequence[bytes], asked: Sequence[Reply]) -> dict[bytes, Reply]:
        """Store the answers; from now on what is stored counts."""
        replies = dict(zip(keys, asked, strict=True))
        answers = {key: reply for key, reply in replies.items() if isinstance(reply, Answer)}
        settled = self._store.settle({key: a.logprobs for key, a in answers.items()})
        for key, answer in answers.items():
            replies[key] = Answer(settled[key], answer.cached_tokens)
        return replies

    def write(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        """One text a passage, in order; only what the store lacks is written.

        Raises:
            ModelError: The model cannot write.
        """
        if not isinstance(self._model, Writer):
            raise ModelError(f'"{self.name}" cannot write')
        keys = [passage.key(self.fingerprint) for passage in passages]
        known: dict[bytes, Written | NoAnswer] = {
            key: Written(text, from_store=True) for key, text in self._store.texts(keys).items()
        }
        missing = {k: p for k, p in zip(keys, passages, strict=True) if k not in known}
        if missing:
            made = dict(zip(missing, self._model.write(list(missing.values())), strict=True))
            kept = {key: one.text for key, one in made.items() if isinstance(one, Written)}
            settled = self._store.settle_texts(kept)
            known |= made | {key: Written(text) for key, text in settled.items()}
        return [known[key] for key in keys]

    def close(self) -> None:
        """Close the store and the model. May be called twice."""
        self._store.close()
        self._model.close()


def _unpack(blob: bytes) -> tuple[float, ...]:
    if not isinstance(blob, bytes) or len(blob) % 4:
        raise sqlite3.DatabaseError("an answer is no list of numbers")
    return tuple(np.frombuffer(blob, dtype="<f4").tolist())
