"""Names of months in the languages of the world, as English abbreviates them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

import pandas as pd
from babel import Locale

LANGUAGES = (
    "af", "ar", "az", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu",
    "fi", "fil", "fr", "ga", "gl", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ka", "kk",
    "lt", "lv", "mk", "ms", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sr_Latn",
    "sv", "sw", "ta", "th", "tr", "uk", "uz", "vi",
)  # fmt: skip
"""Whose months are known; languages that number them have no names to know."""

ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

WORD = re.compile(r"[^\W\d_]{3,}")

DOT = r"(?<=[A-Z][a-z][a-z])\."
"""Behind an abbreviation."""

FEW = 400
"""Different words from which on texts are no times."""


def months_in_english(text: pd.Series) -> pd.Series:
    """Times with names of months as English abbreviates them: "5. März" as "5. Mar".

    One language must know all months of the column, as "listopad" is October in one and November
    in another. Texts stay as they are where several languages read them differently, or none does.
    """
    words = set(text.str.findall(WORD).explode().dropna().unique())
    if not words or len(words) > FEW:
        return text
    names = _language_of(words)
    if names is None:
        return text
    known = {word: ENGLISH[names[fold(word)] - 1] for word in words if fold(word) in names}
    english = text.str.replace(WORD, lambda found: known.get(found[0], found[0]), regex=True)
    return english.str.replace(DOT, "", regex=True)


def _language_of(words: set[str]) -> Mapping[str, int] | None:
    """Names of months in the language that knows most of the words; None where that is open."""
    folded = {fold(word) for word in words}
    known = {name: folded.intersection(names) for name, names in _names().items()}
    most = max(map(len, known.values()))
    best = [_names()[name] for name, found in known.items() if len(found) == most]
    read = {tuple(sorted((w, names[w]) for w in folded if w in names)) for names in best}
    return best[0] if most and len(read) == 1 else None


def fold(word: str) -> str:
    """A word without case, accents and dots."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in plain if sign.isalpha())


@cache
def _names() -> dict[str, dict[str, int]]:
    """Language -> name of a month, written out or abbreviated -> its number."""
    found: dict[str, dict[str, int]] = {}
    for language in LANGUAGES:
        months = Locale.parse(language).months
        names: dict[str, int] = {}
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    if not any(sign.isdigit() for sign in name):
                        names.setdefault(fold(name), number)
        found[language] = names
    return found
