"""The state of a model: where its unknowns live, and where they start."""

from collections.abc import Sequence

import chemomech.runtime  # noqa: F401

import numpy as np

from chemomech.constants import FARADAY, GAS
from chemomech.domain import Support
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    DISPLACEMENT,
    ROLES,
    Field,
    Memory,
    State,
)
from chemomech.interphases import Grown
from chemomech.materials.charge_layer import settled_charge
from chemomech.model.electrolytes import Electrolytes
from chemomech.model.numbers import POTENTIALS, Numbers
from chemomech.model.regions import fill
from chemomech.physics.charge_layer import ChargeLayer


def make_state(
    numbers: Numbers, faces: Sequence[str], memories: Sequence[Memory], fields: Sequence[Field]
) -> State:
    """Return the state that holds these unknowns, each on its support, and what the faces remember.

    ``faces``: those at which values are read point by point.
    """
    supports: dict[Field, Support] = {}
    for item in fields:
        kind, _, place = item.support.partition(":")
        if kind == "interface":
            supports[item] = numbers.domain.interface_support(*([name] for name in place.split("|")))
        elif kind == "boundary":
            supports[item] = numbers.domain.boundary_support(place, numbers.with_role("electrolyte"))
        elif kind == "cell":
            supports[item] = numbers.domain.support(numbers.case.regions)
        elif kind == "regions":
            supports[item] = numbers.domain.support(place.split("|"))
        else:
            supports[item] = numbers.domain.support(numbers.with_role(*ROLES[kind]))
    numerics = numbers.case.numerics
    scalars = (*ROLES, "regions")
    degrees = {f: numerics.scalar_degree for f in fields if f.support.partition(":")[0] in scalars}
    degrees |= {f: numerics.displacement_degree for f in fields if f.quantity == DISPLACEMENT.quantity}
    for face in faces:
        numbers.domain.point_space(face)  # its submesh must be there before anything is compiled
    return State(numbers.domain, supports, [f for f in fields if f in POTENTIALS], degrees, memories)


def start(
    state: State,
    numbers: Numbers,
    electrolytes: Electrolytes,
    charge_layers: Sequence[ChargeLayer],
    grown: Sequence[Grown],
) -> float:
    """Set all unknowns to their start and return the open-circuit voltage [V].

    Lithium as given; potentials at open circuit of the collector's region, relative to that potential; without active
    regions both electrodes are at rest at 0 V.
    """
    potentials = _open_circuit(numbers)
    collector = numbers.case.cell.collector
    region = "" if collector is None else collector.region
    voltage = potentials.get(region, next(iter(potentials.values()), 0.0))
    for item in POTENTIALS:
        if item not in state.unknowns:
            continue
        offset = state.unknowns[item].offset
        assert offset is not None
        offset.value = voltage
    working = numbers.case.cell.working_electrode
    if working is not None and working.zero_charge is not None:
        state.unknowns[CELL_VOLTAGE].function.x.array[:] = working.zero_charge
        voltage = working.zero_charge
    if working is not None and working.initial_voltage is not None:
        state.unknowns[CELL_VOLTAGE].function.x.array[:] = working.initial_voltage
        voltage = working.initial_voltage
    for name, electric in electrolytes.electric.items():
        charged = numbers.case.regions[name].space_charge
        assert charged is not None
        fill(state, electric, name, -charged.chemical_potential)
        for ion in ("ion", "anion") if charged.binary else ("ion",):
            fill(state, electrolytes.ion_concentration(name, ion), name, charged.bulk_concentration)
    for layer in charge_layers:
        held = _settled(layer, potentials[layer.active], numbers.case.cell.temperature)
        state.unknowns[layer.charge].function.x.array[:] = held
    for name, theta in numbers.initial.items():
        fill(state, CONCENTRATION, name, theta * numbers.property(name, "maximum_concentration"))
        fill(state, CHEMICAL_POTENTIAL, name, potentials[name] - voltage)
    for one in grown:
        state.unknowns[one.layer.thickness].function.x.array[:] = one.start
    for name, concentration in electrolytes.salt.items():
        fill(state, concentration, name, electrolytes.initial_salt(name))
    return voltage


def _open_circuit(numbers: Numbers) -> dict[str, float]:
    temperature = numbers.case.cell.temperature
    return {
        name: float(np.asarray(numbers.materials[name].law("open_circuit_potential", temperature)(theta)))
        for name, theta in numbers.initial.items()
    }


def _settled(layer: ChargeLayer, potential: float, temperature: float) -> float:
    # Charge that a layer holds at rest against an active material at this potential [nC/um^2].
    core = np.inf if layer.core_capacitance is None else float(layer.core_capacitance.value)
    sites, permittivity = float(layer.sites.value), float(layer.permittivity.value)
    scale = np.sqrt(permittivity * GAS * temperature * sites)
    voltage = potential - float(layer.zero_charge.value)
    return settled_charge(voltage, layer.law.occupancy, scale, GAS * temperature / FARADAY, core)
