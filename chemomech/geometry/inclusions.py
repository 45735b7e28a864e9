"""The recipe of a filled matrix: particles in one surrounding, a piece of an endless body or a walled box."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from chemomech.geometry.close_packing import reachable_fraction
from chemomech.geometry.kinds import Recipe, with_pieces
from chemomech.geometry.tables import Length, MeshSize, Mistake, Pieces, Radii


class Inclusions(Recipe):
    """Particles of given sizes and fraction in a matrix."""

    kind: Literal["inclusions"]
    coordinates: Literal["plane strain", "3D"]
    """What x, y and z are."""
    box: tuple[Length, ...]
    """Sizes along x, y (and z)."""
    sides: Literal["periodic", "walled"]
    """Whether the box is a period of an endless body, with equal meshes on opposite faces, or closed by walls."""
    fraction: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Part of the volume (area in 2D) that is particle."""
    radii: Radii
    """Sizes of the particles; a common factor near one then makes the fraction exact."""
    gap: Length
    """Least distance between surfaces of particles, and from walls."""
    coating: Length | None = None
    """Thickness of the layer around each particle."""
    pieces: Pieces | None = None
    """Pieces that the matrix is cut into, in 2D; without it it is whole."""
    seed: Annotated[int, Field(ge=0)]
    """Number that the random packing starts from; the same seed gives the same mesh."""
    mesh_size: MeshSize
    """Sizes of the cells."""

    @property
    def named(self) -> tuple[str, ...]:
        """Keys of [names]: without a coating it needs no name."""
        return "particle", "electrolyte", *(("coating",) if self.coating else ())

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions, innermost first."""
        names = self.names
        whole = (names.particle, *((names.coating,) if self.coating else ()), names.electrolyte)
        return with_pieces(whole, names.electrolyte, self.pieces)

    def mistakes(self) -> Iterator[Mistake]:
        """Yield particles that do not fit and fractions out of reach."""
        yield from super().mistakes()
        yield from self.mesh_size.mistakes()
        yield from self.mesh_size.too_coarse_for(self.coating)
        wrong_radii = list(self.radii.mistakes())
        yield from wrong_radii
        if len(self.box) != self.dimension:
            what = f"{len(self.box)} sizes given, {self.coordinates} needs {self.dimension}"
            yield ("box",), what, 'for example box = ["20 um", "20 um"]'
        if wrong_radii or len(self.box) != self.dimension:
            return
        if self.pieces is not None:
            yield from self.pieces.mistakes(self.dimension, self.sides == "periodic", (0.0, 0.0), self.box)
        shell, typical, greatest = self.coating or 0.0, self.radii.typical(), self.radii.greatest()
        need = 2 * (greatest + shell) + (1 if self.sides == "periodic" else 2) * self.gap
        if need >= min(self.box):
            what = f"particles of radius {greatest:g} um need {need:.4g} um, the box has {min(self.box):g} um"
            yield ("box",), what, "enlarge the box or reduce the radii"
        limit = reachable_fraction(self.dimension, typical, self.gap + 2 * shell)
        if self.fraction > limit:
            what = f"{self.fraction:g} cannot be packed with this gap; at most about {limit:.2f}"
            yield ("fraction",), what, "lower the fraction, or reduce gap and coating"
