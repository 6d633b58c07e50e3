"""Broken and hostile input is one clear error, in every reader; `make fuzz` is the long form."""

import json
import os
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.errors import FootfallError
from hostile_files import Target, outcome, targets

EXAMPLES = int(os.environ.get("FOOTFALL_FUZZ", "25"))
LONGEST_SECONDS = 120
"""An input that takes longer hangs; long, because machines may be busy."""

NAMES = (
    "table", "table of Unix times", "table in Parquet", "MovieLens latest", "MovieLens 1M",
    "MovieLens 100K", "Amazon", "MIND", "KuaiRec", "Steam", "zip",
    "scenario", "template", "where", "manifest", "impressions",
    "sessions", "users of a run", "stored answers",
    "model server", "recommender service",
)  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return targets(tmp_path_factory.mktemp("fuzz"))


@contextmanager
def _in_time():
    def stuck(*_):
        raise AssertionError(f"still reading after {LONGEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stuck)
    signal.alarm(LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@st.composite
def mutations(draw, target: Target):
    """A good input with a few bytes put in, left out, doubled or swapped; or nothing but noise."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    data = draw(st.sampled_from(target.seeds))
    words = st.sampled_from(target.words) if target.words else st.nothing()
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, max(0, len(data))))
        length = draw(st.integers(0, 12))
        piece = draw(words | st.binary(max_size=6))
        kind = draw(st.sampled_from(["put", "replace", "cut", "double", "end"]))
        if kind == "put":
            data = data[:place] + piece + data[place:]
        elif kind == "replace":
            data = data[:place] + piece + data[place + len(piece) :]
        elif kind == "cut":
            data = data[:place] + data[place + length :]
        elif kind == "double":
            data = data[: place + length] + data[place:]
        else:
            data = data[:place]
    return data


@pytest.mark.filterwarnings("ignore")  # of libraries, about what is in the files
@pytest.mark.parametrize("name", NAMES)
def test_any_input_is_read_or_refused_in_one_line(known, name):
    target = known[name]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 1000,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutations(target))
    def fuzz(data):
        with tempfile.TemporaryDirectory() as folder, _in_time():
            outcome(target, data, Path(folder))

    fuzz()


def test_every_target_is_fuzzed_and_reads_its_own_seed(known, tmp_path):
    assert tuple(known) == NAMES
    for number, (name, target) in enumerate(known.items()):
        for data in target.seeds[:1]:
            folder = tmp_path / str(number)
            folder.mkdir(exist_ok=True)
            assert outcome(target, data, folder) is None, name


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("scenario", b"a: &a [1]\nb: &b [*a, *b]\n", "with its aliases"),
        ("scenario", b"[" * 5000, "nested more than"),
        ("scenario", b"!!python/object/apply:os.system [ls]", "not valid YAML"),
        ("template", b'{% extends "../yes-no.j2" %}', "not beside it"),
        ("template", b"{% block item %}{{ 9 ** 99999999 }}{% endblock %}", "unsupported operand"),
        ("template", b"{% block item %}{{ 'a' * 99999999999 }}{% endblock %}", "unsupported"),
        ("where", b"(" * 500, "not a comparison"),
        ("manifest", json.dumps({"parts": {"../../x.parquet": ""}}).encode(), "outside the run"),
        ("manifest", json.dumps({"users_table": "/etc/passwd"}).encode(), "outside the run"),
    ],
)
def test_known_attacks_are_named(known, tmp_path, name, data, message):
    error = outcome(known[name], data, tmp_path)
    assert isinstance(error, FootfallError)
    assert message in str(error)
