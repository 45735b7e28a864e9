"""The kinds of recipe, each with everything that can be wrong between its values; lengths are held in um."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from chemomech.geometry.cells import VOID
from chemomech.geometry.close_packing import reachable_fraction
from chemomech.geometry.tables import (
    Coordinates,
    Frozen,
    GrainSizes,
    Layer,
    Length,
    MeshSize,
    Mistake,
    Names,
    Pieces,
    Radii,
    Rows,
    name_mistakes,
)

PLANE = (("left", 0, False), ("right", 0, True), ("bottom", 1, False), ("top", 1, True))
SIDES: dict[str, tuple[tuple[str, int, bool], ...]] = {
    "plane strain": PLANE,
    "axisymmetric": (("axis", 0, False), ("outer", 0, True), *PLANE[2:]),
    "3D": (*PLANE, ("front", 2, False), ("back", 2, True)),
}
"""For each kind of coordinates: boundary, the axis it is normal to, whether it lies at the far end."""


def stack_ends(coordinates: str) -> tuple[str, str]:
    """Return the boundaries at the counter electrode's and at the working electrode's end of the stack."""
    return ("bottom", "top") if coordinates == "axisymmetric" else ("left", "right")


def with_pieces(regions: tuple[str, ...], name: str, pieces: Pieces | None) -> tuple[str, ...]:
    """Return the names of regions, that of the one which is cut replaced by those of its groups of pieces."""
    if pieces is None:
        return regions
    return tuple(
        each for region in regions for each in (pieces.regions(name) if region == name else (region,))
    )


class Recipe(Frozen):
    """What every recipe says."""

    kind: str
    """Kind of recipe."""
    coordinates: Coordinates
    """What x, y and z are."""
    title: str = Field(default="", exclude=True)
    """One line about the mesh."""
    name: str = Field(default="mesh", exclude=True)
    """Begins the names of the files that are made."""
    refine: Annotated[int, Field(ge=0, le=5)] = Field(default=0, exclude=True)
    """Times that the cells are halved along each edge when a run reads the mesh; of triangles and tetrahedra."""
    names: Names = Names()
    """Names of the regions."""

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

    @property
    def named(self) -> tuple[str, ...]:
        """Keys of [names] that mean something here."""
        return ("particle",)

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong between values that are right one by one."""
        yield from self.names.mistakes(self.named)
        for key in sorted(self.names.model_fields_set - set(self.named)):
            yield ("names", key), "there is no such region in this mesh", "remove it"
        if (
            "particle" in self.names.model_fields_set
            and self.regions
            and self.names.particle not in self.regions
        ):
            what = f"there is no region {self.names.particle!r}"
            yield ("names", "particle"), what, f"take from {', '.join(self.regions)}"

    def _row_mistakes(self, rows: dict[str, Rows]) -> Iterator[Mistake]:
        for name, each in rows.items():
            if name not in self.regions:
                yield (
                    ("boundary_layer", name),
                    "there is no such region",
                    f"take from {', '.join(self.regions)}",
                )
            yield from each.mistakes(("boundary_layer", name))

    def _depth_mistakes(self, depth: float | None) -> Iterator[Mistake]:
        if (depth is None) != (self.dimension == 2):
            need = "takes no depth" if self.dimension == 2 else "needs a depth"
            yield ("depth",), f"{self.coordinates} {need}", "the depth is the size along z of a 3D box"


class Particle(Recipe):
    """One particle in solid electrolyte: a disc, a sphere (axisymmetric) or a sphere in 3D."""

    kind: Literal["particle"]
    radius: Length
    """Radius of the particle without its coating."""
    box: tuple[Length, ...]
    """Sizes along x, y (and z); axisymmetric: radius and height of the cylinder."""
    cut: tuple[str, ...] = ()
    """Boundaries on which the particle's centre lies: planes of symmetry, or the collector."""
    coating: Length | None = None
    """Thickness of the layer around the particle."""
    mesh_size: MeshSize
    """Sizes of the cells."""
    boundary_layer: dict[str, Rows] = {}
    """Rows of flat cells along the interfaces of a region, by its name."""

    @property
    def named(self) -> tuple[str, ...]:
        """Keys of [names]: without a coating it needs no name."""
        return "particle", "electrolyte", *(("coating",) if self.coating else ())

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
        yield from self.mesh_size.too_coarse_for(self.coating)
        yield from self._row_mistakes(self.boundary_layer)
        across = {name: axis for name, axis, _ in SIDES[self.coordinates] if name not in ("axis", "outer")}
        for name in self.cut:
            if name not in across:
                yield ("cut",), f"no boundary {name!r} to cut the particle", f"take from {', '.join(across)}"
            elif sum(across.get(other) == across[name] for other in self.cut) > 1:
                yield ("cut",), "two cuts across the same axis", "the centre can lie on one of them only"
        if len(self.box) != self.dimension:
            what = f"{len(self.box)} sizes given, {self.coordinates} needs {self.dimension}"
            yield ("box",), what, 'for example box = ["8 um", "16 um"]'
            return
        outer = self.radius + (self.coating or 0.0)
        for axis, (low, high) in enumerate(self.extent()):
            room = min(span for span in (low, high) if span > 0.0)
            if outer >= room:
                what = f"the particle reaches {outer:g} um from its centre, the box only {room:g} um along "
                yield ("box",), what + "xyz"[axis], "enlarge the box or reduce the radius"


class Composite(Recipe):
    """A separator and, stacked on it along x, an electrode of particles packed in solid electrolyte."""

    kind: Literal["composite"]
    coordinates: Literal["plane strain", "3D"]
    """What x, y and z are."""
    separator: Length
    """Thickness of the separator."""
    electrode: Length
    """Thickness of the electrode."""
    width: Length
    """Size along y."""
    depth: Length | None = None
    """Size along z, in 3D."""
    sides: Literal["periodic", "walled"]
    """Whether particles that cross a sideways boundary come back at the opposite one, or stay inside."""
    fraction: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Part of the electrode's volume (area in 2D) that is particle."""
    radii: Radii
    """Sizes of the particles; a common factor near one then makes the fraction exact."""
    gap: Length
    """Least distance between surfaces that do not touch (particles, coatings, walls)."""
    neck: Length | None = None
    """Overlap of particles that touch; when given, the particles form a branched network without loops."""
    collector_contact: Annotated[float, Field(gt=0.0, lt=0.6)] | None = None
    """Part of its radius by which the collector flattens a particle; without it none touches it."""
    coating: Length | None = None
    """Thickness of the layer around each particle."""
    grains: GrainSizes | None = None
    """Grains that the electrolyte and the separator consist of, in 2D; without it both are dense."""
    pieces: Pieces | None = None
    """Pieces that the electrolyte is cut into, in 2D; without it it is whole."""
    seed: Annotated[int, Field(ge=0)]
    """Number that the random packing starts from; the same seed gives the same mesh."""
    mesh_size: MeshSize
    """Sizes of the cells."""
    boundary_layer: dict[str, Rows] = {}
    """Rows of flat cells along the interfaces of a region, by its name."""

    @property
    def named(self) -> tuple[str, ...]:
        """Keys of [names]: without a coating it needs no name."""
        return "particle", "electrolyte", "separator", *(("coating",) if self.coating else ())

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions, innermost first; the separator may be one with the electrolyte."""
        names = self.names
        coating = (names.coating,) if self.coating else ()
        whole = tuple(dict.fromkeys((names.particle, *coating, names.separator, names.electrolyte)))
        return with_pieces(whole, names.electrolyte, self.pieces)

    @property
    def boundaries(self) -> tuple[str, ...]:
        """Boundaries; grains leave voids between them."""
        return (*super().boundaries, *((VOID,) if self.grains else ()))

    def box(self) -> tuple[float, ...]:
        """Return the sizes of the electrode along x, y (and z) [um]."""
        across = (self.width,) if self.depth is None else (self.width, self.depth)
        return self.electrode, *across

    def cut_box(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the corners of what is cut into pieces in 2D [um]: with the separator where the two are one region."""
        start = 0.0 if self.names.separator == self.names.electrolyte else self.separator
        return (start, 0.0), (self.separator + self.electrode, self.width)

    def mistakes(self) -> Iterator[Mistake]:
        """Yield particles that do not fit, fractions out of reach, and necks that cannot be."""
        yield from super().mistakes()
        yield from self.mesh_size.mistakes()
        yield from self.mesh_size.too_coarse_for(self.coating)
        yield from self._row_mistakes(self.boundary_layer)
        yield from self._depth_mistakes(self.depth)
        wrong_radii = list(self.radii.mistakes())
        yield from wrong_radii
        if wrong_radii:
            return
        shell, typical, greatest = self.coating or 0.0, self.radii.typical(), self.radii.greatest()
        if self.neck is not None and self.neck >= 0.5 * typical:
            what = f"particles of radius {typical:g} um cannot overlap by {self.neck:g} um"
            yield ("neck",), what, f"stay below {0.5 * typical:.3g} um"
        for size, key in zip(self.box(), ("electrode", "width", "depth"), strict=False):
            walls = 1 if key != "electrode" and self.sides == "periodic" else 2
            need = 2 * (greatest + shell) + walls * self.gap
            if need >= size:
                what = f"particles of radius {greatest:g} um need {need:.4g} um, the {key} has {size:g} um"
                yield (key,), what, f"enlarge the {key} or reduce the radii"
        yield from self._grain_mistakes()
        if self.pieces is not None:
            yield from self.pieces.mistakes(self.dimension, self.sides == "periodic", *self.cut_box())
            if self.grains is not None:
                yield ("pieces",), "an electrolyte of grains is not cut into pieces", "remove one of the two"
        limit = reachable_fraction(self.dimension, typical, self.gap + 2 * shell)
        if self.fraction > limit:
            what = f"{self.fraction:g} cannot be packed with this gap; at most about {limit:.2f}"
            yield ("fraction",), what, "lower the fraction, or reduce gap and coating"

    def _grain_mistakes(self) -> Iterator[Mistake]:
        if self.grains is None:
            return
        if self.boundary_layer:
            what = "rows need interfaces that are closed or end at the sides of the box"
            yield ("boundary_layer",), what, "remove it, or [grains]"
        if self.dimension == 3:
            yield ("grains",), "grains are packed in plane strain only", "remove [grains]"
        if self.coating is not None:
            yield ("coating",), "particles between grains carry no resolved coating", "remove it, or [grains]"
        if self.sides == "periodic":
            yield ("sides",), "grains are mirrored at the walls, not periodic", 'write sides = "walled"'
        if self.grains.radius > 0.25 * min(self.width, self.electrode):
            what = f"grains of radius {self.grains.radius:g} um are too large for this box"
            yield ("grains", "radius"), what, f"stay below {0.25 * min(self.width, self.electrode):.3g} um"


class Layered(Recipe):
    """Layers stacked along x (along y when axisymmetric)."""

    kind: Literal["layered"]
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)]
    """The layers, beginning at the counter electrode."""
    width: Length
    """Size across the stack: along y, or the radius when axisymmetric."""
    depth: Length | None = None
    """Size along z, in 3D."""
    structured: bool
    """Whether the cells stand in rows, counted layer by layer, or are free with [mesh_size]."""
    cells_across: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Cells across the width (and depth) of a structured mesh."""
    mesh_size: MeshSize | None = None
    """Sizes of the cells of an unstructured mesh."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions along the stack; layers of one name are one region."""
        return tuple(dict.fromkeys(layer.name for layer in self.layers))

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what the chosen way of meshing lacks."""
        yield from super().mistakes()
        yield from self._depth_mistakes(self.depth)
        for index, layer in enumerate(self.layers):
            yield from name_mistakes(("layers", index, "name"), layer.name)
            if self.structured and layer.cells is None:
                what = f"layer {layer.name!r} does not say its number of cells"
                yield ("layers", index), what, "add cells = 20"
            if not self.structured and layer.cells is not None:
                what = "only a structured mesh counts its cells"
                yield ("layers", index, "cells"), what, "remove cells, or write structured = true"
            for key in sorted({"finer", "growth"} & layer.model_fields_set):
                if not self.structured:
                    what = "only a structured mesh grades its layers one by one"
                    yield ("layers", index, key), what, f"remove {key}, or write structured = true"
                elif key == "growth" and layer.finer == "none":
                    what = "the cells of this layer are all alike"
                    yield (
                        ("layers", index, key),
                        what,
                        'remove growth, or say where they become finer: finer = "start"',
                    )
        if self.structured and self.mesh_size is not None:
            yield ("mesh_size",), "a structured mesh counts its cells instead", "remove [mesh_size]"
        if self.structured and self.cells_across is None:
            yield ("cells_across",), "is missing: a structured mesh needs it", "add cells_across = 10"
        if not self.structured and self.mesh_size is None:
            yield ("mesh_size",), "is missing: an unstructured mesh needs cell sizes", "add [mesh_size]"
        if not self.structured and self.cells_across is not None:
            yield ("cells_across",), "only a structured mesh counts its cells", "remove it"
        if self.mesh_size is not None:
            yield from self.mesh_size.mistakes()
            if "per_turn" in self.mesh_size.model_fields_set:
                yield ("mesh_size", "per_turn"), "layers have no curved interfaces", "remove it"


class External(Recipe):
    """A mesh made elsewhere, in any format that meshio reads."""

    kind: Literal["external"]
    file: str
    """Mesh file; the path is taken from the folder of the recipe."""
    unit: Length
    """What one unit of length in the file is."""
    cell_data: str | None = None
    """Integer cell array that tells the regions apart, where the file has no named groups."""
    groups: dict[str, str | int] = {}
    """Region -> name of the group (or number) in the file; without it all named groups of cells."""
    sides: dict[str, str] = {}
    """Boundary -> name of the group in the file; without it all named ones. Outer facets without a name are named by
    the side of the bounding box on which they lie."""
    directory: Path = Field(default=Path(), exclude=True)
    """Folder of the recipe."""

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
        yield from super().mistakes()
        for name in (*self.groups, *self.sides):
            yield from name_mistakes(("groups" if name in self.groups else "sides", name), name)
        if not self.path.is_file():
            yield (
                ("file",),
                f"there is no file {self.file!r}",
                "paths start at the folder of the recipe",
            )
        if self.cell_data is not None and not self.groups:
            yield (
                ("groups",),
                f"the numbers of {self.cell_data!r} have no names",
                "add groups = {particle = 1}",
            )
