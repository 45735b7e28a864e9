"""Pictures of three-dimensional results: from outside, cut open, and the particles alone."""

import os
import sys
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from chemomech.render.style import NOWHERE, Colours, round_down
from chemomech.results import Results

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    # VTK otherwise looks for an X server; this must be known before VTK is loaded.
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import pyvista

Array = NDArray[np.float64]
VIEW_FROM = np.array([1.0, -1.55, 0.85])
"""Direction from the middle of the body to the eye: x to the right, z upwards."""
OCTANT = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0))
"""The octant taken out when cut open, the one nearest to the eye: directions from its inner corner."""


class SolidPainter:
    """Draws frames of a three-dimensional result as shaded images in parallel projection."""

    def __init__(self, results: Results, scale: float, pixels: int = 1100) -> None:
        """Prepare to draw with displacements magnified by `scale`, images `pixels` wide."""
        self.results, self.scale, self.pixels = results, scale, pixels
        self.particles = _active_regions(results)
        self.views = ("outside", "cut open", *(["particles"] if self.particles else []))

    @cached_property
    def _box(self) -> Array:
        """Bounds (2, 3) of the undeformed body [um]."""
        points = self.results.grid.points
        return np.array([points.min(axis=0), points.max(axis=0)])

    @cached_property
    def _foot(self) -> float:
        """Height [um] kept free below the body for the scale bar."""
        return 0.06 * float(np.linalg.norm(self._box[1] - self._box[0]))

    def size(self) -> tuple[float, float]:
        """Return width and height [um] of the picture: the box as seen from the eye, and a margin."""
        extent = np.abs(_screen_directions().T) @ (self._box[1] - self._box[0])
        return 1.1 * float(extent[0]), 1.08 * float(extent[1]) + self._foot

    def _mesh(self, values: Array, frame: int) -> "pyvista.UnstructuredGrid":
        """Return the deformed grid with the array to draw as "shown"."""
        grid = self.results.grid
        points = grid.points
        if "Displacement [um]" in self.results.point_arrays:
            points = points + self.scale * np.nan_to_num(self.results.array("Displacement [um]", frame))
        mesh = pyvista.UnstructuredGrid({grid.cell_type: grid.cells}, points)
        mesh.point_data["shown"] = values
        mesh.cell_data["region"] = grid.region
        return mesh

    def paint(
        self,
        axes: Axes,
        values: Array,
        frame: int,
        colours: Colours,
        view: str = "outside",
        labels: bool = True,
    ) -> None:
        """Draw one value per point seen as `view`; `labels=False` leaves scale bar and directions out."""
        image, per_pixel, directions = self.image(values, frame, colours, view)
        axes.imshow(image, interpolation="lanczos")
        axes.set_axis_off()
        if labels:
            self._scale_bar(axes, per_pixel, image.shape[0])
            self._triad(axes, directions, image.shape[0])

    def image(
        self, values: Array, frame: int, colours: Colours, view: str
    ) -> tuple[NDArray[np.uint8], float, Array]:
        """Return the image, the length of a pixel [um] and the axes' directions in the image (3, 2)."""
        mesh = self._mesh(values, frame)
        low, high = self._box
        width, height = self.size()
        window = [self.pixels, 2 * round(0.5 * self.pixels * height / width)]
        plotter: Any = pyvista.Plotter(off_screen=True, window_size=window)
        try:
            plotter.set_background("white")
            for number in range(len(self.results.regions)):
                if view == "particles" and number not in self.particles:
                    continue
                part = mesh.extract_cells(mesh.cell_data["region"] == number)
                if part.n_cells:
                    self._add(plotter, part, colours, 0.5 * (low + high) if view == "cut open" else None)
            image = self._photograph(plotter, box=view == "particles")
        finally:
            plotter.close()
        return image, height / window[1], _screen_directions()

    def _photograph(self, plotter: Any, *, box: bool) -> NDArray[np.uint8]:
        """Return the image of what a plotter holds, in a box of lines if so wished."""
        low, high = self._box
        if box:
            lines = pyvista.Box((low[0], high[0], low[1], high[1], low[2], high[2])).extract_all_edges()
            plotter.add_mesh(lines, color="#888888", line_width=0.0012 * self.pixels, lighting=False)
        camera = plotter.camera
        middle, reach = 0.5 * (low + high), float(np.linalg.norm(high - low))
        middle = middle - 0.5 * self._foot * _screen_axes()[1]
        camera.focal_point = tuple(middle)
        camera.position = tuple(middle + 3 * reach * VIEW_FROM / np.linalg.norm(VIEW_FROM))
        camera.up = (0.0, 0.0, 1.0)
        camera.enable_parallel_projection()
        camera.parallel_scale = 0.5 * self.size()[1]
        plotter.reset_camera_clipping_range()
        plotter.enable_anti_aliasing("msaa", multi_samples=8)
        return np.asarray(plotter.screenshot(return_img=True), dtype=np.uint8)

    def paint_facets(
        self, axes: Axes, facets: NDArray[np.int64], values: Array, frame: int, colours: Colours
    ) -> None:
        """Draw surfaces in the volume, given by their points (k, n), one value each."""
        width, height = self.size()
        window = [self.pixels, 2 * round(0.5 * self.pixels * height / width)]
        points = np.asarray(self._mesh(np.zeros(len(self.results.grid.points)), frame).points)
        counts = np.full((len(facets), 1), facets.shape[1])
        surface = pyvista.PolyData(points, faces=np.hstack([counts, facets]).ravel())
        surface.cell_data["shown"] = values
        plotter: Any = pyvista.Plotter(off_screen=True, window_size=window)
        try:
            plotter.set_background("white")
            plotter.add_mesh(
                surface,
                **_shown(colours),
                ambient=0.6,
                diffuse=0.45,
            )
            image = self._photograph(plotter, box=True)
        finally:
            plotter.close()
        axes.imshow(image, interpolation="lanczos")
        axes.set_axis_off()
        self._scale_bar(axes, height / window[1], image.shape[0])
        self._triad(axes, _screen_directions(), image.shape[0])

    def _add(
        self,
        plotter: Any,
        part: "pyvista.UnstructuredGrid",
        colours: Colours,
        corner: Array | None,
    ) -> None:
        """Add surface and sharp edges of one region; `corner`: without the octant that starts there."""
        surface = part.extract_surface(algorithm="dataset_surface")
        sharp = _edges(surface, sharp=True)
        if corner is None:
            pieces, lines = [surface], [sharp]
        else:
            faces = _cut_faces(part, corner)
            pieces = [*_without_octant(surface, corner), *faces]
            lines = [*_without_octant(sharp, corner), *(_edges(face, sharp=False) for face in faces)]
        for piece in pieces:
            if piece.n_cells:
                plotter.add_mesh(
                    piece,
                    **_shown(colours),
                    smooth_shading=True,
                    split_sharp_edges=True,
                    ambient=0.78,
                    diffuse=0.28,
                )
        for line in lines:
            if line.n_cells:
                plotter.add_mesh(line, color="black", line_width=0.003 * self.pixels, lighting=False)

    def _scale_bar(self, axes: Axes, per_pixel: float, height: int) -> None:
        """Draw a bar of round length at the lower right."""
        length = round_down(0.22 * self.pixels * per_pixel)
        right, bottom = 0.99 * self.pixels, height - 0.01 * self.pixels
        left = right - length / per_pixel
        axes.plot([left, right], [bottom, bottom], color="black", linewidth=3, solid_capstyle="butt")
        axes.text(
            0.5 * (left + right), bottom - 0.012 * self.pixels, f"{length:g} µm", ha="center", va="bottom"
        )

    def _triad(self, axes: Axes, directions: Array, height: int) -> None:
        """Draw the directions of x, y and z at the lower left."""
        origin, length = np.array([0.04 * self.pixels, height - 0.05 * self.pixels]), 0.085 * self.pixels
        for name, direction in zip("xyz", directions, strict=True):
            tip = origin + length * direction * [1, -1]
            axes.annotate(
                "",
                (tip[0], tip[1]),
                (origin[0], origin[1]),
                arrowprops={"arrowstyle": "-|>", "lw": 1.1, "color": "black"},
            )
            at = origin + (length * direction + 0.026 * self.pixels * _unit(direction)) * [1, -1]
            axes.text(at[0], at[1], name, ha="center", va="center", style="italic")


def _edges(surface: "pyvista.PolyData", sharp: bool) -> "pyvista.PolyData":
    """Return the sharp edges of a closed surface, or the border of an open one."""
    edges: pyvista.PolyData = surface.clean().extract_feature_edges(
        feature_angle=40,
        feature_edges=sharp,
        boundary_edges=not sharp,
        manifold_edges=False,
        non_manifold_edges=False,
    )
    return edges


def _without_octant(data: "pyvista.PolyData", corner: Array) -> "list[pyvista.PolyData]":
    """Return the parts of a surface or of lines outside the octant between `corner` and the eye."""
    kept, rest = [], data
    for normal in OCTANT:
        if rest.n_cells:
            kept.append(rest.clip(normal=normal, origin=corner, invert=True))
            rest = rest.clip(normal=normal, origin=corner, invert=False)
    return kept


def _cut_faces(part: "pyvista.UnstructuredGrid", corner: Array) -> "list[pyvista.PolyData]":
    """Return what the three planes of the removed octant cut from a body."""
    faces = []
    for normal in OCTANT:
        face = part.slice(normal=normal, origin=corner)
        for other in OCTANT:
            if other is not normal and face.n_cells:
                face = face.clip(normal=other, origin=corner, invert=False)
        if face.n_cells:
            faces.append(face)
    return faces


def _active_regions(results: Results) -> tuple[int, ...]:
    """Return the numbers of the active regions, empty when every region is active or roles are unknown."""
    described = results.run.get("case", {}).get("regions", {})
    roles = [described.get(name, {}).get("role") for name in results.regions]
    active = tuple(number for number, role in enumerate(roles) if role == "active")
    return active if len(active) < len(roles) else ()


def _unit(vector: Array) -> Array:
    """Return a vector of length one."""
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _screen_axes() -> Array:
    """Return the directions right and up on the screen (2, 3)."""
    towards = _unit(VIEW_FROM)
    right = _unit(np.cross([0.0, 0.0, 1.0], towards))
    return np.array([right, np.cross(towards, right)])


def _shown(colours: Colours) -> dict[str, Any]:
    # How values are put on a surface.
    return {
        "scalars": "shown",
        "cmap": colours.colour_map,
        "clim": (colours.low, colours.high),
        "nan_color": NOWHERE,
        "show_scalar_bar": False,
        "specular": 0.0,
        "n_colors": 512,
    }


def _screen_directions() -> Array:
    """Return where x, y and z point on the screen (3, 2), right and up."""
    return _screen_axes().T
