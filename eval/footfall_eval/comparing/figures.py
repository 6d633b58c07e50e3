"""Figures as people read them: digits, shares, differences with their intervals."""

from __future__ import annotations

import math


def estimate(value: float, low: float, high: float, unit: str = "") -> tuple[str, str]:
    """A difference and its interval as words, with as many decimals as the interval deserves.

    Shares are given in percentage points. For instance ("+0.42", "+0.31 to +0.53").
    """
    scale, suffix = (100, " points") if unit == "share" else (1, "")
    if not math.isfinite(value):
        return "n/a", "n/a"
    half = scale * (high - low) / 2
    if not math.isfinite(half):
        return f"{number(scale * value, signed=True)}{suffix}", "n/a"
    places = _places(half if half > 0 else scale * value, 2)
    size, first, last = (_fixed(scale * x, places, signed=True) for x in (value, low, high))
    return f"{size}{suffix}", f"{first} to {last}{suffix}"


def relative(value: float, low: float, high: float) -> tuple[str, str]:
    """A relative difference and its interval, for instance ("+38%", "+29% to +47%")."""
    if not math.isfinite(value):
        return "n/a", "n/a"
    size, interval = estimate(100 * value, 100 * low, 100 * high)
    return f"{size}%", interval.replace(" to ", "% to ") + "%" * (interval != "n/a")


def amount(value: float, unit: str = "") -> str:
    """A figure for people: three significant digits; shares in percent."""
    if not math.isfinite(value):
        return "n/a"
    return percent(value) if unit == "share" else number(value)


def number(value: float, *, signed: bool = False) -> str:
    """Three significant digits, no exponents."""
    return _fixed(value, _places(value, 3), signed=signed) if math.isfinite(value) else "n/a"


def percent(share: float, *, signed: bool = False) -> str:
    """A share as percent with three significant digits."""
    return f"{number(100 * share, signed=signed)}%" if math.isfinite(share) else "n/a"


def _places(value: float, digits: int) -> int:
    """Decimals that show so many significant digits of a value."""
    if value == 0:
        return 0
    return min(8, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def _fixed(value: float, places: int, *, signed: bool) -> str:
    text = f"{abs(value):,.{places}f}"
    if not float(text.replace(",", "")):
        return text
    return f"{'-' if value < 0 else '+' if signed else ''}{text}"
