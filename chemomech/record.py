"""What a run records: one row per accepted step, frames of fields, and the summary of it all.

Everything here is read off the model; numbers leave internal units only in this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from chemomech.analysis.charge import ChargeLayers
from chemomech.analysis.faces import Faces
from chemomech.analysis.risk import (
    Resistance,
    fracture_energy,
    hydrostatic_stress,
    principal_stress,
    volume_quantile,
    von_mises_stress,
)
from chemomech.analysis.sampling import CellAverages, RegionGrid
from chemomech.constants import FARADAY
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    DISPLACEMENT,
    ELECTRIC_POTENTIAL,
    ELECTRONIC_POTENTIAL,
    ION_CONCENTRATION,
    IONIC_POTENTIAL,
    OUT_OF_PLANE_STRAIN,
    SALT_CONCENTRATION,
    STACK_PRESSURE,
    Field,
)
from chemomech.materials.material import Material
from chemomech.model import Model, SaltRegion, region_dofs
from chemomech.results import format as names
from chemomech.results.fields import FieldWriter
from chemomech.results.write import History

FloatArray = npt.NDArray[np.float64]

HOUR: Final = 3600.0
NANO: Final = 1e-9
GPA_IN_MPA: Final = 1e3
NOTHING: Final = 1e-6
"""share of the charge of one hour below which the lithium at the start is only what was there by accident"""
NC_IN_AH: Final = 1e-9 / 3600
MOL_PER_M3: Final = 1e6
"""1 pmol/um^3 in mol/m^3"""
MA_PER_CM2: Final = 1e2
"""1 nA/um^2 in mA/cm^2"""
MC_PER_CM2: Final = 1e2
"""1 nC/um^2 in mC/cm^2"""
MILLI: Final = 1e3
PERCENT: Final = 1e2
NM_PER_UM: Final = 1e3
C_PER_M2: Final = 1e3
"""1 nC/um^2 in C/m^2"""
OHM_M2: Final = 1e-3
"""1 V um^2/nA in ohm m^2"""

STRESS_QUANTITIES: Final = (
    "Max von Mises",
    "Max principal stress",
    "P99 principal stress",
    "Crack risk",
    "Energetic crack risk",
)
FACE_EXTREMES: Final = ("Max opening", "Damaged share", "Broken share", "Interfacial resistance")
"""whose largest value counts in the summary"""
FACE_ENDS: Final = (
    "Mean conducting fraction",
    "Min conducting fraction",
    "Interfacial resistance",
    "Mean contact pressure",
)
"""whose last value counts in the summary"""
SALT_QUANTITIES: Final = ("Mean salt concentration", "Min salt concentration", "Max salt concentration")
LITHIUM_QUANTITIES: Final = ("Mean stoichiometry", "Min stoichiometry", "Max stoichiometry")
LATTICE_QUANTITIES: Final = ("Min occupancy", "Max occupancy", "Width per lattice constant")
"""of resolved charge on a lattice"""
ANION_QUANTITIES: Final = ("Min anion concentration", "Max anion concentration")
"""of resolved charge of a binary salt"""
OHM_CM2: Final = 10.0
"""1 V um^2/nA in ohm cm^2"""
GROWING: Final = ("interphase", "interdiffusion")
"""what layers that grow are called in their observables"""
INTERFACE_QUANTITIES: Final[dict[str, tuple[str, str, float]]] = {
    "overpotential ": ("Mean overpotential", "mV", MILLI),
    "ionic drop ": ("Mean ionic drop", "mV", MILLI),
    "layer potential ": ("Mean layer voltage", "mV", MILLI),
    "layer resistance ": ("Layer resistance", "ohm.m2", OHM_M2),
    "layer capacitance ": ("Layer capacitance", "F.m-2", C_PER_M2),
    **{f"{word} thickness ": (f"Mean {word} thickness", "nm", MILLI) for word in GROWING},
    **{f"{word} resistance ": (f"{word.capitalize()} resistance", "ohm.cm2", OHM_CM2) for word in GROWING},
    "constriction ": ("Constriction resistance", "ohm.cm2", OHM_CM2),
    "interphase current ": ("Interphase current density", "mA.cm-2", MA_PER_CM2),
}
"""how observables integrated over an interface begin -> what the columns of their means are called, unit, factor"""
REACTION_QUANTITIES: Final[dict[str, tuple[str, str, float]]] = {
    "reacted share of ": ("Reacted share of", "-", 1.0),
    "side current of ": ("Side current density of", "mA.cm-2", MA_PER_CM2),
    "side charge of ": ("Side charge of", "mC.cm-2", MC_PER_CM2),
}
"""the same for side reactions, whose observables end with the reaction and its place"""
HELD: Final = "lithium in interphase "
SIDE_CHARGE: Final = "side charge of "
COMMON_SHARE: Final = 0.99
"""share of a region's volume whose stress the P99 column bounds: peaks at necks and corners are left out"""
NODAL: Final[dict[str, Field]] = {
    "concentration": CONCENTRATION,
    "electronic_potential": ELECTRONIC_POTENTIAL,
    "ionic_potential": IONIC_POTENTIAL,
    "chemical_potential": CHEMICAL_POTENTIAL,
    "salt_concentration": SALT_CONCENTRATION,
    "electric_potential": ELECTRIC_POTENTIAL,
    "ion_concentration": ION_CONCENTRATION,
    "displacement": DISPLACEMENT,
}
"""name in `[output] fields` -> the quantity"""
IN_FILE: Final = {
    "concentration": MOL_PER_M3,
    "ion_concentration": MOL_PER_M3,
    "salt_concentration": MOL_PER_M3,
}
"""factors to the units of the file"""


@dataclass(frozen=True)
class Reading:
    """The cell at one instant, in internal units."""

    voltage: float
    current: float
    """[nA], positive = charging"""
    counter_current: float
    pressure: float
    """[GPa]"""
    lithium: float
    """in all active regions [pmol]"""
    layer_charge: float
    """of all double layers [nC]"""
    scalars: dict[str, float]


class Meter:
    """Reads a model: compiles its scalar forms once and evaluates them at every accepted step."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._forms = {name: model.problem.compile(form) for name, form in model.observables().items()}

    def read(self) -> Reading:
        """Evaluate everything (collective)."""
        model = self.model
        values = {name: model.domain.integral(form, lambda f: f) for name, form in self._forms.items()}
        unknowns = model.state.unknowns
        pressure = 0.0 if model.pressure is None else float(model.pressure.value)
        if STACK_PRESSURE in unknowns:
            pressure = self.number(STACK_PRESSURE)
        return Reading(
            voltage=self.number(CELL_VOLTAGE),
            current=values["cell current"],
            counter_current=values["counter current"],
            pressure=pressure,
            lithium=sum(v for name, v in values.items() if name.startswith("lithium in ")),
            layer_charge=sum(v for name, v in values.items() if name.startswith("double-layer charge ")),
            scalars=values,
        )

    def number(self, item: Field) -> float:
        """Return a global unknown (collective)."""
        unknown = self.model.state.unknowns[item]
        shift = 0.0 if unknown.offset is None else float(unknown.offset.value)
        owned = unknown.space.dofmap.index_map.size_local
        local = float(unknown.function.x.array[:owned].sum())
        return float(self.model.domain.comm.allreduce(local, op=MPI.SUM)) + shift

    def largest(self, item: Field) -> float:
        """Return the largest value of a scalar field (collective)."""
        top = float(np.max(self.model.state.unknowns[item].array(), initial=-np.inf))
        return float(self.model.domain.comm.allreduce(top, op=MPI.MAX))

    def stoichiometry_range(self, region: str) -> tuple[float, float]:
        """Smallest and largest lithium fraction in an active region (collective)."""
        c_max = next(r.maximum_concentration for r in self.model.active if r.name == region)
        low, high = self._range(CONCENTRATION, region)
        return low / c_max, high / c_max

    def salt_range(self, region: SaltRegion) -> tuple[float, float]:
        """Smallest and largest salt concentration in a region [pmol/um^3] (collective)."""
        return self._range(region.concentration, region.name)

    def _range(self, item: Field, region: str) -> tuple[float, float]:
        state, comm = self.model.state, self.model.domain.comm
        values = state.unknowns[item].array()[region_dofs(state, item, region)]
        low = comm.allreduce(float(np.min(values, initial=np.inf)), op=MPI.MIN)
        high = comm.allreduce(float(np.max(values, initial=-np.inf)), op=MPI.MAX)
        return low, high

    def poorest_place(self, region: SaltRegion) -> tuple[float, ...]:
        """Where the salt concentration of a region is smallest [um] (collective)."""
        state, domain = self.model.state, self.model.domain
        unknown = state.unknowns[region.concentration]
        dofs = region_dofs(state, region.concentration, region.name)
        found: tuple[float, tuple[float, ...]] = (np.inf, ())
        if len(dofs):
            worst = dofs[int(np.argmin(unknown.array()[dofs]))]
            place = unknown.space.tabulate_dof_coordinates()[worst, : domain.dimension]
            found = float(unknown.array()[worst]), tuple(round(float(x), 6) + 0.0 for x in place)
        lowest: tuple[float, tuple[float, ...]] = min(domain.comm.allgather(found))
        return lowest[1]


def resistance(material: Material, flaw: float | None, temperature: float) -> Resistance:
    """What a material sets against cracking; a flaw size given by the case replaces the material's."""

    def get(key: str) -> float:
        return material.number(key, temperature) if material.has(key) else np.nan

    modulus = get("youngs_modulus") / (1 - get("poissons_ratio") ** 2)
    energy = get("fracture_energy")
    if np.isnan(energy):
        energy = fracture_energy(get("fracture_toughness"), modulus)
    return Resistance(get("tensile_strength"), energy, get("flaw_size") if flaw is None else flaw, modulus)


class Recorder:
    """Writes history.csv and the fields; keeps what the summary needs."""

    def __init__(self, model: Model, meter: Meter, folder: Path, resume: tuple[int, int] | None) -> None:
        """``resume``: rows of the history and frames of the fields to keep, when a run is continued."""
        self.model, self.meter, self.folder = model, meter, folder
        self.comm = model.domain.comm
        case = model.case
        self.depth = model.depth
        self.regions = tuple(model.domain.regions)
        self.resistances = {
            name: resistance(model.materials[name], case.risk.flaw_size, case.cell.temperature)
            for name in self.regions
        }
        self.grid = RegionGrid.of(model.domain)
        self.averages = self._averages()
        self.faces = Faces(model)
        observables = tuple(model.observables())
        self.means = [
            (observable, name, f"{column} at {name} [{unit}]", factor)
            for start, (column, unit, factor) in INTERFACE_QUANTITIES.items()
            for observable in observables
            if (name := observable.removeprefix(start)) != observable
        ]
        """observable integrated over an interface or electrode, its place, the column of its mean, the factor to it"""
        self.means += [
            (observable, name.rpartition(" at ")[2], f"{column} {name} [{unit}]", factor)
            for start, (column, unit, factor) in REACTION_QUANTITIES.items()
            for observable in observables
            if (name := observable.removeprefix(start)) != observable
        ]
        self.side_charges = [name for name in observables if name.startswith(SIDE_CHARGE)]
        self.held = [name.removeprefix(HELD) for name in observables if name.startswith(HELD)]
        self.thicknesses = {
            f"Max {one.layer.thickness.name} [nm]": one.layer.thickness for one in model.grown
        }
        self.layers = None if model.space_charge is None else ChargeLayers(model)
        self.columns = self._columns()
        extremes = (*STRESS_QUANTITIES, *FACE_EXTREMES, "Max field", "Layer resistance at ")
        self.extreme_columns = [c for c in self.columns if c.startswith(extremes)]
        self.end_columns = [
            c for c in self.columns if c.split(" in ")[0] in names.LAYER_QUANTITIES or c.startswith(FACE_ENDS)
        ]
        self.notes: tuple[str, ...] = ()
        """what a reader of the numbers must know"""
        self.areas = self._areas()
        self.rows, self.frames = resume or (0, 0)
        self.history: History | None = None
        if self.comm.rank == 0:
            path = folder / names.HISTORY_FILE
            self.history = (
                History(path, self.columns)
                if resume is None
                else History.resume(path, self.columns, rows=self.rows)
            )
        self.fields = self._field_writer(resume)

    def _averages(self) -> CellAverages | None:
        mechanics = self.model.mechanics
        if mechanics is None:
            return None
        state = self.model.state
        return CellAverages(
            self.model.domain, lambda r: mechanics.stress(state, r), self.regions, self.model.problem.compile
        )

    def _columns(self) -> tuple[str, ...]:
        active = [region.name for region in self.model.active]
        columns = list(names.CELL_COLUMNS)
        columns += [names.region_column(q, r) for q in LITHIUM_QUANTITIES for r in active]
        salts = [region.name for region in self.model.salts]
        columns += [names.region_column(q, r) for q in SALT_QUANTITIES for r in salts]
        columns += [names.SALT_ERROR] if salts else []
        if self.model.mechanics is not None:
            columns += [names.region_column(q, r) for q in STRESS_QUANTITIES for r in self.regions]
            columns += [f"Elastic energy in {r} [nJ]" for r in self.regions]
            columns += [f"Mean expansion in {r} [%]" for r in active]
        if OUT_OF_PLANE_STRAIN in self.model.state.unknowns:
            columns.append("Out-of-plane strain [-]")
        if self.model.pressure is not None:
            columns.append("Platen displacement [um]")
        columns += [names.face_column(*place) for place in self.faces.columns()]
        if self.model.space_charge is not None:
            regions = self.model.space_charge.media
            columns += [
                names.region_column(q, r)
                for q in names.LAYER_QUANTITIES
                for r, medium in regions.items()
                if q not in (LATTICE_QUANTITIES if len(medium.ions) > 1 else ANION_QUANTITIES)
            ]
        columns += [column for _, _, column, _ in self.means]
        columns += [names.SIDE_CHARGE] if self.side_charges else []
        columns += [*self.thicknesses, *(f"Lithium in interphase at {name} [pmol]" for name in self.held)]
        return tuple(columns)

    def _areas(self) -> dict[str, float]:
        domain, pressed = self.model.domain, self.model.case.pressure
        areas = {name: self._area(name) for _, name, _, _ in self.means}
        if pressed is not None:
            areas[pressed.at] = domain.boundary_area(pressed.at)
        return areas

    def _area(self, place: str) -> float:
        # of an interface, of a region's part of a boundary ("a@b"), or of the electrolyte's
        domain = self.model.domain
        region, at, boundary = place.partition("@")
        if at:
            return domain.boundary_area(boundary, [region])
        if "|" in place:
            return domain.interface_area(*([part] for part in place.split("|")))
        regions = self.model.case.regions
        electrolytes = [name for name, region in regions.items() if region.role == "electrolyte"]
        return domain.boundary_area(place, electrolytes)

    def _field_writer(self, resume: tuple[int, int] | None) -> FieldWriter:
        grid, domain = self.grid, self.model.domain
        arguments = (
            self.comm,
            grid.points,
            grid.cells,
            names.VTK_CELL[domain.mesh.topology.cell_name()],
            grid.region,
        )
        path = self.folder / names.FIELDS_FILE
        if resume is None:
            return FieldWriter(path, *arguments)
        return FieldWriter.reopen(path, self.frames, *arguments)

    # ---- rows -------------------------------------------------------------------------------------

    def row(
        self, basics: Mapping[str, float], reading: Reading, stress: FloatArray | None
    ) -> dict[str, float]:
        """Return one row of the history (collective)."""
        model = self.model
        row = dict(basics)
        row[names.VOLTAGE] = reading.voltage
        row[names.CURRENT] = reading.current * self.depth * NANO
        row[names.CURRENT_DENSITY] = reading.current / model.cell_area * MA_PER_CM2
        row[names.STACK_PRESSURE] = reading.pressure * GPA_IN_MPA
        for region in model.active:
            low, high = self.meter.stoichiometry_range(region.name)
            mean = reading.scalars[f"lithium in {region.name}"] / (
                region.volume * region.maximum_concentration
            )
            for quantity, value in zip(LITHIUM_QUANTITIES, (mean, low, high), strict=True):
                row[names.region_column(quantity, region.name)] = value
        for salt in model.salts:
            poorest, richest = self.meter.salt_range(salt)
            mean = reading.scalars[f"salt in {salt.name}"] / salt.volume
            for quantity, value in zip(SALT_QUANTITIES, (mean, poorest, richest), strict=True):
                row[names.region_column(quantity, salt.name)] = value * MOL_PER_M3
        if model.salts:
            row[names.SALT_ERROR] = salt_balance_error(model, reading)
        if stress is not None:
            for name in self.regions:
                self._stress_columns(row, name, stress)
                row[f"Elastic energy in {name} [nJ]"] = reading.scalars[f"elastic energy {name}"] * self.depth
            for region in model.active:
                grown = reading.scalars[f"expansion {region.name}"] / region.volume
                row[f"Mean expansion in {region.name} [%]"] = grown * PERCENT
        if OUT_OF_PLANE_STRAIN in model.state.unknowns:
            row["Out-of-plane strain [-]"] = self.meter.number(OUT_OF_PLANE_STRAIN)
        if model.pressure is not None and model.case.pressure is not None:
            area = self.areas[model.case.pressure.at]
            row["Platen displacement [um]"] = reading.scalars["platen displacement"] / area
        for place, value in self.faces.row(reading.scalars).items():
            row[names.face_column(*place)] = value
        for observable, name, column, factor in self.means:
            row[column] = reading.scalars[observable] / self.areas[name] * factor
        if self.side_charges:
            passed = sum(abs(reading.scalars[name]) for name in self.side_charges)
            row[names.SIDE_CHARGE] = passed * self.depth * NC_IN_AH
        for column, thickness in self.thicknesses.items():
            row[column] = self.meter.largest(thickness) * MILLI
        for name in self.held:
            row[f"Lithium in interphase at {name} [pmol]"] = reading.scalars[HELD + name] * self.depth
        if self.layers is not None and model.space_charge is not None:
            thin = []
            for name in model.space_charge.media:
                layer = self.layers.read(name, reading.scalars[f"space charge in {name}"])
                constant = np.nan if layer.lattice_constant is None else layer.lattice_constant
                values = {
                    "Max field": layer.field,
                    "Layer potential": layer.potential * MILLI,
                    "Space-charge width": layer.width * NM_PER_UM,
                    "Space charge": layer.charge * C_PER_M2,
                    "Layer resistance": layer.resistance * OHM_M2,
                }
                if layer.occupancy is not None:
                    lattice = (*layer.occupancy, layer.width / constant)
                    values |= dict(zip(LATTICE_QUANTITIES, lattice, strict=True))
                if layer.anions is not None:
                    anions = (value * MOL_PER_M3 for value in layer.anions)
                    values |= dict(zip(ANION_QUANTITIES, anions, strict=True))
                for quantity, value in values.items():
                    row[names.region_column(quantity, name)] = value
                if 0.0 < layer.width < constant:
                    thin.append(
                        f"the space charge in '{name}' is {layer.width * NM_PER_UM:.3g} nm wide, less than its lattice "
                        f"constant of {constant * NM_PER_UM:.3g} nm: a continuum says little there"
                    )
            self.notes = tuple(thin)
        return row

    def _stress_columns(self, row: dict[str, float], name: str, stress: FloatArray) -> None:
        assert self.averages is not None
        cells = self.model.domain.owned_cells([name])
        principal = principal_stress(stress[cells])
        against = self.resistances[name]
        mises = self._top(von_mises_stress(stress[cells]))
        top = self._top(principal)
        common = self._quantile(principal, self.averages.volumes[cells])
        risks = against.strength_risk(np.array([top]))[0], against.energy_risk(np.array([top]))[0]
        values = (mises * GPA_IN_MPA, top * GPA_IN_MPA, common * GPA_IN_MPA, *risks)
        for quantity, value in zip(STRESS_QUANTITIES, values, strict=True):
            row[names.region_column(quantity, name)] = float(value)

    def _top(self, values: FloatArray) -> float:
        return float(self.comm.allreduce(float(np.max(values, initial=-np.inf)), op=MPI.MAX))

    def _quantile(self, values: FloatArray, volumes: FloatArray) -> float:
        pieces = self.comm.gather((values, volumes), root=0)
        result = 0.0
        if pieces is not None:
            all_values, all_volumes = (np.concatenate(part) for part in zip(*pieces, strict=True))
            result = volume_quantile(all_values, all_volumes, COMMON_SHARE)
        return float(self.comm.bcast(result, root=0))

    def stress(self) -> FloatArray | None:
        """Cell-averaged stress of the owned cells [GPa]; None without mechanics (collective)."""
        return None if self.averages is None else self.averages.evaluate()

    def append(self, row: Mapping[str, float]) -> None:
        """Write a row."""
        if self.history is not None:
            self.history.append(row)
        self.rows += 1

    # ---- fields -----------------------------------------------------------------------------------

    def frame(self, time: float, stress: FloatArray | None) -> None:
        """Write one frame of the chosen fields (collective)."""
        model, state = self.model, self.model.state
        chosen = model.case.output.fields
        points: dict[str, FloatArray] = {}
        cells: dict[str, FloatArray] = {}
        for name in chosen:
            if name in NODAL and self.model.state.having(NODAL[name]):
                points[names.POINT_FIELDS[name]] = self._nodal(NODAL[name]) * IN_FILE.get(name, 1.0)
            elif name == "occupancy" and model.space_charge is not None:
                points[names.POINT_FIELDS[name]] = self._nodal(ION_CONCENTRATION) / self._sites()
            elif name == "field_strength" and self.layers is not None:
                cells[names.CELL_FIELDS[name]] = self._strength()
            elif name == "stoichiometry" and CONCENTRATION in state.unknowns:
                points[names.POINT_FIELDS[name]] = self._nodal(CONCENTRATION) / self._maximum_concentration()
            elif name in names.FACE_FIELDS:
                cells[names.FACE_FIELDS[name]] = self.faces.cells(name)[self.grid.parent]
            elif name in names.CELL_FIELDS and stress is not None:
                cells[names.CELL_FIELDS[name]] = self._cell_field(name, stress[self.grid.parent])
        self.fields.append(time, points, cells)
        self.frames += 1

    def _nodal(self, item: Field) -> FloatArray:
        # A quantity with a field per group of regions is one array: the groups have no point in common.
        first, *others = (self.grid.nodal(self.model.state, field) for field in self.model.state.having(item))
        for values in others:
            first = np.where(np.isnan(first), values, first)
        return first

    def _strength(self) -> FloatArray:
        """Electric field of the grid's cells [mV/nm = V/um], nan where the charge is not resolved."""
        layers, space_charge, domain = self.layers, self.model.space_charge, self.model.domain
        assert layers is not None and space_charge is not None
        every = np.full(len(domain.cell_region), np.nan)
        for name in space_charge.media:
            every[domain.owned_cells([name])] = layers.strength(name)
        return np.asarray(every[self.grid.parent])

    def _sites(self) -> FloatArray:
        given = {name: region.space_charge for name, region in self.model.case.regions.items()}
        return self._by_region(
            {
                name: one.mobile_concentration
                for name, one in given.items()
                if one is not None and not one.binary
            }
        )

    def _maximum_concentration(self) -> FloatArray:
        return self._by_region({r.name: r.maximum_concentration for r in self.model.active})

    def _by_region(self, known: Mapping[str, float]) -> FloatArray:
        per_region = np.array([known.get(name, np.nan) for name in self.regions])
        values = np.full(len(self.grid.points), np.nan)
        values[self.grid.cells] = per_region[self.grid.region][:, None]
        return values

    def _cell_field(self, name: str, stress: FloatArray) -> FloatArray:
        if name == "von_mises":
            return von_mises_stress(stress) * GPA_IN_MPA
        if name == "hydrostatic":
            return hydrostatic_stress(stress) * GPA_IN_MPA
        top = principal_stress(stress)
        if name == "max_principal":
            return top * GPA_IN_MPA
        values = np.full(len(top), np.nan)
        for number, region in enumerate(self.regions):
            here = self.grid.region == number
            against = self.resistances[region]
            risk = against.strength_risk if name == "crack_risk" else against.energy_risk
            values[here] = risk(top[here])
        return values

    def close(self) -> None:
        """Close the files (collective)."""
        if self.history is not None:
            self.history.close()
        self.fields.close()


def salt_balance_error(model: Model, now: Reading) -> float:
    """Largest relative error of the salt that a group of regions holds: what no boundary lets out is conserved."""
    worst = 0.0
    for group in {region.concentration for region in model.salts}:
        regions = [region for region in model.salts if region.concentration == group]
        held = sum(now.scalars[f"salt in {region.name}"] for region in regions)
        start = sum(region.initial_concentration * region.volume for region in regions)
        worst = max(worst, abs(held - start) / start)
    return worst


def balance_errors(
    start: Reading, now: Reading, metal_charge: float, current_scale: float
) -> tuple[float, float]:
    """Relative errors of the lithium and of the charge balance.

    Lithium: |N - N_0 - (Q_Li + Q_dl)/F| / N_0, Q_Li the charge of the ions that lithium metal gave to the
    electrolyte, Q_dl what the double layers took; relative to one hour of I_scale where N_0 is nothing beside it.
    Charge: |I_terminal + I_counter| / I_scale.
    """
    layers = now.layer_charge - start.layer_charge
    hour = current_scale * HOUR / FARADAY
    content = start.lithium if start.lithium > NOTHING * hour else hour
    lithium = abs(now.lithium - start.lithium - (metal_charge + layers) / FARADAY) / content
    return lithium, abs(now.current + now.counter_current) / current_scale
