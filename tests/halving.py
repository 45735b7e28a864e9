"""What must be the same in a mesh and in the one whose cells are halves of its cells; on any number of ranks."""

from pathlib import Path

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
from mpi4py import MPI

from chemomech.domain import Domain, read_domain
from chemomech.refinement import refined


def sizes(domain: Domain) -> dict[str, float]:
    """Return volumes, areas of boundaries by region, and areas of interfaces."""
    found = {name: domain.volume([name]) for name in domain.regions}
    found |= {
        f"{region}@{side}": domain.boundary_area(side, [region])
        for side in domain.facet_boundary
        for region in domain.regions
    }
    return found | {
        "|".join(pair): domain.interface_area(*([name] for name in pair)) for pair in domain.adjacent()
    }


def counts(domain: Domain) -> dict[str, int]:
    """Return the number of cells of each region and of the facets of each boundary, over all ranks."""
    found = {name: len(domain.owned_cells([name])) for name in domain.regions}
    found |= {f"at {name}": len(domain.boundary_facets(name)) for name in domain.facet_boundary}
    return {name: domain.comm.allreduce(count) for name, count in found.items()}


def check(msh: Path, times: int) -> None:
    """Compare a mesh with what it is refined to."""
    coarse = read_domain(msh, "3D", MPI.COMM_WORLD, 2)
    fine = refined(coarse, times)
    assert sizes(fine) == pytest.approx(sizes(coarse), rel=1e-12, abs=1e-12)
    each = {name: (4 if name.startswith("at ") else 8) ** times for name in counts(coarse)}
    assert counts(fine) == {name: count * each[name] for name, count in counts(coarse).items()}
    # ghosts know their region: an interface has both sides on every rank
    assert np.all(fine.cell_region > 0)
    facets = [counted(each) for each in (coarse, fine)]
    assert facets[1] == 4**times * facets[0]


def counted(domain: Domain) -> int:
    """Return the number of facets of the interface between particle and electrolyte, over all ranks."""
    body = domain.interface_support(["particle"], ["electrolyte"]).mesh
    return int(body.topology.index_map(2).size_global)
