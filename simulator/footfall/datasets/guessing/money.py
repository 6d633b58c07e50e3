"""How money is written, what it is counted in, and whether it is for one unit or for the row."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from babel.numbers import get_currency_symbol

from footfall.datasets.cells import ANY_SIGN, BLANKS, COMMON, MARKS, point_of_thousands
from footfall.datasets.draft import PAID
from footfall.datasets.guessing.asking import Findings, Told
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.roles import Roles

SIGNS = {
    "r$": "BRL", "a$": "AUD", "c$": "CAD", "hk$": "HKD", "s$": "SGD", "mx$": "MXN", "nz$": "NZD",
    "€": "EUR", "$": "USD", "£": "GBP", "₽": "RUB", "₹": "INR", "₩": "KRW", "₺": "TRY",
    "zł": "PLN", "kč": "CZK", " lei": "RON", "円": "JPY", "元": "CNY", "원": "KRW",
    "₫": "VND", "rp": "IDR", "฿": "THB", "₪": "ILS", "₴": "UAH", "₦": "NGN", "₱": "PHP",
    "грн": "UAH", "руб": "RUB", "₸": "KZT", "₾": "GEL", "֏": "AMD", "₼": "AZN", "৳": "BDT",  # noqa: RUF001
}  # fmt: skip
CODES = frozenset({
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "KRW", "INR", "RUB", "PLN", "CZK",
    "SEK", "NOK", "DKK", "HUF", "TRY", "BRL", "MXN", "ARS", "CLP", "COP", "PEN",
    "CAD", "AUD", "NZD", "ZAR", "SGD", "HKD", "IDR", "THB", "VND", "PHP", "MYR",
    "UAH", "RON", "BGN", "ILS", "AED", "SAR", "EGP", "NGN", "KES", "RMB", "ISK",
    "RSD", "GEL", "KZT", "UZS", "AMD", "AZN", "BDT", "PKR", "LKR", "IRR", "MAD",
    "TND", "DZD", "JOD", "KWD", "QAR", "OMR", "BHD", "TWD", "MKD", "BAM", "GHS",
    "TZS", "UGX", "ETB",
})  # fmt: skip
LESS = 0.5
"""A total below this share of the price of one unit is none."""

SAME = 0.2
"""An amount is a price if it differs so much less per item than what it would be for one unit."""

BELOW = 0.02
"""Share of amounts below a thousand, from which on they tell how the others are written."""

READ = 0.9
"""Share of the cells of a column of money that must be numbers."""

MANY = 20
"""Different amounts with three digits behind a point, from which on they are thousands."""


def written(columns: list[Column], told: Told, findings: Findings) -> tuple[str, str]:
    """The signs before the fraction and between thousands, from cells of money and quantity."""
    texts = [c.texts for c in columns if c.cells.dtype == object and not c.says("propensity")]
    if told.decimal is not None:
        return told.decimal, ""
    comma = point = 0
    both_comma = both_point = False
    chances = [c.texts for c in columns if c.says("propensity")]
    comma += sum(int(cells.str.contains(",", regex=False).sum()) for cells in chances)
    for cells in texts:
        bare = _bare(cells)
        comma += int(bare.str.fullmatch(r"\d+,(\d{1,2}|\d{4,})").sum())
        point += int(bare.str.fullmatch(r"\d+\.(\d{1,2}|\d{4,})").sum())
        both_comma |= bool(bare.str.fullmatch(r"\d{1,3}(\.\d{3})+,\d+").any())
        both_point |= bool(bare.str.fullmatch(r"\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?").any())
    grouped = [point_of_thousands(_bare(cells)) for cells in texts]
    if not both_comma and not comma and not point and any(map(_are_thousands, texts, grouped)):
        why = "each point has three digits behind it"
        findings.note("thousands", ".", why, assumed=True)
        return ",", "."
    between = _between(texts)
    if both_comma or comma > point:
        findings.note("decimal", ",", "numbers are written with a comma before the fraction")
        return ",", between or ("." if both_comma else "")
    return ".", between or ("," if both_point else "")


def _are_thousands(cells: pd.Series, pointed: pd.Series) -> bool:
    """Whether points are between thousands.

    Many amounts have three digits behind them, or those below a thousand have no point, as no
    column with three decimals writes them.
    """
    below = _bare(cells).str.fullmatch(r"[1-9]\d{0,2}")
    amounts = len(pointed.unique())
    few = amounts > 1 and bool(below.mean() > BELOW)
    return (amounts > MANY or few) and not pointed.str.contains(r"^0\.|[^\d]0\.").any()


def _between(texts: list[pd.Series]) -> str:
    """A blank or an apostrophe between thousands: 1 299,00 or 1'299.00; "" where there is none."""
    for sign, pattern in ((" ", rf"\d[ {BLANKS}]\d{{3}}(?!\d)"), ("'", r"\d'\d{3}(?!\d)")):
        if any(cells.str.contains(pattern).any() for cells in texts):
            return sign
    return ""


def leave_out_unread(roles: Roles, decimal: str, thousands: str, findings: Findings) -> None:
    """Give up columns of money or units most of whose cells are no numbers, and say so."""
    for role in (*PAID, "quantity"):
        column = roles.of.get(role)
        if column is None or not len(column.texts):
            continue
        read = np.isfinite(column.values(decimal, thousands))
        if read.mean() < READ:
            sample = column.texts[~read].iloc[0]
            roles.of.pop(role)
            why = f'{1 - read.mean():.0%} of "{column.name}" is no number, such as "{sample:.30}"'
            findings.note(role, "left out", why, assumed=True)


def _bare(cells: pd.Series) -> pd.Series:
    """Amounts without the sign of their currency, and without points behind it."""
    bare: pd.Series = cells.str.replace(r"[^\d.,]", "", regex=True).str.strip(".,")
    return bare


def currency_of(table: SampledTable, roles: Roles, told: Told, findings: Findings) -> str:
    """The one currency of a log: by a column, a header or signs; "" where nothing names it."""
    if told.currency is not None:
        return told.currency
    if "currency" in roles.of:
        column = roles.of["currency"]
        if column.distinct == 1:
            code = _code(column.texts.iloc[0])
            findings.note("currency", code, f'all of "{column.name}"')
            return code
        why = f'"{column.name}" has {column.distinct} values; amounts are taken as they are'
        findings.note("currency", "", why)
        return ""
    for role in PAID:
        if role in roles.of:
            code = _named(roles.of[role]) or _in_language(roles.of[role], table.languages)
            if code:
                findings.note("currency", code, f'by "{roles.of[role].name}"')
                return code
    for column in table.columns:
        if column.says("price", "total") and _named(column):
            return _named(column)
    return ""


def in_cents(roles: Roles, findings: Findings) -> bool:
    """Whether a header says that money is counted in hundredths of the currency."""
    paid = [roles.of[role] for role in PAID if role in roles.of and roles.of[role].says("cents")]
    for column in paid:
        findings.note("cents", "true", f'"{column.name}" says so: a hundredth of each number')
    return bool(paid)


def _named(column: Column) -> str:
    words = [word.upper() for word in _words(column.name)]
    in_header = [word for word in words if word in CODES or word.lower() in SIGNS]
    if in_header:
        return _code(in_header[0])
    cells = column.texts.head(1000).str.lower()
    for sign, code in SIGNS.items():
        if len(cells) and cells.str.contains(sign, regex=False).mean() > 0.5:
            return code
    for code in CODES:
        if len(cells) and cells.str.contains(rf"\b{code.lower()}\b").mean() > 0.5:
            return _code(code)
    return ""


def _in_language(column: Column, languages: tuple[str, ...]) -> str:
    """A currency by the sign that a language has for it: "kr." is a crown of Denmark in Danish."""
    beside = column.texts.head(1000).str.replace(MARKS, "", regex=True).str.extract(ANY_SIGN)
    signs = (beside["before"].fillna("") + beside["after"].fillna("")).value_counts(normalize=True)
    words = [str(sign) for sign in signs.index[signs > COMMON] if sign]
    words += _words(column.name)
    wanted = {_plain(word) for word in words} - {""}
    found = set()
    for language in languages:
        found |= {code for code in CODES if _plain(get_currency_symbol(code, language)) in wanted}
    return found.pop() if len(found) == 1 else ""


def _words(header: str) -> list[str]:
    """The words of a header, signs of money among them: "Price, kr." -> "Price", "kr"."""
    return [word.strip(".") for word in re.split(r"[\s_()\[\],;:/-]+", header) if word.strip(".")]


def _plain(sign: str) -> str:
    return re.sub(r"[.\u200e\u200f\u061c\s]", "", sign).casefold()


def _code(text: str) -> str:
    word = text.strip()
    known = SIGNS.get(word.lower(), word.upper())
    return "CNY" if known == "RMB" else known


def settle_price(roles: Roles, decimal: str, thousands: str, findings: Findings) -> None:
    """A price beside a quantity: is it for one unit, or for the whole row?

    What an item costs hardly differs between rows; so the reading under which it differs least
    holds.
    """
    if "value" in roles.of and "unit_price" in roles.of and _of_the_order(roles):
        total = roles.of.pop("value").name
        findings.note("value", f"{total}: left out", "one number for a whole order, not for a row")
    if "value" in roles.of and "unit_price" in roles.of and _below(roles, decimal, thousands):
        total = roles.of.pop("value").name
        findings.note("value", f"{total}: left out", "less than the price, so not what was paid")
    if "value" in roles.of and "unit_price" not in roles.of and "quantity" in roles.of:
        _demote(roles, decimal, thousands, findings)
    if "value" in roles.of:
        roles.of.pop("unit_price", None)  # what was paid is the better of the two
        return
    if "unit_price" not in roles.of:
        return
    price = roles.of["unit_price"]
    if "quantity" not in roles.of:
        roles.of["value"] = roles.of.pop("unit_price")
        return
    spread = _spreads(roles, decimal, thousands)
    if spread is not None and spread[1] < 0.8 * spread[0]:
        roles.of["value"] = roles.of.pop("unit_price")
        findings.note("value", price.name, "divided by the quantity, an item costs the same")
        return
    findings.note("unit_price", price.name, "an item costs the same whatever the quantity")


def _demote(roles: Roles, decimal: str, thousands: str, findings: Findings) -> None:
    """What a header calls a sum is a price where an item costs the same whatever the quantity."""
    roles.of["unit_price"] = roles.of["value"]
    spread = _spreads(roles, decimal, thousands)
    del roles.of["unit_price"]
    if spread is not None and spread[0] < SAME * spread[1]:
        column = roles.of.pop("value")
        roles.of["unit_price"] = column
        why = f'"{column.name}" of an item is the same whatever the quantity, so it is for one unit'
        findings.note("value", f"{column.name}: left out", why)


def _of_the_order(roles: Roles) -> bool:
    """Whether a total is that of an order: on its first row alone, or the same on all of them."""
    order = roles.of.get("order")
    if order is None:
        return False
    cells = roles.of["value"].cells.replace("", None)
    orders = cells.groupby(order.cells).agg(["size", "count", "nunique"])
    several = orders[orders["size"] > 1]
    if not len(several):
        return False
    once = (several["count"] == 1) | (
        (several["nunique"] == 1) & (several["count"] == several["size"])
    )
    return bool(once.mean() > 0.9)


def _below(roles: Roles, decimal: str, thousands: str) -> bool:
    """Whether a total is mostly less than the price of one unit, as a fee is."""
    rows = roles.of["value"].texts.index.intersection(roles.of["unit_price"].texts.index)
    total, price = (
        Column(c.name, c.meanings, c.cells, c.texts[rows]).values(decimal, thousands)
        for c in (roles.of["value"], roles.of["unit_price"])
    )
    good = np.isfinite(total) & np.isfinite(price) & (price > 0)
    return bool(good.any()) and float(np.median(total[good] / price[good])) < LESS


def _spreads(roles: Roles, decimal: str, thousands: str) -> tuple[float, float] | None:
    """How much an item's price differs if it is for one unit, and if it is for the row."""
    rows = roles.of["unit_price"].texts.index.intersection(roles.of["quantity"].texts.index)
    price, units = (
        Column(c.name, c.meanings, c.cells, c.texts[rows]).values(decimal, thousands)
        for c in (roles.of["unit_price"], roles.of["quantity"])
    )
    item = roles.of["item"].cells[rows].astype(str).to_numpy()
    good = (price > 0) & (units > 0)
    if not good.any() or np.unique(units[good]).size < 2:
        return None
    found = []
    for logs in (np.log(price[good]), np.log(price[good] / units[good])):
        total = 0.0
        _, codes = np.unique(item[good], return_inverse=True)
        means = np.bincount(codes, logs) / np.bincount(codes)
        total = float(np.mean((logs - means[codes]) ** 2)) ** 0.5
        found.append(total)
    return found[0], found[1]
