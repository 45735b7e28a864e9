"""How densely particles can be packed; apart from the packing itself, which is slow to import."""

RANDOM_CLOSE = {2: 0.82, 3: 0.62}
"""Fraction of random close packing of hard discs and spheres (Torquato and Stillinger, Rev. Mod. Phys. 82,
2633 (2010): about 0.84 and 0.64), rounded down."""


def reachable_fraction(d: int, radius: float, clear: float) -> float:
    """Return the fraction that random close packing leaves to particles that keep `clear` between them."""
    return RANDOM_CLOSE[d] * (radius / (radius + clear / 2)) ** d
