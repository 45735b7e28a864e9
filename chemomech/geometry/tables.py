"""The tables that recipes are made of, with what can be wrong inside each; lengths are held in um."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chemomech.case.units import to_internal
from chemomech.case.wording import Location

Coordinates = Literal["plane strain", "axisymmetric", "3D"]
Mistake = tuple[Location, str, str]
"""Keys that lead to the value, what is wrong with it, the remedy."""


def _length(value: object) -> float:
    """Return a length in um; a bare number is refused because its unit would be a guess."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit, write a length such as '5 um'")
    length = to_internal(value, "length")
    if not length > 0.0:
        raise ValueError(f"must be greater than zero, not {length:g} um")
    return length


Length = Annotated[float, BeforeValidator(_length)]


class Frozen(BaseModel):
    """A table of a recipe: no unknown keys, no change after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MeshSize(Frozen):
    """Edge length of the cells."""

    interface: Length
    """Size of the cells at interfaces between regions."""
    bulk: Length
    """Size of the cells far from interfaces."""
    transition: Length | None = None
    """Distance from an interface over which the cells grow; without it four times the difference in size."""
    per_turn: Annotated[int, Field(ge=0, le=200)] = 24
    """Fewest cells along a full circle: curved interfaces are refined to this."""

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is contradictory."""
        if self.interface > self.bulk:
            what = (
                f"cells at the interface ({self.interface:g} um) exceed those in the bulk ({self.bulk:g} um)"
            )
            yield ("mesh_size", "interface"), what, "interfaces need the finer cells: swap the two"

    def too_coarse_for(self, coating: float | None) -> Iterator[Mistake]:
        """Yield a coating that is thinner than half a cell."""
        if coating is not None and self.interface > 2.0 * coating:
            what = f"cells of {self.interface:g} um cannot resolve a coating of {coating:g} um"
            yield ("mesh_size", "interface"), what, f"take at most {2 * coating:g} um"


def name_mistakes(keys: Location, name: str) -> Iterator[Mistake]:
    """Yield what is wrong with the name of a region; '|' and '@' join names elsewhere."""
    if not re.fullmatch(r"[A-Za-z][\w ./+-]*", name):
        yield keys, f"{name!r} cannot name a region", "use letters, digits, '_', '-'; begin with a letter"


class Names(Frozen):
    """What the regions are called in the mesh, and so in the case."""

    particle: str = "particle"
    """Name of the active material."""
    electrolyte: str = "electrolyte"
    """Name of the electrolyte around the particles."""
    separator: str = "separator"
    """Name of the electrolyte beside the electrode; may be the electrolyte's."""
    coating: str = "coating"
    """Name of the layer around each particle."""

    def mistakes(self, used: Iterable[str]) -> Iterator[Mistake]:
        """Yield names that cannot be, and names given twice, among the keys that a recipe uses."""
        given = {key: getattr(self, key) for key in used}
        if self.separator == self.electrolyte:
            given.pop("separator", None)
        for key, name in given.items():
            yield from name_mistakes(("names", key), name)
            if list(given.values()).count(name) > 1:
                yield ("names", key), f"the name {name!r} is given to two regions", "choose another"


class Radii(Frozen):
    """Sizes of the particles: either log-normal about a median, or a list taken in turn."""

    median: Length | None = None
    """Median radius."""
    spread: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Standard deviation of the logarithm of the radius."""
    smallest: Length | None = None
    """Smaller radii are drawn again."""
    largest: Length | None = None
    """Larger radii are drawn again."""
    values: Annotated[tuple[Length, ...], Field(min_length=1)] | None = None
    """Radii that are taken in turn, instead of a distribution."""

    def mistakes(self) -> Iterator[Mistake]:
        """Yield a choice that is not one of the two."""
        drawn = (self.median, self.spread, self.smallest, self.largest)
        if self.values is not None and any(value is not None for value in drawn):
            yield ("radii",), "both a list of values and a distribution are given", "keep one of them"
        if self.values is None and None in drawn:
            what = "the distribution needs median, spread, smallest and largest"
            yield ("radii",), what, "or give values = [...], a list of radii"
        if (
            self.median
            and self.smallest
            and self.largest
            and not self.smallest <= self.median <= self.largest
        ):
            yield ("radii", "median"), "the median is not between the smallest and the largest radius", ""

    def typical(self) -> float:
        """Return a representative radius [um]."""
        return sum(self.values) / len(self.values) if self.values else float(self.median or 0.0)

    def greatest(self) -> float:
        """Return the largest radius that can occur [um]."""
        return max(self.values) if self.values else float(self.largest or 0.0)


MOST_ROWS: Final = 200
"""Most rows of flat cells on one side of an interface."""


class Rows(Frozen):
    """Rows of flat cells along the interfaces of a region."""

    first: Length
    """Thickness of the row at the interface."""
    growth: Annotated[float, Field(ge=1.0, le=2.0)]
    """Ratio of neighbouring rows."""
    thickness: Length
    """Thickness of all rows together."""

    @property
    def count(self) -> int:
        """Number of rows: the fewest that need no thicker first one."""
        parts, sizes = self.thickness / self.first, self.growth - 1.0
        exact = parts if sizes < 1e-9 else math.log1p(parts * sizes) / math.log(self.growth)
        return max(1, math.ceil(exact - 1e-9))

    def heights(self) -> tuple[float, ...]:
        """Return the distance of each row's far side from the interface [um]."""
        sizes = [self.growth**number for number in range(self.count)]
        total = sum(sizes)
        return tuple(self.thickness * sum(sizes[: number + 1]) / total for number in range(self.count))

    def mistakes(self, keys: Location) -> Iterator[Mistake]:
        """Yield rows that are none or too many."""
        if self.first > self.thickness:
            what = f"the first row ({self.first:g} um) is thicker than all together ({self.thickness:g} um)"
            yield (*keys, "first"), what, "swap the two"
        elif self.count > MOST_ROWS:
            what = f"these are {self.count} rows, at most {MOST_ROWS} are made"
            yield (*keys, "growth"), what, "let them grow faster, or take a thicker first row"


class GrainSizes(Frozen):
    """Electrolyte of pressed grains in place of a dense one."""

    radius: Length
    """Median radius of the grains."""
    spread: Annotated[float, Field(ge=0.0, le=0.3)]
    """Standard deviation of the logarithm of their radius; none: they order into rows."""
    overlap: Annotated[float, Field(gt=0.0, lt=0.4)]
    """Part of the radius by which neighbours are pressed into each other."""
    rounding: Annotated[float, Field(ge=0.05, le=0.5)]
    """Radius of the fillet at the necks, in parts of the median radius; gaps too narrow for it are filled."""


MOST_GROUPS: Final = 8
"""Most groups that pieces can be in: each is a region with a displacement of its own."""


class Pieces(Frozen):
    """The electrolyte in pieces that a case may let part: cells of a size, or what lies between planes."""

    size: Length | None = None
    """Distance of the middles of the cells that it is cut into."""
    disorder: Annotated[float, Field(ge=0.0, le=0.5)] | None = None
    """How far each middle is moved at random, in parts of the size; 0: hexagons."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """Number that the random displacements start from."""
    planes: dict[Literal["x", "y"], tuple[Length, ...]] | None = None
    """Instead of cells: positions along x and y of the planes that it is cut along."""
    groups: Annotated[int, Field(ge=2, le=MOST_GROUPS)]
    """Number of regions that the pieces are shared out to, so that no two of a region touch."""

    def mistakes(
        self, dimension: int, periodic: bool, low: tuple[float, ...], high: tuple[float, ...]
    ) -> Iterator[Mistake]:
        """Yield what is missing or contradictory in a box between two corners."""
        if dimension != 2:
            yield ("pieces",), "pieces are cut in plane strain only", "remove [pieces]"
            return
        if periodic:
            yield ("sides",), "cells end at walls, they are not periodic", 'write sides = "walled"'
        cells = {"size": '"2 um"', "disorder": "0.2", "seed": "1"}
        for key, example in cells.items():
            if self.planes is None and getattr(self, key) is None:
                yield ("pieces",), f"cells need '{key}'", f"add {key} = {example}, or give planes"
            if self.planes is not None and getattr(self, key) is not None:
                yield ("pieces", key), "planes need no cells", f"remove '{key}', or 'planes'"
        box = [end - start for start, end in zip(low, high, strict=True)]
        if self.size is not None and self.size > min(box):
            what = f"cells of {self.size:g} um do not cut a box of {box[0]:g} x {box[1]:g} um"
            yield ("pieces", "size"), what, f"stay below {min(box):.3g} um"
        for name, places in (self.planes or {}).items():
            start, end = low["xy".index(name)], high["xy".index(name)]
            if len(set(places)) < len(places):
                yield ("pieces", "planes", name), "the same plane is given twice", "remove one"
            for place in places:
                if not start < place < end:
                    what = f"a plane at {name} = {place:g} um does not cut what lies from {start:g} to {end:g} um"
                    yield ("pieces", "planes", name), what, "move it"

    def regions(self, name: str) -> tuple[str, ...]:
        """Return the names of the regions that a region of this name becomes."""
        return tuple(f"{name}_{number}" for number in range(1, self.groups + 1))


class Layer(Frozen):
    """One layer of a film electrode."""

    name: str
    """Region that the layer belongs to."""
    thickness: Length
    """Size along the stack."""
    cells: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Cells across the layer of a structured mesh."""
    finer: Literal["none", "start", "end", "both"] = "none"
    """Toward which face of the layer the cells of a structured mesh become finer."""
    growth: Annotated[float, Field(ge=1.0, le=2.0)] = 1.15
    """Ratio of neighbouring cells where they become finer."""
