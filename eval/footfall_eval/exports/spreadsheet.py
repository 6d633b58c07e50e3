"""Text that is safe to open in a spreadsheet.

A spreadsheet takes a CSV cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and
a formula can call programs and addresses. Titles come from strangers, so exports for people
put an apostrophe before such text, which spreadsheets show as text and do not print
(OWASP, "CSV Injection"). Formats without formulas, such as Parquet, need none of this.
"""

from __future__ import annotations

import re

import pandas as pd

# Full-width signs are formulas in East Asian locales. Text that was escaped before gets one
# apostrophe more, so that ``unescape_formula`` gives every text back.
_FORMULA = re.compile(r"'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|'*[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def escape_formula(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would compute; numbers stay numbers.

    >>> escape_formula("=HYPERLINK(1)"), escape_formula("-1.5"), escape_formula("Oat milk")
    ("'=HYPERLINK(1)", '-1.5', 'Oat milk')
    """
    harmless = _FORMULA.match(text) is None or _NUMBER.fullmatch(text) is not None
    return text if harmless else f"'{text}"


def unescape_formula(text: str) -> str:
    """The text that ``escape_formula`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def escape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of ``frame`` with every text cell and column name escaped; all else as it was."""
    escaped = {
        column: values.map(lambda cell: escape_formula(cell) if isinstance(cell, str) else cell)
        for column, values in frame.items()
        if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_dtype(values))
    }
    safe = frame.assign(**{str(column): values for column, values in escaped.items()})
    return safe.rename(columns=lambda name: escape_formula(str(name)))
