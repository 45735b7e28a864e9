"""B2: one linear system at a time; its numbers, and the figures against scikit-fem with pyamg.

elastic: the cube of B1 with its sphere, both elastic, clamped below and pressed above;
potential: a conductor in which the sphere conducts CONTRAST times better than the cube, held below, current j above.
P1 on tetrahedra.  Conjugate gradients until the residual has fallen by TOLERANCE, with one multigrid cycle each: the
project's of its runs, and the faster of what pyamg offers.
"""

from typing import Any, Final

from benchmarks.sphere import CUBE, SPHERE

KINDS: Final = ("elastic", "potential")
CONDUCTIVITY: Final = {SPHERE: 1.0, CUBE: 1e-3}
"""[nA/(V um)]"""
CURRENT: Final = 2e-3
"""into the top [nA/um^2]"""
TOLERANCE: Final = 1e-9
"""of the residual: integrals of both sides then agree within 1e-6 whatever the norm is weighted by"""
TURNS: Final = ((0, 1), (1, 2), (2, 0))


def motions(points: Any) -> Any:
    """Return translations and rotations of points (n, 3) as columns of an array (3 n, 6)."""
    import numpy as np

    modes = np.zeros((len(points), 3, 6))
    modes[:, range(3), range(3)] = 1.0
    x = points - points.mean(axis=0)
    for k, (a, b) in enumerate(TURNS, 3):
        modes[:, a, k], modes[:, b, k] = -x[:, b], x[:, a]
    return modes.reshape(-1, 6)
