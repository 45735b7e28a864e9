"""Nothing that is written is ignored: every key of a case, a recipe and a material changes a number when it is changed.

The keys are walked from the schemas, so that a new one fails here until somebody says what it changes.
"""

import copy
import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import chemomech.runtime  # noqa: F401

import meshio
import numpy as np
import pytest
import tomlkit
from pydantic import BaseModel

from chemomech.case.idle import USED
from chemomech.case.read import read_case
from chemomech.case.schema import CaseFile
from chemomech.errors import InputError, RunError
from chemomech.geometry.build import fingerprint, open_mesh
from chemomech.geometry.image_recipe import Image
from chemomech.geometry.inclusions import Inclusions
from chemomech.geometry.kinds import Composite, External, Layered, Particle
from chemomech.geometry.recipe import read_recipe
from chemomech.materials.properties import KINDS, SALT
from chemomech.results.format import split_unit
from chemomech.results.read import Results, open_amplitudes, open_results

DELETE = object()
Edits = Mapping[str, Any]


def leaves(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Yield every key of a schema, dotted; "*" stands for a name that the user chooses, or a position in a list."""
    for name, field in model.model_fields.items():
        below, star = _table(field.annotation)
        here = f"{path}{name}"
        if below is None:
            yield here
        else:
            yield from leaves(below, f"{here}.{star}")


def _table(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    inner = [each for each in get_args(annotation) if each not in (NoneType, ...)]
    if inner and isinstance(inner[-1], type) and issubclass(inner[-1], BaseModel):
        return inner[-1], "" if len(inner) == 1 and NoneType in get_args(annotation) else "*."
    return None, ""


def edited(content: Mapping[str, Any], edits: Edits) -> dict[str, Any]:
    """Return content with dotted keys replaced, added or deleted."""
    made = copy.deepcopy(dict(content))
    for dotted, value in edits.items():
        *parents, last = dotted.split(".")
        table: Any = made
        for part in parents:
            table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
        if value is DELETE:
            del table[last]
        else:
            table[last] = copy.deepcopy(value)
    return made


# -- materials -------------------------------------------------------------------------------------------

OXIDE: dict[str, tuple[Any, str]] = {
    "maximum_concentration": (50000.0, "mol/m^3"),
    "stoichiometry_range": ([0.05, 0.95], "1"),
    "open_circuit_potential": ([4.5, -1.0], "V"),
    "diffusivity": (1e-14, "m^2/s"),
    "electronic_conductivity": (1e-3, "S/m"),
    "swelling": ([0.0, 0.05], "1"),
    "youngs_modulus": (150.0, "GPa"),
    "poissons_ratio": (0.3, "1"),
    "tensile_strength": (150.0, "MPa"),
    "fracture_toughness": (0.2, "MPa m^0.5"),
    "flaw_size": (0.5, "um"),
}
GLASS: dict[str, tuple[Any, str]] = {
    "ionic_conductivity": (0.05, "S/m"),
    "youngs_modulus": (20.0, "GPa"),
    "poissons_ratio": (0.35, "1"),
    "tensile_strength": (80.0, "MPa"),
    "fracture_energy": (2.0, "J/m^2"),
    "hardness": (2.0, "GPa"),
    "flaw_size": (2.0, "um"),
}
GEL: dict[str, tuple[Any, str]] = {
    **GLASS,
    "transference_number": (0.3, "1"),
    "salt_diffusivity": (1e-11, "m^2/s"),
    "thermodynamic_factor": (1.5, "1"),
}
STEEL: dict[str, tuple[Any, str]] = {
    "electronic_conductivity": (1e-2, "S/m"),
    "youngs_modulus": (200.0, "GPa"),
    "poissons_ratio": (0.3, "1"),
}


SKIN: dict[str, tuple[Any, str]] = {
    "ionic_conductivity": (1e-5, "S/m"),
    "molar_volume": (5e-5, "m^3/mol"),
    "oxidation_potential": (3.5, "V"),
    "decomposition_coefficient": (0.3, "1"),
    "reaction_rate": (1e-11, "m/s"),
    "growth_constant": (1e-19, "m^2/s"),
    "growth_factor": (0.5, "1"),
}


DECAY: dict[str, tuple[Any, str]] = {
    "oxidation_potential": (3.8, "V"),
    "exchange_current_density": (0.1, "A/m^2"),
    "decomposition_coefficient": (0.4, "1"),
    "electrons": (1.0, "1"),
    "molar_volume": (7e-5, "m^3/mol"),
}


def material(name: str, numbers: Mapping[str, tuple[Any, str]], edits: Edits) -> str:
    """Return a material file; a list is a polynomial except for the range; edits are those of its tables."""
    content: dict[str, Any] = {"name": name, "formula": "X"}
    for key, given in numbers.items():
        if given is DELETE:
            continue
        value, unit = given
        form = "polynomial" if isinstance(value, list) and key != "stoichiometry_range" else "value"
        content[key] = {form: value, "unit": unit, "source": "made up", "confirmed": False}
    return tomlkit.dumps(edited(content, edits))


# -- cases -----------------------------------------------------------------------------------------------

LAYERS = [
    {"name": "electrolyte", "thickness": "4 um", "cells": 3},
    {"name": "particle", "thickness": "2 um", "cells": 6},
    {"name": "backing", "thickness": "1 um", "cells": 2},
]
MESH: dict[str, Any] = {
    "kind": "layered",
    "coordinates": "plane strain",
    "width": "2 um",
    "structured": True,
    "cells_across": 2,
    "layers": LAYERS,
}
BASE: dict[str, Any] = {
    "title": "Every key",
    "mesh": "mesh.toml",
    "regions": {
        "particle": {"material": "Oxide", "role": "active", "initial": {"stoichiometry": 0.6}},
        "electrolyte": {"material": "Glass", "role": "electrolyte"},
        "backing": {"material": "Steel", "role": "conductor"},
    },
    "interfaces": {"particle|electrolyte": {"charge_transfer": {"exchange_current": "1 A/m^2"}}},
    "cell": {
        "temperature": "25 degC",
        "current_collector": "particle|backing",
        "contact_resistance": "1e-5 ohm m^2",
        "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": "10 A/m^2"},
    },
    "pressure": {"at": "right", "program": ["10 MPa"]},
    "protocol": {"steps": ["Charge at 2C for 20 s"]},
    "numerics": {
        "displacement_degree": 1,
        "quadrature_degree": 2,
        "time_tolerance": 1e-2,
        "initial_step": "5 s",
    },
    "output": {"fields": ["concentration", "energetic_risk"], "figures": False, "animation": False},
}
GLASSES = {"material": "Glass", "role": "electrolyte"}
METAL = {"at": "right", "kind": "lithium", "exchange_current": "5 A/m^2"}
PLATE = {"at": "right", "kind": "blocking", "double_layer": "0.1 F/m^2"}
SYMMETRIC: Edits = {
    "regions": {name: GLASSES for name in ("particle", "electrolyte", "backing")},
    "interfaces": {},
    "cell": {
        "temperature": "25 degC",
        "working_electrode": METAL,
        "counter_electrode": BASE["cell"]["counter_electrode"],
    },
    "protocol.steps": ["Charge at 1 mA/cm2 for 20 s"],
    "output.fields": ["ionic_potential"],
}
"""what makes the base a cell of three electrolytes between lithium and lithium"""
SALTED: Edits = {
    **SYMMETRIC,
    "regions.electrolyte": {"material": "Gel", "role": "electrolyte", "salt": {"concentration": "1 mol/l"}},
}
"""the same with a salt in one of them"""
LATTICE = {"mobile_concentration": "1e-3 mol/m^3", "occupancy": 0.4, "chemical_potential": "0.02 V"}
"""so few ions that their layer is as wide as the cells of the base"""
CHARGED_GLASS = {**GLASSES, "properties": {"relative_permittivity": 1000}, "space_charge": LATTICE}
CHARGED: Edits = {
    **SYMMETRIC,
    "regions": {
        "particle": {**CHARGED_GLASS, "space_charge": {**LATTICE, "chemical_potential": "0.06 V"}},
        "electrolyte": CHARGED_GLASS,
        "backing": CHARGED_GLASS,
    },
    "cell.working_electrode": {**PLATE, "zero_charge": "0.01 V", "double_layer": "1e-5 F/m^2"},
    "protocol.steps": ["Hold at 0.05 V for 20 s"],
    "output.fields": ["electric_potential"],
}
"""what makes the base a cell whose charge is resolved"""
SITES = "regions.electrolyte.space_charge"
ANIONS = {"relative_permittivity": 1000, "transference_number": 0.3}
BINARY: Edits = {
    **CHARGED,
    "regions.electrolyte": {
        **GLASSES,
        "properties": ANIONS,
        "space_charge": {
            "mobile_concentration": "1e-3 mol/m^3",
            "statistics": "bikerman",
            "ion_size": "80 nm",
            "chemical_potential": "0.02 V",
        },
    },
}
"""the same with anions in the middle, so large that they crowd"""
CORED: Edits = {
    "regions.electrolyte": CHARGED_GLASS,
    "interfaces.particle|electrolyte.core_capacitance": "1e-3 F/m^2",
    "interfaces.particle|electrolyte.zero_charge": "3.88 V",
}
"""what gives the base a core layer between active material and a resolved charge"""
LAW: Edits = {
    "regions.electrolyte.properties": {"relative_permittivity": 10},
    "interfaces.particle|electrolyte.charge_transfer.space_charge": {
        "mobile_concentration": "1e3 mol/m^3",
        "occupancy": 0.4,
        "zero_charge": "3.6 V",
        "core_capacitance": "0.3 F/m^2",
    },
}
"""what gives the base a space-charge layer by its law"""
JOINT = "interfaces.particle|electrolyte.resistance"
TRANSFER = "interfaces.particle|electrolyte.charge_transfer"
CONTACT = "interfaces.particle|electrolyte.contact"
COHESIVE = "interfaces.particle|electrolyte.cohesive"
PLATED = "cell.collector_contact"
LAWS: dict[str, dict[str, Any]] = {
    "persson": {"slope": 0.2},
    "greenwood_williamson": {"asperity_radius": "1 um", "height_spread": "0.1 um"},
    "westergaard": {"amplitude": "20 nm", "wavelength": "2 um"},
    "plastic": {},
}


def rough(law: str = "persson", **more: Any) -> dict[str, Any]:
    """Return a contact that was pressed before the run."""
    return {"law": law, **LAWS[law], "fabrication_pressure": "100 MPa", "unloading_exponent": 0.5, **more}


def contact_keys(place: str, before: Edits | None = None, **more: Any) -> dict[str, tuple[Edits, Edits]]:
    """Return the keys of a contact at an interface, at the collector or of lithium; what it has in any case."""
    side = "particle" if place == PLATED else "electrolyte"
    hard: Edits = {f"regions.{side}.properties": {"hardness": "2 GPa"}} if not more else {}

    def changed(key: str, value: Any, law: str = "persson", **having: Any) -> tuple[Edits, Edits]:
        extra = hard if value == "plastic" else {}
        needed: Edits = {**(before or {}), **extra, place: rough(law, **more, **having)}
        if key == "law":
            return needed, {place: rough(value, **more)}
        return needed, {f"{place}.{key}": value}

    spotted = {"constriction": True, "spot_radius": "0.2 um"}
    found = {
        "law": changed("law", "plastic"),
        "slope": changed("slope", 0.3),
        "asperity_radius": changed("asperity_radius", "2 um", "greenwood_williamson"),
        "height_spread": changed("height_spread", "0.2 um", "greenwood_williamson"),
        "amplitude": changed("amplitude", "30 nm", "westergaard"),
        "wavelength": changed("wavelength", "3 um", "westergaard"),
        "fabrication_pressure": changed("fabrication_pressure", "200 MPa"),
        "unloading_exponent": changed("unloading_exponent", 0.7),
        "retained": changed("retained", 0.5),
        "constriction": changed("constriction", True, "westergaard"),
        "spot_radius": changed("spot_radius", "0.4 um", **spotted),
    }
    if more:
        found["material"] = changed("material", "Steel")
    return {f"{place}.{key}": edits for key, edits in found.items()}


BREAKING: Edits = {
    "pressure": DELETE,
    CONTACT: {**rough(), "retained": 0.5},
    COHESIVE: {"strength": "2 MPa", "fracture_energy": "1e-3 J/m^2", "shear_ratio": 1.0},
    "protocol.steps": ["Charge at 2C for 20 s", "Discharge at 2C for 30 s"],
    "numerics.displacement_degree": 2,
}
"""a particle that shrinks, comes off its electrolyte and is pressed back to it"""
NO_MECHANICS: Edits = {"pressure": DELETE, "output.fields": ["concentration"]}
FIXTURE: Edits = {"pressure": {"at": "right", "fixture": "50 GPa/mm"}}

LAYERED = "interfaces.particle|electrolyte"
SKINNED: dict[str, Any] = {"material": "Skin", "law": "mixed", "initial_thickness": "2 nm"}
MIXED: dict[str, Any] = {"material": "Skin", "initial_thickness": "2 nm"}
COATED: dict[str, Any] = {"material": "Glass", "thickness": "10 nm", "growth": 0.5}
GROWS: Edits = {f"{LAYERED}.interphase": SKINNED}
MIXES: Edits = {f"{LAYERED}.interdiffusion": MIXED}
SLIMY: dict[str, Any] = {**SKINNED, "material": "Slime"}


def grown(place: str, before: Edits, given: dict[str, Any], other: str) -> dict[str, tuple[Edits, Edits]]:
    """Return the keys of an interphase at a place: what the case is to have for each, what is then changed."""
    dosed = {**before, place: {**given, "additive": {"growth": 0.5}}}
    mended = {**before, place: {**given, "additive": {"material": "Skin"}}}
    return {
        f"{place}.material": ({**before, place: given}, {f"{place}.material": other}),
        f"{place}.law": ({**before, place: given}, {f"{place}.law": "diffusion"}),
        f"{place}.initial_thickness": ({**before, place: given}, {f"{place}.initial_thickness": "3 nm"}),
        f"{place}.properties": (
            {**before, place: given},
            {f"{place}.properties": {"growth_constant": "2e-19 m^2/s"}},
        ),
        f"{place}.additive.growth": (dosed, {f"{place}.additive.growth": 0.2}),
        f"{place}.additive.material": (mended, {f"{place}.additive.material": "Skin3"}),
    }


DECAYS: dict[str, Any] = {"material": "Decay", "thickness": "5 nm", "reversible": True}
CARBON: Edits = {
    **SYMMETRIC,
    "cell.working_electrode": {**PLATE, "initial_voltage": "3.9 V"},
    "protocol.steps": ["Sweep from 3.9 V to 4 V at 5 mV/s"],
}
"""a blocking electrode that is swept"""


def decaying(place: str, before: Edits) -> dict[str, tuple[Edits, Edits]]:
    """Return the keys of a side reaction at a place."""
    given = {**before, f"{place}.side_reactions": {"one": DECAYS}}
    here = f"{place}.side_reactions.one"
    return {
        f"{here}.material": (given, {f"{here}.material": "Decay2"}),
        f"{here}.thickness": (given, {f"{here}.thickness": "10 nm"}),
        f"{here}.reversible": (given, {f"{here}.reversible": False}),
        f"{here}.initial_share": (given, {f"{here}.initial_share": 0.5}),
        f"{here}.properties": (given, {f"{here}.properties": {"electrons": 2}}),
    }


COVERED: Edits = {**CARBON, "cell.working_electrode.side_reactions": {"one": DECAYS}}
IN_SERIES: Edits = {
    **dict.fromkeys(("cell", "protocol", "pressure", "interfaces", "numerics"), DELETE),
    "regions.particle.initial": DELETE,
    "regions.electrolyte.material": "PEO-LiTFSI",
    "output": {"figures": False},
    "effective": {
        "quantities": ["ionic_conductivity", "electronic_conductivity"],
        "boundaries": "walls",
        "directions": ["y"],
        "temperature": "25 degC",
    },
}
"""effective properties of the same layers, along them"""

CASE_KEYS: dict[str, tuple[Edits, Edits]] = {
    # key: what the case is to have for it, what is then changed
    "mesh.recipe": ({}, {"mesh": {"recipe": "other.toml"}}),
    "regions.*.material": ({}, {"regions.electrolyte.material": "Steel2"}),
    "regions.*.role": ({}, {"regions.backing.role": "inert"}),
    "regions.*.initial.stoichiometry": ({}, {"regions.particle.initial": {"stoichiometry": 0.5}}),
    "regions.*.initial.voltage": ({}, {"regions.particle.initial": {"voltage": "3.95 V"}}),
    "regions.*.salt.concentration": (SALTED, {"regions.electrolyte.salt.concentration": "2 mol/l"}),
    "regions.*.stress_free_stoichiometry": ({}, {"regions.particle.stress_free_stoichiometry": 0.5}),
    "regions.*.properties": ({}, {"regions.backing.properties": {"youngs_modulus": "100 GPa"}}),
    f"{TRANSFER}.exchange_current": ({}, {f"{TRANSFER}.exchange_current": "2 A/m^2"}),
    f"{TRANSFER}.dependence": ({}, {f"{TRANSFER}.dependence": "stoichiometry"}),
    f"{TRANSFER}.anodic_coefficient": ({}, {f"{TRANSFER}.anodic_coefficient": 0.6}),
    f"{TRANSFER}.cathodic_coefficient": ({}, {f"{TRANSFER}.cathodic_coefficient": 0.6}),
    f"{TRANSFER}.stress": ({}, {f"{TRANSFER}.stress": False}),
    f"{TRANSFER}.strain_coefficient": ({}, {f"{TRANSFER}.strain_coefficient": "1 V"}),
    f"{TRANSFER}.film_resistance": ({}, {f"{TRANSFER}.film_resistance": "1e-3 ohm m^2"}),
    f"{TRANSFER}.double_layer": ({}, {f"{TRANSFER}.double_layer": "0.1 F/m^2"}),
    "cell.temperature": ({}, {"cell.temperature": "60 degC"}),
    "cell.current_collector": ({}, {"cell.current_collector": "backing@right"}),
    "cell.contact_resistance": ({}, {"cell.contact_resistance": "1e-4 ohm m^2"}),
    JOINT: (SYMMETRIC, {JOINT: "1e-3 ohm m^2"}),
    "cell.working_electrode.at": (SYMMETRIC, {"cell.working_electrode.at": "top"}),
    "cell.working_electrode.kind": (SYMMETRIC, {"cell.working_electrode": {**PLATE, "kind": "blocking"}}),
    "cell.working_electrode.exchange_current": (
        SYMMETRIC,
        {"cell.working_electrode": {**METAL, "exchange_current": "1 A/m^2"}},
    ),
    "cell.working_electrode.film_resistance": (
        SYMMETRIC,
        {"cell.working_electrode.film_resistance": "1e-3 ohm m^2"},
    ),
    "cell.working_electrode.double_layer": (
        {**SYMMETRIC, "cell.working_electrode": PLATE},
        {"cell.working_electrode.double_layer": "0.2 F/m^2"},
    ),
    f"{SITES}.mobile_concentration": (CHARGED, {f"{SITES}.mobile_concentration": "2e-3 mol/m^3"}),
    f"{SITES}.statistics": (BINARY, {f"{SITES}.statistics": "dilute", f"{SITES}.ion_size": DELETE}),
    f"{SITES}.ion_size": (BINARY, {f"{SITES}.ion_size": "60 nm"}),
    "interfaces.particle|electrolyte.zero_charge": (
        CORED,
        {"interfaces.particle|electrolyte.zero_charge": "3.86 V"},
    ),
    f"{SITES}.occupancy": (CHARGED, {f"{SITES}.occupancy": 0.6}),
    f"{SITES}.chemical_potential": (CHARGED, {f"{SITES}.chemical_potential": "0.03 V"}),
    f"{SITES}.lattice_constant": (CHARGED, {f"{SITES}.lattice_constant": "0.5 nm"}),
    f"{SITES}.ion_volume": (CHARGED, {f"{SITES}.ion_volume": "10 m^3/mol"}),
    "interfaces.particle|electrolyte.core_capacitance": (
        CHARGED,
        {"interfaces.particle|electrolyte.core_capacitance": "1e-5 F/m^2"},
    ),
    "cell.working_electrode.zero_charge": (CHARGED, {"cell.working_electrode.zero_charge": "0.03 V"}),
    f"{TRANSFER}.space_charge.mobile_concentration": (
        LAW,
        {f"{TRANSFER}.space_charge.mobile_concentration": "100 mol/m^3"},
    ),
    f"{TRANSFER}.space_charge.occupancy": (LAW, {f"{TRANSFER}.space_charge.occupancy": 0.6}),
    f"{TRANSFER}.space_charge.zero_charge": (LAW, {f"{TRANSFER}.space_charge.zero_charge": "3.5 V"}),
    f"{TRANSFER}.space_charge.core_capacitance": (
        LAW,
        {f"{TRANSFER}.space_charge.core_capacitance": "0.1 F/m^2"},
    ),
    "cell.counter_electrode.at": (
        {"cell.current_collector": "particle|backing", "pressure.at": "right"},
        {"cell.counter_electrode.at": "bottom"},
    ),
    "cell.counter_electrode.exchange_current": ({}, {"cell.counter_electrode.exchange_current": "1 A/m^2"}),
    "cell.counter_electrode.film_resistance": (
        {},
        {"cell.counter_electrode.film_resistance": "1e-3 ohm m^2"},
    ),
    f"{LAYERED}.coating.material": (
        {f"{LAYERED}.coating": {"material": "Glass", "thickness": "10 nm"}},
        {f"{LAYERED}.coating.material": "Skin"},
    ),
    f"{LAYERED}.coating.thickness": (
        {f"{LAYERED}.coating": {"material": "Skin", "thickness": "10 nm"}},
        {f"{LAYERED}.coating.thickness": "20 nm"},
    ),
    f"{LAYERED}.coating.growth": (
        {**GROWS, f"{LAYERED}.coating": COATED},
        {f"{LAYERED}.coating.growth": 0.2},
    ),
    **grown(f"{LAYERED}.interphase", {}, SKINNED, "Skin2"),
    f"{LAYERED}.interdiffusion.material": (MIXES, {f"{LAYERED}.interdiffusion.material": "Skin2"}),
    f"{LAYERED}.interdiffusion.initial_thickness": (
        MIXES,
        {f"{LAYERED}.interdiffusion.initial_thickness": "3 nm"},
    ),
    f"{LAYERED}.interdiffusion.properties": (
        MIXES,
        {f"{LAYERED}.interdiffusion.properties": {"growth_constant": "2e-19 m^2/s"}},
    ),
    **grown("cell.counter_electrode.interphase", {}, SLIMY, "Slime2"),
    **grown("cell.working_electrode.interphase", SYMMETRIC, SLIMY, "Slime2"),
    **decaying(LAYERED, {}),
    **decaying("cell.working_electrode", CARBON),
    "cell.working_electrode.initial_voltage": (CARBON, {"cell.working_electrode.initial_voltage": "3.8 V"}),
    "cell.working_electrode.coating.material": (
        {**COVERED, "cell.working_electrode.coating": {"material": "Skin", "thickness": "1 um"}},
        {"cell.working_electrode.coating.material": "Skin2"},
    ),
    "cell.working_electrode.coating.thickness": (
        {**COVERED, "cell.working_electrode.coating": {"material": "Skin", "thickness": "1 um"}},
        {"cell.working_electrode.coating.thickness": "2 um"},
    ),
    "cell.working_electrode.coating.growth": (
        {**COVERED, "cell.working_electrode.coating": {**COATED, "growth": 0.5}},
        {"cell.working_electrode.coating.growth": 0.2},
    ),
    "cell.nominal_capacity": ({}, {"cell.nominal_capacity": "1e-12 A h"}),
    "cell.depth": ({}, {"cell.depth": "5 um"}),
    "mechanics.enabled": (NO_MECHANICS, {"mechanics.enabled": False}),
    "mechanics.free": ({}, {"mechanics.free": ["top"]}),
    "mechanics.out_of_plane": ({}, {"mechanics.out_of_plane": "free"}),
    "mechanics.lattice_velocity": ({}, {"mechanics.lattice_velocity": ["1e-4 um/s", "0 um/s"]}),
    "pressure.at": ({}, {"pressure.at": "top"}),
    "pressure.program": ({}, {"pressure.program": ["20 MPa"]}),
    "pressure.fixture": (FIXTURE, {"pressure.fixture": "500 GPa/mm"}),
    "pressure.initial": (FIXTURE, {"pressure.initial": "5 MPa"}),
    "protocol.cycles": ({}, {"protocol.cycles": 2}),
    "protocol.steps": ({}, {"protocol.steps": ["Charge at 1C for 20 s"]}),
    "effective.quantities": (IN_SERIES, {"effective.quantities": ["percolation"]}),
    "effective.boundaries": (
        {**IN_SERIES, "effective.directions": DELETE, "effective.quantities": ["stiffness"]},
        {"effective.boundaries": "periodic"},
    ),
    "effective.directions": (
        # across the layers the electrolyte leads nowhere, stiffness has all directions: a body of electrolyte alone
        {
            **IN_SERIES,
            "effective.quantities": ["ionic_conductivity"],
            **{
                f"regions.{name}.{key}": value
                for name in ("particle", "backing")
                for key, value in (("material", "Glass"), ("role", "electrolyte"))
            },
        },
        {"effective.directions": ["y", "x"]},
    ),
    "effective.temperature": (IN_SERIES, {"effective.temperature": "60 degC"}),
    "numerics.displacement_degree": ({}, {"numerics.displacement_degree": 2}),
    "numerics.scalar_degree": ({"numerics.quadrature_degree": 4}, {"numerics.scalar_degree": 2}),
    # its potential is no polynomial: there the quadrature shows
    "numerics.quadrature_degree": (
        {"regions.particle.material": "NMC811"},
        {"numerics.quadrature_degree": 4},
    ),
    "numerics.solver": ({}, {"numerics.solver": "fieldsplit"}),
    "numerics.direct_limit": ({}, {"numerics.direct_limit": 10}),
    "numerics.integrator": ({}, {"numerics.integrator": "rosenbrock"}),
    "numerics.time_tolerance": ({}, {"numerics.time_tolerance": 1e-4}),
    "numerics.newton_tolerance": ({}, {"numerics.newton_tolerance": 1e-2}),
    "numerics.maximum_newton_iterations": ({}, {"numerics.maximum_newton_iterations": 2}),
    "numerics.initial_step": ({}, {"numerics.initial_step": "1 s"}),
    "numerics.maximum_step": ({}, {"numerics.maximum_step": "5 s"}),
    "numerics.minimum_step": ({"numerics.time_tolerance": 1e-5}, {"numerics.minimum_step": "4 s"}),
    "numerics.mobility": ({}, {"numerics.mobility": "dilute"}),
    **contact_keys(CONTACT),
    **contact_keys(PLATED),
    **contact_keys("cell.counter_electrode.contact", material="lithium"),
    **contact_keys("cell.working_electrode.contact", SYMMETRIC, material="lithium"),
    f"{CONTACT}.healing": (BREAKING, {f"{CONTACT}.healing": 0.5}),
    f"{COHESIVE}.strength": (BREAKING, {f"{COHESIVE}.strength": "1.5 MPa"}),
    f"{COHESIVE}.fracture_energy": (BREAKING, {f"{COHESIVE}.fracture_energy": "2e-3 J/m^2"}),
    f"{COHESIVE}.shear_ratio": (
        {**BREAKING, "mechanics.free": ["top"]},
        {f"{COHESIVE}.shear_ratio": 0.5},
    ),
    f"{COHESIVE}.relaxation_time": (BREAKING, {f"{COHESIVE}.relaxation_time": "20 s"}),
    "interfaces.particle|electrolyte.loose": (
        {"pressure": DELETE},
        {"interfaces.particle|electrolyte.loose": True},
    ),
    "numerics.overlap": (BREAKING, {"numerics.overlap": 1e-3}),
    "risk.flaw_size": ({}, {"risk.flaw_size": "0.1 um"}),
    "output.fields": ({}, {"output.fields": ["stoichiometry"]}),
    "output.amplitudes_at": (
        {"protocol.steps": ["Impedance from 1 kHz to 1 Hz, 1 point per decade"]},
        {"output.amplitudes_at": ["1 Hz"]},
    ),
    "output.every": ({"numerics.maximum_step": "5 s"}, {"output.every": 3}),
}
COSMETIC = {
    "title": "says what the case is, in run.json and on the figures",
    "cell.counter_electrode.kind": "has one choice",
    "output.figures": "draws what the files hold",
    "output.animation": "draws what the files hold",
    "output.deformation_scale": "scales displacements in pictures",
}


def walked(key: str) -> str:
    """Return a key as the schema has it."""
    named = key.replace("particle|electrolyte", "*").replace("regions.electrolyte.", "regions.*.")
    return named.replace("side_reactions.one.", "side_reactions.*.")


def test_every_key_of_a_case_is_accounted_for() -> None:
    known = {walked(key) for key in CASE_KEYS} | set(COSMETIC)
    assert set(leaves(CaseFile)) == known


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for many small cases."""
    return tmp_path_factory.mktemp("keys")


def write(
    folder: Path,
    content: Mapping[str, Any],
    oxide: Edits | None = None,
    glass: Edits | None = None,
    gel: Edits | None = None,
) -> None:
    """Write a case with its mesh and materials."""
    (folder / "materials").mkdir(parents=True)
    (folder / "case.toml").write_text(tomlkit.dumps(content))
    (folder / "mesh.toml").write_text(tomlkit.dumps(MESH))
    (folder / "other.toml").write_text(tomlkit.dumps({**MESH, "cells_across": 3}))
    texts = {
        "Oxide": material("Oxide", OXIDE, oxide or {}),
        "Glass": material("Glass", GLASS, glass or {}),
        "Gel": material("Gel", GEL, gel or {}),
        "Steel": material("Steel", STEEL, {}),
        "Steel2": material("Steel2", {**GLASS, "youngs_modulus": (50.0, "GPa")}, {}),
        "Decay": material("Decay", DECAY, {}),
        "Decay2": material("Decay2", {**DECAY, "molar_volume": (1e-4, "m^3/mol")}, {}),
        "Skin": material("Skin", SKIN, {}),
        "Skin2": material("Skin2", {**SKIN, "ionic_conductivity": (2e-5, "S/m")}, {}),
        "Skin3": material("Skin3", {**SKIN, "growth_factor": (0.1, "1")}, {}),
        "Slime2": material(
            "Slime2",
            {
                **SKIN,
                "oxidation_potential": DELETE,
                "reduction_potential": (1.0, "V"),
                "ionic_conductivity": (2e-5, "S/m"),
            },
            {},
        ),
        "Slime": material(
            "Slime", {**SKIN, "oxidation_potential": DELETE, "reduction_potential": (1.0, "V")}, {}
        ),
    }
    for name, text in texts.items():
        (folder / "materials" / f"{name}.toml").write_text(text)


def outcome(folder: Path, content: Mapping[str, Any], **materials: Edits) -> Results | str:
    """Run a case; return its results, or why it could not go on."""
    from chemomech.run import run_case

    write(folder, content, **materials)
    try:
        run_case(read_case(folder), folder / "results", quiet=True)
    except RunError as error:
        return str(error)
    return open_results(folder / "results")


@functools.cache
def before(folder: Path, edits: str) -> Results | str:
    """Return the outcome of the base with edits, solved once."""
    given = {key: DELETE if value is None else value for key, value in json.loads(edits).items()}
    return outcome(folder / f"base{abs(hash(edits))}", edited(BASE, given))


def base(folder: Path, edits: Edits) -> Results:
    """Return the results of the base with edits."""
    text = json.dumps(
        {key: None if value is DELETE else value for key, value in edits.items()}, sort_keys=True
    )
    found = before(folder, text)
    assert isinstance(found, Results), found
    return found


def same(one: Results, other: Results | str) -> bool:
    """Whether two runs wrote the same numbers and the same arrays."""
    if isinstance(other, str):
        return False
    kept = ("solver", "frames", "unknowns", "regions")
    if [one.run[key] for key in kept] != [other.run[key] for key in kept]:
        return False
    if (one.point_arrays, one.cell_arrays, one.summary.keys()) != (
        other.point_arrays,
        other.cell_arrays,
        other.summary.keys(),
    ):
        return False
    if one.history.keys() != other.history.keys() or len(one.times) != len(other.times):
        return False
    if [found is None for found in map(open_amplitudes, (one, other))] in ([True, False], [False, True]):
        return False
    tables = [(one.history, other.history), (one.summary, other.summary)]
    return all(
        np.shape(a[name]) == np.shape(b[name])
        and np.allclose(
            a[name], b[name], rtol=1e-6, atol=FLOORS.get(split_unit(name)[1], 0.0), equal_nan=True
        )
        for a, b in tables
        for name in a
        if "balance error" not in name
    )


FLOORS = {
    "A": 1e-18,
    "A.h": 1e-18,
    "mA.cm-2": 1e-9,
    "V": 1e-8,
    "mV": 1e-5,
    "MPa": 1e-5,
    "": 1e-8,
    "um": 1e-8,
    "nJ": 1e-10,
}
"""differences below these, by unit, are round-off"""
QUICK = {
    "cell.depth",
    "cell.contact_resistance",
    "numerics.initial_step",
    "output.fields",
    "pressure.program",
}
"""keys that compile nothing new: the others take a while"""


def marked(keys: Mapping[str, Any]) -> list[Any]:
    """Return the keys as parameters, most of them slow."""
    return [pytest.param(key, marks=() if key in QUICK else pytest.mark.slow) for key in keys]


@pytest.mark.parametrize("key", marked(CASE_KEYS))
def test_every_key_of_a_case_changes_something(folder: Path, tmp_path: Path, key: str) -> None:
    needed, change = CASE_KEYS[key]
    assert any(key.split(".")[-1] in edit for edit in change) or key.split(".")[-1] in str(change)
    plain = base(folder, needed)
    assert not same(plain, outcome(tmp_path / "changed", edited(edited(BASE, needed), change)))


def test_the_same_case_gives_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    assert same(base(folder, {}), outcome(tmp_path / "again", edited(BASE, {"title": "Another"})))


# -- materials: every property that a role uses changes the run; the others are refused ------------------------

PROPERTIES: dict[str, Edits] = {
    "maximum_concentration": {"maximum_concentration.value": 40000.0},
    "stoichiometry_range": {"stoichiometry_range.value": [0.1, 0.9]},
    "open_circuit_potential": {"open_circuit_potential.polynomial": [4.5, -1.2]},
    "diffusivity": {"diffusivity.value": 5e-15},
    "electronic_conductivity": {"electronic_conductivity.value": 1e-2},
    "swelling": {"swelling.polynomial": [0.0, 0.04]},
    "youngs_modulus": {"youngs_modulus.value": 100.0},
    "poissons_ratio": {"poissons_ratio.value": 0.25},
    "tensile_strength": {"tensile_strength.value": 100.0},
    "fracture_toughness": {"fracture_toughness.value": 0.3},
    "flaw_size": {"flaw_size.value": 1.0},
}
PERMITTIVITY: Edits = {
    "relative_permittivity": {"value": 10, "unit": "1", "source": "made up", "confirmed": False}
}
GLASSY: dict[str, Edits] = {
    "ionic_conductivity": {"ionic_conductivity.value": 0.1},
    "fracture_energy": {"fracture_energy.value": 1.0},
    "hardness": {"hardness.value": 1.0},
    "relative_permittivity": {
        "relative_permittivity": {"value": 20, "unit": "1", "source": "made up", "confirmed": False}
    },
}
SALTY: dict[str, Edits] = {
    "transference_number": {"transference_number.value": 0.2},
    "salt_diffusivity": {"salt_diffusivity.value": 2e-11},
    "thermodynamic_factor": {"thermodynamic_factor.value": 2.0},
}
NOT_USED_YET = {
    "lithium_concentration": "is all of it; how much is mobile is the study's parameter",
    "exchange_current_density": "belongs to an interface or a side reaction; in a region it is for orientation",
    "electrons": "belongs to a side reaction",
    "yield_strength": "plasticity is not modelled yet",
    "creep_exponent": "creep is not modelled yet",
    "creep_activation_energy": "creep is not modelled yet",
    "density": "no law needs a mass",
    "molar_volume": "swelling is given as a strain",
    "oxidation_potential": "belongs to an interphase",
    "reduction_potential": "belongs to an interphase",
    "reaction_rate": "belongs to an interphase",
    "decomposition_coefficient": "belongs to an interphase",
    "growth_constant": "belongs to an interphase",
    "growth_factor": "belongs to a coating or an additive",
}


def test_every_property_is_accounted_for() -> None:
    assert set(PROPERTIES) | set(GLASSY) | set(SALTY) | set(NOT_USED_YET) == set(KINDS)
    assert set().union(*USED.values()) == set(PROPERTIES) | set(GLASSY)
    assert set(SALT) == set(SALTY)


@pytest.mark.slow
@pytest.mark.parametrize("key", [*PROPERTIES, *GLASSY])
def test_every_property_changes_something(folder: Path, tmp_path: Path, key: str) -> None:
    # risks are compared where there is tension: in the particle that shrinks, and in the glass that it pulls
    pulled: Edits = {"regions.particle.stress_free_stoichiometry": 0.9, "pressure.program": ["0 MPa"]}
    if key == "hardness":
        pulled[CONTACT] = {**rough("plastic"), "retained": 0.5}
    if key == "relative_permittivity":
        pulled = {**LAW, "regions.electrolyte.properties": {}, "regions.electrolyte.material": "Glass"}
        assert not same(
            outcome(tmp_path / "before", edited(BASE, pulled), glass=PERMITTIVITY),
            outcome(tmp_path / "changed", edited(BASE, pulled), glass=GLASSY[key]),
        )
        return
    plain = base(folder, pulled)
    changed = outcome(
        tmp_path / "changed", edited(BASE, pulled), oxide=PROPERTIES.get(key, {}), glass=GLASSY.get(key, {})
    )
    assert not same(plain, changed)


LAYER_PROPERTIES = {
    "ionic_conductivity": "2e-5 S/m",
    "molar_volume": "6e-5 m^3/mol",
    "oxidation_potential": "3.6 V",
    "decomposition_coefficient": 0.4,
    "reaction_rate": "2e-11 m/s",
    "growth_constant": "2e-19 m^2/s",
}


@pytest.mark.slow
@pytest.mark.parametrize("key", LAYER_PROPERTIES)
def test_every_property_of_an_interphase_changes_something(folder: Path, tmp_path: Path, key: str) -> None:
    change = {f"{LAYERED}.interphase.properties": {key: LAYER_PROPERTIES[key]}}
    assert not same(base(folder, GROWS), outcome(tmp_path / "changed", edited(edited(BASE, GROWS), change)))


REACTION_PROPERTIES = {
    "oxidation_potential": "3.85 V",
    "exchange_current_density": "0.2 A/m^2",
    "decomposition_coefficient": 0.5,
    "electrons": 2,
    "molar_volume": "1e-4 m^3/mol",
}


@pytest.mark.slow
@pytest.mark.parametrize("key", REACTION_PROPERTIES)
def test_every_property_of_a_side_reaction_changes_something(folder: Path, tmp_path: Path, key: str) -> None:
    change = {"cell.working_electrode.side_reactions.one.properties": {key: REACTION_PROPERTIES[key]}}
    assert not same(
        base(folder, COVERED), outcome(tmp_path / "changed", edited(edited(BASE, COVERED), change))
    )


@pytest.mark.slow
@pytest.mark.parametrize("key", SALTY)
def test_every_property_of_a_salt_changes_something(folder: Path, tmp_path: Path, key: str) -> None:
    assert not same(base(folder, SALTED), outcome(tmp_path / "changed", edited(BASE, SALTED), gel=SALTY[key]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"diffusivity.activation_energy": "30 kJ/mol", "diffusivity.reference_temperature": "50 degC"},
        {
            "swelling": {
                "table": [[0.0, 0.0], [0.58, 0.03], [1.0, 0.05]],
                "interpolation": "linear",
                "unit": "1",
            }
        },
    ],
)
def test_forms_of_a_property_change_something(folder: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    for value in change.values():
        if isinstance(value, dict):
            value |= {"source": "made up", "confirmed": False}
    assert not same(base(folder, {}), outcome(tmp_path / "changed", BASE, oxide=change))


@pytest.mark.parametrize("key", [*NOT_USED_YET, *SALTY])
def test_a_property_that_nothing_uses_is_refused(tmp_path: Path, key: str) -> None:
    units = {"concentration": "1 mol/m^3", "diffusivity": "1e-12 m^2/s", "current_density": "1 A/m^2"}
    units |= {
        "pressure": "1 GPa",
        "molar_energy": "10 kJ/mol",
        "density": "1000 kg/m^3",
        "molar_volume": "1e-5 m^3/mol",
        "voltage": "2 V",
        "speed": "1e-12 m/s",
    }
    value = units.get(KINDS[key].dimension, 0.5)
    write(tmp_path / "case", edited(BASE, {"regions.particle.properties": {key: value}}))
    with pytest.raises(InputError, match=f"'{key}' changes nothing"):
        read_case(tmp_path / "case")


def test_a_toughness_replaces_the_energy_that_came_with_the_old_one(tmp_path: Path) -> None:
    from chemomech.materials.material import load_material

    oxide = load_material("NMC811").with_properties({"fracture_toughness": "0.4 MPa m^0.5"})
    assert not oxide.has("fracture_energy")
    both = {"fracture_toughness": "0.4 MPa m^0.5", "fracture_energy": "1 J/m^2"}
    write(tmp_path / "case", edited(BASE, {"regions.particle.properties": both}))
    with pytest.raises(InputError, match="two forms of one number"):
        read_case(tmp_path / "case")


# -- recipes -------------------------------------------------------------------------------------------------

SIZES: dict[str, Any] = {"interface": "0.6 um", "bulk": "1.5 um", "transition": "2 um", "per_turn": 20}
BALL: dict[str, Any] = {
    "kind": "particle",
    "coordinates": "plane strain",
    "radius": "2 um",
    "box": ["7 um", "6 um"],
    "coating": "0.5 um",
    "names": {},
    "mesh_size": SIZES,
}
PACKED: dict[str, Any] = {
    "kind": "composite",
    "coordinates": "plane strain",
    "separator": "3 um",
    "electrode": "12 um",
    "width": "11 um",
    "sides": "walled",
    "fraction": 0.25,
    "radii": {"median": "2 um", "spread": 0.1, "smallest": "1.7 um", "largest": "2.4 um"},
    "gap": "0.4 um",
    "neck": "0.2 um",
    "collector_contact": 0.1,
    "coating": "0.3 um",
    "seed": 1,
    "names": {},
    "mesh_size": {**SIZES, "bulk": "2 um"},
}
GRAINY: Edits = {
    "coating": DELETE,
    "gap": "0.8 um",
    "fraction": 0.2,
    "grains": {"radius": "0.9 um", "spread": 0.1, "overlap": 0.1, "rounding": 0.2},
    "mesh_size": {"interface": "0.4 um", "bulk": "1 um", "per_turn": 10},
}
CELLS: dict[str, Any] = {"size": "3 um", "disorder": 0.1, "seed": 1, "groups": 3}
CUT: Edits = {"coating": DELETE, "pieces": CELLS}
PLANES: dict[str, Any] = {"planes": {"x": ["6.1 um"]}, "groups": 2}


ROWED: Edits = {"boundary_layer": {"electrolyte": {"first": "0.05 um", "growth": 1.5, "thickness": "0.3 um"}}}
ROW_KEYS: dict[str, tuple[Edits, Edits]] = {
    "boundary_layer.*.first": (ROWED, {"boundary_layer.electrolyte.first": "0.02 um"}),
    "boundary_layer.*.growth": (ROWED, {"boundary_layer.electrolyte.growth": 1.2}),
    "boundary_layer.*.thickness": (ROWED, {"boundary_layer.electrolyte.thickness": "0.25 um"}),
}


def pieces_keys(needed: Edits) -> dict[str, tuple[Edits, Edits]]:
    """Return the keys of the pieces of an electrolyte."""
    planes = {**needed, "pieces": PLANES}
    return {
        "pieces.size": (needed, {"pieces.size": "2.5 um"}),
        "pieces.disorder": (needed, {"pieces.disorder": 0.05}),
        "pieces.seed": (needed, {"pieces.seed": 2}),
        "pieces.planes": (planes, {"pieces.planes": {"x": ["5.9 um"]}}),
        "pieces.groups": (needed, {"pieces.groups": 4}),
    }


FILLED: dict[str, Any] = {
    "kind": "inclusions",
    "coordinates": "plane strain",
    "box": ["12 um", "11 um"],
    **{key: PACKED[key] for key in ("fraction", "radii", "gap", "coating", "seed", "names", "mesh_size")},
    "sides": "periodic",
}
STACK: dict[str, Any] = {**MESH, "names": {"particle": "particle"}}
LOOSE: Edits = {
    "structured": False,
    "cells_across": DELETE,
    "mesh_size": {"interface": "0.3 um", "bulk": "1 um"},
    "layers": [{"name": layer["name"], "thickness": layer["thickness"]} for layer in LAYERS],
}
FOREIGN: dict[str, Any] = {
    "kind": "external",
    "coordinates": "plane strain",
    "file": "a.vtu",
    "unit": "1 um",
    "cell_data": "phase",
    "groups": {"particle": 1, "electrolyte": 2},
}
SCAN: dict[str, Any] = {
    "kind": "image",
    "coordinates": "3D",
    "file": "a.npy",
    "axes": "xyz",
    "voxel_size": "1 um",
    "phases": {"particle": 1, "electrolyte": [0, 2]},
    "method": "voxel",
    "names": {},
}
SLICED: Edits = {"coordinates": "plane strain", "slice": 0}
SMOOTHED: Edits = {"method": "smooth", "smoothing": 5}
NAMED: Edits = {"file": "a.msh", "cell_data": DELETE, "groups": DELETE}

RECIPE_KEYS: dict[str, tuple[type[BaseModel], dict[str, Any], dict[str, tuple[Edits, Edits]]]] = {
    "particle": (
        Particle,
        BALL,
        {
            "coordinates": ({}, {"coordinates": "axisymmetric"}),
            "radius": ({}, {"radius": "2.1 um"}),
            "box": ({}, {"box": ["7.5 um", "6 um"]}),
            "cut": ({}, {"cut": ["bottom"]}),
            "coating": ({}, {"coating": "0.6 um"}),
            "names.particle": ({}, {"names.particle": "NMC"}),
            "names.electrolyte": ({}, {"names.electrolyte": "LPSCl"}),
            "names.coating": ({}, {"names.coating": "LNO"}),
            "mesh_size.interface": ({}, {"mesh_size.interface": "0.5 um"}),
            "mesh_size.bulk": ({}, {"mesh_size.bulk": "1 um"}),
            "mesh_size.transition": ({}, {"mesh_size.transition": "0.5 um"}),
            "mesh_size.per_turn": ({}, {"mesh_size.per_turn": 60}),
            **ROW_KEYS,
        },
    ),
    "composite": (
        Composite,
        PACKED,
        {
            "coordinates": ({}, {"coordinates": "3D", "depth": "11 um", "fraction": 0.05}),
            "depth": ({"coordinates": "3D", "depth": "11 um", "fraction": 0.05}, {"depth": "10 um"}),
            "separator": ({}, {"separator": "4 um"}),
            "electrode": ({}, {"electrode": "13 um"}),
            "width": ({}, {"width": "12 um"}),
            "sides": ({}, {"sides": "periodic"}),
            "fraction": ({}, {"fraction": 0.2}),
            "gap": ({}, {"gap": "0.6 um"}),
            "neck": ({}, {"neck": "0.4 um"}),
            "collector_contact": ({}, {"collector_contact": 0.3}),
            "coating": ({}, {"coating": "0.35 um"}),
            "seed": ({}, {"seed": 2}),
            "grains.radius": (GRAINY, {"grains.radius": "0.8 um"}),
            "grains.spread": (GRAINY, {"grains.spread": 0.15}),
            "grains.overlap": (GRAINY, {"grains.overlap": 0.15}),
            "grains.rounding": (GRAINY, {"grains.rounding": 0.15}),
            **pieces_keys(CUT),
            "radii.median": ({}, {"radii.median": "1.9 um"}),
            "radii.spread": ({}, {"radii.spread": 0.05}),
            "radii.smallest": (
                {"radii.spread": 0.5, "radii.smallest": "1 um", "seed": 3},
                {"radii.smallest": "1.9 um"},
            ),
            "radii.largest": ({"radii.spread": 0.5}, {"radii.largest": "2.1 um"}),
            "radii.values": ({}, {"radii": {"values": ["2 um", "1.8 um"]}}),
            "names.particle": ({}, {"names.particle": "NMC"}),
            "names.electrolyte": ({}, {"names.electrolyte": "LPSCl"}),
            "names.separator": ({}, {"names.separator": "electrolyte"}),
            "names.coating": ({}, {"names.coating": "LNO"}),
            "mesh_size.interface": ({}, {"mesh_size.interface": "0.4 um"}),
            "mesh_size.bulk": ({}, {"mesh_size.bulk": "1.2 um"}),
            "mesh_size.transition": ({}, {"mesh_size.transition": "0.5 um"}),
            "mesh_size.per_turn": ({}, {"mesh_size.per_turn": 60}),
            **ROW_KEYS,
        },
    ),
    "inclusions": (
        Inclusions,
        FILLED,
        {
            "coordinates": ({}, {"coordinates": "3D", "box": ["12 um"] * 3, "fraction": 0.05}),
            "box": ({}, {"box": ["13 um", "11 um"]}),
            "sides": ({}, {"sides": "walled"}),
            "fraction": ({}, {"fraction": 0.2}),
            "gap": ({}, {"gap": "0.9 um"}),
            "coating": ({}, {"coating": "0.35 um"}),
            "seed": ({}, {"seed": 2}),
            **pieces_keys({**CUT, "sides": "walled"}),
            "radii.median": ({}, {"radii.median": "1.9 um"}),
            "radii.spread": ({}, {"radii.spread": 0.05}),
            "radii.smallest": (
                {"radii.spread": 0.5, "radii.smallest": "1 um", "seed": 3},
                {"radii.smallest": "1.9 um"},
            ),
            "radii.largest": ({"radii.spread": 0.5}, {"radii.largest": "2.1 um"}),
            "radii.values": ({}, {"radii": {"values": ["2 um", "1.8 um"]}}),
            "names.particle": ({}, {"names.particle": "LLZO"}),
            "names.electrolyte": ({}, {"names.electrolyte": "PEO"}),
            "names.coating": ({}, {"names.coating": "LNO"}),
            "mesh_size.interface": ({}, {"mesh_size.interface": "0.4 um"}),
            "mesh_size.bulk": ({}, {"mesh_size.bulk": "1.2 um"}),
            "mesh_size.transition": ({}, {"mesh_size.transition": "0.5 um"}),
            "mesh_size.per_turn": ({}, {"mesh_size.per_turn": 60}),
        },
    ),
    "layered": (
        Layered,
        STACK,
        {
            "coordinates": ({}, {"coordinates": "axisymmetric"}),
            "width": ({}, {"width": "3 um"}),
            "depth": ({"coordinates": "3D", "depth": "1 um"}, {"depth": "2 um"}),
            "structured": ({}, LOOSE),
            "cells_across": ({}, {"cells_across": 3}),
            "layers.*.name": ({}, {"layers.2.name": "foil"}),
            "layers.*.thickness": ({}, {"layers.1.thickness": "3 um"}),
            "layers.*.cells": ({}, {"layers.1.cells": 5}),
            "layers.*.finer": ({}, {"layers.1.finer": "both"}),
            "layers.*.growth": ({"layers.1.finer": "start"}, {"layers.1.growth": 1.4}),
            "names.particle": ({}, {"names.particle": "backing"}),
            "mesh_size.interface": (LOOSE, {"mesh_size.interface": "0.2 um"}),
            "mesh_size.bulk": (LOOSE, {"mesh_size.bulk": "0.6 um"}),
            "mesh_size.transition": (LOOSE, {"mesh_size.transition": "0.1 um"}),
        },
    ),
    "external": (
        External,
        FOREIGN,
        {
            "coordinates": ({}, {"coordinates": "axisymmetric"}),
            "file": ({}, {"file": "b.vtu"}),
            "unit": ({}, {"unit": "2 um"}),
            "cell_data": ({}, {"cell_data": "other"}),
            "groups": ({}, {"groups": {"particle": 2, "electrolyte": 1}}),
            "sides": (NAMED, {"sides": {"west": "left"}}),
            "names.particle": ({}, {"names": {"particle": "electrolyte"}}),
        },
    ),
    "image": (
        Image,
        SCAN,
        {
            "coordinates": ({}, SLICED),
            "file": ({}, {"file": "b.npy"}),
            "axes": ({}, {"axes": "zyx"}),
            "voxel_size": ({}, {"voxel_size": ["1 um", "1 um", "2 um"]}),
            "phases": ({}, {"phases": {"particle": [1, 2], "electrolyte": 0}}),
            "left_out": ({}, {"phases": {"particle": 1, "electrolyte": 0}, "left_out": 2}),
            "slice": (SLICED, {"slice": 2}),
            "crop.x": ({}, {"crop": {"x": [1, 8]}}),
            "crop.y": ({}, {"crop": {"y": [1, 7]}}),
            "crop.z": ({}, {"crop": {"z": [1, 6]}}),
            "resample.factor": ({"resample": {"factor": 2}}, {"resample.factor": 0.5}),
            "resample.voxel_size": (
                {"resample": {"voxel_size": "2 um"}},
                {"resample.voxel_size": "0.7 um"},
            ),
            "resample.keep_contacts": ({"resample": {"factor": 2}}, {"resample.keep_contacts": ["particle"]}),
            "smallest_piece": ({}, {"smallest_piece": 2}),
            "method": ({}, SMOOTHED),
            "smoothing": (SMOOTHED, {"smoothing": 20}),
            "names.particle": ({}, {"names.particle": "electrolyte"}),
        },
    ),
}
RECIPE_COSMETIC = {
    "kind": "chooses the schema",
    "title": "says what the mesh is",
    "refine": "is done when the mesh is read, as tests/unit/test_refinement.py shows",
    "name": "is the name of the file",
    "directory": "is the folder of the file",
}
BESIDE = {
    ("composite", "radii.values"),
    ("inclusions", "radii.values"),
}  # a table is merged: the distribution would stay beside the list
NOT_HERE = {  # refused, as test_what_a_recipe_cannot_use_is_refused shows
    "particle": {"names.separator"},
    "composite": set(),
    "inclusions": {"names.separator"},
    "layered": {"names.electrolyte", "names.separator", "names.coating", "mesh_size.per_turn"},
    "external": {"names.electrolyte", "names.separator", "names.coating"},
    "image": {"names.electrolyte", "names.separator", "names.coating"},
}


@pytest.mark.parametrize("kind", RECIPE_KEYS)
def test_every_key_of_a_recipe_is_accounted_for(kind: str) -> None:
    model, _, keys = RECIPE_KEYS[kind]
    assert set(leaves(model)) | {"directory"} == set(keys) | set(RECIPE_COSMETIC) | NOT_HERE[kind]


def foreign(folder: Path) -> None:
    """Write mesh files of two squares, each of two triangles."""
    points = np.array([[x, y, 0.0] for y in (0.0, 1.0) for x in (0.0, 1.0, 2.0)])
    cells = np.array([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]])
    data = {"phase": [np.array([1, 1, 2, 2])], "other": [np.array([1, 2, 2, 2])]}
    for name, stretch in (("a", 1.0), ("b", 1.5)):
        meshio.Mesh(points * stretch, [("triangle", cells)], cell_data=data).write(folder / f"{name}.vtu")
    image = np.zeros((10, 8, 7), np.uint8)
    image[6:, 1:6, 1:6] = image[:4, 1:6, 1:6] = image[4:6, 3, 3] = (
        1  # a bridge that a majority of larger voxels cuts
    )
    image[0, 7, 6], image[1, 0, 0] = 2, 1
    np.save(folder / "a.npy", image)
    np.save(folder / "b.npy", image[::-1])
    left, right = np.array([[0, 3]]), np.array([[2, 5]])
    tags = [np.array([11, 12]), np.array([1, 1, 2, 2])]
    meshio.Mesh(
        points,
        [("line", np.concatenate([left, right])), ("triangle", cells)],
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
        field_data={"particle": [1, 2], "electrolyte": [2, 2], "left": [11, 1], "right": [12, 1]},
    ).write(folder / "a.msh", file_format="gmsh22", binary=False)


def made(folder: Path, content: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the mesh file of a recipe, and its report."""
    folder.mkdir()
    foreign(folder)
    (folder / "recipe.toml").write_text(tomlkit.dumps(content))
    record = open_mesh(folder / "recipe.toml", folder)
    return record.msh.read_bytes(), json.dumps([record.report, record.boundaries])


IN_SPACE = {("inclusions", "coordinates"), ("composite", "coordinates"), ("composite", "depth")}


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        pytest.param(kind, key, marks=pytest.mark.slow if (kind, key) in IN_SPACE else ())
        for kind, (_, _, keys) in RECIPE_KEYS.items()
        for key in keys
    ],
)
def test_every_key_of_a_recipe_changes_the_mesh(tmp_path: Path, kind: str, key: str) -> None:
    _, content, keys = RECIPE_KEYS[kind]
    needed, change = keys[key]
    plain = made(tmp_path / "plain", edited(content, needed))
    changed = made(tmp_path / "changed", edited(edited(content, needed), change))
    only_report = (kind, key) in {(kind, "names.particle") for kind in ("layered", "external", "image")}
    assert plain[only_report] != changed[only_report]


@pytest.mark.parametrize(
    ("kind", "key"), [(kind, key) for kind, (_, _, keys) in RECIPE_KEYS.items() for key in keys]
)
def test_every_key_of_a_recipe_can_be_given_by_a_case(tmp_path: Path, kind: str, key: str) -> None:
    _, content, keys = RECIPE_KEYS[kind]
    needed, change = keys[key]
    if DELETE in change.values() or (kind, key) in BESIDE:
        pytest.skip("a case adds and replaces keys of a recipe, it cannot remove one")
    foreign(tmp_path)
    (tmp_path / "recipe.toml").write_text(tomlkit.dumps(edited(content, needed)))
    (tmp_path / "changed.toml").write_text(tomlkit.dumps(edited(edited(content, needed), change)))
    replaced: dict[str, Any] = {}
    for dotted, value in change.items():
        *parents, last = dotted.split(".")
        table = replaced
        for part in parents:
            table = table.setdefault(part, {})
        table[last] = value
    wanted, plain = read_recipe(tmp_path / "changed.toml"), read_recipe(tmp_path / "recipe.toml")
    got = read_recipe(tmp_path / "recipe.toml", replaced)
    assert fingerprint(got) == fingerprint(wanted) != fingerprint(plain)


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        *(
            (kind, {key: "other"}, f"{key}: there is no such region")
            for kind, keys in NOT_HERE.items()
            for key in sorted(keys)
            if "names" in key
        ),
        ("particle", {"coating": DELETE, "names.coating": "LNO"}, "names.coating: there is no such region"),
        ("composite", {"grains": GRAINY["grains"]}, "coating: particles between grains carry no resolved"),
        ("composite", {**GRAINY, "sides": "periodic"}, "sides: grains are mirrored at the walls"),
        ("composite", {**GRAINY, **ROWED}, "boundary_layer: rows need interfaces that are closed"),
        ("particle", {"boundary_layer": {"x": ROWED["boundary_layer"]["electrolyte"]}}, "there is no such region"),
        ("composite", {**GRAINY, "grains.radius": "4 um"}, "grains.radius: .* too large for this box"),
        (
            "composite",
            {**GRAINY, "coordinates": "3D", "depth": "11 um", "fraction": 0.05},
            "grains: grains are packed in plane strain only",
        ),
        ("layered", {"names.particle": "nobody"}, "there is no region 'nobody'"),
        ("layered", {**LOOSE, "mesh_size.per_turn": 30}, "layers have no curved interfaces"),
        ("layered", {"layers.1.growth": 1.3}, "the cells of this layer are all alike"),
        ("layered", {**LOOSE, "layers.1.finer": "both"}, "only a structured mesh grades"),
    ],
)  # fmt: skip
def test_what_a_recipe_cannot_use_is_refused(tmp_path: Path, kind: str, change: Edits, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        made(tmp_path / "recipe", edited(RECIPE_KEYS[kind][1], change))
