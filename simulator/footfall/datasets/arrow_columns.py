"""Columns of Arrow, as Parquet, Feather and others hold them, decoded once into plain pandas."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

INDEX = re.compile(r"__index_level_\d+__")
"""How pandas names the labels of rows in Parquet."""


def as_frame(table: pa.Table) -> pd.DataFrame:
    """A table of Arrow, without what pandas noted of it in its file: that may be anything.

    Raises:
        ValueError: A text is none, for instance in a damaged file.
    """
    try:
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    except pa.ArrowException as error:  # its own kind of error, which is no ValueError
        raise ValueError(_no_text(table) or str(error)) from None
    unnamed = [name for name in frame.columns if INDEX.fullmatch(name)]
    return frame.drop(columns=unnamed)


def _no_text(table: pa.Table) -> str:
    """Which column holds bytes that are no text, as a message; "" if none does."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            column.to_pandas()
        except pa.ArrowException:
            return f'column "{name}" holds bytes that are no text in UTF-8'
    return ""


def joined(tables: Sequence[pa.Table]) -> pd.DataFrame:
    """Tables of the same columns, one below the other.

    Whole numbers stay whole, also beside gaps; categories and bytes become text, dates moments,
    lists Python lists. Where parts give one column different types, each value keeps its own.

    Raises:
        ValueError: Bytes are no text.
    """
    names = tables[0].column_names if tables else []
    try:
        return pd.DataFrame({name: _joined([table.column(name) for table in tables], name)
                             for name in names})  # fmt: skip
    except pa.ArrowException as error:
        raise ValueError(next(filter(None, map(_no_text, tables)), str(error))) from None


def _joined(parts: list[pa.ChunkedArray], name: str) -> pd.Series:
    plain = [_plain(part, name) for part in parts]
    kinds = {part.type for part in plain if not pa.types.is_null(part.type)}
    if len(kinds) > 1 and all(map(pa.types.is_timestamp, kinds)):
        zoned = {kind.tz is not None for kind in kinds}
        if len(zoned) == 1:
            common = pa.timestamp("us", "UTC" if zoned.pop() else None)
            plain = [part.cast(common, safe=False) for part in plain]
            kinds = {common}
    if len(kinds) <= 1:
        kind = kinds.pop() if kinds else pa.null()
        chunks = [chunk for part in plain for chunk in part.cast(kind).chunks]
        return _series(pa.chunked_array(chunks, kind))
    values: list[pd.Series] = [_series(part).astype(object) for part in plain]
    whole: pd.Series = pd.concat(values, ignore_index=True)
    return whole


def _series(column: pa.ChunkedArray) -> pd.Series:
    """One column of one plain type."""
    kind = column.type
    if pa.types.is_integer(kind) and column.null_count:
        whole = pd.UInt64Dtype() if pa.types.is_unsigned_integer(kind) else pd.Int64Dtype()
        found: pd.Series = column.to_pandas(types_mapper=lambda _: whole)
        return found
    series: pd.Series = column.to_pandas()
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.astype(object)  # rows share the texts, so that few bytes stay few
    if pa.types.is_nested(kind):
        return series.map(_listed)
    return series


def _listed(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _plain(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Without extensions, run lengths, bytes and dates; dictionaries of texts stay."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = column.cast(kind.storage_type)
        if getattr(kind, "extension_name", "") == "arrow.uuid":
            return text_of_uuids(column)
        kind = column.type
    if pa.types.is_run_end_encoded(kind):
        column = pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks],
                                  kind.value_type)  # fmt: skip
        kind = column.type
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:  # nobody need know its zone's name
        return column.cast(pa.timestamp(kind.unit, "UTC"))
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("ms"))
    if pa.types.is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_duration(kind):  # as a number it would have no unit any more
        return pa.chunked_array([[None if span is None else str(span)
                                  for span in _spans(column)]], pa.string())  # fmt: skip
    return _text(column, name)


def _spans(column: pa.ChunkedArray) -> list[object]:
    return list(column.cast(pa.duration("us"), safe=False).to_pylist())


def text_of_uuids(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """UUIDs of 16 bytes as text."""
    values = column.cast(pa.binary()).to_pylist()
    texts = [None if value is None else str(uuid.UUID(bytes=value)) for value in values]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_fixed_size_binary(kind):
        column = column.cast(pa.binary())
        kind = column.type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
            or pa.types.is_binary_view(kind)):  # fmt: skip
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        raise ValueError(
            f'column "{name}" holds bytes that are no text in UTF-8; write it as text'
        ) from None
