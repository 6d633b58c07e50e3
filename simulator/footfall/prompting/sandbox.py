"""Where prompt templates are rendered: no Python, no luck, and an end to all of it.

Templates may come from strangers. Jinja's sandbox keeps them from Python; this one also keeps them
from looping for ever and from filling the memory, and gives them nothing that is not the same
every time. How: only the tags, filters, tests, methods and functions that are listed here exist;
whatever repeats or grows spends from a budget that each rendering begins with anew; and lists
cannot be put into lists, because such doubling is told by no length.

What straight code costs is bounded by its length (``MAX_SOURCE``), so steps of loops are charged
by the size of the loop's body.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jinja2
import numpy as np
from jinja2 import filters, nodes
from jinja2.runtime import BlockReference, Context, LoopContext, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import Namespace

from footfall.prompting.template_bounds import TemplateBounds
from footfall.prompting.template_words import (
    COUNTED,
    FLAT,
    JOINED,
    LOOP,
    METHODS,
    OTHER_FILTERS,
    PRINTED,
    STEPS,
    TESTS,
    TEXT_FILTERS,
)

MAX_SOURCE = 100_000
"""Characters of one template file; the shipped ones have up to 1,400."""

MAX_TEXT = 1_000_000
"""Characters of a rendered block, or of a text on the way to it; more than models read."""

MAX_WORK = 2_000_000
"""Parts of expressions, characters and items that one rendering may go through: a second or so.
A history of a thousand events takes fewer than 100,000."""

MAX_RANGE = 1_000
"""Numbers in ``range``."""

MAX_NUMBER = 2**63
"""Whole numbers reach so far; beyond, arithmetic takes longer and longer."""

MAX_DECIMALS = 20
_CALL, _SUPER = 10, 10_000


_PLAIN = frozenset((str, int, float, bool, type(None)))

_WIDE = re.compile(r"%[-+ #0]*(?:\(|\*|\d{3}|\d*\.(?:\*|\d{3}))")
"""Formats that write more than they are given, and those with names, which can repeat it."""


class _Namespace(Namespace):
    """Jinja's, which would print all that is in it, and in what is in it."""

    def __repr__(self) -> str:
        return "<namespace>"


class ExcessError(Exception):
    """A template wants more than templates may have."""


class Sandbox(SandboxedEnvironment):
    """Jinja's sandbox, with bounds."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, fields: Mapping[type, frozenset[str]], **options: Any) -> None:
        super().__init__(**options)
        self._fields = {**fields, LoopContext: LOOP}
        self._left = MAX_WORK
        self.globals = {"range": _range, "namespace": _Namespace}
        known = {name: self.filters[name] for name in (*TEXT_FILTERS, *OTHER_FILTERS)}
        self.filters = {name: self._metered(known[name]) for name in OTHER_FILTERS}
        self.filters |= {name: self._metered(known[name], text=True) for name in TEXT_FILTERS}
        self._map_attributes = self._metered(filters.sync_do_map)
        self.filters |= {
            "format": self._format,
            "int": lambda value, default=0: filters.do_int(self.counted(value), default),
            "join": self._join,
            "map": self._map,
            "replace": self._replace,
            "round": self._metered(_round),
            "string": lambda value: str(self._text(value)),
            "sum": self._sum,
            STEPS: self._steps,
            COUNTED: self.counted,
            FLAT: self._flat,
            PRINTED: self._text,
            JOINED: lambda parts: self._join(parts, ""),
        }
        self.tests = {name: self.tests[name] for name in TESTS}
        self.finalize = self._printed
        self.concat = self._concat  # type: ignore[method-assign]  # as Jinja wants it

    def begin(self) -> None:
        """A rendering begins: it has the whole budget."""
        self._left = MAX_WORK

    def spend(self, work: int) -> None:
        """Take from the budget.

        Raises:
            ExcessError: Nothing is left of it.
        """
        self._left -= work
        if self._left < 0:
            raise ExcessError(
                f"more than {MAX_WORK:,} steps in one rendering; shorten its loops and texts"
            )

    def counted(self, value: Any) -> Any:
        """The value, its length taken from the budget; of an iterator, step by step."""
        if isinstance(value, str | list | tuple | dict):
            self.spend(1 + len(value))
        elif isinstance(value, Iterator):
            return self._stepping(value, 1)
        else:
            self.spend(1)
        return value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Numbers with numbers; texts may be added and formatted."""
        if operator == "%" and isinstance(left, str):
            return self._format(left, *(right if isinstance(right, tuple) else (right,)))
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self._join((left, right))
        sides = all(isinstance(side, int | float | np.number) for side in (left, right))
        if operator == "**" or not sides:
            kinds = f"{type(left).__name__} {operator} {type(right).__name__}"
            raise TypeError(f"unsupported operand type(s) in a template: {kinds}")
        made = super().call_binop(context, operator, left, right)
        if isinstance(made, int) and abs(made) >= MAX_NUMBER:
            raise ExcessError("a number beyond 2^63")
        return made

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function or method, for a price."""
        of = getattr(called, "__self__", "")
        self.spend(_SUPER if isinstance(called, BlockReference) else _CALL)
        for value in (of, *args):
            self.spend(len(value) if isinstance(value, str) else 1)
        return super().call(context, called, *args, **kwargs)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field; those that prompts are made of, without further questions."""
        if attribute in self._fields.get(type(obj), ()):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Likewise; no methods."""
        if type(obj) in self._fields and argument in self._fields[type(obj)]:
            return getattr(obj, argument)
        found = super().getitem(obj, argument)
        if callable(found) and not isinstance(found, Undefined):
            return self.unsafe_undefined(obj, argument)
        return found

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No method but the listed ones: others build texts of any length, or print addresses."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        if not callable(value) or isinstance(value, Undefined):
            return True
        return _listed(obj, attr)

    def is_safe_callable(self, obj: Any) -> bool:
        """Likewise; Jinja gives ``str.format`` out without asking about the attribute."""
        if obj in (_range, _Namespace) or isinstance(obj, BlockReference):
            return True
        return _listed(getattr(obj, "__self__", None), getattr(obj, "__name__", ""))

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, *more: Any, **kw: Any
    ) -> str:
        """Compile a file after its bounds have been put into it."""
        made = TemplateBounds(self, name, filename).visit(source)
        return super()._generate(made, name, filename, *more, **kw)

    @jinja2.pass_context  # so that Jinja does not compute it once and for all
    def _steps(self, _context: Context, items: Any, weight: int) -> Any:
        """What a loop goes through; a step costs as much as the loop's body is long."""
        try:
            size = len(items)
        except TypeError:
            return self._stepping(items, weight)
        self.spend(weight * size)
        return items

    def _stepping(self, items: Iterable[Any], weight: int) -> Iterator[Any]:
        for item in items:
            self.spend(weight)
            yield item

    def _metered(self, filter_: Callable[..., Any], *, text: bool = False) -> Callable[..., Any]:
        """A filter that pays for what it goes through and makes, and makes it at once."""
        place = 1 if hasattr(filter_, "jinja_pass_arg") else 0

        @functools.wraps(filter_)
        def metered(*args: Any, **kwargs: Any) -> Any:
            value = str(self._text(args[place])) if text else args[place]
            more = (self.counted(arg) for arg in args[place + 1 :])
            made = filter_(*args[:place], self.counted(value), *more, **kwargs)
            if isinstance(made, str):
                return self.counted(made)
            return list(self._stepping(made, 1)) if isinstance(made, Iterator) else made

        return metered

    @jinja2.pass_context
    def _map(self, context: Context, items: Any, *args: Any, **kwargs: Any) -> Any:
        """``map``; quick where it names a filter."""
        if kwargs or not args:
            return self._map_attributes(context, items, *args, **kwargs)
        name, *more = args
        if name not in self.filters or hasattr(self.filters[name], "jinja_pass_arg"):
            raise TypeError(f'map cannot use the filter "{name}"')
        each = self.filters[name]
        self.counted(items)
        return [each(item, *more) for item in items]

    def _concat(self, pieces: Iterable[str]) -> str:
        kept = list(pieces)
        length = sum(map(len, kept))
        if length > MAX_TEXT:
            raise ExcessError(f"a text of more than {MAX_TEXT:,} characters")
        return "".join(kept)

    def _join(self, value: Any, d: str = "", attribute: str | int | None = None) -> str:
        """Texts one behind the other. The length is known before there is such a text."""
        if attribute is not None:
            value = map(filters.make_attrgetter(self, attribute), value)
        pieces = [part if type(part) is str else str(self._text(part)) for part in value]
        length = sum(map(len, pieces)) + len(pieces) * len(d)
        self.spend(length)
        if length > MAX_TEXT:
            raise ExcessError(f"a text of more than {MAX_TEXT:,} characters")
        return str(d).join(pieces)

    def _replace(self, s: str, old: str, new: str, count: int = -1) -> str:
        text, old, new = (str(self._text(part)) for part in (s, old, new))
        self.counted(text)
        self.spend((text.count(old) + 1) * len(new))
        return text.replace(old, new, count)

    def _format(self, form: str, *values: Any) -> str:
        """What is to be made is known before: each value stands once, at most 99 wide."""
        if _wide(form):
            raise ExcessError("a format with a width of three digits or more, a star or a name")
        work = len(form)
        for value in values:
            if type(value) is str:
                work += len(value)
            elif type(value) not in _PLAIN:
                self._text(value)
        self.spend(work)
        made = form % values
        self.spend(len(made))
        return made

    def _sum(self, iterable: Any, attribute: str | int | None = None) -> Any:
        """Of numbers; lists are not added up."""
        return filters.sync_do_sum(self, self.counted(iterable), attribute)

    def _flat(self, value: Any) -> Any:
        """Something to stand in a list."""
        if not _single(value):
            raise TypeError(f"a {type(value).__name__} within a list or mapping")
        return self.counted(value)

    def _printed(self, value: Any) -> Any:
        """What stands between {{ and }}: functions and the like would tell where they lie."""
        return value if type(value) in _PLAIN else self._text(value)

    def _text(self, value: Any) -> Any:
        """What is printed; what is no text, number or list of them has no words of its own."""
        if type(value) in _PLAIN or _single(value):
            return value
        if isinstance(value, list | tuple) and all(map(_single, value)):
            return value
        if isinstance(value, dict) and all(map(_single, value.values())):
            return value
        raise TypeError(f"a {type(value).__name__} is no text; join it, or name one of its fields")


@functools.lru_cache(maxsize=1000)
def _wide(form: str) -> bool:
    return _WIDE.search(form) is not None


def _listed(of: Any, method: str) -> bool:
    return any(method in names for kind, names in METHODS.items() if isinstance(of, kind))


def _single(value: Any) -> bool:
    """Whether it is one thing, with a text that is the same every time."""
    if isinstance(value, str | int | float | np.generic | Undefined) or value is None:
        return True
    return hasattr(type(value), "__dataclass_fields__")


def _range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > MAX_RANGE:
        raise ExcessError(f"a range of more than {MAX_RANGE:,} numbers")
    return made


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if abs(precision) > MAX_DECIMALS:
        raise ExcessError(f"more than {MAX_DECIMALS} decimals")
    return filters.do_round(value, precision, method)
