"""What a resolved space charge comes to: field, width, charge, occupancy and resistance of each region's layers.

With y = F/(RT) (phi_e - phi - mu), which is 0 in the bulk, and A the cross-section of the cell:

    potential   largest phi - phi_bulk in size, -(RT/F) y
    width       int |y| dV / (A max |y|): the Debye length where a small potential decays exponentially
    charge      int rho dV / A
    resistance  int (1/kappa - 1/kappa_bulk) dV / A: what the layers add for a current along the stack, kappa being
                that of the lithium ions
"""

from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import basix
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.constants import FARADAY, GAS
from chemomech.model import Model

FloatArray = npt.NDArray[np.float64]

NEUTRAL: Final = 1e-9
"""largest |y| below which there is no layer"""


@dataclass(frozen=True)
class Layer:
    """The space charge of one region, in internal units."""

    field: float
    """largest size of the electric field [V/um]"""
    potential: float
    """[V]"""
    width: float
    """[um]"""
    charge: float
    """[nC/um^2]"""
    resistance: float
    """[V um^2/nA]"""
    lattice_constant: float | None
    """[um]"""
    occupancy: tuple[float, float] | None
    """of the emptiest and the fullest place of a lattice [-]; None where there is none"""
    anions: tuple[float, float] | None
    """smallest and largest concentration of the anions of a salt [pmol/um^3]; None where there are none"""


class ChargeLayers:
    """Reads the layers of a model; compiles once."""

    def __init__(self, model: Model) -> None:
        assert model.space_charge is not None
        self.model, self.physics = model, model.space_charge
        state, domain = model.state, model.domain
        corners = basix.geometry(getattr(basix.CellType, domain.mesh.topology.cell_name()))
        self._fields: dict[str, Any] = {}
        self._drives: dict[str, Any] = {}
        self._integrals: dict[str, tuple[Any, Any]] = {}
        for name, medium in self.physics.media.items():
            ion = medium.ions[0]
            gradient = ufl.grad(state.value[medium.electric])
            strength = ufl.sqrt(ufl.inner(gradient, gradient))
            drive = self.physics.drive(state, medium, ion)
            excess = 1 / self.physics.conductivity(state, medium, ion) - 1 / ion.conductivity
            self._fields[name] = self._expression(strength, corners.mean(axis=0, keepdims=True))
            self._drives[name] = self._expression(drive, corners)
            self._integrals[name] = (
                model.problem.compile(domain.at_vertices(abs(drive), [name])),
                model.problem.compile(domain.at_vertices(excess, [name])),
            )

    def _expression(self, value: Any, points: FloatArray) -> Any:
        problem = self.model.problem
        return fem.Expression(
            value,
            points,
            comm=MPI.COMM_SELF,
            entity_maps=self.model.domain.entity_maps,
            jit_options=problem.jit_options,
        )

    def strength(self, region: str) -> FloatArray:
        """Size of the field in the owned cells of a region [V/um], in their order."""
        cells = self.model.domain.owned_cells([region])
        return np.asarray(self._fields[region].eval(self.model.domain.mesh, cells)).reshape(-1)

    def read(self, region: str, charge: float) -> Layer:
        """Return a region's layers; ``charge`` is what it holds in all [nC] (collective)."""
        domain, area = self.model.domain, self.model.cell_area
        cells = domain.owned_cells([region])
        drive = np.asarray(self._drives[region].eval(domain.mesh, cells)).reshape(-1)
        low = domain.comm.allreduce(float(np.min(drive, initial=0.0)), op=MPI.MIN)
        high = domain.comm.allreduce(float(np.max(drive, initial=0.0)), op=MPI.MAX)
        field = domain.comm.allreduce(float(np.max(self.strength(region), initial=0.0)), op=MPI.MAX)
        size, excess = (domain.integral(form, lambda f: f) for form in self._integrals[region])
        largest = high if high > -low else low
        given = self.model.case.regions[region].space_charge
        assert given is not None
        occupancy = None
        if given.occupancy is not None:
            odds = np.log(given.occupancy / (1 - given.occupancy))
            occupancy = float(1 / (1 + np.exp(-(odds + low)))), float(1 / (1 + np.exp(-(odds + high))))
        thermal = GAS * self.model.case.cell.temperature / FARADAY
        return Layer(
            field=field,
            potential=-thermal * largest,
            width=size / (area * abs(largest)) if abs(largest) > NEUTRAL else 0.0,
            charge=charge / area,
            resistance=excess / area,
            lattice_constant=given.lattice_constant,
            occupancy=occupancy,
            anions=self._anions(region),
        )

    def _anions(self, region: str) -> tuple[float, float] | None:
        anions = [ion.concentration for ion in self.physics.media[region].ions if ion.charge < 0]
        if not anions:
            return None
        state, comm = self.model.state, self.model.domain.comm
        values = state.unknowns[anions[0]].array()  # it lives on this region alone
        low = comm.allreduce(float(np.min(values, initial=np.inf)), op=MPI.MIN)
        return low, comm.allreduce(float(np.max(values, initial=-np.inf)), op=MPI.MAX)
