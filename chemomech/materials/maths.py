"""The elementary functions in which material laws are written: for numpy numbers and for UFL expressions."""

import math
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, Final, Protocol

import numpy as np


class Maths(Protocol):
    """Elementary functions, the smaller and the larger of two, and a choice among constants by interval."""

    def exp(self, x: Any) -> Any: ...
    def ln(self, x: Any) -> Any: ...
    def log10(self, x: Any) -> Any: ...
    def tanh(self, x: Any) -> Any: ...
    def sinh(self, x: Any) -> Any: ...
    def cosh(self, x: Any) -> Any: ...
    def sqrt(self, x: Any) -> Any: ...
    def sin(self, x: Any) -> Any: ...
    def asin(self, x: Any) -> Any: ...
    def erf(self, x: Any) -> Any: ...
    def minimum(self, x: Any, y: Any) -> Any: ...
    def maximum(self, x: Any, y: Any) -> Any: ...

    def constant(self, value: float, x: Any) -> Any:
        """Return the value in the shape of x."""

    def choose(self, x: Any, edges: Sequence[float], values: Sequence[float]) -> Any:
        """Return values[k] where edges[k-1] <= x < edges[k]; one value more than edges."""


class NumpyMaths:
    """Laws on floats and numpy arrays, element by element."""

    exp = staticmethod(np.exp)
    ln = staticmethod(np.log)
    log10 = staticmethod(np.log10)
    tanh = staticmethod(np.tanh)
    sinh = staticmethod(np.sinh)
    cosh = staticmethod(np.cosh)
    sqrt = staticmethod(np.sqrt)
    sin = staticmethod(np.sin)
    asin = staticmethod(np.arcsin)
    erf = staticmethod(np.vectorize(math.erf, otypes=[float]))  # scipy's takes half a second to import
    minimum = staticmethod(np.minimum)
    maximum = staticmethod(np.maximum)

    def constant(self, value: float, x: Any) -> Any:
        """Return the value, as an array where x is one."""
        return np.full(np.shape(x), value) if np.ndim(x) else value

    def choose(self, x: Any, edges: Sequence[float], values: Sequence[float]) -> Any:
        """Return the value of the interval that holds x."""
        return np.asarray(values)[np.searchsorted(np.asarray(edges), x, side="right")]


NUMPY: Final = NumpyMaths()
"""Maths for numbers and arrays."""


@cache
def ufl_maths() -> Maths:
    """Return the maths for UFL expressions; ufl is imported on the first call."""
    # not at the top: checking a case must not load the form language
    ufl: Any = import_module("ufl")

    class UflMaths:
        """Laws as UFL expressions, differentiable by ufl.diff and ufl.derivative."""

        exp = staticmethod(ufl.exp)
        ln = staticmethod(ufl.ln)
        tanh = staticmethod(ufl.tanh)
        sinh = staticmethod(ufl.sinh)
        cosh = staticmethod(ufl.cosh)
        sqrt = staticmethod(ufl.sqrt)
        sin = staticmethod(ufl.sin)
        asin = staticmethod(ufl.asin)
        erf = staticmethod(ufl.erf)
        minimum = staticmethod(ufl.min_value)
        maximum = staticmethod(ufl.max_value)

        def log10(self, x: Any) -> Any:
            """Return the decimal logarithm."""
            return ufl.ln(x) / float(np.log(10.0))

        def constant(self, value: float, x: Any) -> Any:
            """Return the value as a UFL literal."""
            return ufl.as_ufl(value)

        def choose(self, x: Any, edges: Sequence[float], values: Sequence[float]) -> Any:
            """Return nested conditionals among literals; their derivative is zero, as it should be."""
            chosen = ufl.as_ufl(float(values[-1]))
            for edge, value in zip(reversed(edges), reversed(values[:-1]), strict=True):
                chosen = ufl.conditional(ufl.lt(x, edge), float(value), chosen)
            return chosen

    return UflMaths()
