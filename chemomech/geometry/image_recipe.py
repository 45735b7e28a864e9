"""The recipe of a mesh made from a segmented image: which grey value is which region, which part of it, how fine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from chemomech.errors import InputError
from chemomech.geometry.kinds import Recipe
from chemomech.geometry.tables import Frozen, Length, Mistake, name_mistakes

EXPOSED = "exposed"
"""Boundary where the meshed phases meet what is left out."""
AXES = "xyz"


def _several(value: object) -> object:
    """Return one value as a list of one."""
    return [value] if isinstance(value, int | str) else value


def _grey(value: object) -> object:
    """Refuse what cannot be a grey value with one message for all reasons."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"{value!r} is not a grey value, write a whole number such as 85, or a list of them")
    return value


def _ascending(value: object) -> object:
    """Refuse a range that is not two whole numbers, the second larger."""
    whole = isinstance(value, list | tuple) and all(type(each) is int and each >= 0 for each in value)
    if not whole or len(value) != 2 or not value[0] < value[1]:  # type: ignore[arg-type, index]
        raise ValueError(f"{value!r} is no range of voxels, write [first, one after the last], as [16, 48]")
    return value


Greys = Annotated[
    tuple[Annotated[int, BeforeValidator(_grey)], ...], BeforeValidator(_several), Field(min_length=1)
]
Range = Annotated[tuple[int, int], BeforeValidator(_ascending)]


class Crop(Frozen):
    """The part of the image that is taken: first voxel, and one after the last, along each axis of the mesh."""

    x: Range | None = None
    """Voxels along x."""
    y: Range | None = None
    """Voxels along y."""
    z: Range | None = None
    """Voxels along z, in 3D."""


class Resample(Frozen):
    """Larger or smaller voxels; each is of the phase that most of it is in the image."""

    factor: Annotated[float, Field(gt=0.0, le=64.0)] | None = None
    """Voxels of the image along each side of a new one; below 1 splits them."""
    voxel_size: Length | None = None
    """Side of the new voxels, instead of a factor."""
    keep_contacts: tuple[str, ...] = ()
    """Regions whose bridges survive where a majority would cut them."""


class Image(Recipe):
    """A segmented image, each grey value one phase: every voxel a cell, or smooth interfaces."""

    kind: Literal["image"]
    coordinates: Literal["plane strain", "3D"]
    """What x, y and z are: a slice of the image, or all of it."""
    file: str
    """Image: .tif, .tiff or .npy of whole numbers; the path is taken from the folder of the recipe."""
    axes: Literal["xyz", "xzy", "yxz", "yzx", "zxy", "zyx", "xy", "yx"]
    """Which axis of the mesh each axis of the image is, in order; of a stack: pages, rows, columns."""
    voxel_size: Annotated[tuple[Length, ...], BeforeValidator(_several), Field(min_length=1, max_length=3)]
    """Side of a voxel, or its sides along x, y (and z)."""
    phases: dict[str, Greys]
    """Region -> grey value, or list of grey values."""
    left_out: Greys | None = None
    """Grey values that are not meshed, such as a void."""
    slice: Annotated[int, Field(ge=0)] | None = None
    """Number of the voxel along z in which a stack is cut for a plane mesh."""
    crop: Crop = Crop()
    """Part of the image that is taken."""
    resample: Resample | None = None
    """Other voxels than those of the image."""
    smallest_piece: Annotated[int, Field(ge=2)] | None = None
    """Pieces of fewer voxels go to the phase that surrounds them; without it all are kept."""
    method: Literal["voxel", "smooth"]
    """Every voxel a quadrilateral or hexahedron, or triangles and tetrahedra with smooth interfaces."""
    smoothing: Annotated[int, Field(ge=0, le=500)] | None = None
    """Passes that smooth the interfaces."""
    directory: Path = Field(default=Path(), exclude=True)
    """Folder of the recipe."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions, in the order of the recipe."""
        return tuple(self.phases)

    @property
    def boundaries(self) -> tuple[str, ...]:
        """The sides of the box, and the surface toward what is left out."""
        return (*super().boundaries, *((EXPOSED,) if self.left_out else ()))

    @property
    def path(self) -> Path:
        """Where the image is."""
        return self.directory / self.file

    @property
    def sides(self) -> tuple[float, ...]:
        """Sides of a voxel of the image along x, y (and z) [um]."""
        return self.voxel_size * self.dimension if len(self.voxel_size) == 1 else self.voxel_size

    def ranges(self) -> dict[str, tuple[int, int]]:
        """Return the axes along which a part is taken, a slice included."""
        found = {name: part for name in AXES if (part := getattr(self.crop, name)) is not None}
        return found if self.slice is None else {**found, "z": (self.slice, self.slice + 1)}

    def mistakes(self) -> Iterator[Mistake]:
        """Yield phases that cannot be told apart, keys that do not fit the dimension, and a wrong image."""
        yield from super().mistakes()
        yield from self._phase_mistakes()
        if len(self.voxel_size) not in (1, self.dimension):
            what = f"{len(self.voxel_size)} sizes given, {self.coordinates} needs 1 or {self.dimension}"
            yield ("voxel_size",), what, 'for example voxel_size = "0.4 um"'
        if self.dimension == 3 and len(self.axes) == 2:
            yield ("axes",), "two axes make no 3D mesh", 'for a stack write axes = "zyx"'
        if self.dimension == 3 and self.slice is not None:
            yield ("slice",), "a 3D mesh is not a slice", 'remove it, or write coordinates = "plane strain"'
        elif self.dimension == 2 and (len(self.axes) == 3) != (self.slice is not None):
            what = "a stack needs a slice" if len(self.axes) == 3 else "an image of two axes has no slices"
            yield ("slice",), what, "add slice = 0" if len(self.axes) == 3 else "remove it"
        if self.dimension == 2 and self.crop.z is not None:
            yield ("crop", "z"), "a plane mesh has no z", "slice says which voxel along z is taken"
        if self.refine and self.method == "voxel":
            yield (
                ("refine",),
                "voxels are not cut, only triangles and tetrahedra",
                "take smaller voxels: resample",
            )
        if (self.method == "smooth") != (self.smoothing is not None):
            smooth = self.method == "smooth"
            what = "is missing: smooth interfaces need it" if smooth else "voxels are not smoothed"
            yield ("smoothing",), what, "add smoothing = 20" if smooth else 'remove it, or method = "smooth"'
        if self.resample is not None:
            yield from self._resample_mistakes(self.resample)
        yield from self._file_mistakes()

    def _phase_mistakes(self) -> Iterator[Mistake]:
        if not self.phases:
            yield ("phases",), "names no phase", "add phases = { particle = 85, electrolyte = 0 }"
        taken: dict[int, str] = {}
        for name, greys in (*self.phases.items(), ("left_out", self.left_out or ())):
            keys = ("left_out",) if name == "left_out" else ("phases", name)
            if name != "left_out":
                yield from name_mistakes(keys, name)
            elif name in self.phases:
                yield ("phases", name), "is the key of what is not meshed", "choose another name"
            for grey in greys:
                if grey in taken:
                    yield (
                        keys,
                        f"the grey value {grey} is given twice, here and to '{taken[grey]}'",
                        "keep one",
                    )
                taken[grey] = name

    def _resample_mistakes(self, resample: Resample) -> Iterator[Mistake]:
        if (resample.factor is None) == (resample.voxel_size is None):
            yield ("resample",), "needs either factor or voxel_size", "for example resample = { factor = 2 }"
        for name in resample.keep_contacts:
            if name not in self.phases:
                known = f"take from {', '.join(self.phases)}"
                yield ("resample", "keep_contacts"), f"there is no phase {name!r}", known

    def _file_mistakes(self) -> Iterator[Mistake]:
        from chemomech.geometry.voxels import image_shape

        if not self.path.is_file():
            yield ("file",), f"there is no file {self.file!r}", "paths start at the folder of the recipe"
            return
        try:
            shape = image_shape(self.path)
        except InputError as error:
            yield from ((("file",), f"{each.place}: {each.what}", each.remedy) for each in error.problems)
            return
        if len(shape) != len(self.axes):
            what = f"the image {self.file!r} has {len(shape)} axes ({' x '.join(map(str, shape))} voxels)"
            example = {2: "yx", 3: "zyx"}.get(len(shape))
            remedy = f'for example axes = "{example}"' if example else "give an image of two or three axes"
            yield ("axes",), f"{what}, here are {len(self.axes)}", remedy
            return
        count = dict(zip(self.axes, shape, strict=True))
        for name, (_, end) in self.ranges().items():
            keys = ("crop", name) if getattr(self.crop, name) is not None else ("slice",)
            if name in count and end > count[name]:
                what = f"voxel {end - 1} is outside: {self.file!r} has {count[name]} along {name}"
                yield keys, what, f"stay below {count[name]}; the first is 0"
