"""What faces remember: largest values at the integration points, which move on at accepted steps only.

A memory m of a quantity q is m <- max(m, q) at every integration point of its face.  It stands at the very points
where the laws that read it are integrated, so nothing is interpolated.
"""

from collections.abc import Callable, Mapping
from typing import Any

import chemomech.runtime  # noqa: F401

import dolfinx.la
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem

from chemomech.domain import Domain
from chemomech.fields import Memory, State

FloatArray = npt.NDArray[np.float64]


class PointValues:
    """An expression at the integration points of a face."""

    def __init__(
        self,
        domain: Domain,
        expression: Any,
        face: str,
        compile_form: Callable[[Any], Any],
    ) -> None:
        """``expression`` is what would stand in an integral over the face, its sides named."""
        self.space = domain.point_space(face)
        test = ufl.TestFunction(self.space)
        test = test if "@" in face else test("+")
        # Tested with the "function" of one point, an integral is the value there times the point's weight.
        self._weighted = compile_form(domain.on_face(expression * test, face))
        one = fem.Constant(domain.mesh, 1.0)
        self.weights = _assembled(compile_form(domain.on_face(one * test, face)))
        """area that each point stands for [um^2]; per um of depth in plane strain"""
        index_map = self.space.dofmap.index_map
        self.owned = int(index_map.size_local)
        """how many of the points this rank owns"""

    def evaluate(self) -> FloatArray:
        """Return the values at this rank's points, ghosts included (collective)."""
        values = _assembled(self._weighted)
        # where the weight is zero (on the axis of an axisymmetric mesh) no integral ever sees the point
        return np.divide(values, self.weights, out=np.zeros_like(values), where=self.weights != 0.0)


def _assembled(form: Any) -> FloatArray:
    vector = fem.assemble_vector(form)
    vector.scatter_reverse(dolfinx.la.InsertMode.add)
    vector.scatter_forward()
    return np.asarray(vector.array.copy())


class Memories:
    """The memories of a model and the quantities that they follow."""

    def __init__(
        self, state: State, followed: Mapping[Memory, Any], compile_form: Callable[[Any], Any]
    ) -> None:
        """``followed[m]`` is the expression whose largest value m is; it may depend on m itself."""
        self.state = state
        self._now = {
            item: PointValues(state.domain, expression, item.face, compile_form)
            for item, expression in followed.items()
        }

    def advance(self) -> None:
        """Take in the accepted state: every memory becomes the larger of itself and its quantity (collective)."""
        # all are read before any is changed, because one quantity may depend on several memories
        values = {item: now.evaluate() for item, now in self._now.items()}
        for item, value in values.items():
            array = self.state.memory[item].x.array
            np.maximum(array, value, out=array)
        self.state.step.value = (
            0.0  # what lags behind in time has taken its step: read again, it stays where it is
        )

    def values(self, item: Memory) -> FloatArray:
        """Return a memory at the points that this rank owns."""
        return np.asarray(self.state.memory[item].x.array[: self._now[item].owned])
