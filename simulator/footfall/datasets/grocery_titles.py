"""Say a grocer's product hierarchy the way a shopper would.

"FLUID MILK WHITE ONLY" + "1 GA" + Private becomes "White milk, 1 gallon (store brand)".
Types that are only half a name ("PREMIUM", under "ICE CREAM/MILK/SHERBTS") get the noun of
their category. Names were cut to 30 characters at the source; what follows an unclosed
bracket is left out, and frequent truncated words are completed.
"""

from __future__ import annotations

import re
from functools import lru_cache

from footfall.datasets.grocery_words import BEFORE, NAMES, NOUNS, NOUNS_FIRST, PROPER, WORDS

UNITS = {
    "OZ": "oz", "OZS": "oz", "Z": "oz", "O": "oz", "LB": "lb", "LBS": "lb", "CT": "count",
    "PK": "pack", "PKS": "pack", "GA": "gallon", "GAL": "gallon", "GALON": "gallon",
    "QT": "quart", "PT": "pint", "DZ": "dozen", "DOZ": "dozen", "L": "liter", "LT": "liter",
    "ML": "ml", "G": "g", "GM": "g", "PC": "pieces", "PCS": "pieces", "IN": "inch", "FT": "feet",
    "SQ FT": "sq ft", "LOAD": "loads", "LOADS": "loads", "LD": "loads", "LDS": "loads",
    "STEM": "stems", "STEMS": "stems", "FL OZ": "fl oz",
}  # fmt: skip

_NUMBER = r"\d*\.?\d+"
_SIZE = re.compile(rf"(?P<n>{_NUMBER}(?: \d/\d)?(?:/\d+)?)\s*(?P<unit>[A-Z]+(?: (?:FT|OZ))?)")
_PACKS = (
    # "6 PK/4 OZ", "6/4 OZ", "6-4 OZ": six of four ounces each.
    re.compile(rf"(?P<n>\d+)\s*(?:PK\s*/?|/| ?- ?)\s*(?P<each>{_NUMBER})\s*(?P<unit>OZ|L|ML|Z)"),
    # "12 OZ/12 PK": the same, the other way round.
    re.compile(rf"(?P<each>{_NUMBER})\s*(?P<unit>OZ|L|ML|Z)\s*/\s*(?P<n>\d+)\s*PK"),
)
_COUNTS = (
    # "16 CT/22 OZ": sixteen that weigh 22 ounces together; trash bags: 30 of 30 gallons.
    re.compile(rf"(?P<n>\d+)\s*CT\s*/?\s*(?P<all>{_NUMBER})\s*(?P<unit>OZ|LB|GAL|Z)"),
    re.compile(rf"(?P<all>{_NUMBER})\s*(?P<unit>OZ|LB)\s*/\s*(?P<n>\d+)\s*CT"),
)
_LARGEST = 2_000
"""Larger numbers are article numbers that slipped into the size."""
_CASE_POUNDS = 10
_CASE_COUNT = 12


def title(department: str, category: str, kind: str, brand: str, size: str) -> str:
    """Readable name of a product type of a brand in a size; "" for an unknown size."""
    parts = [name(category, kind), readable_size(size, fresh=department == "PRODUCE")]
    text = ", ".join(part for part in parts if part)
    return f"{text} (store brand)" if brand == "Private" else text


def name(category: str, kind: str) -> str:
    """Readable name of a product type, with the noun of its category where it lacks one."""
    kind = " ".join(kind.split())
    if kind in NAMES:
        return NAMES[kind]
    words = _other_first(_noun_last(_plain(kind)))
    noun = NOUNS.get(category, "")
    if noun and not _shares_a_word(noun, words):
        words = f"{noun} {words}" if noun in BEFORE else f"{noun}, {words}"
    return _sentence(words)


@lru_cache(maxsize=1024)
def readable_category(category: str) -> str:
    """A category of the source as a heading."""
    return _sentence(_plain(category, "and"))


def readable_size(size: str, *, fresh: bool = False) -> str:
    """Turn "1 GA" into "1 gallon"; "" where the size is missing or cannot be read.

    For ``fresh`` produce, sizes of the grocer's shipping case (40 lb of bananas) are left
    out: no shopper takes one home.
    """
    text = " ".join(re.sub(r"\(.*?\)", " ", size.upper()).split())
    text = re.sub(r"^(?:[A-Z]{1,2}|\d{4,}) (?=[\d.])", "", text)  # stray codes before the size
    text = f"1 {text}" if text in {"PT", "QT", "GAL", "DZ", "LB"} else text
    several = _several(text)
    if several:
        return several
    match = _SIZE.match(text)
    if match is None or match["unit"] not in UNITS:
        return ""
    number, unit = _number(match["n"]), UNITS[match["unit"]]
    if _too_large(number) or (fresh and _is_case(match["n"], match["unit"], text)):
        return ""
    plural = unit in {"gallon", "quart", "pint", "liter"} and number not in {"1", "1/2", "0.5"}
    return f"{number} {unit}s" if plural else f"{number} {unit}"


def _several(text: str) -> str:
    """Read a package of several; "" for any other size ("1/2 L" is half a liter)."""
    for pattern in _PACKS:
        pack = pattern.fullmatch(text)
        if pack and pack["n"] != "1":
            return f"{pack['n']} x {_number(pack['each'])} {UNITS[pack['unit']]}"
    for pattern in _COUNTS:
        counted = pattern.fullmatch(text)
        if counted:
            return f"{counted['n']} count, {_number(counted['all'])} {UNITS[counted['unit']]}"
    return ""


def _too_large(number: str) -> bool:
    return "/" not in number and float(number) > _LARGEST


def _is_case(number: str, unit: str, text: str) -> bool:
    """Whether a size of produce is that of a shipping case: a range, or far too much."""
    if "-" in text:
        return True
    limit = {"LB": _CASE_POUNDS, "CT": _CASE_COUNT}.get(unit)
    return limit is not None and "/" not in number and float(number) > limit


def _number(text: str) -> str:
    if "/" in text:
        return text
    return f"{float(text):g}"


def _plain(text: str, last: str = "or") -> str:
    """Lower case, abbreviations written out, brackets, colons and slashes made readable."""
    text = re.sub(r"\([^)]*\)?", " ", text.lower())
    text = re.sub(r"\bw/", "with ", text)
    text = re.sub(r"(?<=[a-z]) s(?=[ -]|$)", "'s", text)  # the source has no apostrophes
    text = re.sub(r"\s*:\s*|\s+-\s*|(?<=[a-z])-\s+", ", ", text)
    text = re.sub(r"\s*&\s*", " and ", text)
    text = re.sub(r"(?<=[a-z])\.", " ", text)
    text = re.sub(r"\s*/\s*", " / ", text)
    words = [_expand(word) for word in text.split()]
    kept = [w for n, w in enumerate(words) if n == 0 or w.strip(",") != words[n - 1].strip(",")]
    joined = re.sub(r"(\s*,)+", ",", " ".join(kept)).strip(" ,-/")
    return _list_slashes(joined, last)


def _noun_last(text: str) -> str:
    first, _, rest = text.partition(" ")
    if first not in NOUNS_FIRST or not rest or "," in text or re.search(r"\b(and|or)\b", rest):
        return text
    return f"{rest} {first}"


def _other_first(text: str) -> str:
    """Turn "pork, all other" into "other pork"."""
    match = re.fullmatch(r"(.*?),? (?:all )?others?|(?:all )?others? (.*)", text)
    return f"other {match[1] or match[2]}" if match else text


def _list_slashes(text: str, last: str) -> str:
    """Turn "a / b / c" into "a, b or c"."""
    *firsts, end = text.split(" / ")
    return f"{', '.join(firsts)} {last} {end}" if firsts else end


def _expand(word: str) -> str:
    bare = word.strip(",")
    full = WORDS.get(bare, bare)
    full = "-".join(WORDS.get(part, part) for part in full.split("-")) if "-" in full else full
    full = full.capitalize() if full in PROPER else full
    return full + "," if word.endswith(",") else full


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shares_a_word(noun: str, words: str) -> bool:
    stems = {w.rstrip("s") for w in re.findall(r"[a-z]+", words.lower())}
    return any(w.rstrip("s") in stems for w in re.findall(r"[a-z]+", noun))
