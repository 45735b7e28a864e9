"""What faces are read for: which part of them conducts, how far they are open, what is damaged, what grows there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from chemomech.domain import Domain
from chemomech.memory import PointValues
from chemomech.model import Model

FloatArray = npt.NDArray[np.float64]

GPA_IN_MPA: Final = 1e3
UM_IN_NM: Final = 1e3
OHM_CM2: Final = 10.0
"""1 V um^2/nA in ohm cm^2"""


@dataclass(frozen=True)
class Face:
    """One face: its area and the quantities that can be read point by point, in the units of the results."""

    name: str
    area: float
    """[um^2]; per um of depth in plane strain"""
    points: Mapping[str, tuple[PointValues, float]]
    """name in `[output] fields` -> values at the points and their factor"""

    def values(self, quantity: str) -> FloatArray:
        """Return a quantity at the points of this rank, ghosts included (collective)."""
        now, factor = self.points[quantity]
        return now.evaluate() * factor

    def extreme(self, comm: MPI.Intracomm, quantity: str, *, smallest: bool) -> float:
        """Return the smallest or largest value over the face (collective)."""
        owned = self.values(quantity)[: self.points[quantity][0].owned]
        if smallest:
            return float(comm.allreduce(float(np.min(owned, initial=np.inf)), op=MPI.MIN))
        return float(comm.allreduce(float(np.max(owned, initial=-np.inf)), op=MPI.MAX))


class Faces:
    """The faces of a model that can part, that conduct in part, or on which something grows."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.comm = model.domain.comm
        names = [*model.contacts.point_faces(), *dict(model.covered)]
        self.faces = [self._face(name) for name in dict.fromkeys(names)]

    def _face(self, name: str) -> Face:
        model, state = self.model, self.model.state
        found: dict[str, tuple[Any, float]] = {}
        joint, contact = model.contacts.joints.get(name), model.contacts.contacts.get(name)
        if joint is not None:
            found["opening"] = joint.opening(state), UM_IN_NM
            found["contact_pressure"] = joint.pressure(state), GPA_IN_MPA
            if joint.bond is not None:
                found["damage"] = joint.damage(state), 1.0
        if contact is not None:
            found["conducting_fraction"] = contact.fraction(state), 1.0
            if joint is None and contact.pressure is not None:
                found["contact_pressure"] = contact.pressure(state), GPA_IN_MPA
        for face, one in model.covered:
            if face == name:
                found[f"{one.layer.word}_thickness"] = one.layer.height(state), UM_IN_NM
        points = {
            key: (PointValues(model.domain, value, name, model.problem.compile), factor)
            for key, (value, factor) in found.items()
        }
        weights = next(iter(points.values()))[0]
        area = float(self.comm.allreduce(float(weights.weights[: weights.owned].sum()), op=MPI.SUM))
        return Face(name, area, points)

    def columns(self) -> Iterator[tuple[str, str]]:
        """Yield the quantities of the history, each with its face."""
        forms = self.model.observables()
        for face in self.faces:
            for quantity, needed in (
                ("Mean conducting fraction", "conducting_fraction" in face.points),
                ("Min conducting fraction", "conducting_fraction" in face.points),
                ("Interfacial resistance", f"interface conductance {face.name}" in forms),
                ("Mean contact pressure", "contact_pressure" in face.points),
                ("Max opening", "opening" in face.points),
                ("Damaged share", "damage" in face.points),
            ):
                if needed:
                    yield quantity, face.name

    def row(self, scalars: Mapping[str, float]) -> dict[tuple[str, str], float]:
        """Return the quantities of the history; `scalars` are the integrals at the end of the step (collective)."""
        found: dict[tuple[str, str], float] = {}
        by_name = {face.name: face for face in self.faces}
        for quantity, name in self.columns():
            face = by_name[name]
            found[quantity, name] = self._quantity(quantity, face, scalars)
        return found

    def _quantity(self, quantity: str, face: Face, scalars: Mapping[str, float]) -> float:
        read: dict[str, Callable[[], float]] = {
            "Mean conducting fraction": lambda: scalars[f"conducting area {face.name}"] / face.area,
            "Min conducting fraction": lambda: face.extreme(self.comm, "conducting_fraction", smallest=True),
            "Interfacial resistance": lambda: (
                OHM_CM2 * face.area / scalars[f"interface conductance {face.name}"]
            ),
            "Mean contact pressure": lambda: self._mean(face, "contact_pressure"),
            "Max opening": lambda: face.extreme(self.comm, "opening", smallest=False),
            "Damaged share": lambda: scalars[f"damaged area {face.name}"] / face.area,
        }
        return read[quantity]()

    def _mean(self, face: Face, quantity: str) -> float:
        now = face.points[quantity][0]
        total = float(face.values(quantity)[: now.owned] @ now.weights[: now.owned])
        return float(self.comm.allreduce(total, op=MPI.SUM)) / face.area

    def cells(self, quantity: str) -> FloatArray:
        """Return a quantity in every owned cell of the mesh that touches such a face, nan elsewhere (collective)."""
        domain = self.model.domain
        count = domain.mesh.topology.index_map(domain.dimension).size_local
        total, weight = np.zeros(count), np.zeros(count)
        for face in self.faces:
            if quantity in face.points:
                self._spread(domain, face, quantity, total, weight)
        return np.divide(total, weight, out=np.full(count, np.nan), where=weight > 0.0)

    def _spread(
        self, domain: Domain, face: Face, quantity: str, total: FloatArray, weight: FloatArray
    ) -> None:
        now, values = face.points[quantity][0], face.values(quantity)
        points = now.space.dofmap.list
        links = domain.mesh.topology.connectivity(domain.dimension - 1, domain.dimension)
        for facet, mine in zip(domain.face_support(face.name).parent_entities, points, strict=True):
            share = now.weights[mine]
            for cell in links.links(facet):
                if cell < len(total):
                    total[cell] += values[mine] @ share
                    weight[cell] += share.sum()
