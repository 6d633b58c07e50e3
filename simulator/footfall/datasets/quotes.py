"""Quotes in delimited files: which cells they hold, and which of them nobody closed."""

from __future__ import annotations

from dataclasses import dataclass, field

QUOTE = b'"'

LONGEST_CELL = 2**20
"""Bytes; a quoted cell that goes on longer was never closed."""

SMALL = 3
"""Columns from which on a line of as many cells is told from a line of prose."""


@dataclass
class Quotes:
    """Looks at lines one by one, and remembers a cell that goes on in the next line.

    Attributes:
        separator: Between cells, one byte.
        columns: How many cells a line has.
        lenient: Leave lines out that open a quote and do not close it, instead of refusing them.
    """

    separator: bytes
    columns: int
    lenient: bool = False
    line: int = 0
    """Lines seen."""
    open: list[bytes] = field(default_factory=list)
    """Lines of the cell that is open."""
    dropped: int = 0
    """Lines left out because they open a quote and do not close it."""
    first_dropped: int = 0
    odd: int = 0
    """Cells with letters after their closing quote, kept as they are written."""
    first_odd: int = 0

    def passed(self, block: bytes) -> None:
        """Count lines that need no look."""
        self.line += block.count(b"\n")

    def feed(self, lines: list[bytes]) -> bytes:
        """The lines whose cells are closed, as a parser can read them.

        Raises:
            ValueError: A quote opens and swallows the lines after it.
        """
        ready: list[bytes] = []
        waiting = lines[::-1]  # the next one last
        while waiting:
            line = waiting.pop()
            self.line += 1
            if self.open:
                waiting += reversed(self._go_on(line, ready))
            elif QUOTE not in line:
                ready.append(line)
            else:
                self._begin(line, ready)
        return b"".join(ready)

    def end(self) -> bytes:
        """What is left at the end of the file.

        Raises:
            ValueError: A quote is still open.
        """
        ready: list[bytes] = []
        while self.open:
            ready.append(self.feed(self._refused("is never closed")))
        return b"".join(ready)

    def _begin(self, line: bytes, ready: list[bytes]) -> None:
        cells = self._cells(line.rstrip(b"\n"))
        if cells is None:
            self.open = [line]
        else:
            ready.append(self.separator.join(cells) + b"\n")

    def _go_on(self, line: bytes, ready: list[bytes]) -> list[bytes]:
        """Take a further line of the open cell; lines that are to be looked at again."""
        self.open.append(line)
        if QUOTE not in line and not self._swallowed(line, line):
            too_long = sum(map(len, self.open)) > LONGEST_CELL
            return self._refused("is not closed") if too_long else []
        close = _closing(line, 0)
        if close is not None and close + 1 < len(line):
            after = line[close + 1 : close + 2]
            if after not in (self.separator, b"\n"):
                return self._refused(f"closes inside line {self.line}")
        if self._swallowed(line, line if close is None else line[:close]):
            return self._refused(f"would swallow line {self.line}")
        if close is None:
            return []
        cells = self._cells(b"".join(self.open).rstrip(b"\n"))
        if cells is not None:  # else a later cell of the line opens a quote in its turn
            self.open = []
            ready.append(self.separator.join(cells) + b"\n")
        return []

    def _swallowed(self, line: bytes, inside: bytes) -> bool:
        """Whether a line within a cell looks like a line of the table; prose has blanks."""
        if self.columns < SMALL or self.separator not in inside:
            return False
        return (
            line.count(self.separator) == self.columns - 1 and self.separator + b" " not in inside
        )

    def _refused(self, why: str) -> list[bytes]:
        """Give the lines after the one that opened the quote another look; or refuse them all."""
        first = self.line - len(self.open) + 1
        if not self.lenient:
            raise ValueError(
                f"a quote that opens in line {first} {why}; double quotes inside a cell are "
                "written twice, and the cell stands in quotes"
            )
        again, self.open = self.open[1:], []
        self.dropped += 1
        self.first_dropped = self.first_dropped or first
        self.line = first
        return again

    def _cells(self, text: bytes) -> list[bytes] | None:
        """The cells of a record, each as a parser can read it; None where the last is open."""
        cells, place = [], 0
        while True:
            start = place
            if text[place : place + 1] == QUOTE:
                close = _closing(text, place + 1)
                if close is None:
                    return None
                place = close + 1
            end = text.find(self.separator, place)
            end = len(text) if end < 0 else end
            cell = text[start:end]
            if end > place and cell.startswith(QUOTE):
                self.odd += 1
                self.first_odd = self.first_odd or self.line
                cell = QUOTE + cell.replace(QUOTE, QUOTE * 2) + QUOTE
            cells.append(cell)
            if end == len(text):
                return cells
            place = end + 1


def _closing(text: bytes, start: int) -> int | None:
    """Place of the next quote that is not one of a pair."""
    while True:
        place = text.find(QUOTE, start)
        if place < 0:
            return None
        if text[place + 1 : place + 2] != QUOTE:
            return place
        start = place + 2
