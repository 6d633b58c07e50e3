"""The zone of a log that names it in a column: Eastern Time (US & Canada), Europe/Paris, +02:00."""

from __future__ import annotations

import re
from itertools import pairwise
from zoneinfo import available_timezones

from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.words import tokens

HEADERS = frozenset({
    "timezone", "tz", "tzname", "zeitzone", "fuseau", "fusohorario", "fuso", "zonahoraria",
    "fusoorario", "tijdzone", "tidszon", "tidszone", "aikavyohyke", "strefa", "saatdilimi",
    "utcoffset", "gmtoffset", "offset",
})  # fmt: skip
"""Words of headers, alone or two together, that name a zone."""

NAMED = {
    "eastern": "America/New_York", "central": "America/Chicago", "mountain": "America/Denver",
    "pacific": "America/Los_Angeles", "alaska": "America/Anchorage", "hawaii": "Pacific/Honolulu",
    "atlantic": "America/Halifax", "arizona": "America/Phoenix", "est": "America/New_York",
    "edt": "America/New_York", "cst": "America/Chicago", "cdt": "America/Chicago",
    "mst": "America/Denver", "mdt": "America/Denver", "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles", "london": "Europe/London", "edinburgh": "Europe/London",
    "dublin": "Europe/Dublin", "cet": "Europe/Berlin", "cest": "Europe/Berlin",
    "paris": "Europe/Paris", "berlin": "Europe/Berlin", "amsterdam": "Europe/Amsterdam",
    "madrid": "Europe/Madrid", "rome": "Europe/Rome", "vienna": "Europe/Vienna",
    "brussels": "Europe/Brussels", "stockholm": "Europe/Stockholm", "warsaw": "Europe/Warsaw",
    "tokyo": "Asia/Tokyo", "jst": "Asia/Tokyo", "seoul": "Asia/Seoul", "kst": "Asia/Seoul",
    "beijing": "Asia/Shanghai", "singapore": "Asia/Singapore", "mumbai": "Asia/Kolkata",
    "kolkata": "Asia/Kolkata", "ist": "Asia/Kolkata", "sydney": "Australia/Sydney",
    "melbourne": "Australia/Melbourne", "auckland": "Pacific/Auckland",
    "brasilia": "America/Sao_Paulo", "moscow": "Europe/Moscow", "utc": "UTC", "gmt": "UTC",
}  # fmt: skip
"""How programs and people call zones, beside their names in the table of zones."""


def zone_column(table: SampledTable) -> tuple[Column, str] | None:
    """The column that names one zone for all rows, and that zone."""
    for column in table.columns:
        if column.distinct == 1 and _says_zone(column.name):
            zone = _zone(column.texts.iloc[0])
            if zone:
                return column, zone
    return None


def _says_zone(header: str) -> bool:
    words = tokens(header)
    pairs = {a + b for a, b in pairwise(words)}
    return bool(HEADERS & {*words, *pairs})


def _zone(text: str) -> str:
    """A zone that can be read; "" for none."""
    offset = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?00)?", text.strip())
    if offset:  # the signs of these names go the other way
        sign = "-" if offset[1] == "+" else "+"
        return f"Etc/GMT{sign}{int(offset[2])}" if int(offset[2]) else "UTC"
    found = next((NAMED[word] for word in tokens(text) if word in NAMED), "")
    return text.strip() if text.strip() in available_timezones() else found
