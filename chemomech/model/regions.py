"""What the run and its reports need of a region: its numbers, and the unknowns that lie on it."""

from dataclasses import dataclass
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np

from chemomech.constants import FARADAY
from chemomech.fields import Field, State


@dataclass(frozen=True)
class ActiveRegion:
    """Numbers of an active region that the run and its reports need."""

    name: str
    maximum_concentration: float
    """[pmol/um^3]"""
    initial_stoichiometry: float
    volume: float
    """[um^3]; per um of depth in plane strain"""

    @property
    def capacity(self) -> float:
        """Charge of the full stoichiometry range 0 to 1 [nC]."""
        return FARADAY * self.maximum_concentration * self.volume


@dataclass(frozen=True)
class SaltRegion:
    """Numbers of a region with a salt that the run and its reports need."""

    name: str
    concentration: Field
    initial_concentration: float
    """[pmol/um^3]"""
    volume: float
    """[um^3]; per um of depth in plane strain"""


def fill(state: State, item: Field, region: str, value: float) -> None:
    """Set a scalar field to one value on a region (without its offset)."""
    unknown = state.unknowns[item]
    dofs = region_dofs(state, item, region)
    unknown.function.x.array[dofs] = value


def region_dofs(state: State, item: Field, region: str) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Local degrees of freedom of a scalar field on a region, ghosts included."""
    unknown = state.unknowns[item]
    tag = state.domain.regions[region]
    cells = np.flatnonzero(state.domain.cell_region[unknown.support.parent_entities] == tag)
    return np.unique(unknown.space.dofmap.list[cells].reshape(-1))
