"""Reading past experiments: ``data: {kind: experiments, path: ...}``, or a bare file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import yaml
from pydantic import Field, ValidationError

from footfall.datasets.base import Source, resolve
from footfall.datasets.cells import numbers
from footfall.datasets.experiments import asos, upworthy
from footfall.datasets.experiments.schema import ARMS, Experiments
from footfall.datasets.experiments.stories import stories_of
from footfall.datasets.frames import read_frame, read_names
from footfall.datasets.schema import Cleaning
from footfall.errors import DataError, did_you_mean, one_line
from footfall.plumbing.spec import fault

Layout = Literal["table", "upworthy", "asos"]

USUAL = {
    "test": ("test", "test_id", "experiment", "experiment_id", "clickability_test_id"),
    "title": ("title", "headline", "name", "wording"),
    "text": ("text", "excerpt", "description"),
    "price": ("price",),
    "image": ("image", "image_id", "eyecatcher_id"),
    "shown": ("shown", "impressions", "views", "users", "exposures"),
    "taken": ("taken", "clicks", "conversions", "orders", "purchases"),
    "story": ("story", "story_id", "item", "article"),
    "time": ("time", "week", "date", "day", "started"),
}
"""Names under which a plain table's columns are found where none are named."""

_NEEDED = ("test", "title", "shown", "taken")


class ExperimentColumns(Source):
    """Which column of a plain table is what; those left out are looked for by usual names."""

    test: str | None = None
    """The test that an arm belongs to."""
    title: str | None = None
    """The wording that users read."""
    text: str | None = None
    """Further words under the title."""
    price: str | None = None
    image: str | None = None
    """Id of the image; arms of one test with the same image differ in words only."""
    shown: str | None = None
    """Impressions, or users."""
    taken: str | None = None
    """Clicks, or any other counted outcome."""
    story: str | None = None
    """Tests of one story never stand on both sides of a split; found by likeness if left out."""
    time: str | None = None
    """When the test ran: a number that rises, or an ISO date."""


class ExperimentsSource(Source):
    """Past experiments of one's own, or one of the published archives."""

    kind: Literal["experiments"] = "experiments"
    path: Path
    """A ``.csv`` (also compressed) or ``.parquet`` file."""
    layout: Layout | None = None
    """"table", "upworthy" (the archive's CSV) or "asos"; recognised by its columns if left out."""
    columns: ExperimentColumns = ExperimentColumns()
    outcome: str = "clicks"
    """What ``taken`` counts, for people."""
    fewest_shown: int = Field(default=500, ge=1)
    """Arms shown less often are left out and counted."""
    metric: int = Field(default=1, ge=1)
    """ASOS only: which of its metrics; 1 is the binary one."""
    name: str = ""
    """How reports call the tests; the file's name if left out."""
    about: str = ""
    licence: str = ""


def read_experiments(tests: str | Path) -> Experiments:
    """Past experiments from a table, or from a YAML file of ``kind: experiments``.

    Raises:
        DataError: It cannot be read, or nothing usable is in it; one line.
    """
    path = Path(tests)
    if path.suffix not in {".yaml", ".yml"}:
        return read(ExperimentsSource(path=path), Path.cwd())
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: cannot be read: {one_line(error)}") from None
    found = raw.get("data", raw) if isinstance(raw, dict) else None
    if not isinstance(found, dict):
        raise DataError(f"{path}: write kind: experiments and path: TABLE into it")
    try:
        return read(ExperimentsSource.model_validate(found), path.resolve().parent)
    except ValidationError as error:
        raise DataError(f"{path}: {_fault(error)}") from None


def _fault(error: ValidationError) -> str:
    """What is wrong; an unknown key first, as it is usually why another is missing."""
    for one in error.errors():
        if one["type"] == "extra_forbidden":
            where = ".".join(map(str, one["loc"]))
            known = ExperimentColumns if where.startswith("columns.") else ExperimentsSource
            return f'unknown key "{where}"; {did_you_mean(where, known.model_fields)}'
    return fault(error)


def read(source: ExperimentsSource, base: Path) -> Experiments:
    """Read, clean and check past experiments; relative paths are relative to ``base``.

    Raises:
        DataError: A file or a column is missing, or nothing usable is left.
    """
    path = resolve(source.path, base)
    known = read_names(path)
    layout = source.layout or _recognise(known)
    if layout == "upworthy":
        draft = upworthy.read(path, known)
    elif layout == "asos":
        draft = asos.read(path, source.metric)
    else:
        draft = _table(path, source, known)
    arms, cleaning = _clean(draft.arms, source.fewest_shown, path)
    return Experiments(
        name=source.name or path.stem,
        arms=arms,
        outcome=source.outcome if layout != "asos" else f"metric {source.metric}",
        cleaning=(*draft.cleaning, *cleaning),
        about=source.about or draft.about,
        licence=source.licence or draft.licence,
    )


def _recognise(known: list[str]) -> Layout:
    if set(upworthy.COLUMNS) <= set(known):
        return "upworthy"
    return "asos" if set(asos.COLUMNS) <= set(known) else "table"


def _table(path: Path, source: ExperimentsSource, known: list[str]) -> upworthy.RawExperiments:
    """A plain table, its columns named or found by their usual names."""
    places: dict[str, str] = {}
    for part, usual in USUAL.items():
        named = getattr(source.columns, part)
        if named is not None and named not in known:
            raise DataError(f'{path}: no column "{named}"; {did_you_mean(named, known)}')
        found = named or next((name for name in usual if name in known), None)
        if found is None and part in _NEEDED:
            raise DataError(
                f"{path}: no column for {part}; name it (columns: {{{part}: ...}}). "
                f"{did_you_mean(part, known)}"
            )
        if found is not None:
            places[part] = found
    raw = read_frame(path, list(dict.fromkeys(places.values()))).frame
    arms = pd.DataFrame({part: raw[column] for part, column in places.items()})
    if "time" in arms:
        arms["time"] = _moments(arms["time"])
    return upworthy.RawExperiments(arms)


def _moments(column: pd.Series) -> pd.Series:
    """Numbers as they are, dates as Unix seconds; what is neither becomes NaN."""
    found = numbers(column).astype(float)
    if found.notna().any():
        return found
    dates = pd.to_datetime(column.astype(str), errors="coerce", utc=True, format="ISO8601")
    seconds = dates.astype("datetime64[ns, UTC]").astype("int64") / 1e9
    return pd.Series(np.where(dates.isna(), np.nan, seconds), index=column.index)


def _clean(raw: pd.DataFrame, fewest: int, path: Path) -> tuple[pd.DataFrame, list[Cleaning]]:
    """The canonical table, and what had to be left out of the source."""
    arms, done = _filled(raw), []
    for problem, broken in (
        ("arm without a test, or with impossible counts", _impossible),
        (f"arm shown fewer than {fewest:,} times", lambda rows: rows["shown"] < fewest),
        ("test with a single arm", lambda rows: rows.groupby("test")["test"].transform("size") < 2),
    ):
        gone = broken(arms)
        if gone.any():
            done.append(Cleaning(problem, "dropped", int(gone.sum())))
            arms = arms[~gone]
    if arms.empty:
        raise DataError(
            f"{path}: no test with two arms of {fewest:,} impressions is left; lower fewest_shown"
        )
    arms = arms.astype({"shown": int, "taken": int})
    if "story" not in raw:
        arms["story"] = stories_of(arms)
    start = arms.groupby("test")["time"].transform("min")
    arms = arms.assign(time=start).sort_values(["time", "test"], kind="stable", ignore_index=True)
    return ARMS.validate(arms[list(ARMS.columns)]), done


def _filled(raw: pd.DataFrame) -> pd.DataFrame:
    """Every column there and of its type; texts stripped, counts as numbers."""
    arms = pd.DataFrame(index=raw.index)
    for name in ("test", "story", "title", "text", "image"):
        column = raw[name] if name in raw else pd.Series("", index=raw.index)
        arms[name] = column.fillna("").astype(str).str.strip()
    for name in ("shown", "taken", "price", "time"):
        column = raw[name] if name in raw else pd.Series(np.nan, index=raw.index)
        arms[name] = numbers(column).astype(float)
    return arms


def _impossible(arms: pd.DataFrame) -> pd.Series:
    shown, taken = arms["shown"], arms["taken"]
    counts = (shown > 0) & (taken >= 0) & (taken <= shown) & (shown < 2**53)
    whole = (shown % 1 == 0) & (taken % 1 == 0)
    return ~(counts & whole) | (arms["test"] == "")
