"""The case file as frozen values: every key, its unit and its meaning.

A quantity is written with its unit ("1 A/m^2") and held in um, s, nA, V, pmol, K (hence nC, nJ, GPa).
The descriptions here and in the modules of the tables are the reference: docs/case.md and docs/case.schema.json follow
them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from chemomech.case.schema_cell import (
    Cell,
    Collector,
    CounterElectrode,
    Mechanics,
    Pressure,
    Protocol,
    WorkingElectrode,
    split_collector,
)
from chemomech.case.schema_interfaces import (
    EXAMPLES,
    LAW_KEYS,
    Additive,
    ChargeTransfer,
    Coating,
    Cohesive,
    Contact,
    ElectrodeContact,
    Interdiffusion,
    Interface,
    InterfaceContact,
    Interphase,
    LayerLaw,
    SideReaction,
)
from chemomech.case.schema_regions import Initial, Mesh, Region, Role, Salt, SpaceCharge
from chemomech.case.schema_solution import (
    EFFECTIVE_QUANTITIES,
    FIELD_NAMES,
    Effective,
    EffectiveQuantity,
    FieldName,
    Numerics,
    Output,
    Risk,
)
from chemomech.case.values import Block, CurrentDensity, Fraction, Properties, Quantity, Words, mistake

__all__ = [
    "Additive",
    "Case",
    "CaseFile",
    "Cell",
    "ChargeTransfer",
    "Coating",
    "Cohesive",
    "Collector",
    "Contact",
    "ElectrodeContact",
    "CounterElectrode",
    "CurrentDensity",
    "EFFECTIVE_QUANTITIES",
    "EXAMPLES",
    "Effective",
    "EffectiveQuantity",
    "FIELD_NAMES",
    "FieldName",
    "Fraction",
    "Initial",
    "Interdiffusion",
    "Interface",
    "InterfaceContact",
    "Interphase",
    "LAW_KEYS",
    "LayerLaw",
    "Mechanics",
    "Mesh",
    "Numerics",
    "Output",
    "Properties",
    "Pressure",
    "Protocol",
    "Quantity",
    "Region",
    "Risk",
    "Role",
    "Salt",
    "SideReaction",
    "SpaceCharge",
    "Words",
    "WorkingElectrode",
    "mistake",
    "split_collector",
]


class CaseFile(Block):
    """All keys of case.toml."""

    title: Annotated[str, Field(min_length=1)]
    """One line that says what the case is."""
    mesh: Mesh
    """Mesh recipe (.toml) or mesh file (.msh, .vtu, ...), relative to case.toml; or a table with changes to it."""
    regions: Annotated[Mapping[str, Region], Field(min_length=1)]
    """One table per region of the mesh; the names are the mesh's physical groups. "piece_*" stands for all regions
    whose names match."""
    interfaces: Mapping[str, Interface] = Field(default_factory=dict)
    """One table per pair of touching regions, named "a|b"; the order does not matter. "piece_*|piece_*" stands for all
    pairs of different regions that match and are not named by themselves."""
    cell: Cell = Field(default=None)  # type: ignore[assignment]  # None beside [effective] alone, which never reads it
    """The electrical surroundings; required unless there is [effective]."""
    mechanics: Mechanics = Mechanics()
    """Stress and strain."""
    pressure: Pressure | None = None
    """Stack pressure; without it none."""
    protocol: Protocol = Field(default=None)  # type: ignore[assignment]  # None as is `cell`
    """What is done to the cell; required unless there is [effective]."""
    effective: Effective | None = None
    """Effective properties, in place of [cell] and [protocol]."""
    numerics: Numerics = Numerics()
    """How it is solved."""
    risk: Risk = Risk()
    """Crack risk."""
    output: Output = Output()
    """What is written."""


class Case(CaseFile):
    """A case that was read and checked; numbers in internal units."""

    directory: Path
    """Folder of case.toml."""
    written: Mapping[str, Any]
    """The keys as they were written, overrides included."""
    origins: Mapping[tuple[str | int, ...], str]
    """Where each written key stands: "case.toml:9" or "--set protocol.cycles=3"."""

    @property
    def mesh_path(self) -> Path:
        """Return the mesh recipe or mesh file."""
        return (self.directory / self.mesh.recipe).resolve()

    @property
    def material_directories(self) -> tuple[Path, ...]:
        """Return where materials are looked for before the library."""
        return (self.directory / "materials",)

    patterns: Mapping[str, str] = Field(default_factory=dict)
    """Interfaces that a name with a star stood for, and that name; such two regions need not touch."""

    def pattern(self, one: str, other: str) -> str | None:
        """Return the name with a star by which the interface of two regions is meant; None where it has its own."""
        return self.patterns.get(f"{one}|{other}", self.patterns.get(f"{other}|{one}"))

    def interface(self, one: str, other: str) -> Interface:
        """Return the interface between two regions in either order; a plain one where the case names none."""
        for key, value in self.interfaces.items():
            if {part.strip() for part in key.split("|")} == {one, other}:
                return value
        return Interface()
