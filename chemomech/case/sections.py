"""The sections of a case file that could be read, while the others still have mistakes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chemomech.case.schema import Region
from chemomech.case.wording import Location
from chemomech.errors import Problem


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
