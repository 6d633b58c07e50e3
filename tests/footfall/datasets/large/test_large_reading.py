"""A log cleaned in parts is the log cleaned whole; a second reader takes what the first left."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.datasets import table
from footfall.datasets.large import reading, shelf
from footfall.datasets.split import SplitSpec, split
from footfall.datasets.table_source import TableSource
from footfall.errors import DataError

pytestmark = pytest.mark.slow

PAGED = {
    "user": "u", "item": "i", "time": "t", "value": "paid", "page": "p", "position": "slot",
    "propensity": "chance", "arm": "arm", "order": "o", "quantity": "n",
}  # fmt: skip
WORDS = {"column": "event", "map": {"impression": "view", "buy": "purchase"}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setattr(shelf.platformdirs, "user_cache_path", lambda _: folder)
    return folder / "logs"


def write(folder: Path, frame: pd.DataFrame, *, items: bool = True, users: bool = False, **more):
    folder.mkdir(exist_ok=True, parents=True)
    frame.to_parquet(folder / "log.parquet", index=False)
    source = {"path": folder / "log.parquet", "columns": PAGED, "action": WORDS, **more}
    if items:
        known = pd.DataFrame({"sku": [f"i{k}" for k in range(9)], "name": "A thing", "cost": 2.5})
        known.loc[3, "cost"] = np.nan
        known.to_parquet(folder / "items.parquet")
        source["items"] = {"path": folder / "items.parquet", "item": "sku", "title": "name"}
        if more.get("priced", True):
            source["items"]["price"] = "cost"
    source.pop("priced", None)
    if users:
        pd.DataFrame({"id": ["u1", "u2", "u77"], "age": [3, None, 9]}).to_csv(
            folder / "users.csv", index=False
        )
        source["users"] = {"path": folder / "users.csv", "user": "id", "profile": ["age"]}
    return TableSource.model_validate(source)


def events(rows: int, seed: int, *, floats: bool = False, texts: bool = True) -> pd.DataFrame:
    """A log with everything wrong that a log can have."""
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 14, rows)
    user = np.array([f"u{k}" for k in number], dtype=object) if texts else number
    if floats:
        user = np.array([f"{k}.0" for k in number], dtype=object)
    frame = pd.DataFrame(
        {
            "u": user,
            "i": [f"i{k}" for k in rng.integers(0, 11, rows)],
            "t": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, rows), unit="h"),
            "event": rng.choice(["impression", "impression", "click", "buy", "odd"], rows),
            "paid": rng.choice([1.0, 2.5, np.nan, -1.0, np.inf], rows),
            "p": [f"p{k}" if k else None for k in rng.integers(0, 5, rows)],
            "slot": rng.choice([2.0, 3.0, 7.0, np.nan, -3.0], rows),
            "chance": rng.choice([0.1, 0.5, np.nan, 0.0, 1.5], rows),
            "arm": rng.choice(["a", "b"], rows),
            "o": rng.choice(["o1", "o2", ""], rows),
            "n": rng.choice([1.0, 2.0, 0.0, np.nan], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.05, "u"] = None
    frame.loc[rng.random(rows) < 0.02, "t"] = pd.Timestamp("1970-01-01 00:00:03")
    return pd.concat([frame, frame.iloc[: rows // 5]], ignore_index=True)


def whole_and_parts(source: TableSource, folder: Path, parts: int = 4):
    rows = max(1, len(pd.read_parquet(source.path)) // parts)
    outcomes = []
    for how in (
        lambda: table.read(source, folder),
        lambda: reading.read(source, folder, kept_from=0, fewest=1, rows_a_part=rows),
    ):
        try:
            outcomes.append(how())
        except DataError as error:
            outcomes.append(str(error))
    return outcomes


def same(one, other) -> None:
    assert type(one) is type(other), (one, other)
    if isinstance(one, str):
        assert one == other
        return
    for name in ("users", "items", "interactions"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    assert sorted(map(str, one.cleaning)) == sorted(map(str, other.cleaning))
    assert one.pages == other.pages
    assert one.summary() | {"cleaning": 0} == other.summary() | {"cleaning": 0}
    assert other.beyond is None


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**20),
    rows=st.integers(1, 250),
    floats=st.booleans(),
    texts=st.booleans(),
    items=st.booleans(),
    users=st.booleans(),
    priced=st.booleans(),
)
def test_in_parts_as_whole(tmp_path_factory, seed, rows, floats, texts, items, users, priced):
    folder = tmp_path_factory.mktemp("log")
    frame = events(rows, seed, floats=floats, texts=texts)
    source = write(folder, frame, items=items, users=users, priced=priced)
    same(*whole_and_parts(source, folder))


def test_flags_and_unix_times(tmp_path):
    frame = events(300, 5)
    frame = frame.assign(
        t=frame["t"].astype("datetime64[s]").astype("int64"),
        clicked=np.where(frame["event"] == "click", 1, 0),
        bought=np.where(frame["event"] == "buy", "yes", "no"),
    )
    source = write(tmp_path, frame, time_unit="s")
    source = source.model_copy(
        update={
            "action": TableSource.model_validate(
                source.model_dump()
                | {"action": {"flags": {"click": "clicked", "purchase": "bought"}}}
            ).action
        }
    )
    same(*whole_and_parts(source, tmp_path))


def test_wrong_unit_and_strangers_are_refused_alike(tmp_path):
    frame = events(200, 1)
    early = frame.assign(t=frame["t"].astype("datetime64[s]").astype("int64"))
    wrong = write(tmp_path / "a", early, time_unit="ms")
    one, other = whole_and_parts(wrong, tmp_path)
    assert "seconds" in one or "fall in 1970" in one
    assert one == other
    strange = write(tmp_path / "b", frame.assign(i="x" + frame["i"]))
    one, other = whole_and_parts(strange, tmp_path)
    assert "knows none of the items" in one
    assert one == other


def test_several_processes_make_the_same(tmp_path, monkeypatch):
    source = write(tmp_path, events(400, 3))
    monkeypatch.setattr(reading, "ROWS_A_PROCESS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    same(*whole_and_parts(source, tmp_path))


def read(source: TableSource, **options):
    said: list[str] = []
    sizes = {"kept_from": 0, "fewest": 1, "rows_a_part": 100, **options}
    return reading.read(source, Path(), said.append, **sizes), said


def test_second_reader_reads_nothing_again(tmp_path, monkeypatch):
    source = write(tmp_path, events(300, 2))
    first, said = read(source)
    assert not any("read before" in line for line in said)
    monkeypatch.setattr(reading, "scatter", None)  # whoever reads again fails
    second, said = read(source)
    same(first, second)
    assert any("log.parquet was read before" in line for line in said)


def test_another_option_or_content_is_another_log(tmp_path, cache):
    source = write(tmp_path, events(300, 2))
    read(source)
    read(source.model_copy(update={"timezone": "Europe/Paris"}))
    write(tmp_path, events(301, 2))
    _, said = read(source)
    assert not any("read before" in line for line in said)
    assert len([entry for entry in cache.iterdir() if entry.is_dir()]) == 3


def test_switched_off_nothing_stays(tmp_path, cache, monkeypatch):
    monkeypatch.setenv(shelf.SWITCH, "off")
    source = write(tmp_path, events(300, 2))
    read(source)
    _, said = read(source)
    assert not any("read before" in line for line in said)
    assert not cache.exists()


def test_oldest_entries_make_room_but_not_those_in_use(tmp_path, cache, monkeypatch):
    sources = [write(tmp_path / str(k), events(300, k)) for k in range(3)]
    read(sources[0])
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    monkeypatch.setenv(shelf.SWITCH, str(1.5 * size / 2**30))
    read(sources[1])  # this process still uses the first one
    assert len([entry for entry in cache.iterdir() if entry.is_dir()]) == 2
    for lock in shelf._HELD.values():
        os.close(lock)
    shelf._HELD.clear()
    read(sources[2])
    assert len([entry for entry in cache.iterdir() if entry.is_dir()]) == 1


def test_what_a_kill_has_left_is_made_anew(tmp_path, cache):
    source = write(tmp_path, events(300, 2))
    first, _ = read(source)
    (entry,) = [folder for folder in cache.iterdir() if folder.is_dir()]
    (entry / "meta.json").unlink()
    (cache / f"{entry.name}.making").mkdir()
    (cache / f"{entry.name}.making" / "half").write_text("x")
    second, said = read(source)
    same(first, second)
    assert not any("read before" in line for line in said)
    assert not (cache / f"{entry.name}.making").exists()


TWO = """
import sys
from pathlib import Path
from footfall.datasets.large import reading, shelf
from footfall.datasets.table_source import TableSource
folder = Path(sys.argv[1])
shelf.platformdirs.user_cache_path = lambda _: folder / "cache"
source = TableSource.model_validate_json((folder / "source.json").read_text())
found = reading.read(source, folder, kept_from=0, fewest=1, rows_a_part=100)
print(len(found.interactions), found.interactions["value"].sum())
"""


def test_two_processes_at_once(tmp_path):
    source = write(tmp_path, events(300, 2))
    (tmp_path / "source.json").write_text(source.model_dump_json())
    command = [sys.executable, "-c", TWO, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    one, other = (process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert one == other != ""


def test_of_a_large_log_whole_users_are_loaded_and_all_are_counted(tmp_path):
    frame = events(2000, 4)
    source = write(tmp_path, frame, priced=False).model_copy(update={"most_events": 500})
    whole = table.read(source, tmp_path)
    some, said = read(source, rows_a_part=200)
    assert any("users are loaded" in line for line in said)
    loaded = set(some.users["user"])
    assert 0 < len(loaded) < len(whole.users)
    mine = whole.interactions[whole.interactions["user"].isin(loaded)].reset_index(drop=True)
    pd.testing.assert_frame_equal(some.interactions, mine)
    assert some.summary()["interactions"] == len(whole.interactions)
    at = SplitSpec(at=pd.Timestamp("2024-01-03"))
    of_all, of_some = split(whole, at), split(some, at)
    # Prices are those of everybody; so are the takings of who is not loaded.
    pd.testing.assert_frame_equal(of_some.remembered.items, of_all.remembered.items)
    past = of_all.remembered.interactions
    others = past[~past["user"].isin(loaded)]
    counts, users = of_some.remembered.beyond.takings(float("nan"))
    bought = others.loc[others["action"] == "purchase", "item"].value_counts()
    assert counts.sort_index().to_dict() == bought.sort_index().to_dict()
    assert users == others["user"].nunique()


def test_text_times_are_read_whole_and_kept(tmp_path):
    frame = events(300, 2).assign(t=lambda rows: rows["t"].astype(str))
    source = write(tmp_path, frame)
    first, _ = read(source)
    second, said = read(source)
    same(first, second)
    assert any("read before" in line for line in said)


def test_future_events_of_yesterday_are_looked_at_again(tmp_path, monkeypatch):
    frame = events(300, 2)
    frame.loc[0, ["u", "i", "t"]] = ["u1", "i1", pd.Timestamp("2100-01-01")]
    source = write(tmp_path, frame)
    read(source)
    assert any("read before" in line for line in read(source)[1])
    monkeypatch.setattr(reading, "_today", lambda: "2100-01-02")
    assert not any("read before" in line for line in read(source)[1])


def test_dataset_replaced_keeps_what_lies_beyond(tmp_path):
    source = write(tmp_path, events(2000, 4)).model_copy(update={"most_events": 500})
    some, _ = read(source, rows_a_part=200)
    assert dataclasses.replace(some, name="other").beyond is some.beyond
