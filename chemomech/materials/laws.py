"""Laws: a property against stoichiometry theta or salt concentration c, evaluated alike with numpy and with UFL.

A law is a frozen value; `law(x, NUMPY)` gives numbers and `law(x, ufl_maths())` an expression.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from chemomech.materials.expression import FUNCTIONS, ExpressionError, Formula, parse
from chemomech.materials.maths import NUMPY, Maths, ufl_maths

__all__ = [
    "FUNCTIONS",
    "NUMPY",
    "Constant",
    "Expression",
    "ExpressionError",
    "Law",
    "Maths",
    "Polynomial",
    "Table",
]
__all__ += ["ufl_maths"]


@dataclass(frozen=True)
class Law:
    """A property against its variable; `factor` carries unit conversion and temperature."""

    factor: float

    def __call__(self, x: Any, maths: Maths = NUMPY) -> Any:
        """Return the property at x (number, array or UFL expression of the kind that `maths` works on)."""
        raise NotImplementedError

    def ufl(self, x: Any) -> Any:
        """Return the property as a UFL expression of the UFL expression x."""
        return self(x, ufl_maths())

    def scaled(self, factor: float) -> Self:
        """Return the law times a number."""
        return replace(self, factor=self.factor * factor)

    @property
    def is_constant(self) -> bool:
        """Whether the property is one number, whatever the variable."""
        return False


@dataclass(frozen=True)
class Constant(Law):
    """The number `factor` itself."""

    def __call__(self, x: Any, maths: Maths = NUMPY) -> Any:
        """Return the number, in the shape of x."""
        return maths.constant(self.factor, x)

    @property
    def is_constant(self) -> bool:
        """True."""
        return True


@dataclass(frozen=True)
class Polynomial(Law):
    """factor * (a0 + a1 x + a2 x^2 + ...), coefficients in rising order."""

    coefficients: tuple[float, ...]

    def __call__(self, x: Any, maths: Maths = NUMPY) -> Any:
        """Return the polynomial by Horner's rule."""
        value = maths.constant(self.factor * self.coefficients[-1], x)
        for coefficient in reversed(self.coefficients[:-1]):
            value = value * x + self.factor * coefficient
        return value


@dataclass(frozen=True)
class Expression(Law):
    """factor * formula(x), the formula written as text."""

    text: str
    formula: Formula

    @classmethod
    def from_text(cls, text: str, variable: str = "theta") -> Self:
        """Return the law; ExpressionError when the text is not a formula of the variable."""
        return cls(1.0, text, parse(text, variable))

    def __call__(self, x: Any, maths: Maths = NUMPY) -> Any:
        """Return the formula's value."""
        return self.factor * self.formula(x, maths) + maths.constant(0.0, x)


@dataclass(frozen=True)
class Table(Law):
    """Points joined by straight lines or by a monotone cubic (pchip, C1); outside, the end slopes continue.

    On interval k, which ends at `edges[k]`: a0 + s (a1 + s (a2 + s a3)) with s = x - starts[k] and
    `pieces[k] = (a0, a1, a2, a3)`.
    """

    edges: tuple[float, ...]
    starts: tuple[float, ...]
    pieces: tuple[tuple[float, float, float, float], ...]

    @classmethod
    def from_points(cls, points: Sequence[tuple[float, float]], interpolation: str = "pchip") -> Self:
        """Return the law through (x, y), x rising; ValueError when it is malformed."""
        x, y = [point[0] for point in points], [point[1] for point in points]
        if len(points) < 2:
            raise ValueError("a table needs at least two points")
        if any(later <= earlier for earlier, later in zip(x, x[1:], strict=False)):
            raise ValueError("the first numbers of a table's points must rise")
        if not all(math.isfinite(number) for number in (*x, *y)):
            raise ValueError("a table must hold finite numbers")
        widths = [later - earlier for earlier, later in zip(x, x[1:], strict=False)]
        chords = [(y[k + 1] - y[k]) / widths[k] for k in range(len(widths))]
        if interpolation == "linear":
            slopes = [chords[0], chords[-1]]
            middle = [(y[k], chord, 0.0, 0.0) for k, chord in enumerate(chords)]
        elif interpolation == "pchip":
            slopes = pchip_slopes(widths, chords)
            middle = [
                (y[k], a, (3 * d - 2 * a - b) / h, (a + b - 2 * d) / h**2)
                for k, (h, d, a, b) in enumerate(zip(widths, chords, slopes, slopes[1:], strict=False))
            ]
        else:
            raise ValueError(f"interpolation '{interpolation}' is not known; use 'pchip' or 'linear'")
        before, after = (y[0], slopes[0], 0.0, 0.0), (y[-1], slopes[-1], 0.0, 0.0)
        return cls(1.0, tuple(x), (x[0], *x), (before, *middle, after))

    def __call__(self, x: Any, maths: Maths = NUMPY) -> Any:
        """Return the interpolated value."""
        # the coefficients are chosen first, so that the derivative is a single quadratic
        a0, a1, a2, a3 = (
            maths.choose(x, self.edges, [self.factor * piece[order] for piece in self.pieces])
            for order in range(4)
        )
        s = x - maths.choose(x, self.edges, self.starts)
        return a0 + s * (a1 + s * (a2 + s * a3))


def pchip_slopes(widths: Sequence[float], chords: Sequence[float]) -> list[float]:
    """Return the slopes at the points of a monotone cubic interpolant.

    Weighted harmonic mean inside, three-point formula limited to monotone at the ends:
    Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5, 300 (1984); Moler, Numerical Computing with MATLAB.
    """
    if len(chords) == 1:
        return [chords[0], chords[0]]
    inner = []
    for (h0, h1), (d0, d1) in zip(_pairs(widths), _pairs(chords), strict=True):
        w0, w1 = 2 * h1 + h0, h1 + 2 * h0
        inner.append((w0 + w1) / (w0 / d0 + w1 / d1) if d0 * d1 > 0.0 else 0.0)
    first = _end_slope(widths[0], widths[1], chords[0], chords[1])
    last = _end_slope(widths[-1], widths[-2], chords[-1], chords[-2])
    return [first, *inner, last]


def _pairs(numbers: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(numbers, numbers[1:], strict=False))


def _end_slope(h0: float, h1: float, d0: float, d1: float) -> float:
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    if slope * d0 <= 0.0:
        return 0.0
    return 3 * d0 if d0 * d1 <= 0.0 and abs(slope) > abs(3 * d0) else slope
