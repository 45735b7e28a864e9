"""The sections of a case file that could be read, while the others still have mistakes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chemomech.case.schema import Region
from chemomech.case.wording import Location
from chemomech.errors import InputError, Problem
from chemomech.materials.material import Material, load_material


@dataclass(frozen=True)
class Sections:
    """The sections that could be read so far: `valid` holds values, `data` what was written."""

    directory: Path
    data: Mapping[str, Any]
    place: Callable[[Location], str]
    valid: dict[str, Any] = field(default_factory=dict)

    @property
    def regions(self) -> Mapping[str, Region]:
        """Return the regions that are right in themselves."""
        return self.valid.get("regions") or {}

    @property
    def region_names(self) -> tuple[str, ...]:
        """Return the names of all regions, right or wrong."""
        regions = self.data.get("regions")
        return tuple(regions) if isinstance(regions, dict) else ()

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a section as it was written."""
        written = self.data.get(name)
        return written if isinstance(written, dict) else {}

    def problem(self, location: Location, what: str, remedy: str = "") -> Problem:
        """Return a mistake at a key."""
        return Problem(self.place(location), what, remedy)

    def material(
        self, here: Location, name: str, properties: Mapping[str, str | float] | None = None
    ) -> tuple[Material | None, list[Problem]]:
        """Return the material that the table at ``here`` names, with its own properties; or what is wrong with it."""
        key = "material"
        try:
            material = load_material(name, (self.directory / "materials",))
            key = "properties"
            return material.with_properties(properties or {}), []
        except InputError as error:
            return None, [
                self.problem((*here, key), problem.what, problem.remedy) for problem in error.problems
            ]
