"""Cells halved when a mesh is read: the same regions, interfaces and boundaries, made of more cells."""

from pathlib import Path

import chemomech.runtime  # noqa: F401

import halving
import numpy as np
import pytest
import small
import tomlkit
from dolfinx import mesh
from mpi4py import MPI

from chemomech.domain import make_domain
from chemomech.errors import InputError
from chemomech.geometry.build import open_mesh
from chemomech.geometry.recipe import read_recipe
from chemomech.refinement import refined
from chemomech.run import _identity

PARALLEL = """
import chemomech.runtime
import sys
from pathlib import Path
import halving
halving.check(Path(sys.argv[1]), 1)
print("halved", flush=True)
"""


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ball")
    (folder / "ball.toml").write_text(small.BALL_MESH)
    return open_mesh(folder / "ball.toml", folder).msh


def test_a_ball_keeps_its_regions_and_boundaries(ball: Path) -> None:
    halving.check(ball, 1)


@pytest.mark.parallel
def test_two_ranks_refine_what_each_of_them_has(ball: Path) -> None:
    done = small.script(PARALLEL, ball, ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("halved") == 2


def test_a_recipe_says_how_often_and_the_mesh_file_stays(tmp_path: Path) -> None:
    content = tomlkit.parse(small.FILM_MESH)
    plain = small.case(tmp_path / "plain")
    finer = small.case(tmp_path / "finer", mesh=tomlkit.dumps({"refine": 2} | content))
    one, two = (open_mesh(case.mesh_path, tmp_path / "cache") for case in (plain, finer))
    assert one.msh == two.msh and (one.refine, two.refine) == (0, 2)
    models = [small.model(case) for case in (plain, finer)]
    cells = [model.domain.mesh.topology.index_map(2).size_global for model in models]
    assert cells[1] == 16 * cells[0]
    assert halving.sizes(models[1].domain) == pytest.approx(halving.sizes(models[0].domain), rel=1e-12)
    # a state of the one is none of the other
    assert _identity(plain, two, models[0]) != _identity(plain, one, models[0])
    assert read_recipe(plain.mesh_path, {"refine": 1}).refine == 1


def test_quadrilaterals_are_not_cut() -> None:
    square = mesh.create_unit_square(MPI.COMM_SELF, 2, 2, mesh.CellType.quadrilateral)
    cells = np.arange(4, dtype=np.int32)
    domain = make_domain(square, "plane strain", {"a": 1}, cells, np.ones(4, np.int32), {})
    assert refined(domain, 0) is domain
    with pytest.raises(InputError, match="quadrilateral"):
        refined(domain, 1)
