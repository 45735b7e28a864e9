"""The unknowns: each is one field on one support, seen by physics as value, rate and test function.

A physics asks a `State` for ``value[F]``, ``rate[F]`` and ``test[F]``.  The rate is ``a0 * value + history``: the time
scheme alone fills ``a0`` and ``history``, so one residual serves the steady state (a0 = 0), every step of a
time integrator, and the linearisation K + i w M.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import chemomech.runtime  # noqa: F401

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem

from chemomech.domain import Domain, Support

Shape = Literal["scalar", "vector"]
Treatment = Literal["parabolic", "projected", "local", "elliptic", "elastic", "global"]


@dataclass(frozen=True)
class Field:
    """One unknown: its name, where it lives, and what a solver may know of it.

    ``support`` is a role ("active", "ion-conducting", "electron-conducting", "solid"), "regions:a|b", the name of an
    interface, or "cell" for a number without place.  ``scale`` is the size of a change that counts as one [unit of the
    field].  ``treatment`` tells a block solver what kind of equation the field has, without naming any physics.
    """

    name: str
    support: str
    unit: str
    scale: float
    treatment: Treatment
    shape: Shape = "scalar"

    def on(self, regions: Iterable[str]) -> "Field":
        """Return the same quantity as a field of its own on some regions: elsewhere it may have another value."""
        names = sorted(regions)
        return replace(
            self, name=f"{self.quantity} in {'+'.join(names)}", support=f"regions:{'|'.join(names)}"
        )

    @property
    def quantity(self) -> str:
        """What the field is, wherever it lives: the name without its regions."""
        return self.name.partition(" in ")[0]


CONCENTRATION = Field("concentration", "active", "pmol/um^3", 1e-2, "parabolic")
CHEMICAL_POTENTIAL = Field("chemical_potential", "active", "V", 1.0, "projected")
ELECTRONIC_POTENTIAL = Field("electronic_potential", "electron-conducting", "V", 1.0, "elliptic")
IONIC_POTENTIAL = Field("ionic_potential", "ion-conducting", "V", 1.0, "elliptic")
SALT_CONCENTRATION = Field("salt_concentration", "ion-conducting", "pmol/um^3", 1e-4, "parabolic")
DISPLACEMENT = Field("displacement", "solid", "um", 1e-2, "elastic", shape="vector")
CELL_VOLTAGE = Field("cell_voltage", "cell", "V", 1.0, "global")
OUT_OF_PLANE_STRAIN = Field("out_of_plane_strain", "cell", "-", 1e-3, "global")
ELECTRIC_POTENTIAL = Field("electric_potential", "ion-conducting", "V", 1.0, "elliptic")
ANION_POTENTIAL = Field("anion_potential", "ion-conducting", "V", 1.0, "elliptic")
ION_CONCENTRATION = Field("ion_concentration", "ion-conducting", "pmol/um^3", 1e-3, "projected")
STACK_PRESSURE = Field("stack_pressure", "cell", "GPa", 1e-2, "global")


ROLES: dict[str, tuple[str, ...]] = {
    "active": ("active",),
    "electron-conducting": ("active", "conductor"),
    "ion-conducting": ("electrolyte",),
    "solid": ("active", "electrolyte", "conductor", "inert"),
}
"""which roles of a region carry a field of this support"""


@dataclass(frozen=True)
class Memory:
    """What a face remembers: the largest value that a quantity has had there at any accepted time step.

    A face is an interface "a|b", or "a@boundary", where a region ends at a boundary of the mesh.
    It is no unknown: it stands still while a step is solved and moves on, by `chemomech.memory`, when one is accepted.
    """

    quantity: str
    face: str
    unit: str

    @property
    def name(self) -> str:
        """The quantity and its place."""
        return f"{self.quantity} at {self.face}"


LARGEST_PRESSURE = "largest pressure"
DAMAGE = "damage"
COVERED_SHARE = "covered share"


def ion_concentration(region: str, scale: float, ion: str = "ion") -> Field:
    """Return the concentration of a mobile ion in one region; it jumps where two lattices meet."""
    return replace(ION_CONCENTRATION, name=f"{ion}_concentration", scale=scale).on([region])


@dataclass
class Unknown:
    """A field given a function space: its value, test function, and the history behind its rate."""

    field: Field
    support: Support
    space: fem.FunctionSpace
    function: fem.Function
    offset: fem.Constant | None
    """reference added to the function where the value is large but only its differences matter (potentials)"""
    history: fem.Function | None = None

    @property
    def value(self) -> Any:
        """The field as a UFL expression."""
        return self.function if self.offset is None else self.function + self.offset

    @property
    def reference(self) -> Any:
        """The offset, or 0 where there is none."""
        return 0.0 if self.offset is None else self.offset

    def array(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Local values, offset included, ghosts included."""
        shift = 0.0 if self.offset is None else float(self.offset.value)
        return np.asarray(self.function.x.array + shift)


class State:
    """The unknowns of one model on one domain."""

    def __init__(
        self,
        domain: Domain,
        supports: Mapping[Field, Support],
        offsets: Iterable[Field] = (),
        degrees: Mapping[Field, int] | None = None,
        memories: Iterable[Memory] = (),
    ) -> None:
        self.domain = domain
        self.time_factor = fem.Constant(domain.mesh, 1.0)
        """a0 in rate = a0 * value + history [1/s]"""
        self.step = fem.Constant(domain.mesh, 1.0)
        """length of the time step that is being solved [s]"""
        self.memory: dict[Memory, fem.Function] = {
            item: fem.Function(domain.point_space(item.face), name=item.name) for item in memories
        }
        self.unknowns: dict[Field, Unknown] = {}
        shifted = set(offsets)
        degree = degrees or {}
        for item, support in supports.items():
            space = fem.functionspace(
                support.mesh, _element(item, support, degree.get(item, 1), domain.dimension)
            )
            offset = fem.Constant(domain.mesh, 0.0) if item in shifted else None
            function = fem.Function(space, name=item.name)
            self.unknowns[item] = Unknown(item, support, space, function, offset)
        mixed = ufl.MixedFunctionSpace(*(u.space for u in self.unknowns.values()))
        self.test: dict[Field, Any] = dict(zip(self.unknowns, ufl.TestFunctions(mixed), strict=True))
        self.value: dict[Field, Any] = {f: u.value for f, u in self.unknowns.items()}

    def rate(self, item: Field) -> Any:
        """Return d/dt of a field [unit/s]; asking for it makes the field a dynamic one."""
        unknown = self.unknowns[item]
        if unknown.history is None:
            unknown.history = fem.Function(unknown.space, name=f"{item.name}_history")
        return self.time_factor * unknown.function + unknown.history

    def set_rates(self, factor: float, history: Sequence[np.ndarray[Any, np.dtype[np.float64]]]) -> None:
        """Let every rate be factor * value + history [1/s]; one history per unknown, those without a rate unused."""
        self.time_factor.value = factor
        for unknown, array in zip(self.unknowns.values(), history, strict=True):
            if unknown.history is not None:
                unknown.history.x.array[:] = array

    def remembered(self, item: Memory) -> Any:
        """Return a memory as an expression to stand in an integral over its face."""
        function = self.memory[item]
        return function if "@" in item.face else function("+")

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, in block order."""
        return tuple(self.unknowns)

    @property
    def functions(self) -> list[fem.Function]:
        """The functions behind the fields, in block order."""
        return [u.function for u in self.unknowns.values()]

    @property
    def dynamic(self) -> list[Unknown]:
        """The unknowns whose rate some physics uses."""
        return [u for u in self.unknowns.values() if u.history is not None]

    def having(self, item: Field) -> list[Field]:
        """Return the fields that are this quantity: one, or one per group of regions between which it jumps."""
        return [field for field in self.unknowns if field.quantity == item.quantity]

    def field_in(self, item: Field, region: str) -> Field:
        """Return the field that is this quantity in a region; KeyError where there is none."""
        for field in self.having(item):
            if region in self.unknowns[field].support.regions:
                return field
        raise KeyError(f"{item.name} in {region}")

    def strain(self, region: str) -> Any:
        """Small strain of a region [-], 3 x 3; with the out-of-plane strain where that is an unknown."""
        return self._strain(self.value, self.field_in(DISPLACEMENT, region))

    def virtual_strain(self, region: str) -> Any:
        """Strain of the test functions of a region [-], 3 x 3."""
        return self._strain(self.test, self.field_in(DISPLACEMENT, region))

    def _strain(self, values: Mapping[Field, Any], displacement: Field) -> Any:
        in_plane = self.domain.strain(values[displacement])
        if OUT_OF_PLANE_STRAIN not in self.unknowns:
            return in_plane
        return in_plane + values[OUT_OF_PLANE_STRAIN] * ufl.as_tensor([[0, 0, 0], [0, 0, 0], [0, 0, 1]])

    def size(self) -> int:
        """Number of unknowns over all ranks."""
        return sum(self.sizes().values())

    def sizes(self) -> dict[str, int]:
        """Number of unknowns of each field over all ranks, by its name."""
        maps = {f.name: u.space.dofmap for f, u in self.unknowns.items()}
        return {name: int(m.index_map.size_global * m.index_map_bs) for name, m in maps.items()}

    def copy(self) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
        """Copy all local values, in block order."""
        return [f.x.array.copy() for f in self.functions]

    def restore(self, values: list[np.ndarray[Any, np.dtype[np.float64]]]) -> None:
        """Put back what `copy` returned."""
        for function, array in zip(self.functions, values, strict=True):
            function.x.array[:] = array


def _element(item: Field, support: Support, degree: int, dimension: int) -> Any:
    cell = support.mesh.basix_cell()
    if item.support == "cell":
        return basix.ufl.real_element(cell, ())
    shape = (dimension,) if item.shape == "vector" else ()
    return basix.ufl.element("Lagrange", cell, degree, shape=shape)
