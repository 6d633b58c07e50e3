"""Select rows with a comparison that a person wrote, and nothing that could do harm."""

from __future__ import annotations

import ast
import re

import pandas as pd

from footfall.errors import DataError, did_you_mean, one_line

ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.Invert,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.BitAnd,
    ast.BitOr,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
)
"""Comparisons and arithmetic on columns. No calls and no attributes: ``DataFrame.query`` would
run ``spend.to_pickle("file")`` from a scenario that somebody else wrote."""


ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
"""Of numbers only: a text times a number may be a text as large as the memory."""


def select(frame: pd.DataFrame, where: str, hidden: tuple[str, ...] = ()) -> pd.DataFrame:
    """Rows of ``frame`` for which ``where`` holds; a missing value fails every comparison.

    Raises:
        DataError: The expression cannot be read, or names a column that is not there.
    """
    columns = [str(c) for c in frame.columns if c not in hidden]
    _check(where, columns, frozenset(c for c in columns if _is_text(frame[c])))
    try:
        chosen = frame.query(where, engine="python", local_dict={}, global_dict={})
    except Exception as error:  # pandas raises whatever the operands raise
        reason = one_line(error, 150)
        raise DataError(f"where: `{where}` cannot be computed: {reason}") from error
    assert isinstance(chosen, pd.DataFrame)
    return chosen


def _is_text(column: pd.Series) -> bool:
    kinds = pd.api.types
    return not (kinds.is_numeric_dtype(column.dtype) or kinds.is_datetime64_any_dtype(column.dtype))


def _unknown(name: str, where: str, columns: list[str]) -> str:
    """A name that is no column: a word without its quotes, or a column spelled otherwise."""
    values = re.findall(rf"(\w+)\s*(?:==|!=)\s*{re.escape(name)}\b", where)
    if values and values[0] in columns:
        return (
            f'{name} is no column; a word to compare with stands in quotes: {values[0]} == "{name}"'
        )
    return f'no column "{name}"; {did_you_mean(name, columns)}'


def _check(where: str, columns: list[str], texts: frozenset[str]) -> None:
    try:
        tree = ast.parse(where.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it cannot be parsed"
        raise DataError(f"where: `{where:.100}` is not a comparison ({reason})") from error
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise DataError(
                f"where: `{where}` may only compare columns with values "
                f'(and, or, not, in, + - * /); "{ast.unparse(node)}" is not allowed'
            )
        if isinstance(node, ast.Name) and node.id not in columns:
            raise DataError(f"where: {_unknown(node.id, where, columns)}")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
            for side in (node.left, node.right):
                _refuse_text(where, side, texts)
    _compares(where, tree)


def _refuse_text(where: str, side: ast.expr, texts: frozenset[str]) -> None:
    text = isinstance(side, ast.Name) and side.id in texts
    listed = isinstance(side, ast.List | ast.Tuple)
    if (
        text
        or listed
        or (isinstance(side, ast.Constant) and not isinstance(side.value, int | float))
    ):
        raise DataError(
            f'where: `{where:.100}` reckons with "{ast.unparse(side):.40}", which is no number'
        )


def _compares(where: str, tree: ast.Expression) -> None:
    if not isinstance(tree.body, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.BinOp):
        raise DataError(f"where: `{where}` compares nothing; write for instance `orders >= 10`")
