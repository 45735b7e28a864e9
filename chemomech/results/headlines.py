"""The figures of a summary that a person wants to see first."""

from collections.abc import Mapping
from typing import Final

FIRST: Final = (
    "Charge capacity, last cycle",
    "Discharge capacity, last cycle",
    "Coulombic efficiency, last cycle",
    "Max principal stress in",
    "Crack risk in",
    "Energetic crack risk in",
    "Re Z at the highest frequency",
    "Re Z at the lowest frequency",
    "Max lithium balance error",
    "Max charge balance error",
    "Effective ionic conductivity [",
    "Ionic tortuosity factor [",
    "Effective electronic conductivity [",
    "Electronic tortuosity factor [",
    "Effective bulk modulus [",
    "Effective plane-strain bulk modulus [",
    "Effective shear modulus [",
    "Effective Young's modulus [",
    "Share of the ionic phase connected to no face",
    "Ionic current balance error",
    "Electronic current balance error",
    "Stress balance error",
    "Share of the electronic phase connected to no face",
)


def headlines(summary: Mapping[str, float]) -> str:
    """Return the main figures of a summary, one a line."""
    chosen = [name for name in summary if name.startswith(FIRST)]
    width = max(map(len, chosen), default=0)
    return "\n".join(f"{name:<{width}}  {summary[name]:.5g}" for name in chosen)
