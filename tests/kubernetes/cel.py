"""As much of the Common Expression Language as our policies use: enough to see what they admit.

What it says was compared with Kubernetes' own evaluator (k8s.io/apiserver) for the cases of the tests. As there, `&&` and
`||` forgive an error on one side when the other side decides. Source: CEL specification, "Language Definition".
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Node = Callable[[Mapping[str, Any]], Any]

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)|(?P<sign>&&|\|\||[=!<>]=|[<>!?:.,()\[\]{}]))'
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "'": "'"}
_RELATIONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "in": lambda item, of: item in of,
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}


class CelError(Exception):
    """An expression that does not parse, or fails when it is evaluated."""


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    """Return what an expression gives. Raises CelError."""
    return parse(expression)(values)


def parse(expression: str) -> Node:
    """Return an expression as a function of its variables. Raises CelError."""
    parser = _Parser(list(_tokens(expression)))
    node = parser.ternary()
    parser.expect("")
    return node


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, text = 0, text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise CelError(f"no expression from here: {text[position:]!r}")
        position = found.end()
        yield str(found.lastgroup), found[str(found.lastgroup)]
    yield "end", ""


def _unescaped(found: re.Match[str]) -> str:
    if found[3] is not None:
        try:
            return _SIMPLE[found[3]]
        except KeyError:
            raise CelError(f"no escape: {found[0]}") from None
    code = int(found[1] or found[2], 16)
    if 0xD800 <= code <= 0xDFFF:  # CEL joins no surrogates
        raise CelError(f"half a character: {found[0]}")
    return chr(code)


def _duration(text: str) -> timedelta:
    if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|m|s))+", text):
        raise CelError(f"no duration: {text!r}")
    found = re.findall(r"([\d.]+)(h|ms|m|s)", text)
    return timedelta(seconds=sum(float(count) * _UNITS[unit] for count, unit in found))


def _either(left: Node, right: Node, values: Mapping[str, Any], *, decides: bool) -> bool:
    try:
        first = _truth(left(values))
    except CelError:
        if _truth(right(values)) is decides:
            return decides
        raise
    return decides if first is decides else _truth(right(values))


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CelError(f"neither true nor false: {value!r}")
    return value


def _constant(value: Any) -> Node:
    return lambda _v: value


def _guarded(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (KeyError, IndexError, TypeError) as error:
        raise CelError(f"no such overload or key: {error}") from error


@dataclass
class _Parser:
    tokens: list[tuple[str, str]]

    def take(self, *signs: str) -> str:
        kind, text = self.tokens[0]
        if kind != "text" and text in signs:
            self.tokens.pop(0)
            return text
        return ""

    def expect(self, sign: str) -> None:
        kind, text = self.tokens.pop(0)
        if kind == "text" or text != sign:
            raise CelError(f"expected {sign!r}, found {text!r}")

    def name(self) -> str:
        kind, text = self.tokens.pop(0)
        if kind != "name":
            raise CelError(f"expected a name, found {text!r}")
        return text

    def ternary(self) -> Node:
        condition = self.disjunction()
        if not self.take("?"):
            return condition
        yes = self.disjunction()
        self.expect(":")
        no = self.ternary()
        return lambda v: yes(v) if _truth(condition(v)) else no(v)

    def disjunction(self) -> Node:
        node = self.conjunction()
        while self.take("||"):
            node = self._both(node, self.conjunction(), decides=True)
        return node

    def conjunction(self) -> Node:
        node = self.relation()
        while self.take("&&"):
            node = self._both(node, self.relation(), decides=False)
        return node

    @staticmethod
    def _both(left: Node, right: Node, *, decides: bool) -> Node:
        return lambda v: _either(left, right, v, decides=decides)

    def relation(self) -> Node:
        left = self.unary()
        sign = self.take(*_RELATIONS)
        if not sign:
            return left
        right, compare = self.unary(), _RELATIONS[sign]
        return lambda v: _guarded(compare, left(v), right(v))

    def unary(self) -> Node:
        if self.take("!"):
            node = self.unary()
            return lambda v: not _truth(node(v))
        return self.member(self.primary())

    def member(self, node: Node) -> Node:
        while sign := self.take(".", "["):
            if sign == "[":
                node = self._item(node, self.ternary())
                self.expect("]")
            elif (name := self.name()) and self.take("("):
                node = self.macro(node, name)
            else:
                node = self._item(node, _constant(name))
        return node

    @staticmethod
    def _item(node: Node, key: Node) -> Node:
        return lambda v: _guarded(operator.getitem, node(v), key(v))

    def macro(self, node: Node, name: str) -> Node:
        each = self.name()
        self.expect(",")
        body = self.ternary()
        self.expect(")")

        def results(v: Mapping[str, Any]) -> list[tuple[Any, Any]]:
            return [(item, body({**v, each: item})) for item in node(v)]

        macros: dict[str, Node] = {
            "all": lambda v: all(_truth(result) for _, result in results(v)),
            "exists": lambda v: any(_truth(result) for _, result in results(v)),
            "filter": lambda v: [item for item, result in results(v) if _truth(result)],
            "map": lambda v: [result for _, result in results(v)],
        }
        if name not in macros:
            raise CelError(f"no method {name}")
        return macros[name]

    def primary(self) -> Node:
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return _constant(_ESCAPE.sub(_unescaped, text[1:-1]))
        if kind == "number":
            return _constant(int(text))
        if kind == "name":
            return self.named(text)
        if text == "(":
            node = self.ternary()
            self.expect(")")
            return node
        if text == "[":
            nodes = self.several("]")
            return lambda v: [node(v) for node in nodes]
        if text == "{":
            pairs = self.pairs()
            return lambda v: {key(v): value(v) for key, value in pairs}
        raise CelError(f"no expression begins with {text!r}")

    def named(self, name: str) -> Node:
        if name in {"true", "false"}:
            return _constant(name == "true")
        if not self.take("("):
            return lambda v: _guarded(operator.getitem, v, name)
        if name == "has":
            return self.presence()
        (argument,) = self.several(")")
        if name != "duration":
            raise CelError(f"no function {name}")
        return lambda v: _duration(argument(v))

    def presence(self) -> Node:
        """Parse `has(a.b.c)`, which asks for c alone: that a.b is missing is an error."""
        end = self.tokens.index(("sign", ")"))
        *_, dot, (kind, field) = [("end", ""), ("end", ""), *self.tokens[:end]]
        if dot != ("sign", ".") or kind != "name":
            raise CelError("has() takes a field")
        inner = _Parser([*self.tokens[: end - 2], ("end", "")])
        node = inner.unary()
        inner.expect("")
        del self.tokens[: end + 1]
        return lambda v: field in node(v)

    def several(self, end: str) -> list[Node]:
        nodes: list[Node] = []
        while not self.take(end):
            nodes.append(self.ternary())
            if not self.take(","):
                self.expect(end)
                break
        return nodes

    def pairs(self) -> list[tuple[Node, Node]]:
        found: list[tuple[Node, Node]] = []
        while not self.take("}"):
            key = self.ternary()
            self.expect(":")
            found.append((key, self.ternary()))
            if not self.take(","):
                self.expect("}")
                break
        return found
