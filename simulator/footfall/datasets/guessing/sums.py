"""Units, prices and sums told by arithmetic: what a row costs is its price times its units."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.guessing.asking import Findings
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.kinds import determines, is_counted
from footfall.datasets.guessing.roles import AWAY, Roles

ROWS = 20
"""Rows of more than one unit that must be there for sums to tell anything."""

HOLDS = 0.97
"""Share of such rows in which a sum must come out."""

CENT = 0.011
"""What rounding may change."""

LEAST = 0.3
"""A discount leaves this share of a sum, at least."""

MOST_UNITS = 30
"""Different numbers of units, at most, where no sum tells what they are."""

_AMOUNT = r"[^\d\-]{0,5}-?\d[\d.,' \u00a0\u202f]*[^\d]{0,5}"

_NEVER = ("time", "clock", "id", "user", "item", "order", "page", "position", "rating", "name",
          "propensity", "session", "private", "late")  # fmt: skip


@dataclass(frozen=True)
class _Sum:
    units: Column
    price: Column
    total: Column
    exact: bool


def amounts_of(table: SampledTable, roles: Roles) -> list[Column]:
    """Columns without a role that may hold money or units."""
    found = []
    for column in table.columns:
        told = column.says("price", "total", "quantity")
        if roles.taken(column) or column.flags or not len(column.texts) or column.distinct < 2:
            continue
        if (column.says(*_NEVER) or column.says(*AWAY)) and not told:
            continue
        if column.texts.head(2000).str.fullmatch(_AMOUNT).mean() > HOLDS:
            found.append(column)
    return found


def settle_sums(
    table: SampledTable, roles: Roles, decimal: str, thousands: str, findings: Findings
) -> None:
    """Give units, price and sum to the columns of which one is the product of the others."""
    if roles.flags or "rating" in roles.of:
        return
    free = amounts_of(table, roles)
    numbers = {c: _numbers(c, decimal, thousands) for c in (*free, *_paid(roles))}
    numbers = {c: values for c, values in numbers.items() if np.isfinite(values).mean() > 0.9}
    units = [roles.of["quantity"]] if "quantity" in roles.of else free
    units = [c for c in units if c in numbers and _are_units(c, numbers[c])]
    found = _sums(units, numbers)
    if found:
        _take(max(found, key=lambda s: _preferred(s, roles)), roles, findings)
    elif "quantity" not in roles.of:
        _units(units, numbers, roles, findings)


def _paid(roles: Roles) -> list[Column]:
    return [roles.of[role] for role in ("quantity", "unit_price", "value") if role in roles.of]


def _numbers(column: Column, decimal: str, thousands: str) -> npt.NDArray[np.float64]:
    """[n rows] numbers; NaN where a cell has none."""
    values = pd.Series(column.values(decimal, thousands), column.texts.index)
    return np.asarray(values.reindex(column.cells.index), dtype=np.float64)


def _are_units(column: Column, values: npt.NDArray[np.float64]) -> bool:
    if not column.texts.head(2000).str.fullmatch(r"-?\d[\d.,]*").mean() > HOLDS:
        return False  # V07 is no number
    known = values[np.isfinite(values)]
    return bool(len(known)) and bool((known % 1 == 0).mean() > 0.5) and np.median(known) < 1000


def _sums(units: list[Column], numbers: dict[Column, npt.NDArray[np.float64]]) -> list[_Sum]:
    found = []
    for one in units:
        several = np.isfinite(numbers[one]) & (np.abs(numbers[one]) >= 2)
        if several.sum() < ROWS:
            continue
        for price, total in permutations([c for c in numbers if c is not one], 2):
            exact = _comes_out(
                numbers[one][several], numbers[price][several], numbers[total][several]
            )
            if exact is not None:
                found.append(_Sum(one, price, total, exact))
    return found


def _comes_out(
    units: npt.NDArray[np.float64],
    price: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
) -> bool | None:
    """Whether sums come out to the cent; False: less a discount; None: they do not."""
    known = np.isfinite(price) & np.isfinite(total) & (price > 0)
    if known.sum() < ROWS or known.mean() < 0.5:
        return None
    whole, paid = (units * price)[known], total[known]
    same = np.abs(whole - paid) <= CENT * np.maximum(1.0, np.abs(units[known]) / 2)
    if same.mean() >= HOLDS:
        return True
    less = (paid / whole >= LEAST) & (paid / whole <= 1.001)
    steps = np.unique(np.round(paid[less] / whole[less], 2))
    return False if less.mean() >= HOLDS and same.mean() > 0.5 and len(steps) < ROWS else None


def _preferred(found: _Sum, roles: Roles) -> tuple[float, ...]:
    """Sums that come out to the cent; then those that headers name, the larger of two alike."""
    named = 2.0 * (roles.of.get("value") is found.total) + found.total.says("total")
    named += found.price.says("price") + found.price.says("unit")
    named += found.units.says("quantity") - found.total.says("unit", "quantity")
    return float(found.exact), named


def _take(found: _Sum, roles: Roles, findings: Findings) -> None:
    before = {role: roles.of.get(role) for role in ("quantity", "unit_price", "value")}
    after = {"quantity": found.units, "unit_price": found.price, "value": found.total}
    how = "" if found.exact else ", less a discount"
    why = f'"{found.units.name}" times "{found.price.name}" is "{found.total.name}"{how}'
    for role, column in before.items():
        if column is not None and column is not after[role]:
            roles.of.pop(role)
    for role, column in after.items():
        roles.of[role] = column
        if role != "unit_price" and before[role] is not column:
            findings.note(role, column.name, why)


def _units(
    units: list[Column],
    numbers: dict[Column, npt.NDArray[np.float64]],
    roles: Roles,
    findings: Findings,
) -> None:
    """Units beside a price: small whole numbers, neither of the item nor of the user nor a place.

    Only one column may be like that, and its header must say nothing.
    """
    if "action" in roles.of or not {"value", "unit_price"} & set(roles.of):
        return
    item, user = roles.of["item"], roles.of["user"]
    able = [
        c for c in units
        if not c.meanings and is_counted(c) and 2 <= c.distinct <= MOST_UNITS
        and np.nanmin(numbers[c]) >= 1 and not determines(item, c) and not determines(user, c)
        and not _is_place(c, roles)
    ]  # fmt: skip
    if len(able) == 1 and "unit_price" in roles.of:
        roles.of["quantity"] = able[0]
        why = "small whole numbers beside a price, that differ within orders"
        findings.note("quantity", able[0].name, why, assumed=True)


def _is_place(column: Column, roles: Roles) -> bool:
    """Whether a column counts the rows of an order, or is the same in all of them."""
    key = roles.of.get("order", roles.of["time"]).cells.astype(str)
    found = column.texts.groupby(key[column.texts.index]).agg(["size", "nunique"])
    found = found[found["size"] > 1]
    if not len(found):
        return False
    return bool((found["nunique"] == found["size"]).mean() > 0.9 or
                (found["nunique"] == 1).mean() > 0.9)  # fmt: skip
