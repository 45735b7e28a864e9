"""Titration pulses on a plane and a sphere of known diffusivity, evaluated by both formulas."""

from typing import Final

from chemomech.analysis.gitt import Shape, pulses
from chemomech.verification.written_case import BALL, LAWS, CellCase, layers_mesh, simulate

DIFFUSIVITY: Final = 4e-3
"""4e-15 m2/s [um2/s]"""
SIZES: Final = {"plane": 2.0, "sphere": 5.0}
"""thickness and radius [um]"""
PLANE: Final = layers_mesh(
    'name = "electrolyte"\nthickness = "4 um"\ncells = 2\n',
    'name = "particle"\nthickness = "2 um"\ncells = 24\nfiner = "start"\ngrowth = 1.3\n',
)
REACHES: Final = {"short": 0.01, "long": 0.3}
"""D tau over the square of the size"""


def known_diffusivity() -> dict[str, float]:
    """Diffusivity over the known one: exact profile, short-time formula, and the latter over its own closed form."""
    found: dict[str, float] = {}
    for shape, length in (("plane", SIZES["plane"]), ("sphere", SIZES["sphere"] / 3)):
        kind: Shape = "plane" if shape == "plane" else "sphere"
        for word, reach in REACHES.items():
            tau = reach * SIZES[shape] ** 2 / DIFFUSIVITY
            rest = 4 * SIZES[shape] ** 2 / DIFFUSIVITY
            case = CellCase(
                mesh={"plane": PLANE, "sphere": BALL}[shape],
                start=0.5,
                ionic="1e3 S/m",
                reaction="1 A/m^2",
                transfer="",
                collector={"plane": "particle@right", "sphere": "particle|electrolyte"}[shape],
                counter={"plane": "left", "sphere": "outer"}[shape],
                contact="1e-5 ohm m^2",
                exchange="1e3 A/m^2",
                mechanics="enabled = false",
                pressure="",
                steps=(f"Repeat 1 time: Charge at C/10 for {tau} s; Rest for {rest} s",),
                numerics='time_tolerance = 1e-5\ninitial_step = "1e-3 s"',
                laws=LAWS | {"potential": "4.2 - 0.8*theta", "conductivity": "1e4", "diffusivity": "4e-15"},
            )
            simulation, trace = simulate(case)
            (one,) = pulses(trace.time, trace.column("voltage"), trace.column("current"))
            name = f"{shape}_{word}"
            short = one.weppner_huggins(length) / DIFFUSIVITY
            found[f"exact_{name}"] = one.diffusivity(length, kind) / DIFFUSIVITY
            found[f"short_time_{name}"] = short
            place = simulation.model.surfaces["particle"]
            found[f"length_{name}"] = place["volume"] / place["surface"] / length
    return found
