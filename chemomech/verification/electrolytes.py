"""Cells of electrolyte alone, between lithium and lithium or a blocking electrode, run by the project's simulation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from chemomech.constants import FARADAY, GAS
from chemomech.record import balance_errors
from chemomech.verification.written_case import simulate

LAYERS: Final = """
title = "Two electrolytes"
kind = "layered"
coordinates = "plane strain"
width = "0.7 um"
structured = true
cells_across = 2
"""
CELL: Final = """
title = "Verification"
mesh = "mesh.toml"

[regions]
thin = {{ material = "Li6PS5Cl", role = "electrolyte", properties = {{ ionic_conductivity = "0.2 S/m" }} }}
thick = {{ material = "LLZO", role = "electrolyte", properties = {{ ionic_conductivity = "0.03 S/m" }} }}

[interfaces."thin|thick"]
{interface}

[cell]
temperature = "298.15 K"
working_electrode = {{ at = "{working}", {electrode} }}
counter_electrode = {{ at = "{counter}", kind = "lithium", exchange_current = "20 A/m^2" }}

[mechanics]
enabled = {mechanics}

[protocol]
steps = {steps}

[numerics]
{numerics}
"""
LENGTHS: Final = {"thin": 5.0, "thick": 11.0}
"""[um]"""
LITHIUM: Final = 'kind = "lithium", exchange_current = "4 A/m^2", film_resistance = "2e-3 ohm m^2"'
BLOCKING: Final = 'kind = "blocking", double_layer = "0.3 F/m^2"'


@dataclass(frozen=True)
class ElectrolyteCase:
    """Two layers of electrolyte between two electrodes."""

    order: tuple[str, str] = ("thin", "thick")
    """of the layers, from left to right"""
    working_right: bool = True
    interface: str = 'resistance = "4e-3 ohm m^2"'
    electrode: str = LITHIUM
    mechanics: str = "false"
    steps: Sequence[str] = ("Charge at 3 mA/cm2 for 1 minute",)
    numerics: str = ""

    def write(self, folder: Path) -> None:
        """Write case.toml and mesh.toml."""
        sides = ("right", "left") if self.working_right else ("left", "right")
        words = {name: getattr(self, name) for name in ("interface", "electrode", "mechanics", "numerics")}
        text = CELL.format(**words, working=sides[0], counter=sides[1], steps=json.dumps(list(self.steps)))
        (folder / "case.toml").write_text(text, encoding="utf-8")
        layers = [
            f'[[layers]]\nname = "{name}"\nthickness = "{LENGTHS[name]:g} um"\ncells = 5\n'
            for name in self.order
        ]
        (folder / "mesh.toml").write_text(LAYERS + "\n".join(layers), encoding="utf-8")


def series() -> dict[str, float]:
    """Voltage of two unlike electrolytes in series with the resistance between them, in every order and direction."""
    found: dict[str, float] = {}
    for name, order in (("thin_first", ("thin", "thick")), ("thick_first", ("thick", "thin"))):
        for side in (True, False):
            case = ElectrolyteCase(order=order, working_right=side)
            _, trace = simulate(case)
            found[f"voltage_V_{name}_{'right' if side else 'left'}"] = float(trace.column("voltage")[-1])
    _, trace = simulate(replace(case, steps=("Discharge at 3 mA/cm2 for 1 minute",)))
    found["voltage_V_discharge"] = float(trace.column("voltage")[-1])
    _, trace = simulate(replace(case, mechanics="true"))
    found["voltage_V_stressed"] = float(trace.column("voltage")[-1])
    _, trace = simulate(replace(case, interface=""))
    found["voltage_V_without_resistance"] = float(trace.column("voltage")[-1])
    _, trace = simulate(replace(case, numerics='solver = "fieldsplit"'))
    found["voltage_V_fieldsplit"] = float(trace.column("voltage")[-1])
    return found


def blocking() -> dict[str, float]:
    """A blocking electrode: charged to 50 mV, at rest, and its current while 50.1 mV are held (in milliseconds)."""
    steps = ("Charge at 1 mA/cm2 for 0.0015 s", "Rest for 0.002 s", "Hold at 0.0501 V for 0.008 s")
    numerics = 'initial_step = "1e-5 s"\nmaximum_step = "4e-5 s"\ntime_tolerance = 1e-5'
    simulation, trace = simulate(ElectrolyteCase(electrode=BLOCKING, steps=steps, numerics=numerics))
    step = np.array([0 if m.scheduled is None else m.scheduled.index for m in trace.moments])
    voltage, charge = trace.column("voltage"), np.array([moment.charge for moment in trace.moments])
    layers = trace.column("layer_charge")
    held = step == 3
    times, currents = trace.time[held], trace.column("current")[held]
    chosen = (times > times[0] + 5e-4) & (times < times[0] + 4e-3)
    decay = -1.0 / np.polyfit(times[chosen], np.log(currents[chosen]), 1)[0]
    capacitance = 0.3e-3  # [nC/(V um2)]
    start = simulation.start
    assert start is not None
    errors = [
        balance_errors(start, m.reading, m.metal_charge, simulation.current_scale) for m in trace.moments
    ]
    return {
        "voltage_at_rest_V": float(voltage[step == 2][-1]),
        "charge_over_C_V": float(charge[-1]) / (capacitance * simulation.model.cell_area * 0.0501),
        "time_constant_over_R_C": float(decay) / (capacitance * _resistance()),
        "charge_not_on_the_electrode": float(np.max(np.abs(charge - layers)) / np.max(charge)),
        "lithium_balance_error": float(np.max(errors)),
    }


def _resistance() -> float:
    # Of both electrolytes, their interface and lithium near equilibrium [V um2/nA].
    ohmic = LENGTHS["thin"] / 200.0 + LENGTHS["thick"] / 30.0 + 4.0
    return ohmic + GAS * 298.15 / (FARADAY * 20e-3)
