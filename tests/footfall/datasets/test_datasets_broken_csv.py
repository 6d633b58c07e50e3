"""Delimited text that is broken: refused or counted, with the line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.datasets.delimited import Form, read_delimited
from footfall.errors import DataError
from tables import noted, read_text

TITLED = {"title": "n"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # The next quote opens another title.
        ('u,i,t,n\nu1,a,2024-01-01,"Monitor 27\nu2,b,2024-01-02,Tea\nu3,c,2024-01-03,"Cable\n', 2),
        ('n,u,i,t\nMilk,1,a,2024-01-01\n"TV 27,2,b,2024-01-02\n"Cable",4,d,2024-01-04\n', 3),
        # The next quote is the inch of another one.
        ('u,i,t,n\nu1,a,2024-01-01,"Monitor 27\nu2,b,2024-01-02,TV 32"\n', 2),
        # There is no other quote.
        ('u,i,t,n\nu1,a,2024-01-01,Tea\nu2,b,2024-01-02,"Monitor 27\n', 3),
    ],
)  # fmt: skip
def test_an_open_quote_swallows_no_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(DataError, match=f"a quote that opens in line {line} "):
        read_text(tmp_path, text, columns=TITLED)


def test_cells_of_several_lines_are_no_broken_ones(tmp_path: Path) -> None:
    text = 'n,u,i,t\n"Two, lines\nand ""quotes""",u1,a,2024-01-01\n27" screen,u2,b,2024-01-02\n'
    data = read_text(tmp_path, text, columns=TITLED)
    assert data.items["title"].tolist() == ['Two, lines\nand "quotes"', '27" screen']
    assert data.cleaning == ()


def test_letters_after_a_closing_quote_are_kept_and_counted(tmp_path: Path) -> None:
    data = read_text(tmp_path, 'u,i,t,n\nu1,a,2024-01-01,"Mild" tea\n', columns=TITLED)
    assert data.items["title"].tolist() == ['"Mild" tea']
    assert noted(data) == {
        "cell with letters after its closing quote of log.csv (first: line 2)": (1, "")
    }


def test_short_lines_are_counted_and_long_ones_refused(tmp_path: Path) -> None:
    text = "u,i,t,v\nu1,a,2024-01-01,3\nu2,b,2024-01-02\nu3,c,2024-01-03,4,\n"
    data = read_text(tmp_path, text, columns={"value": "v"})
    assert len(data.interactions) == 3
    problem = "line with too few cells of log.csv (first: line 3)"
    assert noted(data)[problem] == (1, "")
    with pytest.raises(DataError, match="line 3 has 5 cells and the header 4"):
        read_text(tmp_path, text.replace("2024-01-02", "2024-01-02,3,4"), columns={"value": "v"})


def test_stray_control_signs_end_no_line_and_no_cell(tmp_path: Path) -> None:
    text = b"u,i,t,n\nu1,a,2024-01-01,cap\rbroken\nu2,b,2024-01-02,Mi\0lk\n"
    data = read_text(tmp_path, text, columns=TITLED)
    assert data.items["title"].tolist() == ["cap broken", "Mi lk"]
    assert noted(data) == {
        "carriage return inside a line of log.csv (first: line 2)": (1, ""),
        "NUL inside a line of log.csv (first: line 3)": (1, ""),
    }


def test_another_encoding_is_asked_for(tmp_path: Path) -> None:
    text = "u,i,t,n\nu1,a,2024-01-01,Café\n".encode("cp1252")
    with pytest.raises(DataError, match="line 2 holds a byte that is no UTF-8; add encoding"):
        read_text(tmp_path, text, columns=TITLED)
    data = read_text(tmp_path, text, columns=TITLED, encoding="cp1252")
    assert data.items["title"].tolist() == ["Café"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("u^i^t\n1^a^2024-01-01\n", 'is one cell, "u^i^t": name the sign .* separator: "^"'),
        ('"u,i,t"\n"1,a,2024-01-01"\n', "its lines stand in quotes as a whole"),
    ],
)
def test_a_header_of_one_cell_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("^", r"\^")):
        read_text(tmp_path, text)


def test_a_header_in_the_middle_is_no_event(tmp_path: Path) -> None:
    data = read_text(tmp_path, "u,i,t\n1,a,2024-01-01\nu,i,t\n2,b,2024-01-02\n")
    assert noted(data) == {"line of log.csv that repeats the header": (1, "")}
    assert data.items["item"].tolist() == ["a", "b"]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='the header names two columns "v"'):
        read_text(tmp_path, "u,i,t,v,v\nu1,a,2024-01-01,1,9\n", columns={"value": "v"})
    data = read_text(tmp_path, "u,i,t,v,v\nu1,a,2024-01-01,1,9\n")
    assert len(data.interactions) == 1  # nobody asked for them


CELL = st.text(st.sampled_from('a7", \n;\r|é'), max_size=6)


@given(st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=8), st.integers(0, 999))
def test_what_a_writer_quotes_is_read_as_it_was(rows: list[list[str]], seed: int) -> None:
    """A property: any cells, quoted as the standard asks, come back."""
    import csv
    import io

    for row in rows:
        row[0] = f"k{random.Random(seed).randint(0, 9)}"  # a line of blanks is no record
    clean = [[cell.replace("\r", "") for cell in row] for row in rows]
    # Lines within a cell that look like lines of the table are refused; prose has blanks.
    clean = [[cell.replace(",", ", ").replace("\n", "\n ") for cell in row] for row in clean]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([list("abcd"), *clean])
    read = read_delimited(io.BytesIO(buffer.getvalue().encode()), Form(","))
    assert read.frame.fillna("").to_numpy().tolist() == clean
