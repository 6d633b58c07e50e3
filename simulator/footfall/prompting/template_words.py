"""The words that templates have: tags, filters, tests and methods. There are no others."""

from __future__ import annotations

from jinja2 import nodes
from jinja2.runtime import LoopContext

STATEMENTS = (
    nodes.Output, nodes.Extends, nodes.Block, nodes.If, nodes.For, nodes.With,
    nodes.Assign, nodes.AssignBlock, nodes.FilterBlock,
)  # fmt: skip
LITERALS = (nodes.Const, nodes.List, nodes.Tuple, nodes.Dict)

TEXT_FILTERS = ("capitalize", "lower", "title", "trim", "truncate", "upper")
OTHER_FILTERS = (
    "abs", "count", "d", "default", "dictsort", "first", "float", "groupby", "items", "last",
    "length", "list", "max", "min", "reject", "rejectattr", "reverse", "select",
    "selectattr", "sort", "unique",
)  # fmt: skip
COMPARING = frozenset(
    ("==", "!=", "<", "<=", ">", ">=", "eq", "equalto", "ne", "lt", "lessthan", "le", "gt",
     "greaterthan", "ge")
)  # fmt: skip
TESTS = COMPARING | {
    "boolean", "defined", "divisibleby", "even", "false", "float", "integer", "iterable",
    "mapping", "none", "number", "odd", "sameas", "sequence", "string", "true", "undefined",
}  # fmt: skip
METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        ("capitalize", "endswith", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip",
         "split", "startswith", "strip", "title", "upper")
    ),
    dict: frozenset(("get", "items", "keys", "values")),
    LoopContext: frozenset(("changed", "cycle")),
}  # fmt: skip
METHOD_NAMES = frozenset[str]().union(*METHODS.values())
LOOP = frozenset(
    ("depth", "depth0", "first", "index", "index0", "last", "length", "revindex", "revindex0")
)

STEPS, COUNTED, FLAT, JOINED, PRINTED = (
    "steps of a loop", "counted length", "no list", "joined text", "printed text"
)  # fmt: skip
"""Names of filters that no template can write."""
