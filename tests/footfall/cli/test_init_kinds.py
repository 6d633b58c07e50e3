"""``footfall init`` on logs that mislead: what is loaded is what the log tells of."""

import pandas as pd
import pytest

from console import footfall
from footfall.datasets.guessing.asking import Told, nobody, usual
from footfall.datasets.guessing.guess import LogTables, guess
from footfall.datasets.months import months_in_english
from footfall.datasets.sources import load
from footfall.errors import DataError
from logs_of_shops import csv_file, history
from telling_logs import TELLING, orders

pytestmark = pytest.mark.slow

KEYS = ["user", "item", "time", "action"]


def told(log):
    """The events of a log as they are to be loaded: UTC, ids as text, none twice."""
    what = log.events.astype({"user": str, "item": str})
    local = pd.to_datetime(what["time"]).dt.tz_localize(log.zone, nonexistent="shift_forward")
    what["time"] = local.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ns]")
    return what.drop_duplicates().sort_values(KEYS, ignore_index=True)


@pytest.mark.parametrize("name", TELLING)
def test_what_is_loaded_is_what_the_log_tells(tmp_path, name):
    log = TELLING[name](tmp_path)
    who = usual if name == "watched" else nobody
    source = guess(LogTables(tmp_path / log.file), Told(), who).source
    read = load(source, tmp_path).interactions.assign(time=lambda d: d["time"].dt.floor("s"))
    read = read.sort_values(KEYS, ignore_index=True)
    expected = told(log)
    pd.testing.assert_frame_equal(read[KEYS], expected[KEYS], check_dtype=False)
    for measure in ("value", "position"):
        if measure in expected:
            gap = (read[measure] - expected[measure]).abs()
            assert gap.max() < 0.01
        elif measure == "position":
            assert measure not in read or read[measure].isna().all()
    columns = source.columns.model_dump()
    assert {role: columns[role] for role in log.columns} == log.columns


@pytest.mark.parametrize("name", ["shown_and_clicked", "ticked"])
def test_a_page_in_a_row_runs(tmp_path, name):
    log = TELLING[name](tmp_path)
    done = footfall("init", log.file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "slate: 5}" in (tmp_path / "shop.yaml").read_text()
    done = footfall("run", "shop.yaml", "--out", "out", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def refused(frame, folder, who=nobody):
    with pytest.raises(DataError) as error:
        guess(LogTables(folder / csv_file(frame, folder)), Told(), who)
    return str(error.value)


def test_why_a_column_is_not_the_item_is_said(tmp_path):
    h = history()
    frame = pd.DataFrame(
        {
            "product": "shop",
            "when": h["at"],
            "member": h["user"],
            "a": h["item"],
            "b": (h["item"] * 7 + h.index) % 30,
        }
    )
    assert 'Not "product": each row has shop.' in refused(frame, tmp_path)


@pytest.mark.parametrize(
    ("header", "day", "said"),
    [("تاریخ", "1402/11/16 08:38", "Persian"), ("วันที่", "16/11/2567", "Buddhist")],
)
def test_years_of_another_calendar_are_named(tmp_path, header, day, said):
    frame = pd.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], header: day})
    assert f"years of the {said} calendar" in refused(frame, tmp_path, usual)


def test_products_beside_the_one_that_was_bought_are_no_basket(tmp_path):
    h = orders()
    frame = pd.DataFrame(
        {
            "customer": h["user"],
            "product_id": h["item"],
            "related_products": [f"{n % 9 + 5001}|{n % 7 + 5010}" for n in h.index],
            "bought_at": h["at"],
        }
    )
    source = guess(LogTables(tmp_path / csv_file(frame, tmp_path)), Told(), nobody).source
    assert (source.columns.item, source.lists) == ("product_id", None)


def test_users_that_most_rows_lack_are_asked_about_where_a_session_could_stand_for_them(tmp_path):
    h = history()
    frame = pd.DataFrame(
        {
            "sessionId": h.index // 4,
            "userId": h["user"].astype(str).where(h.index % 4 == 0, ""),
            "itemId": h["item"],
            "time": h["at"],
            "event": "click",
        }
    )
    assert '"userId" is empty in 75% of the rows' in refused(frame, tmp_path)
    found = guess(LogTables(tmp_path / "events.csv"), Told(), usual)
    assert found.source.columns.user == "sessionId"


def test_money_that_is_no_number_is_not_read_in_silence(tmp_path):
    h = orders()
    written = [f"{x} {'EUR' if n % 2 else 'USD'}" for n, x in enumerate(h["price"])]
    frame = h[["order", "user", "item", "at"]].assign(price=written).rename(columns={"at": "time"})
    found = guess(LogTables(tmp_path / csv_file(frame, tmp_path)), Told(), nobody)
    assert found.source.columns.value is None
    assert any(f.what == "unit_price" and f.found == "left out" for f in found.findings)


def test_words_of_months_are_read_in_the_one_language_that_has_them_all():
    croatian = pd.Series(["5. listopada 2024", "2. srpnja 2024"])
    assert months_in_english(croatian).tolist() == ["5. Oct 2024", "2. Jul 2024"]
    polish = pd.Series(["5 listopada 2024", "2 lipca 2024"])
    assert months_in_english(polish).tolist() == ["5 Nov 2024", "2 Jul 2024"]
    either = pd.Series(["5. listopada 2024"])
    assert months_in_english(either).tolist() == either.tolist()
