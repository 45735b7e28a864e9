"""Physical constants in the internal unit set um, s, nA, V, pmol, K (hence nC, nJ, GPa).

Source: CODATA 2018 (exact in the 2019 SI).
"""

from typing import Final

FARADAY: Final = 96.48533212331002
"""Faraday constant [nC/pmol]."""

GAS: Final = 8.31446261815324e-3
"""Molar gas constant [nJ/(pmol K)]."""

VACUUM: Final = 8.8541878128e-9
"""Permittivity of vacuum [nC/(V um)]."""

AVOGADRO: Final = 6.02214076e11
"""Particles per amount [1/pmol]."""

KMOL_PER_M3: Final = 1e3
"""1 pmol/um^3 in kmol/m^3, in which laws of a salt are written."""
