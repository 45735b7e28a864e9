"""Small cases for tests, solved in milliseconds a step; few kinds, so that few forms are compiled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit

from chemomech.case.read import read_case
from chemomech.case.schema import Case

FILM_MESH = """\
kind = "layered"
coordinates = "plane strain"
width = "2 um"
structured = true
cells_across = 2

[[layers]]
name = "electrolyte"
thickness = "4 um"
cells = 4

[[layers]]
name = "particle"
thickness = "2 um"
cells = 12
finer = "start"
growth = 1.15
"""
"""Two layers, one-dimensional in effect: what the loop and the files do needs no more."""

SPHERE_MESH = """\
kind = "particle"
coordinates = "axisymmetric"
radius = "3 um"
box = ["5 um", "10 um"]

[mesh_size]
interface = "0.6 um"
bulk = "1.6 um"
transition = "3 um"
"""

BALL_MESH = """\
kind = "particle"
coordinates = "3D"
radius = "3 um"
box = ["9 um", "4.5 um", "4.5 um"]
cut = ["bottom", "front"]

[mesh_size]
interface = "0.85 um"
bulk = "1.6 um"
transition = "3 um"
"""

VOXEL_MESH = f"""\
kind = "image"
coordinates = "3D"
file = "{Path(__file__).parents[1] / "meshes" / "images" / "nmc_electrode.tif"}"
axes = "zyx"
voxel_size = "1 um"
phases = {{ particle = 85, electrolyte = [0, 170] }}
crop = {{ x = [3, 9], y = [30, 35], z = [20, 24] }}
method = "voxel"
"""
"""Hexahedra: a corner of an electrode image, its electrolyte of one piece."""

REGIONS: dict[str, Any] = {
    "electrolyte": {"material": "Li6PS5Cl", "role": "electrolyte"},
    "particle": {"material": "NMC811", "role": "active", "initial": {"stoichiometry": 0.85}},
}
NUMERICS: dict[str, Any] = {"displacement_degree": 1, "quadrature_degree": 2}

FILM: dict[str, Any] = {
    "title": "A film electrode",
    "mesh": "mesh.toml",
    "regions": REGIONS,
    "interfaces": {
        "particle|electrolyte": {
            "charge_transfer": {"exchange_current": "1 A/m^2", "dependence": "stoichiometry"}
        }
    },
    "cell": {
        "temperature": "25 degC",
        "current_collector": "particle@right",
        "contact_resistance": "1e-5 ohm m^2",
        "depth": "10 um",
        "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": "10 A/m^2"},
    },
    "pressure": {"at": "right", "program": ["10 MPa"]},
    "protocol": {"steps": ["Charge at 1C until 4.0 V"]},
    "numerics": NUMERICS,
    "output": {
        "fields": ["stoichiometry", "displacement", "von_mises"],
        "figures": False,
        "animation": False,
    },
}
"""Voltage and pressure imposed the plain way; the collector at a boundary."""


def rich(collector: str, counter: str, pressed: str) -> dict[str, Any]:
    """Return a case with films, a double layer and a fixture: every kind of unknown."""
    transfer = {
        "exchange_current": "1 A/m^2",
        "dependence": "stoichiometry",
        "film_resistance": "2e-3 ohm m^2",
        "double_layer": "0.1 F/m^2",
        "strain_coefficient": "0.05 V",
    }
    at_lithium = {
        "at": counter,
        "kind": "lithium",
        "exchange_current": "10 A/m^2",
        "film_resistance": "1e-3 ohm m^2",
    }
    return {
        **FILM,
        "title": "Everything at once",
        "interfaces": {"electrolyte|particle": {"charge_transfer": transfer}},
        "cell": {
            "temperature": "25 degC",
            "current_collector": collector,
            "contact_resistance": "1e-5 ohm m^2",
            "counter_electrode": at_lithium,
        },
        "pressure": {"at": pressed, "fixture": "20 GPa/mm", "initial": "5 MPa"},
    }


SPHERE = rich("particle|electrolyte", "bottom", "top")
BALL = rich("particle|electrolyte", "left", "right")

PARTING: dict[str, Any] = {
    **FILM,
    "title": "A sphere that comes off its electrolyte",
    "interfaces": {
        "particle|electrolyte": {
            "charge_transfer": {"exchange_current": "1 A/m^2", "dependence": "stoichiometry"},
            "contact": {
                "law": "plastic",
                "fabrication_pressure": "350 MPa",
                "unloading_exponent": 0.5,
                "retained": 0.5,
                "healing": 0.5,
            },
            "cohesive": {"strength": "20 MPa", "fracture_energy": "0.2 J/m^2", "shear_ratio": 0.8},
        }
    },
    "cell": SPHERE["cell"],
    "pressure": {"at": "top", "program": ["5 MPa"]},
    "numerics": {"displacement_degree": 2, "quadrature_degree": 2},
    "output": {
        "fields": ["displacement", "opening", "contact_pressure", "damage", "conducting_fraction"],
        "figures": False,
        "animation": False,
    },
}
"""Memories of both kinds, two displacements."""


def write(folder: Path, content: Mapping[str, Any] = FILM, mesh: str = FILM_MESH, **sections: Any) -> Path:
    """Write a case folder; ``sections`` are merged into the case's tables, one level deep."""
    folder.mkdir(parents=True, exist_ok=True)
    merged = dict(content)
    for name, value in sections.items():
        old = merged.get(name)
        merged[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    (folder / "case.toml").write_text(tomlkit.dumps(merged))
    (folder / "mesh.toml").write_text(mesh)
    return folder


def case(folder: Path, content: Mapping[str, Any] = FILM, mesh: str = FILM_MESH, **sections: Any) -> Case:
    """Write a case folder and read it."""
    return read_case(write(folder, content, mesh, **sections))


def model(chosen: Case) -> Any:
    """Build the model of a case on its mesh, on all ranks."""
    from mpi4py import MPI

    from chemomech.domain import read_domain
    from chemomech.geometry.build import open_mesh
    from chemomech.model import build_model
    from chemomech.refinement import refined
    from chemomech.run import on_root
    from chemomech.solver.jit import prepare

    comm = MPI.COMM_WORLD
    record = on_root(comm, lambda: open_mesh(chosen.mesh_path, replaced=chosen.mesh.replaced))
    domain = read_domain(record.msh, record.coordinates, comm, chosen.numerics.quadrature_degree)
    domain = refined(domain, record.refine)
    return build_model(chosen, domain, prepare(comm))


def simulation(chosen: Case, observer: Callable[[Any], None] = lambda moment: None, **parts: Any) -> Any:
    """Return a simulation of a case, at its equilibrium."""
    from chemomech.protocol import parse_pressure, parse_protocol
    from chemomech.simulate import Simulation

    program = None
    if chosen.pressure is not None and chosen.pressure.program is not None:
        program = parse_pressure(chosen.pressure.program)
    schedule = parse_protocol(chosen.protocol.steps, chosen.protocol.cycles)
    made = Simulation(parts.get("model") or model(chosen), schedule, program, observer)
    made.equilibrate()
    return made


def command(*arguments: str | Path, ranks: int = 1) -> list[str]:
    """Return the command line of chemomech, under mpiexec where there are several ranks."""
    start = [] if ranks == 1 else ["mpiexec", "-n", str(ranks)]
    return [*start, sys.executable, "-m", "chemomech", *map(str, arguments)]


def chemomech(
    *arguments: str | Path, ranks: int = 1, timeout: float = 300.0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own and end all of its ranks when it hangs."""
    return python(command(*arguments, ranks=ranks), timeout=timeout, **variables)


def script(
    text: str, *arguments: str | Path, ranks: int, timeout: float = 300.0
) -> subprocess.CompletedProcess[str]:
    """Run a script on several ranks."""
    start = [] if ranks == 1 else ["mpiexec", "-n", str(ranks)]
    return python([*start, sys.executable, "-c", text, *map(str, arguments)], timeout=timeout)


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a child: the tests can be imported, no launcher's variables are left."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PMI_", "OMPI_", "PMIX_", "HYDR"))}
    here = str(Path(__file__).parent)
    path = os.pathsep.join(part for part in (here, clean.get("PYTHONPATH", "")) if part)
    return {**clean, "PYTHONPATH": path, **variables}


def python(line: Sequence[str], timeout: float, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own; on a hang the whole session is killed and the test fails."""
    process = subprocess.Popen(
        list(line),
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, error = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(process)
        out, error = process.communicate()
        raise AssertionError(f"no end within {timeout:g} s: {' '.join(line)}\n{out}\n{error}") from None
    return subprocess.CompletedProcess(list(line), process.returncode, out, error)


def kill(process: subprocess.Popen[str]) -> None:
    """End a process and all it started; mpiexec first gets the chance to end its ranks, which are no children of it."""
    process.terminate()
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def wait_for(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Wait until something is so."""
    limit = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < limit, f"{what}: not within {timeout:g} s"
        time.sleep(0.02)


def compiled(state: Any) -> Callable[[Any], Any]:
    """Return what compiles a form on the meshes of a state."""
    from dolfinx import fem

    return lambda form: fem.form(form, entity_maps=state.domain.entity_maps)
