"""The recipe of a mesh: what a file `meshes/<name>.toml` may say, and everything that is wrong with it.

Lengths are written with a unit and are held in um. Nothing here needs gmsh, so that checking a case stays quick.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from chemomech.case.positions import key_lines
from chemomech.case.units import to_internal
from chemomech.case.wording import Location, nearest, reworded
from chemomech.errors import InputError, Problem
from chemomech.geometry.packing import reachable_fraction

Coordinates = Literal["plane strain", "axisymmetric", "3D"]
Mistake = tuple[Location, str, str]
"""Keys that lead to the value, what is wrong with it, the remedy."""

SIDES: dict[str, tuple[tuple[str, int, bool], ...]] = {
    "plane strain": (("left", 0, False), ("right", 0, True), ("bottom", 1, False), ("top", 1, True)),
    "axisymmetric": (("axis", 0, False), ("outer", 0, True), ("bottom", 1, False), ("top", 1, True)),
    "3D": (
        ("left", 0, False), ("right", 0, True), ("bottom", 1, False), ("top", 1, True),
        ("front", 2, False), ("back", 2, True),
    ),
}  # fmt: skip
"""Boundary name, the axis it is normal to, and whether it lies at the far end, for each kind of coordinates."""


def stack_ends(coordinates: str) -> tuple[str, str]:
    """Return the boundaries at the counter electrode's and at the working electrode's end of the stack."""
    return ("bottom", "top") if coordinates == "axisymmetric" else ("left", "right")


def _length(value: object) -> float:
    """Return a length in um; a bare number is refused because its unit would be a guess."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit, write a length such as '5 um'")
    return to_internal(value, "length")


def _positive(value: float) -> float:
    if not value > 0.0:
        raise ValueError(f"must be greater than zero, not {value:g} um")
    return value


Length = Annotated[float, BeforeValidator(lambda value: _positive(_length(value)))]


class Frozen(BaseModel):
    """A table of a recipe: no unknown keys, no change after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MeshSize(Frozen):
    """Edge length of the cells [um]: at the interfaces between regions, far from them, and how far the change reaches."""

    interface: Length
    bulk: Length
    transition: Length | None = None
    per_turn: Annotated[int, Field(ge=0, le=200)] = 24
    """Fewest cells along a full circle; coarser choices are refined on curved interfaces."""

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is contradictory."""
        if self.interface > self.bulk:
            what = f"the size at the interface ({self.interface:g} um) is larger than in the bulk ({self.bulk:g} um)"
            yield ("mesh_size", "interface"), what, "interfaces need the finer cells: swap the two"


class Names(Frozen):
    """What the regions are called in the mesh, and so in the case."""

    particle: str = "particle"
    electrolyte: str = "electrolyte"
    separator: str = "separator"
    coating: str = "coating"

    def mistakes(self) -> Iterator[Mistake]:
        """Yield empty names and names given twice (the separator alone may share the electrolyte's)."""
        given = {"particle": self.particle, "electrolyte": self.electrolyte, "coating": self.coating}
        if self.separator != self.electrolyte:
            given["separator"] = self.separator
        for key, name in given.items():
            if not re.fullmatch(r"[A-Za-z][\w ./+-]*", name) or "|" in name or "@" in name:
                yield (
                    ("names", key),
                    f"{name!r} cannot name a region",
                    "begin with a letter; no '|' and no '@'",
                )
            if list(given.values()).count(name) > 1:
                yield ("names", key), f"the name {name!r} is given to two regions", "choose another"


class Recipe(Frozen):
    """What every recipe says."""

    kind: str
    coordinates: Coordinates
    title: str = ""
    name: str = Field(default="mesh", exclude=True)
    names: Names = Names()

    @property
    def dimension(self) -> int:
        """Number of space dimensions."""
        return 3 if self.coordinates == "3D" else 2

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions of the mesh; empty where only the mesh itself would tell."""
        return ()

    @property
    def boundaries(self) -> tuple[str, ...]:
        """Boundaries of the mesh; empty where only the mesh itself would tell."""
        return tuple(name for name, _, _ in SIDES[self.coordinates])

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong between values that are right one by one."""
        yield from self.names.mistakes()


class Particle(Recipe):
    """One particle in solid electrolyte: a disc, a sphere (axisymmetric) or a sphere in 3D."""

    kind: Literal["particle"]
    radius: Length
    box: tuple[Length, ...]
    """Sizes along x, y (and z); axisymmetric: radius and height of the cylinder [um]."""
    cut: tuple[str, ...] = ()
    """Boundaries on which the particle's centre lies: planes of symmetry, or the collector."""
    coating: Length | None = None
    mesh_size: MeshSize

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions, innermost first."""
        names = self.names
        return names.particle, *((names.coating,) if self.coating else ()), names.electrolyte

    def extent(self) -> tuple[tuple[float, float], ...]:
        """Return, along each axis, the distance from the centre to the lower and the upper boundary [um]."""
        spans = [(size / 2, size / 2) for size in self.box]
        if self.coordinates == "axisymmetric":
            spans[0] = (0.0, self.box[0])
        for name, axis, far in SIDES[self.coordinates]:
            if name in self.cut:
                spans[axis] = (self.box[axis], 0.0) if far else (0.0, self.box[axis])
        return tuple(spans)

    def mistakes(self) -> Iterator[Mistake]:
        """Yield a wrong box, a particle that does not fit, and planes that cannot be."""
        yield from super().mistakes()
        yield from self.mesh_size.mistakes()
        yield from _thin_coating(self.coating, self.mesh_size)
        sides = {name: axis for name, axis, _ in SIDES[self.coordinates] if name not in ("axis", "outer")}
        for name in self.cut:
            if name not in sides:
                yield ("cut",), f"no boundary {name!r} to cut the particle", f"take from {', '.join(sides)}"
            elif sum(sides.get(other) == sides[name] for other in self.cut) > 1:
                yield ("cut",), "two cuts across the same axis", "the centre can lie on one of them only"
        if len(self.box) != self.dimension:
            what = f"{len(self.box)} sizes given, {self.coordinates} needs {self.dimension}"
            yield ("box",), what, 'for example box = ["8 um", "16 um"]'
            return
        outer = self.radius + (self.coating or 0.0)
        for axis, (low, high) in enumerate(self.extent()):
            room = min(span for span in (low, high) if span > 0.0)
            if outer >= room:
                what = f"the particle reaches {outer:g} um from its centre, the box ends at {room:g} um along {'xyz'[axis]}"
                yield ("box",), what, "enlarge the box or reduce the radius"


class Radii(Frozen):
    """Sizes of the particles: either log-normal about a median, or a list taken in turn."""

    median: Length | None = None
    spread: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Standard deviation of the logarithm of the radius."""
    smallest: Length | None = None
    largest: Length | None = None
    values: Annotated[tuple[Length, ...], Field(min_length=1)] | None = None

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


class Composite(Recipe):
    """A separator and, stacked on it along x, an electrode of particles packed in solid electrolyte."""

    kind: Literal["composite"]
    coordinates: Literal["plane strain", "3D"]
    separator: Length
    electrode: Length
    width: Length
    depth: Length | None = None
    sides: Literal["periodic", "walled"]
    fraction: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Part of the electrode's volume (area in 2D) that is particle."""
    radii: Radii
    gap: Length
    """Least distance between surfaces that do not touch (particles, coatings, walls) [um]."""
    neck: Length | None = None
    """Overlap of particles that touch [um]; when given, the particles form one branched network without loops."""
    collector_contact: Annotated[float, Field(gt=0.0, lt=0.6)] | None = None
    """Part of its radius by which the collector flattens a particle; without it no particle touches the collector."""
    coating: Length | None = None
    seed: Annotated[int, Field(ge=0)]
    mesh_size: MeshSize

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions, innermost first; the separator may be one with the electrolyte."""
        names = self.names
        found = (
            names.particle,
            *((names.coating,) if self.coating else ()),
            names.separator,
            names.electrolyte,
        )
        return tuple(dict.fromkeys(found))

    def box(self) -> tuple[float, ...]:
        """Return the sizes of the electrode along x, y (and z) [um]."""
        return (
            (self.electrode, self.width) if self.depth is None else (self.electrode, self.width, self.depth)
        )

    def mistakes(self) -> Iterator[Mistake]:
        """Yield particles that do not fit, fractions out of reach, and gaps and necks that cannot be."""
        yield from super().mistakes()
        yield from self.mesh_size.mistakes()
        yield from self.radii.mistakes()
        yield from _thin_coating(self.coating, self.mesh_size)
        if (self.depth is None) != (self.dimension == 2):
            need = "takes no depth" if self.dimension == 2 else "needs a depth"
            yield ("depth",), f"{self.coordinates} {need}", "the depth is the size along z of a 3D box"
            return
        shell, typical, greatest = self.coating or 0.0, self.radii.typical(), self.radii.greatest()
        if not typical:
            return
        if self.neck is not None and self.neck >= 0.5 * typical:
            what = f"particles of radius {typical:g} um cannot overlap by {self.neck:g} um"
            yield ("neck",), what, f"stay below {0.5 * typical:.3g} um"
        for size, key in zip(self.box(), ("electrode", "width", "depth"), strict=False):
            walls = 1 if key != "electrode" and self.sides == "periodic" else 2
            need = 2 * (greatest + shell) + walls * self.gap
            if need >= size:
                what = f"a particle of radius {greatest:g} um needs {need:.4g} um, the {key} has {size:g} um"
                yield (key,), what, f"enlarge the {key} or reduce the radii"
                return
        limit = reachable_fraction(self.dimension, typical, self.gap + 2 * shell)
        if self.fraction > limit:
            what = (
                f"a fraction of {self.fraction:g} cannot be packed with this gap; at most about {limit:.2f}"
            )
            yield ("fraction",), what, "lower the fraction, or reduce gap and coating"


class Layer(Frozen):
    """One layer of a film electrode."""

    name: str
    thickness: Length
    cells: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Cells across the layer (structured meshes)."""
    finer: Literal["none", "start", "end", "both"] = "none"
    """Toward which face of the layer the cells of a structured mesh become finer."""
    growth: Annotated[float, Field(ge=1.0, le=2.0)] = 1.15
    """Ratio of neighbouring cells where they become finer."""


class Layered(Recipe):
    """Layers stacked along x (along y when axisymmetric)."""

    kind: Literal["layered"]
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)]
    width: Length
    """Size across the stack: along y, or the radius when axisymmetric [um]."""
    depth: Length | None = None
    structured: bool
    cells_across: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Cells across the width (and depth) of a structured mesh."""
    mesh_size: MeshSize | None = None

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions along the stack; layers of one name are one region."""
        return tuple(dict.fromkeys(layer.name for layer in self.layers))

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what the chosen way of meshing lacks."""
        yield from super().mistakes()
        if (self.depth is None) != (self.dimension == 2):
            need = "takes no depth" if self.dimension == 2 else "needs a depth"
            yield ("depth",), f"{self.coordinates} {need}", "the depth is the size along z of a 3D box"
        if self.structured:
            if self.mesh_size is not None:
                yield ("mesh_size",), "a structured mesh counts its cells instead", "remove [mesh_size]"
            if self.cells_across is None:
                yield (
                    ("cells_across",),
                    "missing: a structured mesh needs it",
                    "for example cells_across = 10",
                )
            for index, layer in enumerate(self.layers):
                if layer.cells is None:
                    what = f"layer {layer.name!r} does not say its number of cells"
                    yield ("layers", index), what, "add cells = 20"
        elif self.mesh_size is None:
            yield ("mesh_size",), "missing: an unstructured mesh needs its cell sizes", "add [mesh_size]"
        else:
            yield from self.mesh_size.mistakes()


class External(Recipe):
    """A mesh made elsewhere, in any format that meshio reads."""

    kind: Literal["external"]
    file: str
    unit: Length
    """What one unit of length in the file is, such as "1 um" [um]."""
    cell_data: str | None = None
    """Name of an integer cell array that tells the regions apart, where the file has no named groups."""
    groups: dict[str, str | int] = {}
    """Region name -> name of the group (or number) in the file; empty: all named groups of cells."""
    sides: dict[str, str] = {}
    """Boundary name -> name of the group in the file; empty: all named groups of facets, or the sides of the bounding box."""
    directory: Path = Field(default=Path(), exclude=True)

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions as far as the recipe names them."""
        return tuple(self.groups)

    @property
    def boundaries(self) -> tuple[str, ...]:
        """Boundaries as far as the recipe names them."""
        return tuple(self.sides)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.directory / self.file

    def mistakes(self) -> Iterator[Mistake]:
        """Yield a file that is not there and numbers without an array to look them up in."""
        if not self.path.is_file():
            yield ("file",), f"no file {self.file!r}", "the path is taken from the folder of the recipe"
        if self.cell_data is not None and not self.groups:
            yield (
                ("groups",),
                f"the numbers of {self.cell_data!r} have no names",
                "add groups = {particle = 1}",
            )


KINDS: dict[str, type[Recipe]] = {
    "particle": Particle, "composite": Composite, "layered": Layered, "external": External,
}  # fmt: skip
RESERVED = {"name", "directory"}
"""Fields that are not written in the file: it is named by its file and placed by its folder."""


def _thin_coating(coating: float | None, size: MeshSize) -> Iterator[Mistake]:
    if coating is not None and size.interface > 2.0 * coating:
        what = f"cells of {size.interface:g} um cannot resolve a coating of {coating:g} um"
        yield ("mesh_size", "interface"), what, f"take at most {2 * coating:g} um"


def check(recipe: Recipe) -> None:
    """Raise InputError with all contradictions between the values of a recipe made in Python."""
    found = [
        Problem(f"{recipe.name}: {_dotted(keys)}", what, remedy) for keys, what, remedy in recipe.mistakes()
    ]
    if found:
        raise InputError(found)


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in a TOML file; InputError names every mistake with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(Problem(str(path), f"is not valid TOML: {error}")) from error
    lines = key_lines(text)
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        what = "'kind' is missing" if kind is None else f"{kind!r} is not a kind of mesh"
        raise InputError(Problem(_place(path, lines, ("kind",)), what, nearest(str(kind), KINDS)))
    model = KINDS[kind]
    found: list[Mistake] = []
    for key in sorted(RESERVED & table.keys()):
        del table[key]
        found.append(((key,), f"'{key}' is not a key here", ""))
    given = {"name": path.stem, **({"directory": path.parent} if model is External else {})}
    try:
        found += model.model_validate({**table, **given}).mistakes()
    except ValidationError as error:
        for detail in error.errors():
            keys = detail["loc"]
            inner = len(keys) > 2 and keys[0] == "layers"
            what, remedy = reworded(detail, keys[2:], Layer) if inner else reworded(detail, keys, model)
            found.append((keys, what.removeprefix("Value error, "), remedy))
    if found:
        found.sort(key=lambda mistake: _line(lines, mistake[0]))
        raise InputError(Problem(_place(path, lines, keys), what, remedy) for keys, what, remedy in found)
    return model.model_validate({**table, **given})


def _dotted(keys: Location) -> str:
    return ".".join(str(key + 1) if isinstance(key, int) else key for key in keys)


def _line(lines: dict[Location, int], keys: Location) -> int:
    """Return the line of the value that `keys` lead to, or of the nearest table around it; 0 for the file."""
    return next((lines[keys[:length]] for length in range(len(keys), 0, -1) if keys[:length] in lines), 0)


def _place(path: Path, lines: dict[Location, int], keys: Location) -> str:
    line = _line(lines, keys)
    return f"{path}:{line}: {_dotted(keys)}" if line else f"{path}: {_dotted(keys)}"
