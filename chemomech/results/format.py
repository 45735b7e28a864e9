"""Names in the results folder: files, history columns and field arrays; each name carries its unit."""

from collections.abc import Sequence
from typing import Final

RUN_FILE: Final = "run.json"
HISTORY_FILE: Final = "history.csv"
SUMMARY_FILE: Final = "summary.json"
FIELDS_FILE: Final = "fields.vtkhdf"
CHECKPOINT_FOLDER: Final = "checkpoint"
FIGURES_FOLDER: Final = "figures"

TIME: Final = "Time [s]"
CYCLE: Final = "Cycle [-]"
STEP: Final = "Step [-]"
STEP_SIZE: Final = "Step size [s]"
VOLTAGE: Final = "Voltage [V]"
CURRENT: Final = "Current [A]"
CURRENT_DENSITY: Final = "Current density [mA.cm-2]"
CAPACITY: Final = "Capacity [A.h]"
STACK_PRESSURE: Final = "Stack pressure [MPa]"
NEWTON_ITERATIONS: Final = "Newton iterations [-]"
LITHIUM_ERROR: Final = "Lithium balance error [-]"
CHARGE_ERROR: Final = "Charge balance error [-]"

CELL_COLUMNS: Final = (
    TIME,
    CYCLE,
    STEP,
    STEP_SIZE,
    VOLTAGE,
    CURRENT,
    CURRENT_DENSITY,
    CAPACITY,
    STACK_PRESSURE,
    NEWTON_ITERATIONS,
    LITHIUM_ERROR,
    CHARGE_ERROR,
)
"""History columns of every run, in file order."""

REGION_QUANTITIES: Final = {
    "Mean stoichiometry": "-",
    "Min stoichiometry": "-",
    "Max stoichiometry": "-",
    "Max von Mises": "MPa",
    "Max principal stress": "MPa",
    "P99 principal stress": "MPa",
    "Crack risk": "-",
    "Energetic crack risk": "-",
}
"""History quantities recorded once per region, with their units."""

REGION_ARRAY: Final = "Region [-]"
DISPLACEMENT_ARRAY: Final = "Displacement [um]"
CRACK_RISK_ARRAY: Final = "Crack risk [-]"
ENERGETIC_RISK_ARRAY: Final = "Energetic crack risk [-]"

POINT_FIELDS: Final = {
    "concentration": "Concentration [mol.m-3]",
    "stoichiometry": "Stoichiometry [-]",
    "electronic_potential": "Electronic potential [V]",
    "ionic_potential": "Ionic potential [V]",
    "chemical_potential": "Chemical potential [V]",
    "displacement": DISPLACEMENT_ARRAY,
}
"""Point arrays: name in `[output] fields` -> name in the file."""

CELL_FIELDS: Final = {
    "von_mises": "Von Mises stress [MPa]",
    "hydrostatic": "Hydrostatic stress [MPa]",
    "max_principal": "Max principal stress [MPa]",
    "crack_risk": CRACK_RISK_ARRAY,
    "energetic_risk": ENERGETIC_RISK_ARRAY,
}
"""Cell arrays: name in `[output] fields` -> name in the file."""


FACE_FIELDS: Final = {
    "opening": "Opening [nm]",
    "contact_pressure": "Contact pressure [MPa]",
    "damage": "Damage [-]",
    "conducting_fraction": "Conducting fraction [-]",
}
"""Arrays of the cells on both sides of faces: name in `[output] fields` -> name in the file."""

FACE_QUANTITIES: Final = {
    "Mean conducting fraction": "-",
    "Min conducting fraction": "-",
    "Interfacial resistance": "ohm.cm2",
    "Mean contact pressure": "MPa",
    "Max opening": "nm",
    "Damaged share": "-",
}
"""History quantities recorded once per face that can part or conducts in part, with their units."""


def face_column(quantity: str, face: str) -> str:
    """Return the history column of a quantity of `FACE_QUANTITIES` at one face; KeyError otherwise."""
    return f"{quantity} at {face} [{FACE_QUANTITIES[quantity]}]"


def region_column(quantity: str, region: str) -> str:
    """Return the history column of a quantity of `REGION_QUANTITIES` in one region; KeyError otherwise."""
    return f"{quantity} in {region} [{REGION_QUANTITIES[quantity]}]"


def history_columns(regions: Sequence[str]) -> tuple[str, ...]:
    """Return all history columns: those of the cell, then quantity by quantity one per region."""
    return CELL_COLUMNS + tuple(region_column(q, region) for q in REGION_QUANTITIES for region in regions)


def split_unit(name: str) -> tuple[str, str]:
    """Split "Voltage [V]" into ("Voltage", "V"); the unit is "" when there is none or when it is "-"."""
    if not name.endswith("]") or " [" not in name:
        return name, ""
    label, unit = name[:-1].rsplit(" [", 1)
    return label, "" if unit == "-" else unit
