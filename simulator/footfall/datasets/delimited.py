"""Delimited files as text: header, separator, and lines that have too few or too many cells."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from footfall.datasets.lines import Lines, Stream, checked
from footfall.datasets.quotes import Quotes
from footfall.datasets.schema import Cleaning

SEPARATORS = (",", ";", "\t", "|")
"""What is tried where nobody names one."""

LOOKED_AT = 25
"""Lines from which the separator is told."""

WORDS = frozenset(
    ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None", "<NA>",
     "NaT", "\\N"]
)  # fmt: skip
"""How programs write that something is missing."""

EXCEL = re.compile(rb'^"?sep=(.)"?\r?\n$')
"""A first line that tells Excel the separator."""


@dataclass(frozen=True)
class Cells:
    """A delimited file as text; missing cells are None."""

    frame: pd.DataFrame
    notes: list[Cleaning] = field(default_factory=list)
    """What was not in order in the file, and what was done about it."""
    header: tuple[str, ...] = ()
    """All columns of the file, also those that were not read."""


@dataclass(frozen=True)
class Form:
    """How a file is written."""

    separator: str | None = ","
    """Between cells; None: told from the header."""
    encoding: str = "utf-8"
    """Unless a mark at the beginning of the file tells another."""
    quoted: bool = True
    """Cells may stand in double quotes."""
    lenient: bool = False
    """Leave out lines that are broken, instead of refusing the file."""
    missing: frozenset[str] = frozenset([""])
    """Cells that are missing, not text."""
    header: tuple[str, ...] = ()
    """Names of the columns of a file whose first line is a record already."""


def read_delimited(
    source: IO[bytes],
    form: Form,
    names: Sequence[str] | None = None,
    *,
    columns: Sequence[str] | None = None,
    rows: int | None = None,
    name: str = "the file",
) -> Cells:
    """Read a delimited file as text, so that the id "007" keeps its zeros.

    Args:
        source: The file.
        form: How it is written.
        names: Its columns, where no header names them.
        columns: Those to read, if they are there; all by default.
        rows: How many to read at least, where there are as many; all by default.
        name: How notes call the file.

    Raises:
        ValueError: It is no such file, or a line is broken.
    """
    lines = Lines(source, form.encoding, form.lenient)
    blocks = lines.blocks()
    first, blocks = _first_line(blocks)
    if not first.strip() and names is None:
        raise ValueError("it is empty")
    told = EXCEL.match(first) if names is None else None
    skipped = 1
    if told:
        first, blocks = _first_line(blocks)
        skipped = 2
    if told:
        separator = told[1].decode()
    elif form.separator is None:
        more = next(blocks, b"")
        blocks = itertools.chain([more] if more else [], blocks)
        separator = _separator(first, more, columns)
    else:
        separator = form.separator
    if names is None:
        header = _header(first, separator, quoted=form.quoted)
        _refuse_twins(header, columns)
    else:
        header, skipped, blocks = list(names), 0, itertools.chain([first], blocks)
    quotes = Quotes(separator.encode(), len(header), form.lenient, line=skipped)
    stream = Stream(checked(blocks, quotes) if form.quoted else blocks)
    reading = _Reading(header, separator, form, columns, skipped)
    frame = reading.read(stream, rows)
    return Cells(frame, _notes(lines, quotes, reading, name), tuple(header))


def _first_line(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    block = next(blocks, b"")
    while block and not block.strip():
        block = next(blocks, b"")
    text = block.lstrip(b"\n")
    line, end, rest = text.partition(b"\n")
    return line + end, itertools.chain([rest] if rest else [], blocks)


def told_form(source: IO[bytes], form: Form) -> Form:
    """A form whose separator is told from the first lines of a file.

    Raises:
        ValueError: They cannot be decoded, or there are none.
    """
    first, rest = _first_line(Lines(source, form.encoding, form.lenient).blocks())
    if not first.strip():
        raise ValueError("it is empty")
    return dataclasses.replace(form, separator=_separator(first, next(rest, b""), None))


def _separator(first: bytes, more: bytes, columns: Sequence[str] | None) -> str:
    """The sign that makes the wanted columns of the header, and most lines as long as it."""
    found = {sign: _header(first, sign, quoted=True) for sign in SEPARATORS}
    wanted = set(columns or ())
    lines = more.decode("utf-8", errors="replace").splitlines()[:LOOKED_AT]

    def fits(sign: str) -> tuple[int, float, int]:
        width = len(found[sign])
        alike = [len(cells) == width for cells in _rows(lines, sign)]
        share = sum(alike) / len(alike) if alike and width > 1 else 0.0
        return len(wanted & set(found[sign])), share, width

    return max(SEPARATORS, key=fits)


def _rows(lines: list[str], separator: str) -> list[list[str]]:
    try:
        return [cells for cells in csv.reader(lines, delimiter=separator) if cells]
    except csv.Error:
        return []


def _header(line: bytes, separator: str, *, quoted: bool) -> list[str]:
    """Names of columns without blanks around them; each different, and none empty."""
    text = line.decode("utf-8", errors="replace").strip("\n")
    cells = _split(text, separator, quoted=quoted)
    names: list[str] = []
    for place, cell in enumerate(cells):
        plain = cell.strip() or f"Unnamed: {place}"
        name, copy = plain, 1
        while name in names:
            name, copy = f"{plain}.{copy}", copy + 1
        names.append(name)
    return names


def _split(text: str, separator: str, *, quoted: bool) -> list[str]:
    if not quoted:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error:  # a cell of more than 128 KiB
        return text.split(separator)


def _refuse_twins(header: list[str], columns: Sequence[str] | None) -> None:
    for name in columns or ():
        if name in header and f"{name}.1" in header and f"{name}.1" not in (columns or ()):
            raise ValueError(f'the header names two columns "{name}"; give one another name')


@dataclass
class _Reading:
    """Parsing, with an eye on lines that have too few or too many cells."""

    header: list[str]
    separator: str
    form: Form
    columns: Sequence[str] | None
    above: int
    """Lines above the first record."""
    short: list[int] = field(default_factory=list)
    long: list[int] = field(default_factory=list)
    mended: list[list[str]] = field(default_factory=list)
    refusal: str = ""
    """What is wrong with the first line that has too many cells."""

    def read(self, stream: Stream, rows: int | None) -> pd.DataFrame:
        """All records, or ``rows`` of them and perhaps some more."""
        wanted = self.header if self.columns is None else self.columns
        kept = [name for name in self.header if name in set(wanted)]
        try:
            reader = self._reader(io.BufferedReader(stream, 2**20), kept)
            table = pa.Table.from_batches(_batches(reader, rows), reader.schema)
        except pa.ArrowInvalid as error:
            if self.refusal and not self.form.lenient:
                raise ValueError(self.refusal) from None
            if "Empty CSV" not in str(error):
                raise
            table = pa.table({name: pa.array([], pa.string()) for name in kept})
        frame: pd.DataFrame = table.to_pandas()
        return self._with_mended(frame, kept)

    def _reader(self, file: io.BufferedReader, kept: list[str]) -> pacsv.CSVStreamingReader:
        return pacsv.open_csv(
            pa.PythonFile(file, mode="r"),
            pacsv.ReadOptions(column_names=self.header, block_size=2**22, use_threads=False),
            pacsv.ParseOptions(
                delimiter=self.separator,
                quote_char='"' if self.form.quoted else False,
                newlines_in_values=self.form.quoted,
                invalid_row_handler=self._odd,
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(self.header, pa.string()),
                include_columns=kept,
                null_values=sorted(self.form.missing),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _odd(self, row: pacsv.InvalidRow) -> str:
        """Keep what only lacks its end or has blanks beyond it; refuse or leave out the rest."""
        line = (row.number or 0) + self.above
        cells = _split(row.text, self.separator, quoted=self.form.quoted)
        width = len(self.header)
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            self.long.append(line)
            self.refusal = self.refusal or self._too_long(line, len(cells))
            return "skip" if self.form.lenient else "error"
        if len(cells) < width:
            self.short.append(line)
        self.mended.append([*cells[:width], *[""] * (width - len(cells))])
        return "skip"

    def _too_long(self, line: int, count: int) -> str:
        return (
            f"line {line} has {count} cells and the header {len(self.header)}; it has more cells "
            "than columns; the header must name them all, and cells with a separator in them stand "
            "in double quotes"
        )

    def _with_mended(self, frame: pd.DataFrame, kept: list[str]) -> pd.DataFrame:
        if not self.mended:
            return frame
        more = pd.DataFrame(self.mended, columns=self.header, dtype=object)[kept]
        more = more.mask(more.isin(self.form.missing), None)
        return pd.concat([frame, more], ignore_index=True)


def _batches(reader: pacsv.CSVStreamingReader, rows: int | None) -> list[pa.RecordBatch]:
    batches, count = [], 0
    for batch in reader:
        batches.append(batch)
        count += batch.num_rows
        if rows is not None and count >= rows:
            break
    return batches


def _notes(lines: Lines, quotes: Quotes, reading: _Reading, name: str) -> list[Cleaning]:
    def note(problem: str, action: str, count: int, line: int) -> Cleaning:
        return Cleaning(f"{problem} of {name} (first: line {line})", action, count)

    found = [
        note(problem, "read as a blank", count, lines.found.first[problem])
        for problem, count in lines.found.counts.items()
    ]
    for problem, action, at in (
        ("line with too many cells", "dropped", reading.long),
        ("line with too few cells", "kept, the others are missing", reading.short),
    ):
        if at:
            found.append(note(problem, action, len(at), min(at)))
    if quotes.dropped:
        problem = "line that opens a quote and does not close it"
        found.append(note(problem, "dropped", quotes.dropped, quotes.first_dropped))
    if quotes.odd:
        problem = "cell with letters after its closing quote"
        found.append(note(problem, "kept as written", quotes.odd, quotes.first_odd))
    return found


def read_cells(
    source: IO[bytes] | IO[str] | Path,
    names: Sequence[str] | None = None,
    *,
    separator: str = ",",
    missing: bool = True,
    lenient: bool = False,
) -> Cells:
    """Read a small delimited file of a known layout as text.

    Args:
        source: The file.
        names: Its columns, where no header names them.
        separator: Of one character. Only where it is a comma there are quotes.
        missing: Words such as "NA" are missing, as empty cells are.
        lenient: Leave out broken lines, and put a sign in the place of what is no UTF-8.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.
    """
    words = WORDS if missing else frozenset([""])
    form = Form(separator, quoted=separator == ",", lenient=lenient, missing=words)
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_delimited(file, form, names, name=source.name)
    content = source.read()
    raw = content.encode() if isinstance(content, str) else content
    return read_delimited(io.BytesIO(raw), form, names)
