"""A picture of a mesh: regions in colour with the cells' edges; in 3D particles in a matrix cut open."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chemomech.geometry.build import MeshRecord
from chemomech.geometry.cells import SHAPES
from chemomech.geometry.external import read_mesh
from chemomech.geometry.kinds import stack_ends

# after Okabe and Ito's palette, told apart with any colour vision
KNOWN = {"particle": "#E69F00", "electrolyte": "#A9D5EF", "separator": "#D6E6D2", "coating": "#CC5A8A"}
OTHERS = ("#0072B2", "#009E73", "#F0E442", "#D55E00", "#999999", "#56B4E9", "#8C6BB1")
EDGE = "#30363D"
VTK_CELLS = {4: 10, 8: 12}
"""VTK's number of solid cells, by their number of corners."""
SURROUNDING = ("electrolyte", "separator")
"""Regions that surround others by their usual names: cut open in 3D."""


def draw(record: MeshRecord, png: Path) -> None:
    """Write a picture of a mesh; lengths on the axes in um."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import Patch

    points, cells = _read(record)
    spare = iter(OTHERS * (len(cells) // len(OTHERS) + 1))
    colours = {name: KNOWN.get(name) or next(spare) for name in cells}
    figure = Figure(figsize=_page(record, points), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if record.dimension == 2:
        _flat(axes, record, points, cells, colours)
    else:
        axes.imshow(_solid(points, cells, colours))
        axes.axis("off")
    about, (counter, collector) = record.report, stack_ends(record.coordinates)
    counts = f"{about['cells']:,} cells, {about['points']:,} points, {record.coordinates}"
    figure.suptitle(f"{record.name}\n{counts}", fontsize=9)
    swatches = [Patch(facecolor=colours[name], edgecolor=EDGE, linewidth=0.5, label=name) for name in cells]
    legend = figure.legend(handles=swatches, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    if "paths" in about:
        title = f"counter electrode at {counter}, collector at {collector}"
        legend.set_title(title, prop=FontProperties(size=8))
    png.parent.mkdir(parents=True, exist_ok=True)
    figure.canvas.draw()
    _save(np.asarray(figure.canvas.buffer_rgba()), png)  # type: ignore[attr-defined]


def _save(pixels: NDArray[np.uint8], png: Path) -> None:
    """Write an image with a palette, which is a third of the size in full colour."""
    from PIL import Image

    Image.fromarray(pixels).convert("RGB").quantize(48, dither=Image.Dither.NONE).save(png, optimize=True)


def _read(record: MeshRecord) -> tuple[NDArray[np.float64], dict[str, NDArray[np.int64]]]:
    """Return the points (n, 3) and the cells of each region."""
    mesh = read_mesh(record.msh)
    kind = next(shape.name for shape in SHAPES[record.dimension] if shape.name in mesh.cells_dict)
    group = mesh.cell_data_dict["gmsh:physical"][kind]
    cells = {name: mesh.cells_dict[kind][group == mesh.field_data[name][0]] for name in record.regions}
    return mesh.points, cells


def _page(record: MeshRecord, points: NDArray[np.float64]) -> tuple[float, float]:
    """Return the size of the figure in inches, in the proportions of the mesh."""
    if record.dimension == 3:
        return 6.5, 5.6
    wide, high = np.ptp(points[:, 0]), np.ptp(points[:, 1])
    scale = 5.2 / max(wide, high)
    return float(max(scale * wide, 2.6)) + 0.7, float(max(scale * high, 1.2)) + 1.1


def _flat(
    axes: Any,
    record: MeshRecord,
    points: NDArray[np.float64],
    cells: dict[str, NDArray[np.int64]],
    colours: dict[str, str],
) -> None:
    """Draw the cells of a plane mesh."""
    from matplotlib.collections import PolyCollection

    for name, corners in cells.items():
        polygons = PolyCollection(
            list(points[corners][:, :, :2]), facecolor=colours[name], edgecolor=EDGE, linewidth=0.2
        )
        axes.add_collection(polygons)
    axes.autoscale_view()
    axes.set_aspect("equal")
    axes.margins(0.02)
    axes.tick_params(labelsize=8)
    across, up = ("r", "z") if record.coordinates == "axisymmetric" else ("x", "y")
    axes.set_xlabel(f"{across} [um]", fontsize=8)
    axes.set_ylabel(f"{up} [um]", fontsize=8)


def _solid(
    points: NDArray[np.float64], cells: dict[str, NDArray[np.int64]], colours: dict[str, str]
) -> NDArray[np.uint8]:
    """Return an image of a 3D mesh, the surrounding regions cut open along the middle."""
    if not os.environ.get("DISPLAY"):
        # without a screen VTK must be told to draw with EGL, before it is imported
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    import pyvista

    plotter: Any = pyvista.Plotter(off_screen=True, window_size=[1300, 1000])
    plotter.set_background("white")
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    for name, corners in cells.items():
        used, local = np.unique(corners, return_inverse=True)
        grid: Any = pyvista.UnstructuredGrid(
            {VTK_CELLS[corners.shape[1]]: local.reshape(corners.shape)}, points[used]
        )
        if name in SURROUNDING:
            grid = grid.clip("y", origin=tuple(middle), invert=False)
        elif name == "coating":
            grid = grid.clip("x", origin=tuple(middle), invert=True)
        surface = grid.extract_surface(algorithm="dataset_surface")
        if surface.n_cells:
            plotter.add_mesh(
                surface, color=colours[name], show_edges=True, edge_color=EDGE, line_width=0.6, ambient=0.35
            )
    plotter.show_bounds(
        xtitle="x [um]",
        ytitle="y [um]",
        ztitle="z [um]",
        bounds=list(np.column_stack([low, high]).ravel()),
        location="outer",
        ticks="outside",
        font_size=16,
        color="black",
        fmt="%.0f",
    )
    reach = float(np.linalg.norm(high - low))
    plotter.camera_position = [tuple(middle + reach * np.array([-0.75, -1.6, 0.9])), tuple(middle), (0, 0, 1)]
    image = np.asarray(plotter.screenshot(return_img=True))
    plotter.close()
    inked = np.argwhere((image < 250).any(axis=2))
    (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0) + 1
    return image[top:bottom, left:right]
