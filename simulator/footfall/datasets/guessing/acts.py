"""What users did: words of the log as actions, or one action for every row."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

import numpy as np

from footfall.datasets.guessing.asking import Findings, OpenQuestion, Told
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.roles import Roles
from footfall.datasets.guessing.status import EVERY, status_of
from footfall.datasets.guessing.words import action_of, is_state, is_void, tokens
from footfall.datasets.schema import ACTIONS
from footfall.datasets.table_source import ActionColumn, ActionFlags
from footfall.errors import DataError, did_you_mean

IGNORE = "ignore"

RARE = 0.01
"""Unknown words in fewer rows than this share are left out without a question."""

OFTEN = 0.1
"""Unknown words in more rows than this share are not left out unasked, ``--yes`` or not."""

SAID = 0.95
"""Share of rows of which a column must say something to say what every row is."""

FEW = 10
"""Numbers that stand for kinds of events are this many at most."""

MEDIA = frozenset({"track", "song", "episode", "podcast", "chanson", "morceau", "lied", "brano",
                   "cancion", "musica", "video", "utwor"})  # fmt: skip
"""Items that are played rather than bought."""

TRACKED = frozenset({"url", "referrer", "referer", "browser", "device", "dwell", "active", "agent"})
"""Words of what trackers write down."""

_WHOSE = ("user", "item")

_MEANT = {
    "view": "was shown or looked at", "click": "was clicked, opened, played or liked",
    "cart": "was put into the cart", "purchase": "was bought", "rate": "was rated",
    IGNORE: "nothing that matters here: leave these rows out",
}  # fmt: skip


def action_spec(
    table: SampledTable, roles: Roles, told: Told, findings: Findings
) -> str | ActionColumn | ActionFlags:
    """Tell what the rows of a log mean.

    Raises:
        DataError: Somebody named an action that is none.
    """
    for word, action in told.actions.items():
        if action not in (*ACTIONS, IGNORE):
            known = did_you_mean(action, (*ACTIONS, IGNORE))
            raise DataError(f'--action {word}={action}: no action "{action}"; {known}')
    if EVERY in told.actions:
        roles.of.pop("action", None)
        return told.actions[EVERY]
    if "action" in roles.of:
        return _of_words(table, roles, told.actions, findings)
    if roles.flags:
        flags = {action: column.name for action, column in roles.flags.items()}
        return ActionFlags.model_validate({"flags": flags, "filled": roles.filled})
    codes = [] if "rating" in roles.of else [c for c in table.columns if _is_code(c, roles)]
    if codes:
        roles.of["action"] = codes[0]
        return _of_words(table, roles, told.actions, findings)
    action = _of_every_row(table, roles, findings)
    status = status_of(table, roles, told, findings) if action == "purchase" else None
    return action if status is None else status


def _of_words(
    table: SampledTable, roles: Roles, told: Mapping[str, str], findings: Findings
) -> ActionColumn:
    column = roles.of["action"]
    shares = column.texts.value_counts(normalize=True)
    known = {str(w): told.get(str(w)) or _by_word(column, str(w)) for w in shares.index}
    for word in [w for w, action in known.items() if action is None and _of_nothing(w, roles)]:
        known[word] = IGNORE
    unknown = [w for w, action in known.items() if action is None and shares[w] >= RARE]
    meant: dict[str, str] = {}
    for text, action in known.items():
        share = float(shares[text])
        if action is None and share < RARE:
            findings.note("action", f"{text}: left out", f"unknown, in {share:.1%} of the rows")
            continue
        meant[text] = action or _asked(text, share, column.name, unknown, findings)
    _refuse_elsewhere(table, roles, told, meant)
    for word in sorted(word for word, action in meant.items() if action == IGNORE):
        findings.note("action", f"{word}: left out", "nothing that Footfall simulates")
    kept = {word: action for word, action in meant.items() if action != IGNORE}
    if not kept:
        raise DataError(
            f'column "{column.name}": none of its words is an action that matters; '
            "say what one means: --action WORD=purchase"
        )
    for word, action in kept.items():
        if word != action:
            findings.note("action", f"{word} = {action}", "by its word")
    changed = {word: action for word, action in kept.items() if word != action}
    return ActionColumn.model_validate({"column": column.name, "map": changed})


def _refuse_elsewhere(
    table: SampledTable, roles: Roles, told: Mapping[str, str], meant: Mapping[str, str]
) -> None:
    """Rows of a word that name their items in another column than the others would be lost.

    Raises:
        DataError: There are such rows, and nobody said what they are.
    """
    item, action = roles.of["item"], roles.of["action"]
    others = [c for c in table.columns if c is not item and c.says("item")]
    others = [c for c in others if c.texts.isin(item.texts.unique()).mean() > 0.5]
    for word, act in meant.items():
        if act == IGNORE or word in told:
            continue
        rows = action.texts.index[(action.texts == word).to_numpy()]
        if rows.isin(item.texts.index).mean() >= OFTEN:
            continue
        for other in others:
            if rows.isin(other.texts.index).mean() > SAID:
                raise DataError(
                    f'{table.path}: rows of "{word}" name their items in "{other.name}", the '
                    f'others in "{item.name}": write both into one column, or leave these rows '
                    f"out: --action {quote(word + '=ignore')}"
                )


def _of_nothing(word: str, roles: Roles) -> bool:
    """Whether rows of a word never name an item: an opened app, a page of its own."""
    rows = roles.of["action"].texts
    return not rows.index[(rows == word).to_numpy()].isin(roles.of["item"].texts.index).any()


def _by_word(column: Column, word: str) -> str | None:
    if column.numeric:
        return None
    return action_of(word) or (IGNORE if is_void(word) else None)


def _asked(word: str, share: float, column: str, unknown: list[str], findings: Findings) -> str:
    """Ask what a word means; who cannot be asked is told of all unknown words at once."""
    options = [f"--action {quote(other + '=ANSWER')}" for other in unknown]
    question = OpenQuestion(
        f'{column}: what does "{word}" mean ({share:.0%} of the rows)?',
        _MEANT,
        IGNORE if share < OFTEN else None,
        " ".join(options if share >= OFTEN else [f"--action {quote(word + '=ANSWER')}"]),
    )
    return findings.answer(f"action {word}", question)


def _is_code(column: Column, roles: Roles) -> bool:
    """Whether the numbers of a column "type" may stand for kinds of events.

    Types of items stay with their item, and types of users with their user.
    """
    if roles.taken(column) or column.meanings != {"kind"} or not column.whole:
        return False
    if not 2 <= column.distinct <= FEW or column.filled < 1:
        return False
    return all(column.cells.groupby(roles.of[r].cells).nunique().mean() > 1.2 for r in _WHOSE)


def _of_the_web(table: SampledTable) -> bool:
    """Whether a log tells of pages and devices, as trackers do, and of no money."""
    words = {word for column in table.columns for word in tokens(column.name)}
    return bool(TRACKED & words) or any(column.says("session") for column in table.columns)


def _measures(column: Column) -> bool:
    """Whether a column such as "watch seconds" is known of each row, rather than of some."""
    return column.filled > SAID and (column.numeric or column.says("time"))


def _refuse_unread_flags(table: SampledTable, roles: Roles) -> None:
    """A column such as "bought" with two words that say neither yes nor no tells rows apart.

    Raises:
        DataError: There is such a column.
    """
    for column in table.columns:
        action = action_of(column.name)
        if is_state(column.name):
            continue  # "order status" of two states, told apart by what they mean
        if action in ACTIONS and column.distinct == 2 and not roles.taken(column):
            raise DataError(
                f'{table.path}: "{column.name}" holds {column.example(2)}: which is yes? Write 1 '
                f"and 0, or say what all rows are: --action {action}"
            )


def _of_every_row(table: SampledTable, roles: Roles, findings: Findings) -> str:
    """One action for all rows: from what else the log tells of them."""
    if "rating" in roles.of:
        name = roles.of["rating"].name
        findings.note("action", "rate", f'every row has a rating, "{name}"')
        zero = float(np.mean(roles.of["rating"].values() == 0)) if roles.of["rating"].whole else 0.0
        if zero > RARE:
            why = "taken for the lowest rating; if it means `not rated`, take these rows out"
            findings.note("rating", f"0 in {zero:.0%} of the rows", why, assumed=True)
        return "rate"
    for column in table.columns:
        action = action_of(column.name)
        if column.says("time") and action in ("purchase", "click", "view"):
            findings.note("action", action, f'"{column.name}" says what every row is')
            return action
    bought: list[str] = [n for n in ("value", "unit_price", "quantity") if n in roles.of]
    if "order" in roles.of and roles.of["order"].says("order"):
        bought.append("order")
    if bought:
        said = ", ".join(roles.of[name].name for name in bought)
        findings.note("action", "purchase", f"every row has what purchases have: {said}")
        return "purchase"
    if MEDIA.intersection(tokens(roles.of["item"].name)):
        name = roles.of["item"].name
        findings.note("action", "click", f'"{name}": what is listed here was played', assumed=True)
        return "click"
    _refuse_unread_flags(table, roles)
    played = [c for c in table.columns if action_of(c.name) == "click" and _measures(c)]
    if played:
        findings.note("action", "click", f'"{played[0].name}" says what every row is')
        return "click"
    question = OpenQuestion(
        f"{table.path.name}: no column says what users did; what is a row?",
        {action: _MEANT[action] for action in ("purchase", "click", "view", "cart")},
        "click" if _of_the_web(table) else "purchase",
        "--action ANSWER",
    )
    return findings.answer("action", question)
