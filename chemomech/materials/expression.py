"""Formulae of one variable written as text, such as "4.49 - 0.81*theta - 0.043*tanh(18.5*(theta - 0.55))".

The text is parsed and walked by an own whitelist; nothing of it is ever executed by Python.
"""

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from chemomech.materials.maths import Maths

type Formula = Callable[[Any, Maths], Any]

FUNCTIONS: Final = ("exp", "ln", "log10", "tanh", "sinh", "cosh", "sqrt")
"""Functions that a formula may call (`log` is refused: it means ln to some and log10 to others)."""

_LONGEST: Final = 2000
_DEEPEST: Final = 100
_LARGEST_POWER: Final = 20.0

_OPERATIONS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
}


class ExpressionError(ValueError):
    """A formula that is not understood; its text is one sentence for the user."""


def parse(text: str, variable: str = "theta") -> Formula:
    """Return the formula as a function of (variable, maths); ExpressionError when it is no such thing."""
    if len(text) > _LONGEST:
        raise ExpressionError(f"a formula may have at most {_LONGEST} characters, this one has {len(text)}")
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"'{text[:60]}' is not a formula") from None
    return _build(tree.body, variable, 0)


def _build(node: ast.expr, variable: str, depth: int) -> Formula:
    """Turn one node into a function; only the node kinds named here exist."""
    if depth > _DEEPEST:
        raise ExpressionError("the formula is nested too deeply")
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _number(value)
        case ast.Name(id=name):
            if name != variable:
                raise ExpressionError(f"'{name}' is not known in a formula; the variable is '{variable}'")
            return lambda x, maths: x
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _build(operand, variable, depth + 1)
            return lambda x, maths: -inner(x, maths)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _build(operand, variable, depth + 1)
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            inner, power = _build(base, variable, depth + 1), _power(exponent)
            return lambda x, maths: inner(x, maths) ** power
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATIONS:
            operation = _OPERATIONS[type(operator)]
            first, second = _build(left, variable, depth + 1), _build(right, variable, depth + 1)
            return lambda x, maths: operation(first(x, maths), second(x, maths))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            inner = _build(argument, variable, depth + 1)
            return lambda x, maths: getattr(maths, name)(inner(x, maths))
    raise ExpressionError(
        f"'{ast.unparse(node)[:40]}' is not allowed in a formula; use + - * / **, numbers, '{variable}' and "
        + ", ".join(FUNCTIONS)
    )


def _number(value: float) -> Formula:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ExpressionError("a number in the formula is not finite")
    return lambda x, maths: number


def _power(node: ast.expr) -> float | int:
    """Return an exponent, which must be a plain number: towers of powers could not be bounded."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        raise ExpressionError("an exponent must be a number")
    if not isinstance(node.value, (int, float)) or not abs(node.value) <= _LARGEST_POWER:
        raise ExpressionError(f"an exponent must be a number of at most {_LARGEST_POWER:g}")
    value = sign * float(node.value)
    return int(value) if value.is_integer() else value
