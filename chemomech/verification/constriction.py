"""What narrowing costs: spots and strips resolved in the volume against the laws, and every place where they act."""

from dataclasses import replace
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from dolfinx import fem, mesh

from chemomech.domain import Coordinates
from chemomech.fields import CELL_VOLTAGE, IONIC_POTENTIAL
from chemomech.materials import contact_laws as laws
from chemomech.physics.conduction import Conduction
from chemomech.verification import meshes
from chemomech.verification.bench import Bench, idle, make_state, number
from chemomech.verification.electrolytes import ElectrolyteCase
from chemomech.verification.impedance_layers import REVERSED, shares_of, sum_error
from chemomech.verification.written_case import CellCase

type Array = npt.NDArray[np.float64]

# --- resolved ---

SHARES: Final = (0.01, 0.0625, 0.25)
LENGTH: Final = 2.0
"""of the body behind the face, in radii of its flux tube or wavelengths: the field is even there"""
ALONE: Final = (-1.40978, 0.34406, 0.04305, 0.02271, 0.01942)
"""of a spot in a tube: 1 + sum of these times eps, eps^3, eps^5 ...; K. J. Negus and M. M. Yovanovich (1984)"""


def resolved() -> dict[str, float]:
    """Constriction of a spot in its flux tube and of a strip, per law and by finite elements."""
    found: dict[str, float] = {}
    for share in SHARES:
        radius = float(np.sqrt(share))
        tube = _extra("axisymmetric", radius, 1.0) * share
        eps = radius ** (2 * np.arange(len(ALONE)) + 1)
        exact = np.pi * radius / 4 * (1 + float(np.dot(ALONE, eps)))
        found[f"spot_{share:g}_over_series"] = tube / exact
        found[f"spot_law_{share:g}_over_resolved"] = float(laws.RoundSpots(radius).length(share)) / tube
        strip = _extra("plane strain", 0.5 * share, 0.5) * share
        found[f"strip_law_{share:g}_over_resolved"] = float(laws.Strips(1.0).length(share)) / strip
    return found


def _extra(coordinates: Coordinates, edge: float, size: float) -> float:
    """Resistance per area of a body of unit resistivity that touches up to an edge, without what an even field has."""
    near = meshes.graded(0.0, 1.0, 22, 400.0)
    inside, outside = edge * (1.0 - near[::-1]), edge + (size - edge) * near[1:]
    domain = meshes.grid(
        coordinates,
        np.concatenate([inside, outside]),
        meshes.graded(0.0, LENGTH * size, 44, 3e4),
        {"body": LENGTH * size},
    )
    state = make_state(domain, {"body": "electrolyte"}, [IONIC_POTENTIAL, CELL_VOLTAGE], {IONIC_POTENTIAL: 2})
    space = state.unknowns[IONIC_POTENTIAL].space
    touching = mesh.locate_entities_boundary(
        domain.mesh, 1, lambda x: (np.abs(x[1]) < 1e-12) & (x[0] < edge * (1 + 1e-12))
    )
    held = fem.dirichletbc(np.float64(0.0), fem.locate_dofs_topological(space, 1, touching), space)
    flux = domain.on_boundary(-1.0 * state.test[IONIC_POTENTIAL], "top")
    conduction = Conduction(IONIC_POTENTIAL, {"body": number(domain, 1.0)})
    bench = Bench(state, [conduction], extra=[flux, idle(state)], conditions=[held])
    bench.solve()
    drop = bench.surface_mean("drop", state.value[IONIC_POTENTIAL], "top")
    bench.destroy()
    return drop - LENGTH * size


# --- in cells ---

PRESSED: Final = "unloading_exponent = 0.5, constriction = true"
SPOT: Final = 'spot_radius = "0.3 um"'
IN_CELL: Final = CellCase(
    reaction="10 A/m^2",
    transfer="",
    layers=f'contact = {{ law = "plastic", {PRESSED}, {SPOT} }}\n',
    film=f', contact = {{ material = "lithium", law = "persson", slope = 0.5, {PRESSED}, {SPOT} }}',
    cell='collector_contact = { law = "greenwood_williamson", asperity_radius = "2 um", height_spread = "4 um",'
    f" {PRESSED} }}",
    pressure='[pressure]\nat = "right"\nprogram = ["300 MPa"]',
)
HELD: Final = f'fabrication_pressure = "300 MPa", retained = 0.6, {PRESSED}'
"""nothing presses these electrolytes: what they were pressed with is held in part"""
BETWEEN: Final = ElectrolyteCase(
    interface='resistance = "4e-3 ohm m^2"\n'
    f'contact = {{ law = "westergaard", amplitude = "20 nm", wavelength = "3 um", {HELD} }}',
    electrode='kind = "lithium", exchange_current = "4 A/m^2", film_resistance = "2e-3 ohm m^2", '
    f'contact = {{ material = "lithium", law = "persson", slope = 0.5, {HELD}, {SPOT} }}',
    mechanics="true",
)


def in_cells() -> dict[str, float]:
    """Constriction at active material, collector, lithium, between electrolytes: each a process of the impedance."""
    found: dict[str, float] = {}
    other = replace(IN_CELL, mesh=REVERSED, collector="particle@left", counter="right")
    other = replace(other, pressure=other.pressure.replace("right", "left"))
    for side, case in (("right", IN_CELL), ("left", other)):
        collector = case.collector.partition("@")[2]
        words = {"particle|electrolyte": "interface", collector: "collector", case.counter: "lithium"}
        shares = shares_of(case)
        found |= _at(shares, words, side)
        found[f"sum_error_{side}"] = sum_error(shares)
    found["sum_error_charging"] = sum_error(shares_of(IN_CELL, ("Charge at 1C for 20 s",)))
    for side, order, right in (("right", ("thin", "thick"), True), ("left", ("thick", "thin"), False)):
        shares = shares_of(replace(BETWEEN, order=order, working_right=right))
        words = {"thin|thick": "electrolytes", side: "working"}
        found |= _at(shares, words, side)
        found[f"sum_error_electrolytes_{side}"] = sum_error(shares)
    found["sum_error_electrolytes_charging"] = sum_error(shares_of(BETWEEN, ("Charge at 3 mA/cm2 for 1 s",)))
    return found


def _at(shares: dict[str, complex], words: dict[str, str], side: str) -> dict[str, float]:
    return {
        f"{process.replace(' ', '_')}_{words[place]}_{side}": share.real
        for name, share in shares.items()
        for process, _, place in [name.partition(" at ")]
        if place in words
    }
