"""Results folders that look like runs, made without solving anything."""

from pathlib import Path

import gmsh
import numpy as np
from scipy.spatial import Delaunay

from chemomech.results import FieldWriter, History, RunRecord, write_json
from chemomech.results.format import CELL_COLUMNS, REGION_QUANTITIES, region_column

REGIONS = ("electrolyte", "particle")
DURATION = 7200.0


def disc_in_square(
    size: float, axisymmetric: bool, spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points, triangles and regions of a square [um] with a disc (axisymmetric: half of it)."""
    middle = np.array([0.0 if axisymmetric else 0.5 * size, 0.5 * size])
    radius = 0.3 * size
    count = round(2 * np.pi * radius / spacing)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    width = 0.5 * size if axisymmetric else size
    x, y = (np.linspace(0, length, round(length / spacing) + 1) for length in (width, size))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    distance = np.linalg.norm(grid - middle, axis=1)
    grid = grid[np.abs(distance - radius) > 0.6 * spacing]
    rings = [middle + ring * radius]
    if axisymmetric:
        rings = [
            np.vstack([part[part[:, 0] > 0.3 * spacing], [[0, middle[1] - radius], [0, middle[1] + radius]]])
            for part in rings
        ]
    points = np.vstack([grid, *rings])
    triangles = Delaunay(points).simplices
    corners = points[triangles]
    edge, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    triangles = triangles[np.abs(edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0]) > 1e-6 * spacing**2]
    centre = points[triangles].mean(axis=1)
    region = (np.linalg.norm(centre - middle, axis=1) < radius).astype(int)
    return np.column_stack([points, np.zeros(len(points))]), triangles, region


def spheres_in_box(size: float, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points, tetrahedra and regions of a box [um] with two spheres."""
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("Mesh.MeshSizeMax", spacing)
        make = gmsh.model.occ
        box = make.addBox(0, 0, 0, size, size, size)
        balls = [make.addSphere(0.5 * size, 0.5 * size, 0.5 * size, 0.3 * size)]
        balls.append(make.addSphere(0.83 * size, 0.2 * size, 0.8 * size, 0.15 * size))
        pieces, _ = make.fragment([(3, box)], [(3, ball) for ball in balls])
        make.synchronize()
        gmsh.model.mesh.generate(3)
        tags, coordinates, _ = gmsh.model.mesh.getNodes()
        row = np.zeros(int(tags.max()) + 1, dtype=int)
        row[tags] = np.arange(len(tags))
        cells, region = [], []
        for _, tag in pieces:
            nodes = gmsh.model.mesh.getElementsByType(4, tag)[1]
            cells.append(row[nodes].reshape(-1, 4))
            region.append(np.full(len(cells[-1]), int(tag in balls)))
        return coordinates.reshape(-1, 3), np.vstack(cells), np.concatenate(region)
    finally:
        gmsh.finalize()


def separate_regions(
    points: np.ndarray, cells: np.ndarray, region: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give each region its own points, as the results folder has them."""
    parts, moved, start = [], cells.copy(), 0
    for number in np.unique(region):
        used = np.unique(cells[region == number])
        renumber = np.full(len(points), -1)
        renumber[used] = np.arange(len(used)) + start
        moved[region == number] = renumber[cells[region == number]]
        parts.append(points[used])
        start += len(used)
    return np.vstack(parts), moved


def make_results(folder: Path, kind: str, *, frames: int = 5, fine: float = 1.0, risk: float = 1.4) -> Path:
    """Write a results folder of kind "plane strain", "axisymmetric" or "3D" with smooth made-up fields."""
    size = 10.0
    if kind == "3D":
        shared, cells, region = spheres_in_box(size, 1.0 / fine)
        middle = np.full(3, 0.5 * size)
    else:
        shared, cells, region = disc_in_square(size, kind == "axisymmetric", 0.4 / fine)
        middle = np.array([0.0 if kind == "axisymmetric" else 0.5 * size, 0.5 * size, 0.0])
    points, cells = separate_regions(shared, cells, region)
    of_point = np.zeros(len(points), dtype=int)
    of_point[cells.ravel()] = np.repeat(region, cells.shape[1])
    active = of_point == 1
    offset = points - middle
    radius = np.linalg.norm(offset, axis=1) / (0.3 * size)
    centre = points[cells].mean(axis=1) - middle
    far = np.linalg.norm(centre, axis=1) / (0.3 * size)
    cosine = centre[:, 0] / np.maximum(np.linalg.norm(centre, axis=1), 1e-9)

    folder.mkdir(parents=True)
    writer = FieldWriter(folder / "fields.vtkhdf", None, points, cells, 10 if kind == "3D" else 5, region)
    for index in range(frames):
        share = index / max(frames - 1, 1)
        charge = np.sin(np.pi * share)
        theta = np.where(active, 0.9 - 0.5 * charge + 0.12 * charge * (1 - radius**2), np.nan)
        moved = -0.004 * charge * offset * np.minimum(1, radius[:, None] ** -3)
        stress = 400 * charge * np.where(region == 1, 1 - 0.7 * far**2, -0.4 * far**-3 * (1 + cosine))
        crack = risk * charge * np.where(region == 1, 0.8 - 0.5 * far**2, (0.5 + 0.5 * cosine**2) * far**-2)
        writer.append(
            DURATION * share,
            {
                "Stoichiometry [-]": theta,
                "Concentration [mol.m-3]": theta * 49000,
                "Electronic potential [V]": np.where(active, 3.9 + 1e-9 * radius, np.nan),
                "Ionic potential [V]": np.where(active, np.nan, 0.02 * charge * points[:, 0] / size),
                "Displacement [um]": moved,
            },
            {
                "Von Mises stress [MPa]": np.abs(stress) + 5,
                "Hydrostatic stress [MPa]": stress,
                "Crack risk [-]": crack,
            },
        )
    writer.close()
    write_history(folder, risk)
    case = {
        "title": f"Disc <{kind}>",
        "regions": {
            "electrolyte": {"material": "Li6PS5Cl", "role": "electrolyte"},
            "particle": {"material": "NMC811", "role": "active"},
        },
    }
    RunRecord(
        case["title"], case, "0" * 12, {"chemomech": "0.1.0"}, 1, 12.3, True, "protocol finished",
        kind, 3 if kind == "3D" else 2, REGIONS, frames,
    ).write(folder)  # fmt: skip
    write_json(
        folder / "summary.json", {"Largest crack risk [-]": risk, "Capacity [A.h]": 2.5e-10, "n": None}
    )
    return folder


def write_history(folder: Path, risk: float, rows: int = 80) -> None:
    """Write a charge, a hold and a discharge."""
    columns = tuple(region_column(q, region) for q in REGION_QUANTITIES for region in REGIONS)
    history = History(folder / "history.csv", CELL_COLUMNS + columns)
    capacity = 0.0
    for index in range(rows):
        share = index / (rows - 1)
        charge = np.sin(np.pi * share)
        density = 0.5 if share < 0.5 else -0.5
        area = 1e-6  # cm2
        current = density * 1e-3 * area
        capacity += current * DURATION / rows / 3600 if index else 0.0
        row = dict.fromkeys(history.columns, 0.0) | {
            "Time [s]": share * DURATION,
            "Cycle [-]": 1,
            "Step [-]": 1 if share < 0.5 else 2,
            "Step size [s]": DURATION / rows,
            "Voltage [V]": 3.5 + 0.7 * charge + 0.06 * np.sign(density),
            "Current [A]": current,
            "Current density [mA.cm-2]": density,
            "Capacity [A.h]": capacity,
            "Stack pressure [MPa]": 10 - 2 * charge,
            "Newton iterations [-]": 3,
            "Lithium balance error [-]": 1e-13 * (1 + index % 7),
            "Charge balance error [-]": 3e-12 * (1 + index % 5) if index else 0.0,
        }
        for quantity in REGION_QUANTITIES:
            for region in REGIONS:
                row[region_column(quantity, region)] = float("nan")
        for region, level in zip(REGIONS, (0.6, 1.0), strict=True):
            row[region_column("Max von Mises", region)] = 400 * level * charge + 5
            row[region_column("Max principal stress", region)] = 300 * level * charge
            row[region_column("P99 principal stress", region)] = 250 * level * charge
            row[region_column("Crack risk", region)] = risk * level * charge
        row["Mean stoichiometry in particle [-]"] = 0.9 - 0.5 * charge
        row["Min stoichiometry in particle [-]"] = 0.9 - 0.55 * charge
        row["Max stoichiometry in particle [-]"] = 0.9 - 0.4 * charge
        history.append(row)
    history.close()
