"""One computation of effective properties into a results folder: mesh, cell problems, summary, fields, figures."""

import hashlib
import json
import time as clock
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.analysis.box import Boundaries, FloatArray, box_of
from chemomech.analysis.cell_problem import Solver
from chemomech.analysis.effective import (
    VOIGT,
    Conductivity,
    Pair,
    Stiffness,
    effective_conductivity,
    effective_stiffness,
)
from chemomech.analysis.percolation import percolation
from chemomech.analysis.risk import von_mises_stress
from chemomech.analysis.sampling import CellAverages, RegionGrid, cell_means, cell_volumes
from chemomech.case.effective import ROLES
from chemomech.case.schema import EFFECTIVE_QUANTITIES, Case, Effective, EffectiveQuantity
from chemomech.domain import Coordinates, Domain, check_names, read_domain
from chemomech.drawing import draw
from chemomech.effective.summary import PHASES, conduction_figures, percolation_figures, stiffness_figures
from chemomech.errors import InputError, Problem, RunError
from chemomech.fields import DISPLACEMENT
from chemomech.geometry.build import MeshRecord, open_mesh
from chemomech.materials.free_energy import Solid
from chemomech.materials.material import Material, load_material
from chemomech.physics.mechanics import StressEquilibrium
from chemomech.progress import Progress
from chemomech.refinement import refined
from chemomech.results import format as names
from chemomech.results.fields import FieldWriter
from chemomech.results.write import RunRecord, prepare_folder, versions, write_json
from chemomech.solver.jit import prepare
from chemomech.together import on_root

DIRECT_LIMIT: Final = {2: 600_000, 3: 120_000}
"""unknowns up to which a linear problem is solved directly, by dimension"""
STRAIN: Final = 0.01
"""strain at which stresses are shown"""
GPA_IN_MPA: Final = 1e3


def as_effective(
    case: Case, boundaries: Boundaries | None, quantities: tuple[EffectiveQuantity, ...] | None
) -> Case:
    """Return a case of effective properties made of any case with regions: what is not given is taken from it.

    Without [effective]: walls, all quantities for which there is a region, at the temperature of the cell.
    """
    roles = {region.role for region in case.regions.values()}
    if case.effective is not None:
        wanted = case.effective
    else:
        possible = [q for q in EFFECTIVE_QUANTITIES if q not in ROLES or roles & set(ROLES[q])]
        if not case.mechanics.enabled:
            possible.remove("stiffness")
        wanted = Effective.model_construct(
            quantities=tuple(possible),
            boundaries="walls",
            directions=None,
            temperature=case.cell.temperature,
        )
    if boundaries is not None:
        wanted = wanted.model_copy(update={"boundaries": boundaries})
    if boundaries == "periodic":
        wanted = wanted.model_copy(update={"directions": None})
    if quantities:
        wanted = wanted.model_copy(update={"quantities": tuple(dict.fromkeys(quantities))})
    return case.model_copy(update={"effective": wanted})


def run_effective(case: Case, wanted: Effective, results: Path, *, quiet: bool = False) -> dict[str, float]:
    """Compute a case's effective properties into a results folder and return the summary (collective).

    Raises InputError for what can be mended in the input, RunError when a cell problem cannot be solved.
    """
    comm = MPI.COMM_WORLD
    on_root(comm, lambda: prepare_folder(results))
    progress = Progress(quiet=quiet or comm.rank != 0)
    try:
        summary = _Effective(case, wanted, results, progress, comm).go()
    finally:
        progress.close()
    if case.output.figures:
        on_root(comm, lambda: draw(results, animation=False))
    return summary


class _Effective:
    """A computation under way."""

    def __init__(
        self, case: Case, wanted: Effective, results: Path, progress: Progress, comm: MPI.Intracomm
    ) -> None:
        self.case, self.wanted, self.results, self.progress, self.comm = case, wanted, results, progress, comm
        self.started = clock.time()
        on_root(comm, self._forget_earlier_run)
        progress.say("mesh")
        self.mesh: MeshRecord = on_root(comm, lambda: open_mesh(case.mesh_path, replaced=case.mesh.replaced))
        coordinates, degree = cast(Coordinates, self.mesh.coordinates), case.numerics.quadrature_degree
        domain = read_domain(self.mesh.msh, coordinates, comm, degree)
        self.domain: Domain = refined(domain, self.mesh.refine)
        check_names(self.domain, list(case.regions), [], str(case.directory / "case.toml"))
        self.materials: dict[str, Material] = {
            name: load_material(region.material, case.material_directories).with_properties(region.properties)
            for name, region in case.regions.items()
        }
        self.jit = prepare(comm)
        self.box = box_of(self.domain)
        self.volumes = cell_volumes(self.domain, self._compile)
        self.fractions = {name: self.domain.volume([name]) / self.box.volume for name in case.regions}
        self.grid = RegionGrid.of(self.domain)
        self.points: dict[str, FloatArray] = {}
        self.cells: dict[str, FloatArray] = {}
        self.unknowns = self.iterations = 0
        self.solvers: set[Solver] = set()

    def _compile(self, form: Any) -> Any:
        return fem.form(form, entity_maps=self.domain.entity_maps, jit_options=self.jit)

    def _forget_earlier_run(self) -> None:
        for name in (names.SUMMARY_FILE, names.RUN_FILE, names.HISTORY_FILE, names.FIELDS_FILE):
            (self.results / name).unlink(missing_ok=True)

    def go(self) -> dict[str, float]:
        """Compute what is wanted; the record says how it ended, whatever happens."""
        finished, reason = False, "stopped by an error"
        try:
            summary = self._summary()
            self._write_fields()
            on_root(self.comm, lambda: write_json(self.results / names.SUMMARY_FILE, summary))
            finished, reason = True, "everything was computed"
        except (RunError, InputError) as error:
            reason = str(error)
            raise
        finally:
            if self.comm.rank == 0:
                self._record(finished, reason).write(self.results)
        return summary

    def _summary(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        for quantity in self.wanted.quantities:
            self.progress.say(quantity.replace("_", " "))
            if quantity == "percolation":
                figures |= self._percolation()
            elif quantity == "stiffness":
                figures |= self._stiffness()
            else:
                figures |= self._conductivity(quantity)
        figures["Unknowns [-]"] = float(self.unknowns)
        return {name: float(value) for name, value in figures.items() if np.isfinite(value)}

    # ---- conduction -------------------------------------------------------------------------------

    def _of_role(self, *roles: str) -> list[str]:
        return [name for name, region in self.case.regions.items() if region.role in roles]

    def _property(self, name: str, key: str) -> float:
        return self.materials[name].number(key, self.wanted.temperature)

    def _solver(self, unknowns: int) -> Solver:
        numerics = self.case.numerics
        limit = numerics.direct_limit or DIRECT_LIMIT[self.domain.dimension]
        direct = numerics.solver == "direct" or (numerics.solver == "auto" and unknowns <= limit)
        chosen: Solver = "direct" if direct else "iterative"
        self.solvers.add(chosen)
        return chosen

    def _size(self, degree: int, components: int) -> int:
        # near enough to choose a solver: nodes, and about as many edges per node as simplices have
        nodes = int(self.domain.mesh.geometry.index_map().size_global)
        return nodes * components * (1 if degree == 1 else 2**self.domain.dimension)

    def _resistances(self) -> dict[Pair, float]:
        return {
            frozenset(part.strip() for part in key.split("|")): interface.resistance
            for key, interface in self.case.interfaces.items()
            if interface.resistance is not None
        }

    def _axes(self) -> list[int]:
        if self.wanted.directions is not None:
            axes = ["xyz".index(name) for name in self.wanted.directions]
            beyond = [axis for axis in axes if axis >= self.domain.dimension]
            if beyond:
                what = f"a mesh of {self.domain.dimension} dimensions has no {'xyz'[beyond[0]]}"
                raise InputError(Problem("[effective] directions", what, "remove it"))
            return axes
        if not self.box.faces:
            what = "the mesh has no two opposite plane faces"
            remedy = "each needs a named boundary on both sides of the bounding box"
            raise InputError(Problem(str(self.case.mesh_path), what, remedy))
        return sorted(self.box.faces)

    def _conductivity(self, quantity: EffectiveQuantity) -> dict[str, float]:
        phase, regions = PHASES[quantity], self._of_role(*ROLES[quantity])
        numbers = {name: self._property(name, quantity) for name in regions}
        resistances = self._resistances() if quantity == "ionic_conductivity" else {}
        degree = self.case.numerics.scalar_degree
        found = effective_conductivity(
            self.domain,
            self.box,
            self.wanted.boundaries,
            numbers,
            resistances,
            axes=self._axes(),
            cell_volumes=self.volumes,
            degree=degree,
            solver=self._solver(self._size(degree, 1)),
            jit_options=self.jit,
            place=f"{quantity}",
        )
        self._count(found)
        if not found.potentials:
            raise InputError(self._nothing_percolates(quantity, found))
        balance = self._conduction_fields(phase, numbers, found)
        shares = [*self.fractions.values(), max(0.0, 1.0 - sum(self.fractions.values()))]
        values = [*(numbers.get(name, 0.0) for name in self.fractions), 0.0]
        isotropic = self.domain.coordinates != "axisymmetric"
        kept = [(f, v) for f, v in zip(shares, values, strict=True) if f > 1e-9]
        figures = conduction_figures(
            phase, found, [f for f, _ in kept], [v for _, v in kept], self.domain.dimension, isotropic
        )
        left_out = {a: 1.0 - found.percolation.share(_carrying(found, self.wanted, a)) for a in found.axes}
        for axis, share in left_out.items():
            figures[f"Share of the {phase} phase without a way along {'xyz'[axis]} [-]"] = share
        figures[f"{phase.capitalize()} current balance error [-]"] = balance
        return figures

    def _nothing_percolates(self, quantity: str, found: Conductivity) -> Problem:
        names_ = " and ".join("xyz"[axis] for axis in found.axes)
        return Problem(
            f"[effective] quantities '{quantity}'",
            f"nothing percolates along {names_}: none of the {len(found.percolation.volumes)} pieces of the phase "
            "leads from face to face",
            "ask for percolation alone, or take another mesh",
        )

    def _count(self, found: Conductivity | Stiffness) -> None:
        self.unknowns = max(self.unknowns, found.unknowns)
        self.iterations += found.iterations

    def _conduction_fields(self, phase: str, numbers: Mapping[str, float], found: Conductivity) -> float:
        """Keep potentials and currents; return how far the mean current is from the tensor, which is an energy."""
        state, domain, error = found.state, self.domain, 0.0
        for axis, values in found.potentials.items():
            for unknown, array in zip(state.unknowns.values(), values, strict=True):
                unknown.function.x.array[:] = array
            drop = 1.0 / float(self.box.lengths[axis])
            potential = np.full(len(self.grid.points), np.nan)
            for item in state.fields:
                part = self.grid.nodal(state, item)
                potential = np.where(np.isnan(part), potential, part)
            dead = ~found.live[axis][self.grid.parent]
            potential[self.grid.cells[dead].reshape(-1)] = np.nan
            along = "xyz"[axis]
            self.points[f"{phase.capitalize()} potential, 1 V along {along} [V]"] = potential * drop
            currents = cell_means(
                domain,
                {
                    name: -numbers[name] * ufl.grad(unknown.function)
                    for unknown in state.unknowns.values()
                    for name in unknown.support.regions
                },
                self._compile,
                self.volumes,
            )
            currents[~found.live[axis][: len(currents)]] = 0.0
            mean = -self._mean(currents)[axis]
            error = max(error, abs(mean / found.tensor[axis, axis] - 1.0))
            size = np.linalg.norm(currents[self.grid.parent], axis=1) / found.tensor[axis, axis]
            inside = np.isin(self.grid.region, [self.grid.regions.index(name) for name in numbers])
            size[~inside | dead] = np.nan
            self.cells[f"{phase.capitalize()} current density over its mean, along {along} [-]"] = size
        return error

    def _mean(self, values: FloatArray) -> FloatArray:
        """Mean over the box of values in the owned cells, (cells, ...)."""
        mine = np.tensordot(self.volumes, values, axes=1) / self.box.volume
        return np.asarray(self.comm.allreduce(mine, op=MPI.SUM))

    def _percolation(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        for quantity, phase in PHASES.items():
            regions = self._of_role(*ROLES[quantity])
            if regions:
                found = percolation(self.domain, self.box, regions, self.volumes)
                figures |= percolation_figures(phase, found, self.box, self.wanted.boundaries == "periodic")
        return figures

    # ---- stiffness --------------------------------------------------------------------------------

    def _stiffness(self) -> dict[str, float]:
        moduli = {
            name: (self._property(name, "youngs_modulus"), self._property(name, "poissons_ratio"))
            for name in self.case.regions
        }
        solids = {
            name: Solid(fem.Constant(self.domain.mesh, e), fem.Constant(self.domain.mesh, nu))
            for name, (e, nu) in moduli.items()
        }
        degree = self.case.numerics.displacement_degree
        found = effective_stiffness(
            self.domain,
            self.box,
            self.wanted.boundaries,
            solids,
            cell_volumes=self.volumes,
            degree=degree,
            solver=self._solver(self._size(degree, self.domain.dimension)),
            jit_options=self.jit,
            place="stiffness",
        )
        self._count(found)
        mechanics = StressEquilibrium(solids)
        averages = CellAverages(
            self.domain, lambda name: mechanics.stress(found.state, name), list(solids), self._compile
        )
        pairs = VOIGT[self.domain.dimension]
        error = 0.0
        for (i, j), values, row in zip(pairs, found.displacements, found.tensor, strict=True):
            found.state.unknowns[DISPLACEMENT].function.x.array[:] = values
            stress = averages.evaluate()
            stress[~found.live[: len(stress)]] = 0.0
            mean = self._mean(stress)
            apart = max(abs(mean[pair] - value) for pair, value in zip(pairs, row, strict=True))
            error = max(error, apart / float(np.abs(found.tensor).max()))
            name = f"Von Mises stress at 1 % strain {'xyz'[i]}{'xyz'[j]} [MPa]"
            self.cells[name] = von_mises_stress(stress[self.grid.parent]) * STRAIN * GPA_IN_MPA
        return stiffness_figures(found, self.fractions, moduli) | {"Stress balance error [-]": error}

    # ---- files ------------------------------------------------------------------------------------

    def _write_fields(self) -> None:
        if not self.points and not self.cells:
            return
        self.progress.say("fields")
        grid = self.grid
        writer = FieldWriter(
            self.results / names.FIELDS_FILE,
            self.comm,
            grid.points,
            grid.cells,
            names.VTK_CELL[self.domain.mesh.topology.cell_name()],
            grid.region,
        )
        writer.append(0.0, self.points, self.cells)
        writer.close()

    def _record(self, finished: bool, reason: str) -> RunRecord:
        digest = hashlib.sha256(self.mesh.msh.read_bytes())
        if self.mesh.refine:
            digest.update(f"refined {self.mesh.refine} times".encode())
        digest.update(json.dumps(dict(self.case.written), sort_keys=True, default=str).encode())
        for name in sorted(self.materials):
            digest.update(self.materials[name].describe().encode())
        return RunRecord(
            title=self.case.title,
            case={**self.case.written, "effective": self.wanted.model_dump(mode="json", exclude_none=True)},
            case_hash=digest.hexdigest(),
            versions=versions(),
            ranks=self.comm.size,
            wall_time_s=clock.time() - self.started,
            finished=finished,
            reason=reason,
            coordinates=self.mesh.coordinates,
            dimension=self.mesh.dimension,
            regions=tuple(self.domain.regions),
            frames=1 if finished and (self.points or self.cells) else 0,
            kind="effective",
            unknowns=self.unknowns,
            solver=" and ".join(sorted(self.solvers)),
            counts={"linear iterations": self.iterations},
        )


def _carrying(found: Conductivity, wanted: Effective, axis: int) -> frozenset[int]:
    periodic = wanted.boundaries == "periodic"
    return found.percolation.winding(axis) if periodic else found.percolation.spanning(axis)
