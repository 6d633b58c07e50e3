"""Broken and hostile input is one clear error, in every reader; `make fuzz` is the long form."""

import functools
import gc
import json
import os
import signal
import tempfile
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.errors import FootfallError
from hostile_files import Target, outcome, targets

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("FOOTFALL_FUZZ", "25"))
LONGEST_SECONDS = 120
"""An input that takes longer hangs; long, because machines may be busy."""

NAMES = (
    "table", "table of Unix times", "table in Parquet", "table in JSON", "table in Feather",
    "table of impressions", "Open Bandit", "MovieLens latest", "MovieLens 1M",
    "MovieLens 100K", "Amazon", "MIND", "KuaiRec", "Steam", "table of slates", "friends",
    "propensities", "zip",
    "scenario", "template", "where", "manifest", "manifest of a resumed run",
    "manifest of a replayed run", "impressions of a resumed run", "sessions of a resumed run",
    "impressions of a replayed run", "plan of a grid", "what was spent", "impressions",
    "sessions", "users of a run", "stored answers", "surrogate's card", "surrogate's numbers",
    "adapter", "lessons", "written reasons", "model server", "recommender service",
)  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    found = targets(tmp_path_factory.mktemp("fuzz"))
    packages = pytest.MonkeyPatch()
    # No input installs a package, and reading the list of them anew takes half of a resumption.
    packages.setattr(metadata, "entry_points", functools.cache(metadata.entry_points))
    # statsmodels collects garbage in every comparison of a run: two thirds of the time, unless
    # what is here already is left alone.
    gc.freeze()
    yield found
    gc.unfreeze()
    packages.undo()


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
    for _ in range(draw(st.integers(0, 5))):
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


def _block(source: str) -> bytes:
    blocks = "{% block history %}h{% endblock %}{% block item %}" + source + "{% endblock %}"
    return blocks.encode()


def doubling(expression: str) -> str:
    """Forty times over: a tera of letters."""
    return "{% set s = 'a' %}" + f"{{% set s = {expression} %}}" * 40 + "{{ s }}"


LOOPS = "".join(f"{{% for a{n} in range(1000) %}}" for n in range(5)) + "{% endfor %}" * 5
LOOP, END = "{% for a in range(1000) %}", "{% endfor %}"
FILTERED = (LOOP + "{% if range(1000) | map('string') | list %}{% endif %}") * 3 + END * 3
WRITING = "{% for a in range(1000) %}" + "x" * 2000 + "{% endfor %}"
NUMBERS = "{% for a in range(1000) %}{% set n.i = n.i * n.i %}{% endfor %}"
MACRO = "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("scenario", b"a: &a [1]\nb: &b [*a, *b]\n", "with its aliases"),
        ("scenario", b"[" * 5000, "nested more than"),
        ("scenario", b"!!python/object/apply:os.system [ls]", "not valid YAML"),
        ("template", b'{% extends "../yes-no.j2" %}', "not beside it"),
        ("template", b"{% block item %}{{ 9 ** 99999999 }}{% endblock %}", "unsupported operand"),
        ("template", b"{% block item %}{{ 'a' * 99999999999 }}{% endblock %}", "unsupported"),
        ("template", _block("{{ lipsum(n=99999) }}"), 'unknown name "lipsum"'),
        ("template", _block("{{ [1] | random }}"), 'no filter "random" here'),
        ("template", _block("{{ [1] | slice(9999999999) | list }}"), 'no filter "slice" here'),
        ("template", _block("{{ [1] | batch(2) | list }}"), 'no filter "batch" here'),
        ("template", _block("{{ title | center(9999999999) }}"), 'no filter "center" here'),
        ("template", _block("{{ '{:9999999999}'.format(1) }}"), "safe"),  # in any Jinja
        ("template", _block("{{ title.ljust(9999999999) }}"), "unsafe"),
        ("template", _block("{{ trips[0].when.repeat(9999999999) }}"), "unsafe"),
        ("template", _block("{{ '%9999999999d' | format(1) }}"), "a format with a width"),
        ("template", _block("{{ '%9999999999d' % 1 }}"), "a format with a width"),
        ("template", _block("{{ '%0*d' % (9999999999, 1) }}"), "a format with a width"),
        ("template", _block("{{ 1.5 | round(99999999, 'ceil') }}"), "decimals"),
        ("template", _block("{{ range(9999999999) | list }}"), "a range of more"),
        ("template", _block(LOOPS), "own.j2:1: more than 2,000,000 steps in one rendering"),
        ("template", _block(FILTERED), "more than 2,000,000 steps in one rendering"),
        ("template", _block(WRITING), "a text of more than 1,000,000 characters"),
        ("template", _block(doubling("s ~ s")), "more than 2,000,000 steps"),
        ("template", _block(doubling("s + s")), "more than 2,000,000 steps"),
        ("template", _block(doubling("'%s%s' % (s, s)")), "more than"),
        ("template", _block(doubling("s | replace('a', 'aa')")), "more than 2,000,000 steps"),
        ("template", _block(doubling("[s, s] | join")), "more than 2,000,000 steps"),
        ("template", _block(doubling("[s, s]")), "a list within a list"),
        ("template", _block("{% set n = namespace(i=9) %}" + NUMBERS), "a number beyond 2^63"),
        ("template", _block(MACRO), 'templates have no "macro"'),
        ("template", _block('{% include "own.j2" %}'), 'templates have no "include"'),
        ("template", _block("{{ self.item() }}"), 'no "self" here'),
        (
            "template",
            _block("{% for a in [1] recursive %}{{ a }}{% endfor %}"),
            "recursive",
        ),
        (
            "template",
            _block("{{ trips | map('map', 'upper') | join }}"),
            'cannot use the filter "map"',
        ),
        ("template", _block("{{ title.upper }}"), "is no text"),
        ("template", _block("{{ title['upper'] }}"), "unsafe"),
        ("template", _block("{{ range }}"), '"range" is to be called'),
        ("template", _block("{{ trips[0].titles.append('x') }}"), "unsafe"),
        ("template", b"{# " + b"x" * 100_000 + b" #}", "more than 100,000 characters"),
        ("where", b"(" * 500, "not a comparison"),
        ("manifest", json.dumps({"parts": {"../../x.parquet": ""}}).encode(), "outside the run"),
        ("manifest", json.dumps({"users_table": "/etc/passwd"}).encode(), "outside the run"),
    ],
)
def test_known_attacks_are_named(known, tmp_path, name, data, message):
    error = outcome(known[name], data, tmp_path)
    assert isinstance(error, FootfallError)
    assert message in str(error)
