"""Side reactions: voltammograms of redox that is confined to a surface, and its impedance, in closed form."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.interpolate import CubicSpline

from chemomech.analysis.impedance import Impedance
from chemomech.constants import FARADAY, GAS
from chemomech.materials.kinetics import FASTEST
from chemomech.simulate import Simulation
from chemomech.verification.impedance_cells import brought
from chemomech.verification.written_case import LAWS, CellCase, Trace, Written, layers_mesh, simulate

type Array = np.ndarray[tuple[int], np.dtype[np.float64]]

TEMPERATURE: Final = 298.15
THERMAL: Final = GAS * TEMPERATURE / FARADAY
RATE: Final = 1e-3
"""of the sweep [V/s]"""
THICKNESS: Final = 5e-3
"""[um]"""
VOLUME: Final = 71.8
"""per mole of electrons [um3/pmol]"""
CHARGE: Final = FARADAY * THICKNESS / VOLUME
"""of all that can react [nC/um2]"""
CENTRE: Final = 2.5
"""standard potential [V]"""
SMALL: Final = 1e-9
"""double layer beside it, 1e-6 F/m2 [nC/(V um2)]"""
FAST, SLOW = 1e3, 1e-7
"""exchange current densities [A/m2]: the reaction follows the potential, or is far from it"""
COEFFICIENT: Final = 0.3
STRIP: Final = layers_mesh(
    'name = "electrolyte"\nthickness = "2 um"\ncells = 2\n',
)
LEFT: Final = layers_mesh(
    'name = "particle"\nthickness = "2 um"\ncells = 3\n',
    'name = "electrolyte"\nthickness = "1 um"\ncells = 2\n',
)
RIGHT: Final = layers_mesh(
    'name = "electrolyte"\nthickness = "1 um"\ncells = 2\n',
    'name = "particle"\nthickness = "2 um"\ncells = 3\n',
)
PLATE: Final = """
title = "Verification"
mesh = "mesh.toml"

[regions]
electrolyte = {{ material = "Li6PS5Cl", role = "electrolyte" }}

[cell]
temperature = "298.15 K"
counter_electrode = {{ at = "{counter}", kind = "lithium", exchange_current = "1e3 A/m^2" }}

[cell.working_electrode]
at = "{at}"
kind = "blocking"
double_layer = "{double_layer}"
initial_voltage = "{start} V"
{coating}
side_reactions.one = {reaction}

[mechanics]
enabled = false

[protocol]
steps = ["Sweep from {start} V to {end} V at 1 mV/s"]

[numerics]
{numerics}
"""
NUMERICS: Final = """\
time_tolerance = 1e-4
initial_step = "0.01 s"
maximum_step = "0.7 s"
newton_tolerance = 1e-12
"""


def reaction(word: str, exchange: float, electrons: int, reversible: bool, share: float = 0.0) -> str:
    """Return a side reaction as a case has it; word: oxidation or reduction."""
    material = {"oxidation": "Li6PS5Cl-sulfide-oxidation", "reduction": "Li6PS5Cl-reduction"}[word]
    begun = f"initial_share = {share}, " if share else ""
    return (
        f'{{ material = "{material}", thickness = "5 nm", reversible = {str(reversible).lower()}, {begun}properties = '
        f'{{ {word}_potential = "{CENTRE} V", exchange_current_density = "{exchange} A/m^2", electrons = {electrons}, '
        f'decomposition_coefficient = {COEFFICIENT}, molar_volume = "7.18e-5 m^3/mol" }} }}'
    )


@dataclass(frozen=True)
class Plate:
    """A blocking electrode on electrolyte, swept from one side of the standard potential to the other."""

    at: str
    reaction: str
    start: float
    end: float
    double_layer: str = "1e-6 F/m^2"
    coating: str = ""

    def write(self, folder: Path) -> None:
        """Write case.toml and mesh.toml."""
        counter = {"left": "right", "right": "left"}[self.at]
        text = PLATE.format(**vars(self), counter=counter, numerics=NUMERICS)
        (folder / "case.toml").write_text(text, encoding="utf-8")
        (folder / "mesh.toml").write_text(STRIP, encoding="utf-8")


def film(side: str, given: str, steps: tuple[str, ...], resistive: bool = False) -> CellCase:
    """Return a film whose lithium cannot leave; its double layer holds the voltage at the start.

    `resistive`: unlike bodies of a resistance that can be told from that of the reaction.
    """
    return CellCase(
        mesh={"left": LEFT, "right": RIGHT}[side],
        start=0.5,
        ionic="2e-4 S/m" if resistive else "1 S/m",
        reaction="1e-12 A/m^2",
        transfer=', double_layer = "1e-6 F/m^2", anodic_coefficient = 0.01, cathodic_coefficient = 0.01',
        layers=f"side_reactions.one = {given}",
        collector=f"particle@{side}",
        contact="1e-2 ohm m^2" if resistive else "1e-5 ohm m^2",
        counter={"left": "right", "right": "left"}[side],
        exchange="10 A/m^2" if resistive else "1e3 A/m^2",
        mechanics="enabled = false",
        pressure="",
        steps=steps,
        numerics=NUMERICS,
        laws=LAWS
        | {
            "potential": f"{CENTRE} - 4*(theta - 0.5)",
            "conductivity": "1e-3" if resistive else "10",
            "range": "[0.01, 0.99]",
        },
    )


@dataclass(frozen=True)
class Wave:
    """A voltammogram with one peak, what charges the double layer taken off."""

    height: float
    """[nA/um2]"""
    place: float
    """[V]"""
    width: float
    """at half of the height [V]"""
    area: float
    """charge [nC/um2]"""


def wave(case: Written) -> tuple[Wave, Simulation, Trace]:
    """Sweep, and find the peak on the spline through all steps."""
    simulation, trace = simulate(case)
    rows = [m for m in trace.moments if m.scheduled is not None][1:]
    time = np.array([m.time for m in rows])
    voltage = np.array([m.reading.voltage for m in rows])
    current = np.array([m.reading.current for m in rows])
    base = SMALL * RATE
    current = np.abs(current) - base
    spline = CubicSpline(time, current)
    tops = [t for t in spline.derivative().roots(extrapolate=False)]
    top = max(tops, key=lambda t: float(spline(t)))
    height = float(spline(top))
    halves = CubicSpline(time, current - height / 2).roots(extrapolate=False)
    before, after = max(t for t in halves if t < top), min(t for t in halves if t > top)
    at = CubicSpline(time, voltage)
    width = abs(float(at(after) - at(before)))
    return Wave(height, float(at(top)), width, float(spline.integrate(time[0], time[-1]))), simulation, trace


def reversible() -> dict[str, float]:
    """Height, place, width and area of quick waves over their closed forms: both ways, on a plate and a film."""
    found: dict[str, float] = {}
    quick: dict[str, tuple[Written, int, float]] = {
        "plate_right": (Plate("right", reaction("oxidation", FAST, 1, True), 2.2, 2.8), 1, 1.0),
        "plate_left": (Plate("left", reaction("reduction", FAST, 2, True), 2.8, 2.2), 2, -1.0),
        "film_left": (
            film("left", reaction("oxidation", FAST, 2, True), ("Sweep from 2.2 V to 2.8 V at 1 mV/s",)),
            2,
            1.0,
        ),
        "film_right": (
            film("right", reaction("reduction", FAST, 1, True), ("Sweep from 2.8 V to 2.2 V at 1 mV/s",)),
            1,
            -1.0,
        ),
    }
    for name, (case, n, sign) in quick.items():
        one, simulation, trace = wave(case)
        found[f"height_{name}"] = one.height / (n * CHARGE * RATE / (4 * THERMAL))
        found[f"place_mV_{name}"] = 1e3 * sign * (one.place - CENTRE)
        found[f"width_mV_times_n_{name}"] = 1e3 * n * one.width
        found[f"area_{name}"] = one.area / CHARGE
        found |= _balances(name, simulation, trace)
    return found


def irreversible() -> dict[str, float]:
    """Height and place of waves far from equilibrium over their closed forms, oxidation and reduction."""
    found: dict[str, float] = {}
    slow: dict[str, tuple[Written, float]] = {
        "plate_right": (Plate("right", reaction("oxidation", SLOW, 1, False), 2.8, 4.0), 1.0),
        "film_left": (
            film("left", reaction("reduction", SLOW, 1, False), ("Sweep from 2.2 V to 1 V at 1 mV/s",)),
            -1.0,
        ),
    }
    for name, (case, sign) in slow.items():
        one, _, _ = wave(case)
        pace = SLOW * 1e-3 / CHARGE
        place = THERMAL / COEFFICIENT * np.log(COEFFICIENT * RATE / (THERMAL * pace))
        found[f"height_{name}"] = one.height / (COEFFICIENT * RATE * CHARGE / (np.e * THERMAL))
        found[f"place_mV_{name}"] = 1e3 * (sign * (one.place - CENTRE) - float(place))
    return found


def _balances(name: str, simulation: Simulation, trace: Trace) -> dict[str, float]:
    # lithium: what the products hold more than before less what the metal gave; charge: terminal less counter
    last = trace.moments[-1]
    assert simulation.start is not None
    held = last.reading.lithium - simulation.start.lithium
    layers = last.reading.layer_charge - simulation.start.layer_charge
    scale = max(simulation.start.lithium, CHARGE / FARADAY)
    return {
        f"lithium_lost_{name}": abs(held - (last.metal_charge + layers) / FARADAY) / scale,
        f"charge_lost_{name}": abs(last.charge + last.metal_charge) / CHARGE,
    }


EXCHANGE: Final = 0.01
"""of the reaction whose impedance is taken [A/m2]"""
COAT: Final = 10.0
"""1 um at 1e-4 S/m [V um2/nA]"""
CAPACITANCE: Final = 1e-4
"""of the double layer beside it [nC/(V um2)]"""


def impedance() -> dict[str, float]:
    """Impedance of a reaction half of which has reacted, and its share, over the closed forms; complex distance."""
    found: dict[str, float] = {}
    for frequency in (1.0, 1e-3):
        omega = 2 * np.pi * frequency
        pace = EXCHANGE * 1e-3 / CHARGE
        # at the standard potential k_f = k_b = i0/q; dy follows from i w q dy = -+di
        alone = THERMAL / (EXCHANGE * 1e-3 / 2) * (1 + 2 * pace / FASTEST + 2 * pace / (1j * omega))
        for side in ("left", "right"):
            case: Written = film(side, reaction("oxidation", EXCHANGE, 1, True, 0.5), ("Rest for 1 s",), True)
            shares = _shares(case, frequency)
            at = next(name for name in shares if name.startswith("side reaction"))
            beside = 1 + 1j * omega * alone * SMALL
            found[f"share_off_{side}_{frequency:g}Hz"] = abs(shares[at] / alone * beside**2 - 1)
            found[f"sum_off_{side}_{frequency:g}Hz"] = abs(sum(shares.values()) / shares["Z"] - 2)
        plate = Plate(
            "right",
            reaction("reduction", EXCHANGE, 1, True, 0.5),
            CENTRE,
            CENTRE + 1,
            double_layer="0.1 F/m^2",
            coating='coating = { material = "LiNbO3", thickness = "1 um", growth = 1 }',
        )
        shares = _shares(plate, frequency)
        both = 1 / (1 / alone + 1j * omega * CAPACITANCE)
        rest = sum(shares[name] for name in shares if name.startswith(("ionic", "counter")))
        at = "side reaction one at right"
        found[f"coated_off_{frequency:g}Hz"] = abs((shares["Z"] - rest) / (both + COAT) - 1)
        found[f"coated_share_off_{frequency:g}Hz"] = abs(shares[at] * alone / both**2 - 1)
        found[f"coating_off_{frequency:g}Hz"] = abs(shares["coating at right"] / COAT - 1)
        held = both**2 * 1j * omega * CAPACITANCE
        found[f"coated_layer_off_{frequency:g}Hz"] = abs(shares["working electrode at right"] / held - 1)
        found[f"coated_sum_off_{frequency:g}Hz"] = abs(sum(shares.values()) / shares["Z"] - 2)
    return found


def _shares(case: Written, frequency: float) -> dict[str, complex]:
    """Return the shares and Z per area of the cell [V um2/nA]."""
    simulation = brought(case, ("Rest for 1 s",))
    linear = Impedance(simulation.model)
    total, shares = linear.at(frequency)
    area = simulation.model.cell_area
    linear.destroy()
    simulation.solver.destroy()
    return {name: share * area for name, share in (*shares.items(), ("Z", total))}
