"""What a Newton iteration would cost on a cluster, on paper, from what was measured here (docs/performance.md).

usage: python -m benchmarks.extrapolation FIGURES [MESH]      FIGURES: lines of ./dev bench --only b4
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, log2
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.table import read

PARTS: Final = (2, 4, 8, 16, 32)
AGGREGATE: Final = 20.0
"""unknowns of a level to one of the next"""
LEVELS: Final = 4
"""of multigrid at the size measured"""
MEMORY_SHARE: Final = 0.85
"""of the nominal bandwidth that STREAM reaches"""


@dataclass(frozen=True)
class Cluster:
    """Nodes of two 64-core processors of eight channels DDR4-3200 each, and their network."""

    cores: int = 128
    memory: float = MEMORY_SHARE * 2 * 8 * 25.6
    """bandwidth of a node [GB/s]"""
    network: float = 25.0
    """of a node [GB/s]"""
    latency: float = 2e-6
    """of a message between nodes [s]"""


@dataclass(frozen=True)
class Measured:
    """One core here, and two ranks."""

    unknowns: int
    throughput: float
    """unknowns x Newton iterations per CPU second"""
    triad: float
    """[GB/s]"""
    krylov: float
    """Krylov iterations per Newton iteration"""
    growth: float
    """exponent of their growth with the number of unknowns"""
    messages: float
    """per rank and Krylov iteration, of two ranks: each has one neighbour"""
    kilobytes: float
    """the same of what is sent"""
    reductions: float


@dataclass(frozen=True)
class Surface:
    """Parts of a mesh cut into so many."""

    parts: int
    owned: float
    """points of a part, mean"""
    ghosts: float
    """points of others that it holds, mean"""
    neighbours: float
    """other parts that own these, mean"""


def surfaces(
    cells: npt.NDArray[np.int64], part: npt.NDArray[np.int32], across: npt.NDArray[np.int64]
) -> Surface:
    """Count points of parts: corners of their cells and of cells beyond a facet; a point is owned by one that has it.

    ``across``: pairs of cells that share a facet, both ways.
    """
    count, parts = int(cells.max()) + 1, int(part.max()) + 1
    # owners are spread evenly over the parts that touch a point
    order = np.random.default_rng(0).permutation(len(cells))
    owner = np.empty(count, dtype=np.int32)
    owner[cells[order]] = part[order][:, None]
    beyond = across[part[across[:, 0]] != part[across[:, 1]]]
    held = np.concatenate([np.repeat(part, cells.shape[1]), np.repeat(part[beyond[:, 0]], cells.shape[1])])
    points = np.concatenate([cells.reshape(-1), cells[beyond[:, 1]].reshape(-1)])
    pairs = np.unique(held.astype(np.int64) * count + points)
    who, what = pairs // count, pairs % count
    foreign = owner[what] != who
    links = np.unique(who[foreign] * parts + owner[what[foreign]])
    return Surface(parts, count / parts, foreign.sum() / parts, len(links) / parts)


def partition(mesh: Path) -> list[Surface]:
    """Cut a mesh as a run on so many ranks would, and count."""
    from dolfinx import cpp, graph
    from mpi4py import MPI

    from chemomech.domain import read_domain  # brings dolfinx

    body = read_domain(mesh, "3D", MPI.COMM_SELF).mesh
    topology = body.topology
    cells = np.asarray(body.geometry.dofmaps[0], dtype=np.int64)
    topology.create_connectivity(2, 3)
    links = topology.connectivity(2, 3)
    inner = np.flatnonzero(np.diff(links.offsets) == 2)
    pairs = links.array[links.offsets[inner][:, None] + np.arange(2)].astype(np.int64)
    across = np.concatenate([pairs, pairs[:, ::-1]])
    order = np.argsort(across[:, 0], kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(across[:, 0], minlength=len(cells)))])
    adjacency = graph.adjacencylist(across[order, 1], offsets.astype(np.int32))
    cut = cpp.graph.partitioner()
    found = []
    for parts in PARTS:
        target = cut(MPI.COMM_SELF, parts, adjacency._cpp_object, False).array.astype(np.int32)
        found.append(surfaces(cells, target, across))
    return found


def measured(figures: Sequence[Mapping[str, Any]]) -> Measured:
    """Take what the extrapolation needs from the figures of B4."""
    by_name = {one["figure"]: one for one in figures}

    def of(name: str) -> float:
        return float(by_name[name]["project"])

    sizes = sorted(
        (one["unknowns"], of(one["figure"].replace("throughput", "krylov_per_newton")))
        for one in figures
        if one["figure"].endswith("_throughput") and one["figure"].startswith("b4_n")
    )
    (small, few), (large, many) = sizes[0], sizes[-1]
    ranks = {name: of(f"b4_n180k_{name}_2_ranks") for name in ("messages", "bytes", "reductions")}
    return Measured(
        unknowns=int(by_name["b4_n180k_throughput"]["unknowns"]),
        throughput=of("b4_n180k_throughput"),
        triad=of("machine_triad"),
        krylov=of("b4_n180k_krylov_per_newton"),
        growth=max(0.0, log(many / few) / log(large / small)),
        messages=ranks["messages"],
        kilobytes=1e-3 * ranks["bytes"],
        reductions=ranks["reductions"],
    )


def coefficient(found: Sequence[Surface]) -> float:
    """Return s in ghosts = s owned^(2/3), of the finest cut, whose parts have neighbours all around."""
    last = max(found, key=lambda one: one.parts)
    return float(last.ghosts / last.owned ** (2 / 3))


def iteration(
    unknowns: float, cores: int, here: Measured, found: Sequence[Surface], there: Cluster
) -> dict[str, float]:
    """Return the seconds of one Newton iteration by what they are for, and the share of it that is work.

    With n unknowns per core and K = K0 (N/N0)^g Krylov iterations, L levels of multigrid:
      work        n/throughput (N/N0)^g  triad/(memory of a node/cores)
      latency     K m (L/L0) q latency, m messages to each of q neighbours
      bandwidth   K b (ghosts of n)/(ghosts of two parts) / (network of a node/cores)
      reductions  K r log2(cores) latency
    """
    size = unknowns / cores
    more = unknowns / here.unknowns
    growth = more**here.growth
    krylov = here.krylov * growth
    levels = 1.0 + max(0.0, log(more) / log(AGGREGATE)) / LEVELS
    two, last = min(found, key=lambda one: one.parts), max(found, key=lambda one: one.parts)
    fields = here.unknowns / (two.owned * two.parts)  # unknowns to a point
    ghosts = coefficient(found) * (size / fields) ** (2 / 3)
    kilobytes = here.kilobytes * ghosts / two.ghosts
    slower = max(1.0, here.triad * there.cores / there.memory)
    parts = {
        "work": size / here.throughput * growth * slower,
        "latency": krylov * here.messages * levels * last.neighbours * there.latency,
        "bandwidth": krylov * kilobytes * 1e3 / (1e9 * there.network / there.cores),
        "reductions": krylov * here.reductions * log2(cores) * there.latency,
    }
    total = sum(parts.values())
    return parts | {"total": total, "efficiency": parts["work"] / total, "ghosts": ghosts * fields / size}


def page(here: Measured, found: Sequence[Surface], there: Cluster) -> str:
    """Return what was measured and what follows, as Markdown."""
    rows = ["| parts | points of a part | ghosts | share | neighbours |", "|---|---|---|---|---|"]
    rows += [
        f"| {s.parts} | {s.owned:.0f} | {s.ghosts:.0f} | {s.ghosts / s.owned:.3f} | {s.neighbours:.1f} |"
        for s in found
    ]
    rows += ["", f"ghosts = {coefficient(found):.2f} owned^(2/3); {here}", ""]
    names = ("work", "latency", "bandwidth", "reductions", "total")
    rows += [
        f"| unknowns | nodes | per core | ghosts | {' | '.join(f'{name} [s]' for name in names)} | efficiency |",
        "|---" * (len(names) + 5) + "|",
    ]
    for unknowns, nodes in ((1e7, 1), (1e7, 4), (1e7, 16), (1e8, 8), (1e8, 32), (1e8, 128)):
        cores = nodes * there.cores
        one = iteration(unknowns, cores, here, found, there)
        cells = [f"{unknowns:.0e}", str(nodes), f"{unknowns / cores:.0f}", f"{one['ghosts']:.2f}"]
        cells += [*(f"{one[name]:.2g}" for name in names), f"{one['efficiency']:.2f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    if len(sys.argv) > 2:
        mesh_file = Path(sys.argv[2])
    else:
        from chemomech.geometry.build import open_mesh

        mesh_file = open_mesh(Path(__file__).parent.parent / "meshes" / "composite_3d.toml").msh
    print(page(measured(read(lines)), partition(mesh_file), Cluster()))
