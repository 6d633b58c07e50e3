"""Prompt templates: one Jinja2 file of blocks, checked before a run starts.

See docs/prompts.md for the blocks and the names that a template may use.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import jinja2.nodes
import numpy as np

from footfall.datasets.titles import short
from footfall.errors import TemplateError, did_you_mean, one_line
from footfall.prompting.sandbox import MAX_SOURCE, Sandbox
from footfall.users.familiarity import Repeat

BLOCKS = ("system", "history", "visit", "item", "answer")
"""The blocks that a template may have."""


@dataclass(frozen=True, slots=True)
class Event:
    """One remembered action, as templates see it."""

    title: str
    category: str
    action: str
    """One of ``footfall.datasets.schema.ACTIONS``."""
    quantity: float
    value: float | None
    """Money, or the rating where ``action`` is "rate"; None where unknown."""


@dataclass(frozen=True, slots=True)
class Trip:
    """Events of one basket or visit; where the data names none, of one day."""

    events: tuple[Event, ...]
    when: np.datetime64

    @property
    def titles(self) -> list[str]:
        """Titles of the events, in order."""
        return [event.title for event in self.events]

    @property
    def date(self) -> str:
        """Day of the trip, for instance "2017-03-05"."""
        return str(self.when.astype("datetime64[D]"))


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a listwise question."""

    letter: str
    title: str
    category: str = ""
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Regular:
    """Something that the user took again and again."""

    title: str
    count: int
    """Remembered events in which it was taken; items whose short titles agree count as one."""


_EVENT = Event("Oat milk, 1 l", "Dairy", "purchase", 1.0, None)
_SAMPLE: dict[str, Any] = {
    "profile": {"age": "35-44"},
    "persona_prose": True,
    "summary": "Fruit, Dairy",
    "trips": [Trip((_EVENT, _EVENT), np.datetime64("2017-03-05T10:00"))],
    "regulars": [Regular("Oat milk", 12), Regular("Rye bread", 1)],
    "context": "Friday evening in March.",
    "clicked": ["Rye bread"],
    "bought": ["Rye bread"],
    "currency": "USD",
    "title": "Apples, 1 kg",
    "category": "Fruit",
    "price": 2.5,
    "orders": 20,
    "item_repeat": Repeat(12, 3),
    "category_repeat": Repeat(15, 0),
    "affinity": 4,
    "options": [Option("A", "Apples, 1 kg", "Fruit", 2.5)],
    "none_letter": "B",
}
_NOTHING: dict[str, Any] = {
    "profile": {},
    "persona_prose": False,
    "summary": "",
    "context": "",
    "trips": [],
    "regulars": [],
    "clicked": [],
    "bought": [],
    "currency": "",
    "category": "",
    "price": None,
    "orders": 0,
    "item_repeat": Repeat(),
    "category_repeat": Repeat(),
    "affinity": 1,
}
VARIABLES = tuple(_SAMPLE)
"""The names that a template may use."""

_FIELDS: dict[type, frozenset[str]] = {
    **{kind: frozenset(kind.__slots__) for kind in (Event, Option, Regular)},
    Trip: frozenset((*Trip.__slots__, "titles", "date")),
    Repeat: frozenset(Repeat._fields),
}
_LONG = 1_000
"""Characters of a text from which on shortening it is charged; titles have fewer."""


class Template:
    """A checked template: every block has been rendered with samples, full and empty.

    Args:
        name: Name of a built-in template (``likelihood``) or path of an own file.
        base: Folder that a relative path is relative to.
        required: Blocks that the asking mode cannot do without.

    Raises:
        TemplateError: The template is missing, unreadable, or uses a name that does not
            exist; one line with file and line number.
    """

    def __init__(self, name: str, base: Path, required: Sequence[str]) -> None:
        own = Path(name).suffix != ""
        self.path = str(base / name) if own else name
        self._folder = (base / name).parent if own else None
        self._file = (base / name).name if own else f"{name}.j2"
        self._files: dict[str, str] = {}
        self._environment = Sandbox(
            _FIELDS,
            loader=jinja2.FunctionLoader(self._load),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["short"] = self._short
        with self._one_line_errors():
            template = self._environment.get_template(self._file)
            self._check_source(self._read(self._file))
            context = template.new_context(_SAMPLE)
            self._environment.begin()
            # Collects the blocks of parents.
            self._environment.concat(template.root_render_func(context))
        self._template = template
        self._blocks = context.blocks
        self.names = frozenset(self._names())
        """Variables that it uses, those of the files that it extends included."""
        self._rehearse(required)

    def _names(self) -> Iterator[str]:
        for name in self._files:
            yield from jinja2.meta.find_undeclared_variables(
                self._environment.parse(self._read(name))
            )

    def render(self, block: str, variables: Mapping[str, Any]) -> str:
        """Text of one block, stripped; "" if the template does not have it."""
        if block not in self._blocks:
            return ""
        with self._one_line_errors():
            self._environment.begin()
            context = self._template.new_context(dict(variables))
            context.blocks = self._blocks
            return self._environment.concat(self._blocks[block][0](context)).strip()

    @property
    def source(self) -> str:
        """Texts of the file and of those that it extends; for manifests."""
        return "\n".join(self._read(name) for name in self._files)

    def _short(self, title: str) -> str:
        if len(title) > _LONG:
            self._environment.counted(title)
        return short(title)

    def _load(self, name: str) -> tuple[str, str, None]:
        text = self._read(name)
        if len(text) > MAX_SOURCE:
            raise TemplateError(f"{self.path}: {name} has more than {MAX_SOURCE:,} characters")
        own = self._folder is not None and (self._folder / name).is_file()
        self._files[name] = str(self._folder / name) if own and self._folder else name
        return text, self._files[name], None

    def _read(self, name: str) -> str:
        """Text of an own file beside the template, or else of a built-in one."""
        if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
            raise TemplateError(f'{self.path}: extends "{name}", which is not beside it')
        built_in = files("footfall.prompts") / name
        try:
            if self._folder is not None and (self._folder / name).is_file():
                return (self._folder / name).read_text(encoding="utf-8")
            if built_in.is_file() and name.endswith(".j2"):
                return built_in.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"{self.path}: cannot be read: {error}") from error
        if name != self._file:
            raise TemplateError(f'{self.path}: extends "{name}", which does not exist')
        if self._folder is not None:
            raise TemplateError(f"{self.path}: no such template file")
        hint = did_you_mean(name.removesuffix(".j2"), built_in_templates())
        raise TemplateError(f'no built-in template "{name.removesuffix(".j2")}"; {hint}')

    def _rehearse(self, required: Sequence[str]) -> None:
        """Meet errors now and not in the middle of a run."""
        for block in required:
            if block not in self._blocks:
                raise TemplateError(f'{self.path}: needs a block "{block}" in this mode')
        for sample in (_SAMPLE, _SAMPLE | _NOTHING):
            for block in BLOCKS:
                if not self.render(block, sample) and block == "item":
                    raise TemplateError(
                        f'{self.path}: block "item" renders to nothing; name the item in it'
                    )

    def _check_source(self, source: str) -> None:
        """Refuse what Jinja would pass over in silence."""
        tree = self._environment.parse(source, filename=self._files[self._file])
        for block in tree.find_all(jinja2.nodes.Block):
            if block.name not in BLOCKS:
                hint = did_you_mean(block.name, BLOCKS)
                message = f'{self.path}:{block.lineno}: unknown block "{block.name}"; {hint}'
                raise TemplateError(message)
        unknown = jinja2.meta.find_undeclared_variables(tree).difference(VARIABLES)
        for name in tree.find_all(jinja2.nodes.Name):
            if name.name in unknown:
                hint = did_you_mean(name.name, VARIABLES)
                message = f'{self.path}:{name.lineno}: unknown name "{name.name}"; {hint}'
                raise TemplateError(message)
        for output in tree.body:
            for part in output.nodes if isinstance(output, jinja2.nodes.Output) else ():
                if not isinstance(part, jinja2.nodes.TemplateData) or part.data.strip():
                    message = "what stands outside of the blocks is never shown"
                    raise TemplateError(f"{self.path}:{part.lineno}: {message}")

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        """Turn whatever Jinja raises into one line with file and line number."""
        try:
            yield
        except TemplateError:
            raise
        except jinja2.TemplateSyntaxError as error:
            where = error.filename or self.path
            raise TemplateError(f"{where}:{error.lineno}: {error.message}") from error
        except Exception as error:
            message = one_line(error)
            missing = re.search(r"has no attribute '(\w+)'", message)
            kinds = (Event.__slots__, Trip.__slots__, Option.__slots__, Regular.__slots__)
            known = {"titles", "date", *Repeat._fields, *(name for kind in kinds for name in kind)}
            hint = f"; {did_you_mean(missing[1], known)}" if missing else ""
            raise TemplateError(f"{self._place()}: {message}{hint}") from error

    def _place(self) -> str:
        """File and line of the template in which the error being handled was raised."""
        try:
            self._environment.handle_exception()  # re-raises it with template line numbers
        except Exception as mapped:  # noqa: BLE001 - a template may raise anything
            for frame in reversed(traceback.extract_tb(mapped.__traceback__)):
                if frame.filename in self._files.values():
                    return f"{frame.filename}:{frame.lineno}"
        return self.path


def built_in_templates() -> list[str]:
    """Names of the templates that come with Footfall."""
    entries = files("footfall.prompts").iterdir()
    return sorted(e.name.removesuffix(".j2") for e in entries if e.name.endswith(".j2"))
