"""What faces are read for: which part of them conducts, how far they are open, what is damaged, what grows there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
BROKEN: Final = 0.99
"""damage from which a place counts as broken [-]"""


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
        self.groups: dict[str, list[Face]] = {}
        """the faces of each place of the history: one, or all that a name with a star in the case stands for"""
        for face in self.faces:
            one, mark, other = face.name.partition("|")
            pattern = model.case.pattern(one, other) if mark else None
            self.groups.setdefault(pattern or face.name, []).append(face)

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

    def columns(self) -> Sequence[tuple[str, str]]:
        """Return the quantities of the history, each with its place."""
        return self._columns

    @cached_property
    def _columns(self) -> Sequence[tuple[str, str]]:
        # once: to write down the forms of a model takes longer than to evaluate them on a small mesh
        return tuple(self._found(self.model.observables())) if self.groups else ()

    def _found(self, forms: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for place, faces in self.groups.items():
            face = faces[0]  # a name with a star says the same of all of them
            for quantity, needed in (
                ("Mean conducting fraction", "conducting_fraction" in face.points),
                ("Min conducting fraction", "conducting_fraction" in face.points),
                ("Interfacial resistance", f"interface conductance {face.name}" in forms),
                ("Mean contact pressure", "contact_pressure" in face.points),
                ("Max opening", "opening" in face.points),
                ("Damaged share", "damage" in face.points),
                ("Broken share", "damage" in face.points),
            ):
                if needed:
                    yield quantity, place

    def row(self, scalars: Mapping[str, float]) -> dict[tuple[str, str], float]:
        """Return the quantities of the history; `scalars` are the integrals at the end of the step (collective)."""
        return {
            (quantity, place): self._quantity(quantity, self.groups[place], scalars)
            for quantity, place in self.columns()
        }

    def _quantity(self, quantity: str, faces: Sequence[Face], scalars: Mapping[str, float]) -> float:
        area = sum(face.area for face in faces)

        def total(word: str) -> float:
            return sum(scalars[f"{word} {face.name}"] for face in faces)

        read: dict[str, Callable[[], float]] = {
            "Mean conducting fraction": lambda: total("conducting area") / area,
            "Min conducting fraction": lambda: min(
                face.extreme(self.comm, "conducting_fraction", smallest=True) for face in faces
            ),
            "Interfacial resistance": lambda: OHM_CM2 * area / total("interface conductance"),
            "Mean contact pressure": lambda: (
                sum(self._summed(face, face.values("contact_pressure"), "contact_pressure") for face in faces)
                / area
            ),
            "Max opening": lambda: max(face.extreme(self.comm, "opening", smallest=False) for face in faces),
            "Damaged share": lambda: total("damaged area") / area,
            "Broken share": lambda: (
                sum(
                    self._summed(face, (face.values("damage") >= BROKEN).astype(np.float64), "damage")
                    for face in faces
                )
                / area
            ),
        }
        return read[quantity]()

    def _summed(self, face: Face, values: FloatArray, quantity: str) -> float:
        now = face.points[quantity][0]
        total = float(values[: now.owned] @ now.weights[: now.owned])
        return float(self.comm.allreduce(total, op=MPI.SUM))

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
