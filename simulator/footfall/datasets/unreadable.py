"""Files that are no table that is read here, told by how they begin; and what to do about each."""

from __future__ import annotations

import zipfile
from pathlib import Path

from footfall.errors import DataError

_UNREAD = {
    b"\xd0\xcf\x11\xe0": "an old Excel file; save it as CSV",
    b"Obj\x01": "an Avro file; convert it to Parquet",
    b"FEA1": "a Feather file of the first version; write it as Parquet",
    b"PARE": "an encrypted Parquet file",
    b"SQLite format 3": "an SQLite database; export the table to CSV or Parquet",
    b"\x89HDF": "an HDF5 file; write it as Parquet",
    b"RDX": "a file of R; write it with write.csv or arrow::write_parquet",
    b"X\n\x00": "a file of R; write it with write.csv or arrow::write_parquet",
    b"\x80": "a pickle, which could run code; write it as Parquet",
    b"%PDF": "a PDF",
    b"<!DOCTYPE": "a web page, perhaps of a login; download the file itself",
    b"<html": "a web page, perhaps of a login; download the file itself",
    b"<?xml": "XML; convert it to CSV",
    b"\xff\xff\xff\xff": "a stream of Arrow; write it as a file of Arrow, or as Parquet",
    b"\x93NUMPY": "an array of NumPy; write it as Parquet",
    b"version https://git-lfs": "a pointer of Git LFS; run `git lfs pull`",
}
"""How files begin that are read nowhere, and what to do."""

_INSIDE = {
    b"\x1f\x8b": "compressed twice; unpack it once",
    b"\x04\x22\x4d\x18": "compressed with LZ4; use .gz or .zst",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
"""How contents begin that are no text, once a file is unpacked."""

TAR = 257
"""Where an archive of tar says what it is."""

_SHEETS = ("[Content_Types].xml", "mimetype")
"""What is in the zips that spreadsheets are."""

_ENDINGS = {
    **dict.fromkeys([".xlsx", ".xlsm", ".xls", ".ods", ".numbers"], "a spreadsheet; save its sheet "
                    "as CSV"),
    **dict.fromkeys([".rds", ".rdata"], "a file of R; write it with write.csv"),
    **dict.fromkeys([".dta", ".sav", ".sas7bdat"], "a file of a statistics program; export it to "
                    "CSV"),
}  # fmt: skip
"""Endings, in lower case, of files that are read nowhere, and what to do."""


def refuse_unread(path: Path, head: bytes) -> None:
    """Refuse what is read nowhere; raises DataError."""
    if path.suffix.lower() in _ENDINGS:
        raise DataError(f"{path}: is {_ENDINGS[path.suffix.lower()]}")
    for start, what in _UNREAD.items():
        if head.lstrip(b"\xef\xbb\xbf \r\n").lower().startswith(start.lower()):
            raise DataError(f"{path}: is {what}")
    if head[8:12] == b"DUCK":
        raise DataError(f"{path}: is a DuckDB database; export the table to Parquet")
    if head.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if set(archive.namelist()) & set(_SHEETS):
                raise DataError(f"{path}: is a spreadsheet; save its sheet as CSV")


def refuse_no_text(path: Path, head: bytes) -> None:
    """Refuse contents that are no text; raises DataError."""
    if head[TAR : TAR + 5] == b"ustar":
        raise DataError(f"{path}: is an archive of tar; unpack it, and name the table in it")
    for start, what in _INSIDE.items():
        if head.startswith(start):
            raise DataError(f"{path}: is {what}")
