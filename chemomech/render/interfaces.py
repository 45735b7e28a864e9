"""Pictures of what is known on interfaces only: opening, damage, share that conducts, thickness of what grows there."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from chemomech.render.planar import PlanarPainter
from chemomech.render.scenes import deformation_scale, scale_text, stamp
from chemomech.render.style import REGION_COLOURS, STYLE, Colours, axis_label, colours_of
from chemomech.results import Results
from chemomech.results.format import FACE_FIELDS

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

AT_ITS_LARGEST: Final = tuple(FACE_FIELDS[name] for name in ("opening", "damage"))
"""drawn at the moment they are largest; the others at the end"""
CHAINS: Final = 8
"""most interfaces whose values are drawn as curves, the longest ones"""
LINES: Final = ("black", "#ee6677", "#4477aa", "#228833")
PALE: Final = 0.22
"""how much of its colour a region has behind its interface"""
FACETS: Final = {
    5: ((0, 1), (1, 2), (2, 0)),
    9: ((0, 1), (1, 2), (2, 3), (3, 0)),
    10: ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)),
    12: ((0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)),
}
"""facets of a cell by its VTK number, in the cell's own points"""


@dataclass(frozen=True)
class Faces:
    """The facets of a grid on which an array is known: its points, its cell, and where its neighbours are."""

    results: Results
    array: str

    @cached_property
    def _places(self) -> Indices:
        """One number for all points at a place: points are separate per region."""
        points = self.results.grid.points
        grain = 1e-9 * max(float(np.ptp(points, axis=0).max()), 1e-300)
        keys = np.round((points - points.min(axis=0)) / grain).astype(np.int64)
        return np.asarray(np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1), dtype=np.int64)

    @cached_property
    def found(self) -> tuple[Indices, Indices]:
        """Points (k, n) and cell (k,) of the facets where the array is known: between two regions, else outside."""
        grid, known = self.results.grid, np.isfinite(self.results.array(self.array, 0))
        local = np.array(FACETS[grid.cell_type])
        facets = grid.cells[:, local].reshape(-1, local.shape[1])
        owner = np.repeat(np.arange(len(grid.cells)), len(local))
        keys = np.sort(self._places[facets], axis=1)
        _, group, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        group = group.reshape(-1)
        order = np.argsort(group, kind="stable")
        first = order[np.concatenate([[0], np.cumsum(count)[:-1]])]
        last = order[np.cumsum(count) - 1]
        region = grid.region[owner]
        between = (count == 2) & (region[first] != region[last]) & known[owner[first]] & known[owner[last]]
        outside = (count == 1) & known[owner[first]]
        # A cell at an interface may end at an outer boundary too: of the outer facets only those whose cells touch no
        # interface are meant, and of these the ones on the plane that most of them lie on.
        touching = np.concatenate([owner[first[between]], owner[last[between]]])
        outside &= ~np.isin(owner[first], touching)
        chosen = first[between]
        if np.any(outside):
            chosen = np.concatenate([chosen, self._commonest_planes(facets, first[outside], region)])
        return np.asarray(facets[chosen], dtype=np.int64), np.asarray(owner[chosen], dtype=np.int64)

    def place(self, facet: int) -> str:
        """Return the regions on both sides of a facet, or the one that ends there."""
        grid, names = self.results.grid, self.results.regions
        here = np.isin(self._places[grid.cells], self._places[self.found[0][facet]]).sum(axis=1)
        sides = sorted({names[int(r)] for r in grid.region[here == self.found[0].shape[1]]})
        return "|".join(sides) if len(sides) > 1 else f"{sides[0]}, outer boundary"

    def _commonest_planes(self, facets: Indices, chosen: Indices, region: Indices) -> Indices:
        kept = []
        points = self.results.grid.points
        for name in np.unique(region[chosen]):
            mine = chosen[region[chosen] == name]
            spread = np.ptp(points[facets[mine]], axis=1)
            axis = np.argmin(spread[:, : self.results.run["dimension"]], axis=1)
            place = np.round(points[facets[mine]].mean(axis=1)[np.arange(len(mine)), axis], 6)
            planes, which, count = np.unique(
                np.stack([axis, place], axis=1), axis=0, return_inverse=True, return_counts=True
            )
            kept.append(mine[which.reshape(-1) == int(np.argmax(count))])
        return np.concatenate(kept)

    def values(self, frame: int) -> Array:
        """Return the array on the facets of a frame."""
        return np.asarray(self.results.array(self.array, frame)[self.found[1]])

    def chains(self) -> list[Indices]:
        """Return the facets of each connected interface of a plane in their order along it, the longest first."""
        facets, _ = self.found
        ends = self._places[facets]
        at: dict[int, list[int]] = {}
        for facet, pair in enumerate(ends):
            for end in pair:
                at.setdefault(int(end), []).append(facet)
        left, chains = set(range(len(facets))), []
        # open ones from an end, then the closed ones from anywhere
        starts = [facets_here[0] for facets_here in at.values() if len(facets_here) == 1]
        for start in [*starts, *range(len(facets))]:
            if start not in left:
                continue
            place = next((int(e) for e in ends[start] if len(at[int(e)]) == 1), int(ends[start][0]))
            chain, facet = [], start
            while True:
                left.discard(facet)
                chain.append(facet)
                place = int(ends[facet][1] if ends[facet][0] == place else ends[facet][0])
                onward = [other for other in at[place] if other in left]
                if not onward:
                    break
                facet = onward[0]
            chains.append(np.array(chain))
        return sorted(chains, key=lambda chain: -self.lengths()[chain].sum())

    def lengths(self) -> Array:
        """Return the length of each facet of a plane [um]."""
        ends = self.results.grid.points[self.found[0]]
        return np.asarray(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1))


def best_frame(results: Results, array: str) -> int:
    """Return the frame in which an array of interfaces is drawn."""
    if array not in AT_ITS_LARGEST:
        return results.frames - 1
    largest = [np.nanmax(results.array(array, frame), initial=-np.inf) for frame in range(results.frames)]
    return int(np.argmax(largest))


@matplotlib.rc_context(STYLE)
def interface_scene(results: Results, array: str, frame: int | None = None) -> Figure:
    """Draw an array on its interfaces: coloured where they are, and in two dimensions along them as curves."""
    at = best_frame(results, array) if frame is None else frame % results.frames
    faces = Faces(results, array)
    values = faces.values(at)
    colours = colours_of(array, [values])
    scale = deformation_scale(results)
    figure = Figure(figsize=(10.4, 4.4), layout="constrained")
    if int(results.run["dimension"]) == 3:
        from chemomech.render.solid import SolidPainter

        painter = SolidPainter(results, scale)
        axes = figure.subplots()
        painter.paint_facets(axes, faces.found[0], values, at, colours)
        figure.set_size_inches(6.8, 5.4)
    else:
        axes, along = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.0, 1.15]})
        _plane(axes, PlanarPainter(results, scale), faces, values, at, colours)
        _curves(along, faces, values, array)
    colours.colour_bar([axes], below=True, most=3)
    words = f"{stamp(results, at)}    {scale_text(results, scale)}"
    figure.suptitle(words, x=0.01, ha="left", fontsize=11)
    return figure


def _plane(
    axes: Axes, painter: PlanarPainter, faces: Faces, values: Array, frame: int, colours: Colours
) -> None:
    """Draw the regions pale and their interface in colours."""
    results = painter.results
    grid = results.grid
    for sign in (1, -1) if painter.mirrored else (1,):
        points = painter.shape(frame) * [sign, 1]
        for number in range(len(results.regions)):
            colour = matplotlib.colors.to_rgba(REGION_COLOURS[number % len(REGION_COLOURS)], PALE)
            cells = grid.cells[grid.region == number]
            axes.add_collection(
                PolyCollection(points[cells], facecolors=[colour], edgecolors=[colour], linewidths=0.2)
            )
        lines = LineCollection(list(points[faces.found[0]]), linewidths=4.0, cmap=colours.colour_map)
        lines.set_array(values)
        lines.set_clim(colours.low, colours.high)
        lines.set_capstyle("round")
        axes.add_collection(lines)
    axes.autoscale_view()
    axes.set_aspect("equal")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlabel("r (µm)" if painter.mirrored else "x (µm)")
    axes.set_ylabel("z (µm)" if painter.mirrored else "y (µm)")
    handles = [
        Patch(
            facecolor=matplotlib.colors.to_rgba(REGION_COLOURS[k % len(REGION_COLOURS)], PALE),
            edgecolor="black",
            linewidth=0.5,
            label=name,
        )
        for k, name in enumerate(results.regions)
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(handles), 3))


def _curves(axes: Axes, faces: Faces, values: Array, array: str) -> None:
    """Draw the values along each interface."""
    chains, lengths = faces.chains(), faces.lengths()
    places = [faces.place(int(chain[0])) for chain in chains[:CHAINS]]
    shown = list(dict.fromkeys(places))
    for chain, place in zip(chains, places, strict=False):
        ends = np.concatenate([[0.0], np.cumsum(lengths[chain])])
        colour = LINES[shown.index(place) % len(LINES)]
        axes.stairs(values[chain], ends, baseline=None, color=colour, linewidth=1.5, label=place)
    handles, labels = axes.get_legend_handles_labels()
    first = {label: handle for handle, label in reversed(list(zip(handles, labels, strict=True)))}
    if len(first) > 1:
        axes.legend(first.values(), first.keys(), loc="best")
    axes.set_xlabel("Length along the interface (µm)")
    axes.set_ylabel(axis_label(array))
    axes.margins(x=0.0)
    known = values[np.isfinite(values)]
    if known.size and np.ptp(known) <= 1e-4 * max(abs(float(known.max())), 1e-300):
        middle = float(known.mean())
        reach = abs(middle) or 1.0
        axes.set_ylim(middle - 0.5 * reach, middle + 0.5 * reach)
    if len(chains) > CHAINS:
        axes.set_title(f"the {CHAINS} longest of {len(chains)} interfaces", fontsize=9.5, loc="left")
