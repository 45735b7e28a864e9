"""Pictures of plane-strain and axisymmetric results: the field on the deformed shape, drawn as a section."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from chemomech.render.style import NOWHERE, Colours
from chemomech.results import Results

Array = NDArray[np.float64]


class PlanarPainter:
    """Draws frames of a two-dimensional result; an axisymmetric half plane is mirrored at its axis."""

    views = ("section",)

    def __init__(self, results: Results, scale: float) -> None:
        """Prepare to draw with displacements magnified by `scale`."""
        self.results, self.scale = results, scale
        self.mirrored = results.run["coordinates"] == "axisymmetric"
        cells = results.grid.cells
        quadrilaterals = cells.shape[1] == 4
        self._triangles = np.vstack([cells[:, :3], cells[:, [0, 2, 3]]]) if quadrilaterals else cells

    @cached_property
    def _outline(self) -> NDArray[np.int64]:
        """Edges (k, 2) around each region: those of one cell only, for points are separate per region."""
        cells = self.results.grid.cells
        edges = np.vstack([np.roll(cells, -shift, axis=1)[:, :2] for shift in range(cells.shape[1])])
        edges = np.sort(edges, axis=1)
        unique, count = np.unique(edges, axis=0, return_counts=True)
        outer = unique[count == 1]
        if self.mirrored:
            radius = self.results.grid.points[:, 0]
            outer = outer[np.any(radius[outer] > 1e-9 * radius.max(), axis=1)]
        return np.asarray(outer, dtype=np.int64)

    def shape(self, frame: int) -> Array:
        """Return the points (n, 2) [um] of a frame, displaced and magnified."""
        points = self.results.grid.points[:, :2]
        if "Displacement [um]" in self.results.point_arrays:
            points = points + self.scale * np.nan_to_num(
                self.results.array("Displacement [um]", frame)[:, :2]
            )
        return np.asarray(points, dtype=np.float64)

    def size(self) -> tuple[float, float]:
        """Return width and height [um] of what is drawn."""
        extent = np.ptp(self.results.grid.points[:, :2], axis=0)
        return float(extent[0]) * (2 if self.mirrored else 1), float(extent[1])

    def paint(
        self,
        axes: Axes,
        values: Array,
        frame: int,
        colours: Colours,
        view: str = "section",
        labels: bool = True,
    ) -> None:
        """Draw one value per point of a frame; `labels=False` leaves the axes' names out."""
        points = self.shape(frame)
        for sign in (1, -1) if self.mirrored else (1,):
            self._half(axes, points * [sign, 1], values, colours)
        axes.set_aspect("equal")
        axes.margins(0.02)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        if self.mirrored:
            axes.axvline(0, color="black", linewidth=0.8, linestyle=(0, (9, 3, 2, 3)), alpha=0.55)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{abs(x):g}"))
        if labels:
            axes.set_xlabel("r (µm)" if self.mirrored else "x (µm)")
            axes.set_ylabel("z (µm)" if self.mirrored else "y (µm)")

    def _half(self, axes: Axes, points: Array, values: Array, colours: Colours) -> None:
        """Draw the grid once: grey where the field does not exist, then the field, then the outlines."""
        x, y = points.T
        there = np.all(np.isfinite(values[self._triangles]), axis=1)
        if not np.all(there):
            axes.add_collection(
                PolyCollection(
                    points[self._triangles[~there]], facecolor=NOWHERE, edgecolor=NOWHERE, linewidth=0.4
                )
            )
        if np.any(there):
            triangles = self._triangles[there]
            axes.tripcolor(
                Triangulation(x, y, triangles),
                np.nan_to_num(values),
                shading="gouraud",
                cmap=colours.colour_map,
                vmin=colours.low,
                vmax=colours.high,
            )
        axes.add_collection(LineCollection(list(points[self._outline]), colors="black", linewidths=0.9))
        axes.autoscale_view()

    def hold(self, axes: Axes, frames: Sequence[int]) -> None:
        """Give the axes limits that hold for all of these frames."""
        few = [
            frames[i] for i in np.unique(np.linspace(0, len(frames) - 1, min(len(frames), 12)).astype(int))
        ]
        points = np.vstack([self.shape(frame) for frame in few])
        low, high = points.min(axis=0), points.max(axis=0)
        if self.mirrored:
            low[0] = -high[0]
        margin = 0.02 * float((high - low).max())
        axes.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))

    def locate(self, cell: int, frame: int) -> tuple[float, float]:
        """Return the drawn middle of a cell [um]."""
        middle = self.shape(frame)[self.results.grid.cells[cell]].mean(axis=0)
        return float(middle[0]), float(middle[1])
