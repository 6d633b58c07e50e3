"""A table in any common format as one frame: Parquet, Feather, ORC, delimited text, JSON."""

from __future__ import annotations

import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.lib
import pyarrow.parquet as pq

from footfall.datasets.archive import MAX_BYTES, open_unpacked, refuse_bomb
from footfall.datasets.arrow_columns import INDEX, joined, text_of_uuids
from footfall.datasets.delimited import SEPARATORS, Cells, Form, read_delimited, told_form
from footfall.datasets.parts import ENDINGS, Part, parts_of
from footfall.datasets.records import is_json, read_json
from footfall.datasets.schema import Cleaning
from footfall.datasets.unreadable import refuse_no_text, refuse_unread
from footfall.errors import DataError, did_you_mean, one_line

_BATCH = 4096
"""Rows of Parquet that are unpacked at a time."""

_STREAMED = 262_144
"""Rows at a time where they need not all be in memory."""

MOST_STREAMED = 64 * MAX_BYTES
"""Bytes that a table may unpack to that is not held in memory."""

_CELL = 8
"""Bytes that a cell takes at least."""

DAMAGES = (
    OSError,
    ValueError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    pyarrow.lib.ArrowException,
)
"""What readers of tables raise at broken files."""

_ARROW = {b"PAR1": "parquet", b"ARROW1": "ipc", b"ORC": "orc"}
"""How files begin that Arrow reads."""


def read_frame(
    path: Path,
    columns: Sequence[str] | None = None,
    form: Form | None = None,
    *,
    rows: int | None = None,
) -> Cells:
    """Read the named columns of a table, or all: a file, or a folder of parts.

    Text stays text in delimited files, so that the id "007" keeps its zeros. A column of a record
    in Parquet or JSON is named as in user.id, one out of folder names (day=2024-01-31) as there.

    Args:
        path: What to read.
        columns: Which columns; all by default.
        form: How delimited text is written; by default the header tells its separator.
        rows: How many to read at least of the first part, and of it alone; all by default.

    Raises:
        DataError: It cannot be read, or a column is missing; says which ones exist.
    """
    read = path
    try:
        parts, notes = parts_of(path)
        tables = _Tables(path, columns, form or Form(separator=None), rows)
        for part in parts if rows is None else parts[:1]:
            read = part.path
            tables.add(part)
        read = path
        return tables.joined(notes)
    except DAMAGES as error:
        reason = one_line(error, 300)
        raise DataError(f"{read}: cannot be read as a table: {reason}") from error


def stream_arrow(
    path: Path, columns: Sequence[str], sink: Callable[[pa.Table], None]
) -> list[Cleaning]:
    """Hand the named columns of a table to ``sink``, some hundred thousand rows at a time.

    Its parts are files that Arrow reads (Parquet, Feather, ORC) and have all columns.

    Returns:
        What was not in order in the files.

    Raises:
        DataError: It cannot be read, or a column is missing.
    """
    read = path
    try:
        parts, notes = parts_of(path)
        tables = _Tables(path, columns, Form(), sink=sink)
        for part in parts:
            read = part.path
            tables.add(part)
        read = path
        return tables.joined(notes).notes
    except DAMAGES as error:
        reason = one_line(error, 300)
        raise DataError(f"{read}: cannot be read as a table: {reason}") from error


def read_names(path: Path) -> list[str]:
    """The columns of a table, without its rows.

    Raises:
        DataError: It cannot be read.
    """
    return [str(name) for name in read_frame(path, rows=None if is_json(path) else 1).frame]


def form_of(path: Path, encoding: str | None = None) -> Form:
    """Tell from its first lines how a file of delimited text is written.

    Raises:
        DataError: It cannot be decoded, or is empty.
    """
    try:
        with open_unpacked(path) as file:
            return told_form(file, Form(None, encoding or "utf-8"))
    except DAMAGES as error:
        raise DataError(f"{path}: {one_line(error, 300)}") from error


class _Tables:
    """Parts of one table, read one after the other, and what they lack."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] | None,
        form: Form,
        rows: int | None = None,
        sink: Callable[[pa.Table], None] | None = None,
    ) -> None:
        self.sink = sink
        self.path, self.columns, self.form, self.rows = path, columns, form, rows
        self.known: dict[str, None] = {}
        self.arrow: list[pa.Table] = []
        self.frames: list[pd.DataFrame] = []
        self.lacking: list[tuple[Part, set[str]]] = []
        self.doubled: dict[str, list[Part]] = {}
        self.notes: list[Cleaning] = []
        self.size = 0

    def add(self, part: Part) -> None:
        """Read a part."""
        with part.path.open("rb") as file:
            head = file.read(32)
        kind = next((kind for start, kind in _ARROW.items() if head.startswith(start)), None)
        if kind is not None:
            self._add_arrow(part, kind)
            return
        refuse_unread(part.path, head)
        if part.path.suffix.lower() in {*ENDINGS, ".feather", ".arrow", ".orc"}:
            raise ValueError("its contents are not what its name says; is it complete?")
        with open_unpacked(part.path) as raw:
            self._add_text(part, raw)

    def joined(self, notes: list[Cleaning]) -> Cells:
        """All parts, one below the other."""
        wanted = list(self.known) if self.columns is None else list(dict.fromkeys(self.columns))
        for name in wanted:
            if name not in self.known:
                hint = _one_cell(list(self.known), wanted) or did_you_mean(name, self.known)
                raise DataError(f'{self.path}: no column "{name}"; {hint}')
        self._refuse_renamed()
        self._refuse_strange()
        parts = [joined([_with_all(table, wanted) for table in self.arrow])] if self.arrow else []
        parts += [frame.reindex(columns=wanted) for frame in self.frames]
        whole = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
        return Cells(whole, [*notes, *self.notes, *self._gaps()])

    def _add_arrow(self, part: Part, kind: str) -> None:
        data = _opened(part.path, kind)
        names = [name for name in data.schema.names if not INDEX.fullmatch(name)]
        chosen = self._choose(part, names, data.schema)
        fields = {name: pads.field(name) if name in names else pads.field(*name.split("."))
                  for name in chosen}  # fmt: skip
        said = pq.ParquetFile(part.path) if kind == "parquet" else None
        most = None if self.sink is None else MOST_STREAMED
        if said is not None:
            _refuse_promises(part.path, said.metadata, len(fields), most)
        # Small batches, one after the other: a few bytes may stand for any number of equal texts.
        size = _BATCH if self.sink is None else _STREAMED
        scan = data.scanner(fields, batch_size=size, batch_readahead=1, fragment_readahead=1)
        batches, count = [], 0
        for batch in scan.to_batches():
            self.size += batch.nbytes
            refuse_bomb(part.path, most or MAX_BYTES, self.size, most)
            if self.sink is not None:
                self.sink(pa.Table.from_batches([batch]))
                continue
            batches.append(batch)
            count += batch.num_rows
            if self.rows is not None and count >= self.rows:
                break
        table = _with_uuids(pa.Table.from_batches(batches, scan.projected_schema), said)
        for name, value in part.keys.items():
            if name not in names and (self.columns is None or name in self.columns):
                table = table.append_column(name, pa.array([value] * len(table), pa.string()))
        self.arrow.append(table)

    def _add_text(self, part: Part, file: io.BufferedReader) -> None:
        head = file.peek(512)[:512]
        refuse_unread(part.path, head)
        refuse_no_text(part.path, head)
        if _is_json(part.path, head):
            frame, notes = pd.DataFrame(read_json(file), dtype=object), []
        else:
            cells = read_delimited(
                file,
                self.form,
                self.form.header or None,
                columns=self.columns,
                rows=self.rows,
                name=part.path.name,
            )
            frame, notes = cells.frame, cells.notes
            self.known |= dict.fromkeys(cells.header)
        self.notes += notes
        chosen = self._choose(part, [*frame.columns], None)
        frame = frame[chosen]
        for name, value in part.keys.items():
            if name not in frame and (self.columns is None or name in self.columns):
                frame = frame.assign(**{name: value})
        self.frames.append(frame)

    def _choose(self, part: Part, names: list[str], schema: pa.Schema | None) -> list[str]:
        """The wanted columns that a part has, and account of those that it lacks."""
        self.known |= dict.fromkeys([*names, *part.keys])
        if self.columns is None:
            return names
        nested = [name for name in self.columns if name not in names and _is_nested(name, schema)]
        self.known |= dict.fromkeys(nested)
        twice = [name for name in self.columns if names.count(name) > 1]
        if twice:
            raise ValueError(f'{part.path.name} has two columns "{twice[0]}"')
        for name in {*names} & {*part.keys} & {*self.columns}:
            self.doubled.setdefault(name, []).append(part)
        found = {*names, *nested, *part.keys}
        self.lacking.append((part, set(self.columns) - found))
        return [name for name in dict.fromkeys(self.columns) if name in {*names, *nested}]

    def _refuse_renamed(self) -> None:
        """A part that writes a column's name otherwise would lose its values."""
        plain = {_plain(name): name for name in self.known}
        for part, names in self.lacking:
            for name in names:
                other = plain.get(_plain(name))
                variants = [known for known in self.known if _plain(known) == _plain(name)]
                if other is not None and len(variants) > 1:
                    others = ", ".join(f'"{known}"' for known in variants if known != name)
                    raise DataError(
                        f'{part.path}: has no column "{name}", as other parts have, but {others}; '
                        "give it one name in all parts"
                    )

    def _refuse_strange(self) -> None:
        """A part without any of the columns has lost its header, or is another table."""
        for part, names in self.lacking:
            if self.columns and names == set(self.columns):
                raise DataError(
                    f'{part.path}: has no column "{self.columns[0]}", nor any other that is wanted '
                    "and that other parts have; does it have a header?"
                )

    def _gaps(self) -> Iterable[Cleaning]:
        for name in dict.fromkeys(self.columns or ()):
            parts = [part for part, names in self.lacking if name in names]
            if parts:
                problem = f'part of {self.path.name} without the column "{name}"'
                yield Cleaning(problem, "read as unknown", len(parts), parts[0].path.name)
        for name, parts in self.doubled.items():
            problem = f'part of {self.path.name} in a folder named after its column "{name}"'
            sample = parts[0].path.relative_to(self.path).as_posix()
            yield Cleaning(problem, "the column read, not the folder", len(parts), sample)


def _opened(path: Path, kind: str) -> pads.Dataset:
    try:
        return pads.dataset([str(path)], format=kind)
    except (pa.ArrowException, OSError) as error:
        if "duplicate field" in str(error):
            raise ValueError("two of its columns have one name; give one another name") from None
        raise ValueError("it is damaged, or its end is missing; is it complete?") from None


def _one_cell(known: list[str], wanted: list[str]) -> str:
    """What to do where the whole header is one cell; "" where it is not."""
    if len(known) != 1 or len(wanted) < 2 or not all(name in known[0] for name in wanted):
        return ""
    sign = next((sign for sign in known[0] if not (sign.isalnum() or sign in "_.")), "")
    header = f"its header is one cell, {json.dumps(known[0][:60], ensure_ascii=False)}"
    if sign in SEPARATORS:
        return f"{header}: its lines stand in quotes as a whole; take those off"
    return f"{header}: name the sign between its cells, separator: {json.dumps(sign)}"


def _with_all(table: pa.Table, wanted: list[str]) -> pa.Table:
    columns = [table[name] if name in table.column_names else pa.nulls(len(table))
               for name in wanted]  # fmt: skip
    return pa.table(columns, names=wanted) if columns else table


def _plain(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def _is_nested(name: str, schema: pa.Schema | None) -> bool:
    """Whether a name such as user.id leads to a column within records."""
    first, *rest = name.split(".")
    if schema is None or not rest or first not in schema.names:
        return False
    kind = schema.field(first).type
    for step in rest:
        if not pa.types.is_struct(kind) or kind.get_field_index(step) < 0:
            return False
        kind = kind.field(step).type
    return True


def _is_json(path: Path, head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    named = {suffix.lower() for suffix in path.suffixes} & {".json", ".jsonl", ".ndjson"}
    return start.startswith((b'{"', b'[{"', b"{'")) or bool(
        named and start.startswith((b"{", b"["))
    )


def _with_uuids(table: pa.Table, said: pq.ParquetFile | None) -> pa.Table:
    """UUIDs as text, also where Arrow reads them as bytes: DuckDB notes them in Parquet's way."""
    leaves = [] if said is None else [said.schema.column(n) for n in range(len(said.schema))]
    for leaf in leaves:
        if leaf.logical_type.type == "UUID" and leaf.path in table.column_names:
            place = table.column_names.index(leaf.path)
            if pa.types.is_fixed_size_binary(table.schema.field(place).type):
                table = table.set_column(place, leaf.path, text_of_uuids(table.column(place)))
    return table


def _refuse_promises(part: Path, said: pq.FileMetaData, columns: int, most: int | None) -> None:
    """Hold what a Parquet file says of itself against the limits, before it is unpacked."""
    groups = (said.row_group(number).total_byte_size for number in range(said.num_row_groups))
    refuse_bomb(part, part.stat().st_size, sum(groups), most)
    refuse_bomb(part, most or MAX_BYTES, said.num_rows * columns * _CELL, most)
