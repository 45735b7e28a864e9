"""Shares of the impedance where layers, rough contact and a salt lie in series: each against its own resistance."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import chemomech.runtime  # noqa: F401

from chemomech.analysis.impedance import OHM_CM2, Impedance
from chemomech.constants import FARADAY, GAS, VACUUM
from chemomech.verification import closed_forms
from chemomech.verification.impedance_cells import brought
from chemomech.verification.layer_forms import Lattice
from chemomech.verification.salt import PolymerCase
from chemomech.verification.written_case import FILM, CellCase, Written

FREQUENCY: Final = 1e-2
"""[Hz]; slow enough for the mesh to resolve diffusion, which else makes the current uneven along the interface"""
REVERSED: Final = (
    FILM[: FILM.index("[[layers]]")]
    + """
[[layers]]
name = "particle"
thickness = "2 um"
cells = 12
finer = "end"
growth = 1.15

[[layers]]
name = "electrolyte"
thickness = "4 um"
cells = 6
"""
)
"""the film on the left of its electrolyte"""
STILL: Final = 'properties = { growth_constant = "1e-35 m^2/s" }'
"""a layer that all but rests"""
LAYERED: Final = CellCase(
    reaction="10 A/m^2",
    transfer=', film_resistance = "2e-3 ohm m^2"',
    layers=f"""
coating = {{ material = "LiNbO3", thickness = "5 nm", growth = 0.5 }}
interdiffusion = {{ material = "NMC811-Li6PS5Cl-interdiffused", initial_thickness = "1 nm", {STILL} }}
interphase = {{ material = "NMC811-Li6PS5Cl", law = "diffusion", initial_thickness = "2 nm", {STILL} }}
contact = {{ law = "plastic", unloading_exponent = 0.5 }}
""",
    film=', film_resistance = "1e-3 ohm m^2", interphase = { material = "Li-Li6PS5Cl", law = "diffusion",'
    f' initial_thickness = "3 nm", {STILL} }}',
    pressure='[pressure]\nat = "right"\nprogram = ["300 MPa"]',
)
LATTICE: Final = Lattice(11 * VACUUM, 1e-3, 0.3, 298.15)
"""of the space-charge layer"""
OVER_LAYER: Final = {"emptied": 0.2, "filled": -0.2}
"""voltage over the layer at rest [V]"""


def shares_of(case: Written, steps: Sequence[str] = ("Rest for 1 s",)) -> dict[str, complex]:
    """Return the shares and Z per area of the cell [ohm cm2] after some steps."""
    simulation = brought(case, steps)
    linear = Impedance(simulation.model)
    impedance, shares = linear.at(FREQUENCY)
    area = simulation.model.cell_area * OHM_CM2
    linear.destroy()
    simulation.solver.destroy()
    return {name: share * area for name, share in (*shares.items(), ("Z", impedance))}


def sum_error(shares: dict[str, complex]) -> float:
    """Return how far the shares are from Z in sum."""
    total = sum(share for name, share in shares.items() if name != "Z")
    return abs(total / shares["Z"] - 1)


def layers() -> dict[str, float]:
    """Layers, rough contact and what lies on lithium, in both orders; a space-charge layer; a salt."""
    found: dict[str, float] = {}
    other = replace(LAYERED, mesh=REVERSED, collector="particle@left", counter="right")
    for side, case in (("right", LAYERED), ("left", other)):
        shares = shares_of(case)
        for name, share in shares.items():
            process, _, place = name.partition(" at ")
            if place:
                word = "lithium" if place == case.counter else "interface"
                found[f"{process.replace(' ', '_')}_{word}_{side}"] = share.real
        found[f"sum_error_{side}"] = sum_error(shares)
    for word, voltage in OVER_LAYER.items():
        found |= _charge_layer(word, voltage)
    for side in ("left", "right"):
        shares = shares_of(PolymerCase(ceramic=side, resistance=True, cells=100, growth=1.08))
        at = next(name for name in shares if name.startswith("ionic contact"))
        found[f"ionic_contact_{side}"] = shares[at].real
        found[f"migration_{side}"] = shares["ionic conduction in polymer"].real
        found[f"ceramic_{side}"] = shares["ionic conduction in ceramic"].real
        found[f"salt_sum_error_{side}"] = sum_error(shares)
    return found


def _charge_layer(word: str, voltage: float) -> dict[str, float]:
    # The current through the layer also passes the reaction: their shares are as their resistances, charging or not.
    potential = float(closed_forms.chen2020_nmc811_potential(0.9))
    law = (
        ', space_charge = { mobile_concentration = "1e3 mol/m^3", occupancy = 0.3,'
        f' zero_charge = "{potential - voltage:.16g} V" }}'
    )
    shares = shares_of(CellCase(ionic="0.002 S/m", transfer=law, mechanics="enabled = false", pressure=""))
    interface = "particle|electrolyte"
    ratio = shares[f"space-charge layer at {interface}"] / shares[f"charge transfer at {interface}"]
    exact = LATTICE.resistance(voltage, 2.0) * FARADAY * 1e-3 / (GAS * 298.15)
    return {f"charge_layer_over_exact_{word}": ratio.real / exact, f"sum_error_{word}": sum_error(shares)}
