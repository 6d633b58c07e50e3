"""Headers and words of actions, understood in the languages of ``words.yaml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml

ENGLISH = "en"
"""Headers of any language may have words of this one."""

_FOLDED = str.maketrans(
    {"\u0131": "i", "ł": "l", "ø": "o", "œ": "oe", "æ": "ae", "đ": "d", "ð": "d", "þ": "th"}
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_APART = re.compile(r"[\W_]+")
_LINKS = ("", "s", "n", "en", "e", "es", "er")
"""What may stand between the words of a compound."""
_SHORT = frozenset({"id", "nr", "no", "ts"})
"""Words of two letters that compounds may have."""
_PRECEDENCE = ("ignore", "cart", "purchase", "rate", "click", "view")
"""What a text of several words of actions means: "add to cart" is no "add"."""
_DENSE = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\u1100-\u11ff\uac00-\ud7af]")
"""Writing without spaces between words."""

_NOT = re.compile("[未不無没沒미불]|대기|전")
"""Not, not yet, before: in a state of Chinese, Japanese or Korean."""

_CLICK = re.compile("klick|click|klikk|klik|клик|клік|κλικ|クリック|클릭")
"""A click, inside words of any language: proklik, clickout."""

BOXES = frozenset(
    {"properties", "props", "params", "attributes", "attrs", "payload", "data", "detail"}
)
"""Records in which trackers put whatever belongs to an event."""

WORDS_KEPT = 4096
"""Texts whose actions are remembered: columns say the same words again and again."""

TELLING = 5
"""Letters from which on a word of another language than the others is believed: "ad" may be any."""

MADE = (".position", ".taken")
"""How headers end that come from taking lists apart: nobody wrote them in a language."""

Meanings = frozenset[str]


@dataclass(frozen=True)
class Headers:
    """What the headers of a table say."""

    languages: tuple[str, ...]
    """The language whose words explain most; several where they explain equally many."""
    meanings: Mapping[str, Meanings]
    """Header -> things and traits, as in ``words.yaml``; empty where no word is known."""


def understand(headers: Iterable[str]) -> Headers:
    """Read headers, all in the language that explains most of them, or in English."""
    split = {header: tokens(header) for header in headers}
    known: dict[str, float] = dict.fromkeys(_vocabulary(), 0.0)
    for words in (words for header, words in split.items() if not header.endswith(MADE)):
        for language in _vocabulary():
            said = _phrases(words, (language,))
            # A pair that is one word explains both of its parts.
            known[language] += sum(_known(word, language) for word in said)
            known[language] += len(words) - len(said)
    most = max(known.values(), default=0)
    languages = tuple(name for name in known if known[name] == most) if most else (ENGLISH,)
    if ENGLISH in languages:
        languages = (ENGLISH,)
    first = (*languages, ENGLISH) if ENGLISH not in languages else languages
    meanings = {header: _meaning(words, first) for header, words in split.items()}
    for header, meant in meanings.items():
        record, _, name = header.rpartition(".")
        if BOXES.intersection(tokens(record)):  # tells where it lies, not what it is
            meanings[header] = _meaning(tokens(name), first) or meant
    return Headers(languages, meanings)


def _known(word: str, language: str) -> float:
    """Whether a language knows a word; of writing without blanks, the share that it knows."""
    if not _DENSE.search(word):
        return float(bool(_look_up(word, (language,))))
    known = _vocabulary()[language].whole
    return sum(end - start for start, end in _inside(word, known)) / len(word)


def tokens(text: str) -> list[str]:
    """The words of a header, folded: ``customerID`` -> ``customer``, ``id``."""
    return [part for part in _APART.split(fold(_CAMEL.sub(" ", text))) if part]


def fold(text: str) -> str:
    """Text without case, accents and vowel signs."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_FOLDED)
    return "".join(sign for sign in plain if not unicodedata.category(sign).startswith("M"))


@lru_cache(maxsize=WORDS_KEPT)
def action_of(text: str) -> str | None:
    """The action that a word of a log stands for, "ignore" for none of ours; None: unknown."""
    words = [word for word in tokens(str(text)) if word not in {"is", "has", "was", "ist", "est"}]
    known = _action_words()
    whole = known.get("_".join(words))
    if whole is not None:
        return whole
    begun = [word for word in words if word in _listed("begun")]
    told = {word: action for word in words if (action := _action_of_word(word))}
    where = {w: action for w, action in told.items() if not _is_listed(w, "adding")}
    if "purchase" in where.values():  # added to an order: not bought yet
        where = told
    found = {action for word, action in (where or told).items() if word not in begun}
    if begun and (len(words) == len(begun) or not found.isdisjoint({"purchase", "cart"})):
        return "ignore"
    joined = "".join(words)
    if not found and _DENSE.search(joined):
        found = {action for word, action in known.items() if len(word) > 1 and word in joined}
    return next((action for action in _PRECEDENCE if action in found), None)


@lru_cache(maxsize=WORDS_KEPT)
def is_action(text: str) -> bool:
    """Whether a whole text is a word for an action, not only a part of it, as in PayPal."""
    return "_".join(tokens(text)) in _action_words()


def is_done(text: str) -> bool:
    """Whether words say that an order came about: paid, shipped, delivered."""
    words = tokens(text)
    if not words or "_".join(words) in _listed("done"):
        return bool(words)
    if _DENSE.search(text):
        inside = [w for w in _listed("done") if len(w) > 1 and w in "".join(words)]
        return bool(inside) and action_of(text) != "ignore" and not _NOT.search(text)
    if len(words) > 1 and any(_is_listed(word, "pending") for word in words):
        return False
    return not is_void(text) and any(_is_listed(word, "done") for word in words)


def is_void(text: str) -> bool:
    """Whether a word says that an order was undone: cancelled, returned, refunded."""
    words = tokens(text)
    dense = _DENSE.search(text) and any(word in "".join(words) for word in _listed("void"))
    return bool(dense) or any(_is_listed(word, "void") for word in words)


def is_state(header: str) -> bool:
    """Whether a header names the state that an order is in."""
    words, known = tokens(header), _listed("state")
    dense = _DENSE.search(header) and any(word in "".join(words) for word in known)
    pairs = {"_".join(words[n:end]) for n in range(len(words)) for end in range(n + 1, n + 4)}
    return bool(dense) or not pairs.isdisjoint(known)


def _action_of_word(word: str) -> str | None:
    """The action of one word: as listed, else by the longest stem that it begins with."""
    known = _action_words()
    for whole in (word, word.removesuffix("s")):  # clicks, carts, orders
        if whole in known:
            return known[whole]
    stems = [stem for stem in known if stem.endswith("*") and word.startswith(stem[:-1])]
    if stems:
        return known[max(stems, key=len)]
    return "click" if _CLICK.search(word) else None


_WITH_OR_WITHOUT = frozenset({
    "excl", "incl", "ex", "exc", "inc", "excluding", "including", "exclusive", "inclusive",
    "without", "with", "before", "after", "ohne", "exkl", "inkl", "zzgl", "hors", "sans", "avec",
    "sin", "con", "incluido", "incluida", "senza", "esclusa", "escluso", "inclusa", "incluso",
    "compresa", "compreso", "sem", "com", "exclusief", "inclusief", "zonder", "utan", "eks",
    "ekskl", "uden", "uten", "ilman", "bez", "vcetne", "vratane", "nelkul", "fara", "cu", "brez",
    "haric", "dahil", "без", "χωρις",
})  # fmt: skip
"""Words, folded, that stand between a sum and the tax that it has in it or not. Alone they say
nothing, so they are no words of a language here."""


def _meaning(words: list[str], languages: tuple[str, ...]) -> Meanings:
    meant: set[str] = set()
    for word in _phrases(words, languages):
        meant |= _look_up(word, languages) or _look_up_elsewhere(word)
    if "tax" in meant and not _WITH_OR_WITHOUT.isdisjoint(words):
        meant.add("taxed")
    if "taxed" in meant and meant.isdisjoint({"price", "total"}):
        meant.add("total")  # "Netto" alone; the net price of a unit is no sum
    if "tax" in meant and meant.isdisjoint({"price", "taxed"}):
        meant.add("other")  # what the state gets; "Cena s DPH" is a price
    return frozenset(meant)


def _look_up_elsewhere(word: str) -> Meanings:
    """Meanings in the first language that knows a whole word, or a long beginning of it."""
    if len(word) < TELLING and word.isascii():
        return frozenset()
    every = _vocabulary().values()
    whole = next((known.whole[word] for known in every if word in known.whole), None)
    begun = next((found for known in every if (found := known.by_stem(word, TELLING))), None)
    long = len(word) >= 2 * TELLING or not word.isascii()
    return whole or begun or (_look_up(word, tuple(_vocabulary())) if long else frozenset())


def _phrases(words: list[str], languages: tuple[str, ...]) -> list[str]:
    """Neighbours that are one word together, as "khách hàng", joined; English has none of these."""
    foreign = [_vocabulary()[name].whole for name in languages if name != ENGLISH]
    joined: list[str] = []
    for word in words:
        pair = joined[-1] + word if joined else ""
        if pair and any(pair in known for known in foreign):
            joined[-1] = pair
        else:
            joined.append(word)
    return joined


def _look_up(word: str, languages: tuple[str, ...]) -> Meanings:
    """Meanings in the first of the languages that knows the word; those of a compound's parts."""
    for language in languages:
        known = _vocabulary()[language]
        found = known.whole.get(word) or known.by_stem(word)
        if found:
            return found
    for language in languages:
        parts = _apart(word, language)
        if parts:
            return frozenset().union(*parts)
    return frozenset()


def _apart(word: str, language: str) -> list[Meanings]:
    """Take a compound apart into the fewest words of a language and of English."""
    if _DENSE.search(word):
        return _dense(word, language)
    best: dict[int, list[Meanings]] = {0: []}
    for end in range(2, len(word) + 1):
        for start in range(end - 1):
            if start not in best:
                continue
            found = _part(word[start:end], language)
            # A link needs a word behind it, so the last part has none.
            if found and (end not in best or len(best[start]) + 1 < len(best[end])):
                best[end] = [*best[start], found]
    parts = best.get(len(word), [])
    return parts if len(parts) > 1 else []


def _part(piece: str, language: str) -> Meanings:
    for link in _LINKS:
        if piece.startswith(link):
            word = piece[len(link) :]
            if len(word) > 2 or (word in _SHORT):
                for name in (language, ENGLISH):
                    found = _vocabulary()[name].whole.get(word)
                    if found:
                        return found
    return frozenset()


def _dense(word: str, language: str) -> list[Meanings]:
    """Words found in a text without spaces, the longest first; what is unknown is passed over."""
    known = _vocabulary()[language].whole
    return [known[word[start:end]] for start, end in _inside(word, known)]


def _inside(word: str, known: Mapping[str, Meanings]) -> list[tuple[int, int]]:
    """Where known words begin and end in a text without spaces."""
    found, place = [], 0
    while place < len(word):
        longest = next(
            (end for end in range(len(word), place, -1) if word[place:end] in known), None
        )
        if longest is not None:
            found.append((place, longest))
        place = longest or place + 1
    return found


@dataclass(frozen=True)
class _Words:
    whole: dict[str, Meanings]
    stems: dict[str, Meanings]

    def by_stem(self, word: str, least: int = 1) -> Meanings:
        """The meaning of the longest stem of ``least`` letters that a word begins with."""
        fitting = [s for s in self.stems if len(s) >= least and word.startswith(s)]
        return self.stems[max(fitting, key=len)] if fitting else frozenset()


@cache
def _vocabulary() -> dict[str, _Words]:
    by_language: dict[str, dict[str, list[str]]] = {}
    for meaning, languages in _table("words").items():
        for language, words in languages.items():
            by_language.setdefault(language, {})[meaning] = words
    return {language: _words(meanings) for language, meanings in by_language.items()}


def _words(meanings: dict[str, list[str]]) -> _Words:
    whole: dict[str, set[str]] = {}
    stems: dict[str, set[str]] = {}
    for meaning, words in meanings.items():
        for word in words:
            table = stems if word.endswith("*") else whole
            table.setdefault(fold(word.rstrip("*")), set()).add(meaning)
    freeze = {word: frozenset(found) for word, found in whole.items()}
    return _Words(freeze, {stem: frozenset(found) for stem, found in stems.items()})


@cache
def _action_words() -> dict[str, str]:
    return {
        fold(word).replace(" ", "_"): action
        for action in reversed(_PRECEDENCE)
        for word in _all_words(action)
    }


@cache
def _listed(name: str) -> frozenset[str]:
    """Words of a list, those that stand for all that begin so left out."""
    words = [word for word in _all_words(name) if not word.endswith("*")]
    return frozenset("_".join(tokens(word)) for word in words)


def _is_listed(word: str, name: str) -> bool:
    return word in _listed(name) or word.startswith(_stems(name))


@cache
def _stems(name: str) -> tuple[str, ...]:
    words = [word for word in _all_words(name) if word.endswith("*")]
    return tuple(fold(word.rstrip("*")) for word in words)


def _all_words(name: str) -> list[str]:
    """The words of a list of actions, in all languages."""
    return [word for words in _table("actions")[name].values() for word in words]


@cache
def _table(name: str) -> dict[str, Any]:
    text = files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast
    table: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader
    return table
