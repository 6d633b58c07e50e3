"""What is put into a template before it is compiled, so that the sandbox can count.

Whatever repeats or grows gets a filter around it that spends (``prompting.sandbox``); what is not
listed in ``footfall.prompting.prompter.template_words`` is refused, with its line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import jinja2
from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer

from footfall.errors import did_you_mean
from footfall.prompting.template_words import (
    COMPARING,
    COUNTED,
    FLAT,
    JOINED,
    LITERALS,
    METHOD_NAMES,
    PRINTED,
    STATEMENTS,
    STEPS,
)


class TemplateBounds(NodeTransformer):
    """Puts filters that count around whatever repeats or grows; refuses what is not listed.

    Jinja finds its methods by the names of the nodes.
    """

    def __init__(self, environment: Environment, name: str | None, filename: str | None) -> None:
        self._environment = environment
        self._where = name, filename

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        """Refuse tags that templates do not have."""
        if isinstance(node, nodes.Stmt) and not isinstance(node, STATEMENTS):
            self._refuse(f'templates have no "{type(node).__name__.lower()}"', node)
        return super().visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        """Charge each step."""
        if node.recursive:
            self._refuse("loops are not recursive here", node)
        weight = 1 + sum(1 for _ in node.find_all(nodes.Node))
        self.generic_visit(node)
        node.iter = _filtered(node.iter, STEPS, nodes.Const(weight))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """``a ~ b`` is joined where lengths are known."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), JOINED)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """Comparing two texts goes through both."""
        self.generic_visit(node)
        node.expr = _charged(node.expr)
        for operand in node.ops:
            operand.expr = _charged(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """A slice is a copy."""
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _charged(node.node)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        """No list in a list, unless both are written out."""
        self.generic_visit(node)
        node.items = [_flat(item) for item in node.items]
        return node

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        """Likewise."""
        self.generic_visit(node)
        if node.ctx == "load":
            node.items = [_flat(item) for item in node.items]
        return node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        """Likewise."""
        self.generic_visit(node)
        for pair in node.items:
            pair.key, pair.value = _flat(pair.key), _flat(pair.value)
        return node

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802
        """Blocks that call blocks would multiply."""
        if node.name == "self":
            self._refuse('no "self" here: a block stands once', node)
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        """Functions have no text: theirs would tell where they lie in the memory."""
        self.generic_visit(node)
        for place, part in enumerate(node.nodes):
            if isinstance(part, nodes.Name) and part.name in (*self._environment.globals, "super"):
                self._refuse(f'"{part.name}" is to be called', part)
            if isinstance(part, nodes.Getattr) and part.attr in METHOD_NAMES:
                node.nodes[place] = _filtered(part, PRINTED)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        """Only those that there are."""
        self._known("filter", node.name, self._environment.filters, node)
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        """Likewise; those that compare go through the whole text."""
        self._known("test", node.name, self._environment.tests, node)
        self.generic_visit(node)
        if node.name in COMPARING:
            node.node = _charged(node.node)
        return node

    def _known(self, what: str, name: str, known: Iterable[str], node: nodes.Node) -> None:
        there = [one for one in known if " " not in one]
        if name not in there:
            self._refuse(f'no {what} "{name}" here; {did_you_mean(name, there)}', node)

    def _refuse(self, message: str, node: nodes.Node) -> NoReturn:
        raise jinja2.TemplateSyntaxError(message, node.lineno, *self._where)


def _filtered(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


def _charged(node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, nodes.Const) else _filtered(node, COUNTED)


def _flat(node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, LITERALS) else _filtered(node, FLAT)
