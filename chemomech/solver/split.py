"""What of a residual is linear in the unknowns, told from its form alone.

Every equation is cut integral by integral into
    R_i(x) = sum_j A_ij x_j + b_i + N_i(x),
with matrices A_ij and vectors b_i that depend on no unknown, so that they need assembling only when a constant or a
given function has changed.  An unknown x_j goes into A_ij where the derivative of the integral by x_j is free of
unknowns: the integral then is linear in x_j with a constant factor, and what is left of it is the same with x_j = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import chemomech.runtime  # noqa: F401

import ufl
from dolfinx import fem
from ufl.algorithms import expand_derivatives
from ufl.constantvalue import Zero


@dataclass(frozen=True)
class SplitRow:
    """One equation of a coupled system, cut by how it depends on the unknowns; None is what vanishes identically."""

    constant: list[ufl.Form | None]
    """A_ij by unknown: free of unknowns"""
    curved: ufl.Form | None
    """N_i: what depends on an unknown in any other way"""
    slopes: list[ufl.Form | None]
    """derivative of N_i by each unknown"""

    @property
    def whole(self) -> list[ufl.Form | None]:
        """The derivative of the whole row by each unknown."""
        pairs = zip(self.constant, self.slopes, strict=True)
        return [_sum([part for part in pair if part is not None]) for pair in pairs]


def split(row: ufl.Form, functions: Sequence[fem.Function]) -> SplitRow:
    """Cut one row of a residual into its constant and curved parts; what is free of unknowns is in neither."""
    constant: list[list[ufl.Form]] = [[] for _ in functions]
    slopes: list[list[ufl.Form]] = [[] for _ in functions]
    curved: list[ufl.Form] = []
    for integral in row.integrals():
        part = expand_derivatives(ufl.Form([integral]))
        straight = {}
        for j, derivative in _derivatives(part, functions).items():
            if not depends(derivative, functions):
                constant[j].append(derivative)
                zero = Zero(functions[j].ufl_shape)
                straight[functions[j]] = zero
        if straight:
            part = ufl.replace(part, straight)
        if part.empty() or not depends(part, functions):
            continue
        curved.append(part)
        for j, derivative in _derivatives(part, functions).items():
            slopes[j].append(derivative)
    return SplitRow([_sum(x) for x in constant], _sum(curved), [_sum(x) for x in slopes])


def depends(form: ufl.Form, functions: Sequence[fem.Function]) -> bool:
    """Whether any of these functions stands in a form."""
    return any(coefficient in functions for coefficient in form.coefficients())


def _derivatives(part: ufl.Form, functions: Sequence[fem.Function]) -> dict[int, ufl.Form]:
    present = part.coefficients()
    found = {}
    for j, function in enumerate(functions):
        if function not in present:
            continue
        trial = ufl.TrialFunction(function.function_space)
        derivative = expand_derivatives(ufl.derivative(part, function, trial))
        if not (isinstance(derivative, ufl.ZeroBaseForm) or derivative.empty()):
            found[j] = derivative
    return found


def _sum(forms: Sequence[ufl.Form]) -> Any:
    return sum(forms[1:], forms[0]) if forms else None
