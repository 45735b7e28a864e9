"""Whatever is wrong with the input gets one message that names the place and the remedy, and leaves nothing behind."""

import contextlib
import gc
import io
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small
import tomlkit
from cases.test_geometries import by_hand, content, grid, half, msh

from chemomech.cli import outcome
from chemomech.errors import InputError
from chemomech.geometry.recipe import read_recipe

ROOT = Path(__file__).parents[2]
CASES = sorted(path.parent for path in (ROOT / "cases").glob("*/case.toml"))
RECIPES = sorted((ROOT / "meshes").glob("*.toml"))
pytestmark = pytest.mark.reliability


class Said:
    """What the command line answered: exit code, lines on stderr and on stdout."""

    def __init__(self, *arguments: str | Path) -> None:
        out, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            self.code = outcome([str(each) for each in arguments])
        self.out, self.error = out.getvalue(), error.getvalue()
        self.lines = self.error.strip().splitlines()

    def refuses(self, *expected: str, code: int = 2) -> None:
        """Each expected text stands in a line of its own, and no other line is there."""
        assert self.code == code, (self.code, self.error)
        assert "Traceback" not in self.error
        for text in expected:
            assert any(text in line for line in self.lines), f"{text!r} is not in\n{self.error}"
        assert len(self.lines) == len(expected), self.error
        for line in self.lines:
            place, mark, _ = line.partition(": ")
            assert mark and place and "; " in line, f"no place or no remedy: {line}"


def check(folder: Path, *overrides: str) -> Said:
    """Check a case."""
    return Said("check", folder, *(part for each in overrides for part in ("--set", each)))


def run(folder: Path, *overrides: str) -> Said:
    """Run a case that is expected to be refused; nothing may be left in its results folder."""
    said = Said("run", folder, "--quiet", *(part for each in overrides for part in ("--set", each)))
    assert said.code in (2, 3)
    results = folder / "results"
    if said.code == 2 and results.is_dir():
        assert not list(results.iterdir())
    return said


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return the folder of a sound case."""
    return small.write(tmp_path / "film")


# -- what ships ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_shipped_cases_are_sound(folder: Path) -> None:
    said = check(folder)
    assert (said.code, said.error) == (0, "")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_sound(path: Path) -> None:
    read_recipe(path)


# -- what `check` finds ----------------------------------------------------------------------------------------

ACTIVE_ONLY = (
    "maximum_concentration",
    "open_circuit_potential",
    "stoichiometry_range",
    "diffusivity",
    "swelling",
)
CHECKED: dict[str, tuple[list[str], list[str]]] = {
    "key": (["protocol.cylces=3"], ["did you mean 'cycles'?"]),
    "table": (["protcol.cycles=3"], ["did you mean 'protocol'?"]),
    "unit": (["cell.temperature='25 umm'"], ["umm"]),
    "dimension": (["cell.temperature='25 um'"], ["temperature"]),
    "no unit": (["cell.contact_resistance=1"], ["'1' has no unit"]),
    "material": (["regions.particle.material='NMC8111'"], ["did you mean 'NMC811'?"]),
    "role": (["regions.particle.role='activ'"], ["did you mean 'active'?"]),
    "role without what it needs": (
        ["regions.particle.material='Li6PS5Cl'"],
        [f"has no '{key}'" for key in ACTIVE_ONLY],
    ),
    "region": (["cell.current_collector='partcle@right'"], ["did you mean 'particle'?"]),
    "boundary": (["cell.counter_electrode.at='lfet'"], ["did you mean 'left'?"]),
    "protocol": (["protocol.steps=['Charge to 4 V']"], ["'Charge to 4 V'"]),
    "protocol, three": (
        ["protocol.steps=['Charge', 'Wait for 3 s', 'Rest']"],
        ["what is applied is missing", "is not a kind of step", "a rest must say how long"],
    ),
    "voltage out of reach": (["protocol.steps=['Charge at 1C until 9 V']"], ["9 V cannot be reached"]),
    "initial voltage out of reach": (
        ["regions.particle.initial={voltage='1 V'}"],
        ["1 V cannot be reached"],
    ),
    "stoichiometry": (["regions.particle.initial={stoichiometry=0.01}"], ["outside the range"]),
    "stoichiometry above one": (["regions.particle.initial={stoichiometry=1.5}"], ["outside its range"]),
    "nan": (["numerics.time_tolerance=nan"], ["finite"]),
    "inf": (["cell.contact_resistance='inf ohm m^2'"], ["inf"]),
    "huge": (["cell.contact_resistance='1e999 ohm m^2'"], ["1e999"]),
    "negative": (["cell.contact_resistance='-1 ohm m^2'"], ["out of range"]),
    "zero": (["cell.temperature='0 K'"], ["out of range"]),
    "pressure": (["pressure.program=['-3 MPa', 'squeeze']"], ["-3 MPa", "squeeze"]),
    "pressed and free": (["mechanics.free=['right']"], ["cannot be free"]),
    "pressed without mechanics": (
        ["mechanics.enabled=false"],
        ["[pressure]", "there is no 'displacement'", "there is no 'von_mises'"],
    ),
    "missing mesh": (["mesh='mush.toml'"], ["did you mean 'mesh.toml'?"]),
    "missing folder": (["mesh='nowhere/mesh.toml'"], ["there is no folder"]),
    "collector at the counter electrode": (["cell.current_collector='particle@left'"], ["as is the current collector"]),
    "collector on the electrolyte": (["cell.current_collector='electrolyte@right'"], ["conducts no electrons"]),
    "too few quadrature points": (["numerics.scalar_degree=2"], ["too low for scalar_degree"]),
    "limit without auto": (["numerics.solver='direct'", "numerics.direct_limit=3"], ["does not ask for a limit"]),
    "animation without figures": (["output.animation=true"], ["drawn with the figures"]),
    "property of another role": (
        ["regions.particle.properties={ionic_conductivity='1 S/m'}"],
        ["changes nothing in a region of role 'active'"],
    ),
    "several": (
        [
            "protocol.cycles=0", "cell.temperature='hot'", "regions.particle.material='Unobtainium'",
            "numerics.solver='lu'",
        ],
        ["protocol.cycles=0", "hot", "Unobtainium", "'lu' is not a choice"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKED)
def test_each_mistake_is_said_once(film: Path, name: str) -> None:
    overrides, expected = CHECKED[name]
    check(film, *overrides).refuses(*expected)


def test_stress_is_not_asked_for_without_mechanics(film: Path) -> None:
    silent = {
        "mechanics": {"enabled": False, "free": ["top"], "out_of_plane": "free"},
        "risk": {"flaw_size": "1 um"},
        "interfaces": {
            "particle|electrolyte": {
                "charge_transfer": {"exchange_current": "1 A/m^2", "strain_coefficient": "1 V"}
            }
        },
        "output": {"fields": ["concentration"]},
    }
    text = {name: value for name, value in small.FILM.items() if name != "pressure"}
    small.write(film, text, **silent)
    check(film).refuses("[mechanics] free", "out_of_plane", "flaw_size", "strain_coefficient")


# -- files ---------------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "not TOML": (lambda path: path.write_text("title = \n"), "not TOML"),
    "binary": (lambda path: path.write_bytes(bytes(range(256)) * 40), "UTF-8"),
    "zeros": (lambda path: path.write_bytes(b"\0" * 100), "TOML"),
    "huge": (lambda path: path.write_text("#" * 1_100_000), "larger than 1000000 bytes"),
    "deep": (lambda path: path.write_text(f"a = {'[' * 5000}{']' * 5000}"), "too deep"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), ""),
    "empty": (lambda path: path.write_text(""), ""),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("file", ["case.toml", "mesh.toml", "materials/NMC811.toml"])
def test_a_broken_file_is_named(film: Path, file: str, name: str) -> None:
    path = film / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    spoil, expected = BROKEN[name]
    spoil(path)
    said = check(film)
    assert said.code == 2 and "Traceback" not in said.error and expected in said.error
    if not (file == "case.toml" and name == "empty"):  # says each table that is missing
        assert len(said.lines) <= 3
    assert all(path.name in line for line in said.lines) or name == "a folder"


def test_what_is_not_there(tmp_path: Path) -> None:
    check(tmp_path / "nothing").refuses("no such file or folder")
    check(tmp_path).refuses("there is no case.toml")
    Said("mesh", tmp_path / "nothing.toml").refuses("no such mesh")
    Said("render", tmp_path / "nothing").refuses("no such folder")


def test_results_that_cannot_be_written(film: Path) -> None:
    (film / "file").touch()
    for place in ("file/results", "file"):
        Said("run", film, "--results", film / place, "--quiet").refuses("cannot be written")
    assert (film / "file").read_bytes() == b""


def test_old_results_survive_a_mistake(film: Path) -> None:
    results = film / "results"
    results.mkdir()
    (results / "history.csv").write_text("old")
    Said("run", film, "--quiet", "--set", "protocol.cycles=0").refuses("protocol.cycles=0")
    Said("run", film, "--quiet", "--set", "mechanics.free=['left']").refuses("nothing holds the cell along x")
    assert [path.name for path in results.iterdir()] == ["history.csv"]
    assert (results / "history.csv").read_text() == "old"


# -- recipes ---------------------------------------------------------------------------------------------------

COMPOSITE = (ROOT / "meshes" / "composite_2d.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"42 um"', '"-42 um"', "must be greater than zero"),
        ('"42 um"', '"nan um"', "nan"),
        ('"42 um"', '"1e999 um"', "1e999"),
        ('"42 um"', "42", "no unit"),
        ("fraction = 0.58", "fraction = 0.95", "cannot be packed"),
        ("fraction = 0.58", "fraction = nan", "finite"),
        ("seed = 7", "seed = -1", "at least 0"),
        ('"walled"', '"wavy"', "is not a choice"),
        ("spread", "spreed", "did you mean 'spread'?"),
    ],
)
def test_mistakes_of_a_recipe(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in COMPOSITE
    (tmp_path / "r.toml").write_text(COMPOSITE.replace(old, new, 1))
    said = Said("mesh", tmp_path / "r.toml", "--output", tmp_path / "out")
    assert (
        said.code == 2
        and expected in said.error
        and "r.toml:" in said.error
        and "Traceback" not in said.error
    )
    assert not list((tmp_path / "out").iterdir())


def test_an_overfull_packing(tmp_path: Path) -> None:
    (tmp_path / "full.toml").write_text(COMPOSITE.replace("fraction = 0.58", "fraction = 0.70"))
    said = Said("mesh", tmp_path / "full.toml", "--output", tmp_path / "out")
    assert said.code == 2 and "fraction" in said.error and "full" in said.error and len(said.lines) == 1
    assert not list((tmp_path / "out").iterdir())


# -- meshes made elsewhere ----------------------------------------------------------------------------------------


def test_a_mesh_without_the_group(tmp_path: Path) -> None:
    by_hand(tmp_path, half, content("particle@right"))
    (tmp_path / "hand.msh").write_text(msh(grid(half), without=("particle",)))
    run(tmp_path).refuses("the mesh has no region 'particle'")
    (tmp_path / "hand.msh").write_text(msh(grid(half), without=("left",)))
    # a side without a group is named by its place: nothing is lost
    assert check(tmp_path, "cell.counter_electrode.at='lfet'").code == 2
    (tmp_path / "hand.msh").write_text(msh(grid(half), without=("left", "right", "top", "bottom")))
    assert check(tmp_path).code == 0


def test_meshes_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    case = content("particle@right")
    by_hand(tmp_path, half, case)
    sound = (tmp_path / "hand.msh").read_text()
    (tmp_path / "hand.msh").write_text(sound[: len(sound) // 2])
    said = run(tmp_path)
    assert said.code == 2 and "hand.msh" in said.error and len(said.lines) == 1
    (tmp_path / "hand.msh").write_bytes(os.urandom(5000))
    run(tmp_path).refuses("the mesh names no region")
    flat = grid(half)
    flat.points[:, 1] = 0.0
    (tmp_path / "hand.msh").write_text(msh(flat))
    said = run(tmp_path)
    assert said.code == 2 and "degenerate" in said.error and len(said.lines) == 1
    turned = grid(half)
    turned.cells[1].data[:] = turned.cells[1].data[:, ::-1]  # cells turned over are turned back
    (tmp_path / "hand.msh").write_text(msh(turned))
    run(tmp_path, "mechanics.free=['left', 'bottom', 'top']").refuses("nothing holds the cell along x, y")


def test_a_group_inside_the_mesh_is_no_boundary(tmp_path: Path) -> None:
    made = grid(half)
    inner = np.flatnonzero(np.isclose(made.points[:, 0], 4.0))
    order = inner[np.argsort(made.points[inner, 1])]
    lines = np.column_stack([order[:-1], order[1:]])
    tag = 30
    made.cells[0].data = np.concatenate([made.cells[0].data, lines])
    tags = np.concatenate([made.cell_data["gmsh:physical"][0], np.full(len(lines), tag)])
    made.cell_data["gmsh:physical"][0] = made.cell_data["gmsh:geometrical"][0] = tags
    made.field_data["interface"] = np.array([tag, 1])
    small.write(tmp_path, content("particle@right", mesh="hand.msh"))
    (tmp_path / "hand.msh").write_text(msh(made))
    run(tmp_path, "mechanics.free=['interface']").refuses("the mesh has no boundary 'interface'")


# -- what only the mesh can tell ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["cell.current_collector='particle@left'", "cell.counter_electrode.at='bottom'"], "has no area"),
        (
            ["cell.counter_electrode.at='right'", "cell.current_collector='particle@top'"],
            "no electrolyte region",
        ),
        (["mechanics.free=['left']"], "nothing holds the cell along x"),
        (["mechanics.free=['left','top','bottom']"], "nothing holds the cell along x, y"),
        (["pressure.at='top'", "mechanics.free=['bottom']"], "nothing holds the cell along y"),
    ],
)
def test_what_does_not_fit_the_mesh(film: Path, overrides: list[str], expected: str) -> None:
    run(film, *overrides).refuses(expected)


def test_regions_that_do_not_touch(tmp_path: Path) -> None:
    def where(x: float, y: float) -> str:
        return "electrolyte" if x < 3.0 else "foil" if x < 4.0 else "particle"

    regions = {
        **content("particle@right")["regions"],
        "foil": {"material": "LLZO", "role": "inert"},
    }
    case = content("particle@right", regions=regions)
    run(by_hand(tmp_path, where, case)).refuses("do not touch in this mesh")


def torn(folder: Path) -> Path:
    """Write a case with a second piece of electrolyte that touches neither particle nor counter electrode."""

    def where(x: float, y: float) -> str:
        return "electrolyte" if x < 2.0 or x > 5.0 else "particle" if x < 4.0 else "filler"

    regions = {**content("particle@top")["regions"], "filler": {"material": "LLZO", "role": "inert"}}
    return by_hand(folder, where, content("particle@top", regions=regions))


def test_an_electrolyte_in_pieces(tmp_path: Path) -> None:
    run(torn(tmp_path)).refuses("a piece of 24 cells about (5.5, 1.5) um has no way for current")


def test_two_oxides_that_touch(tmp_path: Path) -> None:
    def where(x: float, y: float) -> str:
        return "electrolyte" if x < 3.0 else "particle" if y < 1.5 else "cobalt"

    lco = {"material": "LCO", "role": "active", "initial": {"voltage": "4.0 V"}}
    regions = {**content("particle@right")["regions"], "cobalt": lco}
    run(by_hand(tmp_path, where, content("particle@right", regions=regions))).refuses(
        "another active material"
    )


def test_a_mesh_file_has_a_dimension(tmp_path: Path) -> None:
    by_hand(tmp_path, half, content("particle@right"))
    run(tmp_path, "mechanics.lattice_velocity=['1 um/s', '0 um/s', '0 um/s']").refuses(
        "3 speeds in a mesh of 2 dimensions"
    )


def test_a_run_that_cannot_go_on(film: Path) -> None:
    said = run(film, "protocol.steps=['Discharge at 20C for 10 h']", "output.fields=['concentration']")
    assert said.code == 3 and "Traceback" not in said.error and len(said.lines) == 1
    assert "step 1 of cycle 1" in said.error and "choose a lower rate" in said.error
    record = (film / "results" / "run.json").read_text()
    assert '"finished": false' in record and "step 1 of cycle 1" in record
    assert not list((film / "results").rglob("*.partial*")) + list((film / "results").rglob("*.tmp"))


# -- under mpiexec -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parallel
@pytest.mark.parametrize(
    ("overrides", "code", "expected"),
    [
        (["protocol.cylces=3"], 2, "did you mean 'cycles'?"),
        (["cell.current_collector=particle@left", "cell.counter_electrode.at=bottom"], 2, "has no area"),
        (["mechanics.free=['left']"], 2, "nothing holds the cell along x"),
        (["protocol.steps=['Discharge at 20C for 10 h']"], 3, "step 1 of cycle 1"),
    ],
)
def test_two_ranks_speak_once(film: Path, overrides: list[str], code: int, expected: str) -> None:
    sets = [part for each in overrides for part in ("--set", each)]
    done = small.chemomech("run", film, "--quiet", *sets, ranks=2, timeout=200)
    assert done.returncode == code, done.stderr
    assert done.stderr.count(expected) == 1 and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parallel
def test_three_ranks_find_a_piece_apart(tmp_path: Path) -> None:
    done = small.chemomech("run", torn(tmp_path), "--quiet", ranks=3, timeout=200)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.count("a piece of 24 cells about (5.5, 1.5) um has no way for current") == 1


@pytest.mark.slow
@pytest.mark.parallel
def test_two_ranks_refuse_a_mesh(tmp_path: Path) -> None:
    by_hand(tmp_path, half, content("particle@right"))
    (tmp_path / "hand.msh").write_text((tmp_path / "hand.msh").read_text()[:2500])
    done = small.chemomech("run", tmp_path, "--quiet", ranks=2, timeout=200)
    assert done.returncode == 2 and done.stderr.count("hand.msh") == 1 and "Traceback" not in done.stderr


# -- mutations -----------------------------------------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 10**30, 1e-300, float("nan"), float("inf"), "", " ", "x", "a|b", "a@b", "25 degC",
    "1e999 V", "NMC811", "électrolyte", "\u0000", "1 A/m^2", "-5 um", [], [[]], ["x"], [1, "a"], {}, {"a": 1}, {"": {}},
    "../../etc/passwd",
)  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value."""
    if path:
        yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def mutated(text: str, dice: random.Random) -> str | bytes:
    """Return a case file with one thing wrong, or perhaps not."""
    data: Any = tomlkit.parse(text).unwrap()
    kind = dice.randrange(6)
    if kind == 0:  # a character
        at = dice.randrange(len(text))
        return text[:at] + dice.choice('"[]{}=.#\n\\|@ x0-é\x00') + text[at + dice.randrange(2) :]
    if kind == 1:  # a line gone or doubled
        lines = text.splitlines()
        at = dice.randrange(len(lines))
        lines[at : at + 1] = [lines[at]] * dice.choice((0, 2))
        return "\n".join(lines)
    *parents, last = dice.choice(list(places(data)))
    table = data
    for part in parents:
        table = table[part]
    if kind == 2:
        del table[last]
    elif kind == 3 and isinstance(last, str):
        table[f"{last}{dice.choice('sx_ .')}"] = table.pop(last)
    else:
        odd = dice.choice(ODD)
        if odd is None:
            del table[last]
        else:
            table[last] = odd
    return tomlkit.dumps(data)


def test_no_mutation_of_a_case_ends_in_a_traceback(tmp_path: Path) -> None:
    dice = random.Random(811)
    shutil.copytree(ROOT / "meshes", tmp_path / "meshes", ignore=shutil.ignore_patterns("*.msh", "*.png"))
    folder = tmp_path / "cases" / "one"
    folder.mkdir(parents=True)
    texts = [(case / "case.toml").read_text() for case in CASES]
    refused = 0
    for _ in range(200):
        content = mutated(dice.choice(texts), dice)
        (folder / "case.toml").write_text(content) if isinstance(content, str) else (
            folder / "case.toml"
        ).write_bytes(content)
        try:
            said = check(folder)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\n{content!r}") from error
        assert said.code in (0, 2) and "Traceback" not in said.error, f"{said.error}\n{content!r}"
        assert bool(said.error) == (said.code == 2)
        assert not re.search(r"pydantic|tomllib|KeyError|NoneType|<class", said.error), (
            f"{said.error}\n{content!r}"
        )
        refused += said.code == 2
    assert refused > 120


def test_no_mutation_of_a_recipe_ends_in_a_traceback(tmp_path: Path) -> None:
    dice = random.Random(5)
    for _ in range(200):
        text = mutated(dice.choice(RECIPES).read_text(), dice)
        (tmp_path / "r.toml").write_text(str(text))
        try:
            read_recipe(tmp_path / "r.toml")
        except InputError as error:
            assert not re.search(r"pydantic|KeyError|NoneType|<class", str(error)), f"{error}\n{text!r}"


# -- many runs in one process ----------------------------------------------------------------------------------------


def communicators() -> int:
    """Return how many communicators MPI can still make."""
    from mpi4py import MPI

    MPI.COMM_SELF.Set_errhandler(MPI.ERRORS_RETURN)
    made = []
    with contextlib.suppress(MPI.Exception):
        while True:
            made.append(MPI.COMM_SELF.Dup())
    for each in made:
        each.Free()
    return len(made)


@pytest.mark.parametrize("solver", ["direct", "fieldsplit"])
def test_runs_give_back_what_they_took(film: Path, solver: str) -> None:
    """MPI has two thousand communicators and a run takes forty: a hundred runs must not end in an abort."""
    short = ("--quiet", "--set", "protocol.steps=['Rest for 1 s']", "--set", f"numerics.solver='{solver}'")
    left = []
    for _ in range(3):
        assert Said("run", film, *short).code == 0
        gc.collect()
        left.append(communicators())
    assert left[0] == left[1] == left[2]
