"""Forms of times that nobody listed: numbers in the order of a date, whatever is between them."""

from __future__ import annotations

import re
from itertools import product

_PART = re.compile(r"\d+|[A-Za-z]+|[^\dA-Za-z]+")

ORDERS = (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%Y", "%m", "%d"), ("%d", "%m", "%y"),
          ("%m", "%d", "%y"), ("%y", "%m", "%d"))  # fmt: skip
"""In which a date gives its day, its month and its year."""

MONTHS = frozenset(
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
)
DAYS = frozenset(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])

MOST = 7
"""Numbers in a time: six, and a fraction of a second."""


def forms_of(text: str) -> list[str]:
    """Forms that may read a time: what is no number of a date or a clock stays as it is."""
    parts = _PART.findall(text)
    numbers = [place for place, part in enumerate(parts) if part.isdigit()]
    months = [place for place, part in enumerate(parts) if part[:3].lower() in MONTHS]
    halves = [place for place, part in enumerate(parts) if part.upper() in ("AM", "PM")]
    if len(numbers) + len(months) < 3 or len(numbers) > MOST or len(months) > 1:
        return []
    dates = sorted([*numbers, *months])[:3]
    clock = [place for place in numbers if place not in dates]
    found = []
    for order, hour in product(ORDERS, ("%I",) if halves else ("%H",)):
        said = dict(zip(dates, order, strict=True))
        said |= dict(zip(clock, (hour, "%M", "%S", "%f"), strict=False))
        said |= dict.fromkeys(halves, "%p")
        if all(_may(parts[place], sign, place in months) for place, sign in said.items()):
            words = {p: "%b" if len(parts[p]) == 3 else "%B" for p in months}
            found.append(
                "".join(_written(part, {**said, **words}.get(p)) for p, part in enumerate(parts))
            )
    return found


def _may(part: str, sign: str, word: bool) -> bool:
    """Whether a part can be what a sign stands for: a month in words is no day."""
    if word:
        return sign == "%m"
    if sign == "%Y":
        return len(part) == 4
    return len(part) <= (9 if sign == "%f" else 2)


def _written(part: str, sign: str | None) -> str:
    if sign is not None:
        return sign
    if part[:3].lower() in DAYS:
        return "%a" if len(part) == 3 else "%A"
    return part.replace("%", "%%")
