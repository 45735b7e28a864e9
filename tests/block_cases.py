"""Small cases in 3D of every kind of coupling: what is split must be exact in each, block solver and factors agree."""

import copy
from collections.abc import Iterator
from typing import Any

import small

from chemomech.simulate import SETTLING

COLUMN_3D = """\
kind = "layered"
coordinates = "3D"
width = "0.5 nm"
depth = "0.5 nm"
structured = true
cells_across = 1

[[layers]]
name = "electrolyte"
thickness = "200 nm"
cells = 40
finer = "end"
growth = 1.15

[[layers]]
name = "particle"
thickness = "20 nm"
cells = 8
"""
ISLANDS = """\
kind = "inclusions"
coordinates = "3D"
box = ["7 um", "7 um", "7 um"]
sides = "walled"
fraction = 0.15
gap = "0.5 um"
seed = 1
radii = { values = ["1.5 um", "1.2 um"] }
mesh_size = { interface = "1 um", bulk = "2 um", transition = "2 um" }
"""
LAYERS_MESH = """\
kind = "layered"
coordinates = "3D"
width = "2 um"
depth = "2 um"
structured = true
cells_across = 2

[[layers]]
name = "electrolyte"
thickness = "4 um"
cells = 4

[[layers]]
name = "particle"
thickness = "2 um"
cells = 8
finer = "start"
growth = 1.2
"""


def _with(base: dict[str, Any], **sections: Any) -> dict[str, Any]:
    made = copy.deepcopy(base)
    for name, value in sections.items():
        if value is None:
            del made[name]
        else:
            made[name] = value
    return made


def _regions(**properties: Any) -> dict[str, Any]:
    return {**small.REGIONS, "particle": {**small.REGIONS["particle"], "properties": properties}}


def _transfer(current: str) -> dict[str, Any]:
    return {
        "particle|electrolyte": {
            "charge_transfer": {"exchange_current": current, "dependence": "stoichiometry"}
        }
    }


_COUNTER = {"at": "left", "kind": "lithium", "exchange_current": "10 A/m^2"}
PLAIN = _with(small.FILM, cell={**small.BALL["cell"], "counter_electrode": _COUNTER})
PARTING = _with(small.PARTING, cell=small.BALL["cell"], pressure={"at": "right", "program": ["5 MPa"]})
POLYMER = {"material": "PEO-LiTFSI", "role": "electrolyte", "salt": {"concentration": "1000 mol/m^3"}}
CHARGED = {
    "material": "Li6PS5Cl",
    "role": "electrolyte",
    "properties": {"relative_permittivity": 10},
    "space_charge": {"mobile_concentration": "20 mol/m^3", "occupancy": 0.4, "chemical_potential": "0.03 V"},
}
CORE = {
    "core_capacitance": "0.1 F/m^2",
    "zero_charge": "3.6 V",
    **_transfer("1 A/m^2")["particle|electrolyte"],
}
GROWING = {
    "particle|electrolyte": {
        **_transfer("1 A/m^2")["particle|electrolyte"],
        "interphase": {"material": "NMC811-Li6PS5Cl", "law": "mixed", "initial_thickness": "2 nm"},
    }
}
LINEAR = {"displacement_degree": 1, "quadrature_degree": 2}

type Given = tuple[dict[str, Any], str]

CASES: dict[str, Given] = {
    "films, double layer, fixture": (small.BALL, small.BALL_MESH),
    "highly conducting": (_with(PLAIN, regions=_regions(electronic_conductivity="1e4 S/m")), small.BALL_MESH),
    "weak kinetics": (_with(PLAIN, interfaces=_transfer("0.01 A/m^2")), small.BALL_MESH),
    "bodies that part": (_with(PARTING, numerics=LINEAR), small.BALL_MESH),
    "salt": (
        _with(small.BALL, regions={**small.REGIONS, "electrolyte": POLYMER}),
        small.BALL_MESH,
    ),
    "space charge": (
        _with(
            small.FILM,
            regions={**small.REGIONS, "electrolyte": CHARGED},
            interfaces={"particle|electrolyte": CORE},
            mechanics={"enabled": False},
            numerics={},
            pressure=None,
            cell={key: value for key, value in small.FILM["cell"].items() if key != "depth"},
            output={**small.FILM["output"], "fields": ["stoichiometry"]},
        ),
        COLUMN_3D,
    ),
    "interphase": (
        _with(
            small.FILM,
            interfaces=GROWING,
            cell={key: value for key, value in small.FILM["cell"].items() if key != "depth"},
        ),
        LAYERS_MESH,
    ),
}
LARGER: dict[str, Given] = {
    "islands": (PLAIN, ISLANDS),
    "quadratic displacement": (
        _with(small.BALL, numerics={**LINEAR, "displacement_degree": 2}),
        small.BALL_MESH,
    ),
    "quadratic bodies that part": (PARTING, small.BALL_MESH),
}


def paces(simulation: Any, shares: tuple[float, ...] = (1.0,)) -> Iterator[str]:
    """Put a cell through constant current (reached in shares of 1C), constant voltage and rest; yields before each."""
    control, scheme = simulation.model.control, simulation.scheme
    time = 0.0

    def step(dt: float, jump: bool = False) -> Iterator[str]:
        nonlocal time
        if jump:
            scheme.restart(time, simulation.charge)
        scheme.begin(dt)
        yield f"mode {control.mode.value:g}, {dt:g} s"
        time += dt
        scheme.accept(time, simulation.charge)

    control.mode.value = 1.0
    for share in shares:
        control.current.value = share * simulation.current_scale
        yield from step(SETTLING, jump=True)
    yield from step(20.0, jump=True)
    yield from step(60.0)
    control.mode.value, control.voltage.value = 0.0, simulation.meter.read().voltage + 0.02
    yield from step(SETTLING, jump=True)
    yield from step(30.0, jump=True)
