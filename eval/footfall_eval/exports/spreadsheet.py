"""Text that is safe to open in a spreadsheet.

A spreadsheet takes a CSV cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and
a formula can call programs and addresses. Titles come from strangers, so exports for people
put an apostrophe before such text, which spreadsheets show as text and do not print
(OWASP, "CSV Injection"). Formats without formulas, such as Parquet, need none of this.
"""

from __future__ import annotations

import re

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
