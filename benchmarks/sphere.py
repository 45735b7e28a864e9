"""B1: a sphere that takes up lithium in an elastic cube; numbers, mesh, and how each side reports.

c, w on the sphere, u everywhere:  dc/dt + div J = 0,  J = (D F/(R T)) c grad w,  w = U(theta) + Omega tr(sigma)/(3 F),
div sigma = 0; flux j into the sphere, the cube clamped below and pressed above.  Lengths um, s, pmol, V, GPa.
All integrands are polynomials of degree 3 at most, so that codes with unlike quadrature still solve the same system.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

FARADAY, GAS, TEMPERATURE = 96.48533212, 8.31446261815324e-3, 300.0
SPHERE, CUBE = "particle", "electrolyte"
MAXIMUM = 0.05
START = 0.02
DIFFUSIVITY = 0.05
FLUX = 0.005
PRESSURE = 0.05
SWELLING = 0.15
MODULI = {SPHERE: (100.0, 0.3), CUBE: (25.0, 0.33)}
STEP = 0.05
QUADRATURE = 3
SIZES = {"m1k": 0.5, "m20k": 0.191, "m60k": 0.13, "m150k": 0.096}
"""edge length [um] by name; the names tell about how many tetrahedra"""


def potential(theta: Any) -> Any:
    """U(theta) [V]."""
    return 4.0 - 0.6 * theta - 0.4 * theta**2


def lame(region: str) -> tuple[float, float]:
    """First Lame parameter and shear modulus [GPa]."""
    youngs, nu = MODULI[region]
    return youngs * nu / ((1 + nu) * (1 - 2 * nu)), youngs / (2 * (1 + nu))


def mobility() -> float:
    """D F/(R T) [um^2/(V s)]."""
    return DIFFUSIVITY * FARADAY / (GAS * TEMPERATURE)


class Report:
    """What one side says on its standard output: one line of JSON."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Charge the CPU time of the block to a part of the work."""
        began = _cpu()
        yield
        self.spent[name] = self.spent.get(name, 0.0) + _cpu() - began

    def say(self, quantities: Mapping[str, float], **more: Any) -> None:
        """Print the quantities that show which problem was solved, and what it took."""
        line = {"quantities": dict(quantities), "spent": self.spent, **more}
        print(json.dumps(line), flush=True)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def arguments() -> tuple[str, str, int]:
    """Return mesh file, strategy and number of steps from the command line."""
    return sys.argv[1], sys.argv[2], int(sys.argv[3])
