"""What was shown: pages, positions, propensities and arms, named by the log or told from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from footfall.cli.data import app
from footfall.datasets.schema import Dataset, PageNotes
from footfall.datasets.sources import DataSource, load
from footfall.errors import DataError
from histories import dataset

COLUMNS = {
    "user": "u", "item": "i", "time": "t", "page": "p", "position": "r", "propensity": "w",
    "arm": "a",
}  # fmt: skip
LONG = """u,i,t,e,p,r,w,a
1,x,2024-01-01T10:00:00,view,p1,0,0.5,old
1,y,2024-01-01T10:00:00,view,p1,1,0.25,old
1,y,2024-01-01T10:00:09,click,p1,,,
1,y,2024-01-01T10:05:00,purchase,,,,
2,x,2024-01-01T11:00:00,view,p1,1,1.5,new
2,y,2024-01-01T11:00:00,view,p1,-1,0,new
2,z,2024-01-01T11:01:00,purchase,,,,
"""


def read(folder: Path, text: str, **keys: object) -> Dataset:
    (folder / "log.csv").write_text(text)
    raw = {"kind": "table", "path": "log.csv", "columns": COLUMNS, **keys}
    return load(TypeAdapter(DataSource).validate_python(raw), folder)


def noted(data: Dataset) -> dict[str, tuple[int, str]]:
    return {note.problem: (note.count, note.sample) for note in data.cleaning}


def test_a_log_that_names_its_pages(tmp_path: Path) -> None:
    data = read(tmp_path, LONG, action={"column": "e"})
    rows = data.interactions.set_index(["user", "item", "action"])
    taken = rows.loc[[("1", "y", "click"), ("1", "y", "purchase")]]
    assert taken["page"].tolist() == ["p1", "p1"]  # the purchase joined the page with its item
    assert taken["position"].tolist() == [2, 2]  # which the log counted from 0
    assert taken["propensity"].tolist() == [0.25, 0.25]
    assert taken["arm"].tolist() == ["old", "old"]
    assert rows.loc[("2", "z", "purchase"), "page"] == ""  # nobody showed it
    assert rows.loc[("2", "x", "view"), "position"] == 2
    assert data.pages == PageNotes(assumed=0, joined=1, first_position=0)
    assert noted(data) == {
        "position counted from 0": (3, ""),
        "position that is no place on a page": (1, "-1"),
        "propensity that is not above 0 and at most 1": (2, "0"),
    }


def test_positions_from_one_stay_and_those_of_no_log_are_unknown(tmp_path: Path) -> None:
    data = read(tmp_path, "u,i,t,p,r,w,a\n1,x,2024-01-01,q,1,,\n1,y,2024-01-01,q,3,,\n",
                action="view")  # fmt: skip
    assert data.interactions["position"].tolist() == [1, 3]
    assert data.pages.first_position == 1
    data = read(tmp_path, "u,i,t,p,r,w,a\n1,x,2024-01-01,q,,,\n", action="view")
    assert np.isnan(data.interactions["position"]).all()
    assert data.cleaning == ()


def test_without_pages_what_one_order_showed_at_one_time_is_one() -> None:
    def event(user: str, item: str, time: str, order: str, action: str = "view") -> dict[str, str]:
        return {"user": user, "item": item, "time": f"2024-01-0{time}", "order": order,
                "action": action}  # fmt: skip

    rows = [
        event("1", "a", "1 10:00", "o1"),
        event("1", "b", "1 10:00", "o1"),
        event("1", "a", "1 10:00", "o2"),
        event("1", "a", "1 12:00", "o2"),
        event("2", "a", "1 10:00", "o1"),
        event("1", "a", "2 11:00", "o9", "purchase"),  # 23 hours after the last view
        event("2", "a", "3 10:00", "o9", "purchase"),  # two days after it
        event("1", "b", "1 09:00", "o9", "click"),  # before the view
    ]
    for _ in range(3):  # the order of rows never matters
        data = dataset(rows)
        views = data.interactions[data.interactions["action"] == "view"]
        assert views.groupby(["user", "page"])["item"].agg(sorted).to_dict() == {
            ("1", "assumed 1"): ["a", "b"],
            ("1", "assumed 2"): ["a"],
            ("1", "assumed 3"): ["a"],
            ("2", "assumed 1"): ["a"],
        }
        taken = data.interactions[data.interactions["action"] != "view"].set_index("time")
        assert taken.sort_index()["page"].tolist() == ["", "assumed 3", ""]
        assert data.pages == PageNotes(assumed=5, joined=1)
        rows = rows[3:] + rows[:3]


def test_pages_that_are_counted_anew_in_every_visit_are_told_apart() -> None:
    rows = [
        {"user": "1", "item": "a", "time": f"2024-01-0{day}", "order": f"o{day}", "page": "1",
         "action": action}
        for day in (1, 2) for action in ("view", "click")
    ]  # fmt: skip
    found = dataset(rows).interactions
    assert found["page"].tolist() == ["o1/1", "o1/1", "o2/1", "o2/1"]
    single = dataset([{**row, "order": "o"} for row in rows]).interactions
    assert set(single["page"]) == {"1"}


def test_a_history_without_views_has_no_pages() -> None:
    data = dataset([{"user": "1", "item": "a", "time": "2024-01-01"}])
    assert "page" not in data.interactions


WIDE = """u,i,t,p,r,w,a,clicked,bought,paid,n
1,x,2024-01-01,p1,1,.5,old,0,0,,
1,y,2024-01-01,p1,2,.5,old,1,1,6.5,2
2,x,2024-01-02,p2,1,.5,old,True,false,,
2,y,2024-01-02,p2,2,.5,old,maybe,0,,
2,z,2024-01-02,p2,3,.5,old,,0,,
"""


def test_one_row_an_impression_with_a_column_for_each_action(tmp_path: Path) -> None:
    columns = {**COLUMNS, "value": "paid", "quantity": "n"}
    flags = {"flags": {"click": "clicked", "purchase": "bought"}}
    data = read(tmp_path, WIDE, columns=columns, action=flags)
    rows = data.interactions
    assert rows["action"].value_counts().to_dict() == {"view": 3, "click": 2, "purchase": 1}
    bought = rows[rows["action"] == "purchase"].iloc[0]
    assert (bought["value"], bought["quantity"], bought["page"]) == (6.5, 2, "p1")
    assert (bought["position"], bought["propensity"], bought["arm"]) == (2, 0.5, "old")
    assert rows.loc[rows["action"] != "purchase", "value"].isna().all()
    assert data.items.set_index("item")["price"]["y"] == 3.25
    assert noted(data) == {
        'impression whose "clicked" is neither 0 nor 1': (2, "maybe"),
        "item without a price": (2, "x"),
    }
    with pytest.raises(DataError, match='no column "cliked"; did you mean "clicked"'):
        read(tmp_path, WIDE, action={"flags": {"click": "cliked"}})


def test_describe_says_what_is_known_of_pages(tmp_path: Path) -> None:
    read(tmp_path, LONG, action={"column": "e"})
    columns = json.dumps(COLUMNS)
    (tmp_path / "s.yaml").write_text(
        f"kind: table\npath: log.csv\ncolumns: {columns}\naction: {{column: e}}\n"
    )
    told = json.loads(
        CliRunner().invoke(app, ["describe", str(tmp_path / "s.yaml"), "--json"]).stdout
    )
    assert told["pages"] == {
        "pages": 2,
        "items a page (mean)": 2.0,
        "rows with a page": 6,
        "pages are": "named by the log",
        "clicks and purchases joined to the last page with the item": 1,
        "rows with a position": 5,
        "positions": "1 (the top; 0 in the log) to 2",
        "rows with a propensity": 4,
        "arms": {"old": 4, "new": 2},
    }
    short = {name: COLUMNS[name] for name in ("user", "item", "time")}
    (tmp_path / "s.yaml").write_text(
        f"kind: table\npath: log.csv\ncolumns: {json.dumps(short)}\naction: view\n"
    )
    told = json.loads(
        CliRunner().invoke(app, ["describe", str(tmp_path / "s.yaml"), "--json"]).stdout
    )
    assert told["pages"]["pages are"].startswith("assumed: what one user was shown in one order")


HEADER = (
    ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
    "user_feature_2,user_feature_3,user-item_affinity_0,user-item_affinity_1\n"
)


def _open_bandit(folder: Path) -> None:
    for policy in ("random", "bts"):
        place = folder / "obd" / policy / "men"
        place.mkdir(parents=True)
        start = "2019-11-24 00:00:0"
        rows = [
            f"0,{start}0.004101+00:00,1,3,0,0.5,aa,bb,cc,dd,0.0,1.0",
            f"1,{start}1+00:00,0,1,1,0.25,aa,bb,cc,dd,0.0,0.0",
            f"2,{start}2.5+00:00,1,2,0,0.5,ee,bb,cc,dd,0.0,0.0",
            f"3,{start}3+00:00,1,2,,0,ee,bb,cc,dd,0.0,0.0",
        ]
        (place / "men.csv").write_text(HEADER + "\n".join(rows) + "\n")
        (place / "item_context.csv").write_text(
            ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n"
            "0,0,-0.67,aa,bb,cc\n1,1,0.5,aa,bb,dd\n"
        )


def test_open_bandit(tmp_path: Path) -> None:
    _open_bandit(tmp_path)

    def at(**keys: object) -> Dataset:
        raw = {"kind": "open-bandit", "path": "obd", "campaign": "men", **keys}
        return load(TypeAdapter(DataSource).validate_python(raw), tmp_path)

    data = at()
    rows = data.interactions
    assert rows.groupby("arm")["action"].value_counts().to_dict() == {
        ("bts", "view"): 3, ("bts", "click"): 1, ("random", "view"): 3, ("random", "click"): 1
    }  # fmt: skip
    click = rows[(rows["action"] == "click") & (rows["arm"] == "random")].iloc[0]
    assert (click["item"], click["position"], click["propensity"]) == ("0", 1, 0.25)
    assert rows.loc[rows["action"] == "view"].groupby(["user", "page"]).size().eq(1).all()
    assert len(data.users) == 2  # two sets of features
    assert data.users["user_feature_0"].tolist() == ["aa", "ee"]
    assert data.items["title"].tolist() == ["Item 0", "Item 1"]
    assert noted(data) == {'impression whose "click" is neither 0 nor 1': (2, "")}
    assert "everybody with the same four features" in data.about
    assert at(user="round", policy="bts").interactions["user"].nunique() == 3
    with pytest.raises(DataError, match="no such folder of Open Bandit"):
        at(path=".")
