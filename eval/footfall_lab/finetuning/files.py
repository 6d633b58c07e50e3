"""Lessons on disk: one Parquet file a part and a manifest that says where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from footfall.errors import DataError, one_line
from footfall.llm.protocol import Tokens
from footfall.plumbing.files import replacing, write_json
from footfall.plumbing.json_files import read_object
from footfall_lab.finetuning.lessons import Lesson

NAME = "sft.json"
TRAIN, VALIDATE = "train.parquet", "validate.parquet"

SCHEMA = pa.schema(
    [
        ("user", pa.string()),
        ("window", pa.int32()),
        ("prompt", pa.string()),
        ("questions", pa.list_(pa.string())),
        ("answers", pa.list_(pa.string())),
        ("items", pa.list_(pa.string())),
        ("new", pa.list_(pa.bool_())),
        ("prefix_ids", pa.list_(pa.int32())),
        ("suffix_ids", pa.list_(pa.list_(pa.int32()))),
    ]
)
"""One row a lesson. The texts are for people and for other trainers; ``prefix_ids`` and
``suffix_ids`` are what the model is asked during a run, token by token."""

YES, NO = "Yes", "No"


@dataclass(frozen=True)
class LessonFolder:
    """What ``footfall sft-data`` wrote."""

    train: list[Lesson]
    validate: list[Lesson]
    about: dict[str, Any]
    """The manifest: labels, hashes, split, users, template."""


def write_lessons(folder: Path, name: str, lessons: Sequence[Lesson], decode: Any) -> None:
    """Write one part.

    Args:
        folder: Made if need be.
        name: ``TRAIN`` or ``VALIDATE``.
        lessons: One row each.
        decode: Token ids -> text.
    """
    rows = [
        {
            "user": lesson.user,
            "window": lesson.window,
            "prompt": decode(lesson.prefix.ids),
            "questions": [decode(suffix.ids) for suffix in lesson.suffixes],
            "answers": [YES if taken else NO for taken in lesson.taken],
            "items": list(lesson.items),
            "new": list(lesson.new),
            "prefix_ids": list(lesson.prefix.ids),
            "suffix_ids": [list(suffix.ids) for suffix in lesson.suffixes],
        }
        for lesson in lessons
    ]
    with replacing(folder / name) as sink:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink)


def write_about(folder: Path, about: dict[str, Any]) -> None:
    """Write the manifest, last: a folder without one is not complete."""
    write_json(folder / NAME, about)


def read_lessons(folder: Path) -> LessonFolder:
    """Read what ``footfall sft-data`` wrote.

    Raises:
        DataError: The folder is incomplete or damaged.
    """
    try:
        about = read_object(folder / NAME)
        parts = [pq.read_table(folder / name, schema=SCHEMA) for name in (TRAIN, VALIDATE)]
        train, validate = ([_lesson(row) for row in part.to_pylist()] for part in parts)
    except FileNotFoundError as error:
        missing = Path(error.filename or NAME).name
        raise DataError(
            f"{folder}: {missing} is missing; write it with `footfall sft-data SCENARIO"
            f" --out {folder}`"
        ) from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = one_line(error, 200)
        raise DataError(f"{folder}: cannot be read: {reason}") from None
    return LessonFolder(train, validate, about)


def _lesson(row: dict[str, Any]) -> Lesson:
    questions = [row[name] for name in ("suffix_ids", "items", "answers", "new")]
    if any(cell is None for cell in (row["user"], row["prefix_ids"], *questions)):
        raise ValueError("a lesson with empty cells")
    if len({len(cells) for cells in questions}) > 1 or None in (*row["suffix_ids"], *row["items"]):
        raise ValueError("a lesson whose questions and answers do not fit")
    return Lesson(
        user=row["user"],
        window=row["window"],
        prefix=Tokens(tuple(row["prefix_ids"])),
        suffixes=tuple(Tokens(tuple(ids)) for ids in row["suffix_ids"]),
        items=tuple(row["items"]),
        taken=tuple(answer == YES for answer in row["answers"]),
        new=tuple(row["new"]),
    )
