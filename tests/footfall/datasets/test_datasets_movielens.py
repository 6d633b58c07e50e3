"""The three layouts that GroupLens publishes, in folders and zips, and zips that mean harm."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from footfall.datasets import archive
from footfall.datasets.movielens import MovieLensSource
from footfall.datasets.sources import load
from footfall.errors import DataError

LATEST = {
    "movies.csv": (
        "movieId,title,genres\n"
        "1,Toy Story (1995),Adventure|Comedy\n"
        '2,"Matrix, The (1999)",Action\n'
        "3,,(no genres listed)\n"
    ),
    "ratings.csv": (
        "userId,movieId,rating,timestamp\n"
        "1,1,4.0,1000000000\n1,2,3.5,1000000060\n1,3,2.0,1000003600\n2,1,5.0,1000000000\n"
    ),
}
ONE_MILLION = {
    "movies.dat": (
        "1::Misérables, Les (1995)::Drama|Musical\n2::Star Wars: Episode IV (1977)::Sci-Fi\n"
    ),
    "ratings.dat": "1::1::5::978300760\n2::2::3::978300760\n",
    "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n",
}
HUNDRED_THOUSAND = {
    "u.data": "1\t1\t3\t881250949\n2\t2\t5\t881250949\n",
    "u.item": (
        f"1|Toy Story (1995)|01-Jan-1995||http://x|{'|'.join('0001110000000000000')}\n"
        f'2|"Quoted" (1995)|01-Jan-1995||http://x|{"|".join("1" + "0" * 18)}\n'
    ),
    "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n",
}


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("latin-1"))
    return folder


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def read(path: Path, **options: object):
    return load(MovieLensSource.model_validate({"path": path, **options}), path.parent)


def test_the_current_layout(tmp_path: Path) -> None:
    data = read(put(tmp_path, LATEST))
    assert list(data.items["title"]) == [
        "Toy Story (1995)",
        "Matrix, The (1999)",
        "Untitled item 3",
    ]
    assert list(data.items["category"]) == ["Adventure", "Action", ""]
    assert data.items["genres"].iloc[0] == "Adventure, Comedy"
    assert set(data.interactions["action"]) == {"rate"}
    mine = data.interactions[data.interactions["user"] == "1"]
    assert mine["value"].tolist() == [4.0, 3.5, 2.0]
    assert mine["order"].tolist() == ["1-1", "1-1", "1-2"]  # an hour later: another visit
    assert mine["time"].iloc[0] == pd.Timestamp("2001-09-09 01:46:40")
    assert [(c.problem, c.count) for c in data.cleaning] == [("item without a title", 1)]


def test_the_one_million_layout(tmp_path: Path) -> None:
    data = read(put(tmp_path, ONE_MILLION))
    assert list(data.items["title"]) == ["Misérables, Les (1995)", "Star Wars: Episode IV (1977)"]
    profile = data.users.set_index("user")
    assert profile.loc["1"].to_dict() == {
        "gender": "female",
        "age": "under 18",
        "occupation": "school student",
    }
    assert profile.loc["2", "occupation"] == "self-employed"


def test_the_hundred_thousand_layout(tmp_path: Path) -> None:
    data = read(put(tmp_path, HUNDRED_THOUSAND))
    assert list(data.items["genres"]) == ["Animation, Children's, Comedy", "unknown"]
    assert list(data.items["title"]) == ["Toy Story (1995)", '"Quoted" (1995)']
    assert data.users.set_index("user").loc["2", "gender"] == "female"


def test_a_zip_reads_like_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "ml"
    folder.mkdir()
    files = {f"ml-latest-small/{name}": text.encode() for name, text in LATEST.items()}
    path = zipped(tmp_path / "ml.zip", {"ml-latest-small/": b"", **files})
    inside, outside = read(path), read(put(folder, LATEST))
    pd.testing.assert_frame_equal(inside.interactions, outside.interactions)
    pd.testing.assert_frame_equal(inside.items, outside.items)


def test_numbers_that_kill_pandas_are_no_ratings(tmp_path: Path) -> None:
    """Found by `make fuzz`: the first one was a segmentation fault."""
    bad = "7,2,1e3099999999,1000000060\n8,2,3.0,1e3099999999\n1e3099999999,1,3.0,1000000060\n"
    files = {**LATEST, "ratings.csv": LATEST["ratings.csv"] + bad + f"9,2,3.0,{'9' * 300}\n"}
    data = read(put(tmp_path, files))
    assert set(data.interactions["user"]) == {"1", "2", "1e3099999999"}
    assert [(c.problem, c.count) for c in data.cleaning] == [
        ("event with no readable time", 2),
        ("rating without a value", 1),
        ("item without a title", 1),
    ]


def test_rare_films_are_dropped_and_counted(tmp_path: Path) -> None:
    data = read(put(tmp_path, LATEST), min_ratings=2)
    assert list(data.items["item"]) == ["1"]
    assert [c.count for c in data.cleaning] == [2, 2]


def test_unusable_paths_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "ml-small").mkdir()
    with pytest.raises(DataError, match='did you mean "ml-small"'):
        read(tmp_path / "ml-smal")
    with pytest.raises(DataError, match=r"no MovieLens files; expected ratings\.csv"):
        read(tmp_path / "ml-small")
    put(tmp_path / "ml-small", {"ratings.csv": LATEST["ratings.csv"]})
    with pytest.raises(DataError, match=r"no movies\.csv in it"):
        read(tmp_path / "ml-small")
    put(tmp_path / "ml-small", {"movies.csv": "id,title,genres\n1,a,b\n"})
    with pytest.raises(DataError, match="not as movielens should be: 'no column movieId'"):
        read(tmp_path / "ml-small")
    (tmp_path / "ml.zip").write_text("<html>please log in</html>")
    with pytest.raises(DataError, match="neither a folder nor a readable zip"):
        read(tmp_path / "ml.zip")


def test_a_zip_whose_file_has_no_name_is_refused(tmp_path: Path) -> None:
    """Found by `make fuzz`: an IndexError of zipfile."""
    entry = b"PK\x01\x02" + bytes(42)
    end = b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, len(entry), 0, 0)
    (tmp_path / "ml.zip").write_bytes(entry + end)
    with pytest.raises(DataError, match='a file outside itself, ""'):
        read(tmp_path / "ml.zip")


@pytest.mark.parametrize("name", ["../ratings.csv", "/etc/passwd", "a/../../b", "..\\x", "C:/x"])
def test_a_zip_that_reaches_outside_itself_is_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "ml.zip", {name: b"x", "ratings.csv": b"y"})
    with pytest.raises(DataError, match="a file outside itself"):
        read(path)


def test_zip_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "ml.zip", {"ratings.csv": b"0" * 5_000_000})
    with pytest.raises(DataError, match="that is no data set"):
        read(path)
    monkeypatch.setattr(archive, "MAX_BYTES", 10)
    small = zipped(tmp_path / "big.zip", {"ratings.csv": b"userId,movieId"})
    with pytest.raises(DataError, match="at most 10 are read"):
        read(small)


def test_a_damaged_zip_is_one_line(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as made:
        for name, text in LATEST.items():
            made.writestr(name, text)
    raw = bytearray(buffer.getvalue())
    place = raw.find(b"Toy Story")
    raw[place] ^= 0xFF
    (tmp_path / "ml.zip").write_bytes(raw)
    with pytest.raises(DataError, match=r"cannot read movies\.csv: Bad CRC"):
        read(tmp_path / "ml.zip")
