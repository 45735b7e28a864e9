"""Names in the results folder: files, history columns and field arrays; each name carries its unit."""

from typing import Final

RUN_FILE: Final = "run.json"
HISTORY_FILE: Final = "history.csv"
SUMMARY_FILE: Final = "summary.json"
CYCLES_FILE: Final = "cycles.csv"
IMPEDANCE_FILE: Final = "impedance.csv"
AMPLITUDES_FILE: Final = "amplitudes.vtkhdf"
AMPLITUDES_TABLE: Final = "amplitudes.csv"
RELAXATION_FILE: Final = "drt.json"
RELAXATION_TABLE: Final = "drt.csv"
FIELDS_FILE: Final = "fields.vtkhdf"
CHECKPOINT_FOLDER: Final = "checkpoint"
FIGURES_FOLDER: Final = "figures"

VTK_CELL: Final = {"triangle": 5, "quadrilateral": 9, "tetrahedron": 10, "hexahedron": 12}
"""VTK's number of a cell type."""

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

SALT_ERROR: Final = "Salt balance error [-]"

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

CHARGE_CAPACITY: Final = "Charge capacity [A.h]"
DISCHARGE_CAPACITY: Final = "Discharge capacity [A.h]"
COULOMBIC_EFFICIENCY: Final = "Coulombic efficiency [-]"
CYCLE_COLUMNS: Final = (
    CYCLE,
    CHARGE_CAPACITY,
    DISCHARGE_CAPACITY,
    COULOMBIC_EFFICIENCY,
    "Energy efficiency [-]",
    "Mean charge voltage [V]",
    "Mean discharge voltage [V]",
)
"""Columns of cycles.csv in every run, in file order."""
SIDE_CHARGE: Final = "Side charge [A.h]"
"""taken by all side reactions together, whatever their direction"""
CYCLE_END_COLUMNS: Final = (
    "Mean interphase thickness",
    "Max interphase thickness",
    "Interphase resistance",
    "Lithium in interphase",
    "Mean interdiffusion thickness",
    "Interdiffusion resistance",
    "Reacted share",
    "Side charge",
)
"""How the history columns begin whose values at the end of each cycle follow in cycles.csv and in the summary."""
FADE: Final = "Discharge capacity fade per cycle [-]"


SPECTRUM: Final = "Spectrum [-]"
FREQUENCY: Final = "Frequency [Hz]"
IMPEDANCE_PARTS: Final = ("Re", "Im")
FRAME: Final = "Frame [-]"
AMPLITUDE_COLUMNS: Final = (FRAME, SPECTRUM, TIME, VOLTAGE, FREQUENCY)
"""Columns of amplitudes.csv: what each frame of amplitudes.vtkhdf is."""
AMPLITUDES: Final = {
    "concentration": ("Concentration", "mol.m-3.V-1"),
    "salt_concentration": ("Salt concentration", "mol.m-3.V-1"),
    "electronic_potential": ("Electronic potential", "V.V-1"),
    "ionic_potential": ("Ionic potential", "V.V-1"),
}
"""Quantities whose amplitudes are written -> what they are called, unit per volt of the cell voltage."""
CURRENT_AMPLITUDE: Final = ("Interface current", "mA.cm-2.V-1")
SPECTRUM_COLUMNS: Final = (SPECTRUM, TIME, CYCLE, STEP, VOLTAGE, STACK_PRESSURE, FREQUENCY)
"""Columns of impedance.csv before the impedances: which spectrum, and where in the run it was taken."""

REGION_QUANTITIES: Final = {
    "Mean stoichiometry": "-",
    "Min stoichiometry": "-",
    "Max stoichiometry": "-",
    "Mean salt concentration": "mol.m-3",
    "Min salt concentration": "mol.m-3",
    "Max salt concentration": "mol.m-3",
    "Max von Mises": "MPa",
    "Max principal stress": "MPa",
    "P99 principal stress": "MPa",
    "Crack risk": "-",
    "Energetic crack risk": "-",
}
"""History quantities recorded once per region, with their units."""

SALT_ARRAY: Final = "Salt concentration [mol.m-3]"
LAYER_QUANTITIES: Final = {
    "Max field": "mV.nm-1",
    "Layer potential": "mV",
    "Space-charge width": "nm",
    "Space charge": "C.m-2",
    "Layer resistance": "ohm.m2",
    "Min occupancy": "-",
    "Max occupancy": "-",
    "Min anion concentration": "mol.m-3",
    "Max anion concentration": "mol.m-3",
    "Width per lattice constant": "-",
}
"""History quantities of regions whose charge is resolved, with their units."""

REGION_ARRAY: Final = "Region [-]"
ELECTRIC_ARRAY: Final = "Electric potential [V]"
OCCUPANCY_ARRAY: Final = "Occupancy [-]"
FIELD_ARRAY: Final = "Electric field [mV.nm-1]"
DISPLACEMENT_ARRAY: Final = "Displacement [um]"
CRACK_RISK_ARRAY: Final = "Crack risk [-]"
ENERGETIC_RISK_ARRAY: Final = "Energetic crack risk [-]"

POINT_FIELDS: Final = {
    "concentration": "Concentration [mol.m-3]",
    "stoichiometry": "Stoichiometry [-]",
    "electronic_potential": "Electronic potential [V]",
    "ionic_potential": "Ionic potential [V]",
    "chemical_potential": "Chemical potential [V]",
    "salt_concentration": SALT_ARRAY,
    "electric_potential": ELECTRIC_ARRAY,
    "ion_concentration": "Ion concentration [mol.m-3]",
    "occupancy": OCCUPANCY_ARRAY,
    "displacement": DISPLACEMENT_ARRAY,
}
"""Point arrays: name in `[output] fields` -> name in the file."""

CELL_FIELDS: Final = {
    "field_strength": FIELD_ARRAY,
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
    "interphase_thickness": "Interphase thickness [nm]",
    "interdiffusion_thickness": "Interdiffusion thickness [nm]",
}
"""Arrays of the cells on both sides of faces: name in `[output] fields` -> name in the file."""

FACE_QUANTITIES: Final = {
    "Mean conducting fraction": "-",
    "Min conducting fraction": "-",
    "Interfacial resistance": "ohm.cm2",
    "Mean contact pressure": "MPa",
    "Max opening": "nm",
    "Damaged share": "-",
    "Broken share": "-",
}
"""History quantities recorded once per face that can part or conducts in part, with their units."""


def face_column(quantity: str, face: str) -> str:
    """Return the history column of a quantity of `FACE_QUANTITIES` at one face; KeyError otherwise."""
    return f"{quantity} at {face} [{FACE_QUANTITIES[quantity]}]"


def region_column(quantity: str, region: str) -> str:
    """Return the history column of a quantity in one region; KeyError where it is none of the tables above."""
    return f"{quantity} in {region} [{(REGION_QUANTITIES | LAYER_QUANTITIES)[quantity]}]"


def amplitude_arrays(quantity: tuple[str, str]) -> tuple[str, str]:
    """Return the arrays of a quantity of `AMPLITUDES`: magnitude per volt and phase."""
    label, unit = quantity
    return f"{label} amplitude [{unit}]", f"{label} phase [deg]"


def impedance_column(part: str, process: str = "", unit: str = "ohm.cm2") -> str:
    """Return the column of a part ("Re", "Im") of the impedance, or of what a process adds to it."""
    return f"{part} Z of {process} [{unit}]" if process else f"{part} Z [{unit}]"


def split_unit(name: str) -> tuple[str, str]:
    """Split "Voltage [V]" into ("Voltage", "V"); the unit is "" when there is none or when it is "-"."""
    if not name.endswith("]") or " [" not in name:
        return name, ""
    label, unit = name[:-1].rsplit(" [", 1)
    return label, "" if unit == "-" else unit
