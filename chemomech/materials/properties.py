"""The properties a material may have: their dimension, their form, their bounds, and who needs them."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from chemomech.materials.laws import Law

type Form = Literal["number", "law", "salt law", "range"]
type Bound = Literal["any", "positive", "fraction", "poisson", "transference"]


class Kind(NamedTuple):
    """What a property key means: its dimension (see case/units.py), its form, its bounds, its meaning.

    A law is against stoichiometry, a salt law against salt concentration: see `VARIABLES`.
    """

    dimension: str
    form: Form
    bound: Bound
    meaning: str


class Variable(NamedTuple):
    """What a law is against: how a formula writes it, what it is called, and where it is looked at for its bounds."""

    symbol: str
    name: str
    highest: float


VARIABLES: Final[dict[Form, Variable]] = {
    "law": Variable("theta", "stoichiometry", 1.0),
    "salt law": Variable("c", "salt concentration in kmol/m^3", 3.0),
}
"""Variable of each form of law, which begins at 0."""

KINDS: Final[dict[str, Kind]] = {
    "maximum_concentration": Kind(
        "concentration", "number", "positive", "lithium concentration at theta = 1"
    ),
    "lithium_concentration": Kind(
        "concentration", "number", "positive", "lithium in an electrolyte, all of it"
    ),
    "stoichiometry_range": Kind("dimensionless", "range", "fraction", "theta between which the OCP is used"),
    "open_circuit_potential": Kind("voltage", "law", "any", "U(theta) against lithium metal"),
    "diffusivity": Kind("diffusivity", "law", "positive", "chemical diffusivity of lithium"),
    "swelling": Kind("dimensionless", "law", "any", "volumetric lattice strain; differences matter only"),
    "electronic_conductivity": Kind("conductivity", "law", "positive", "electronic conductivity"),
    "ionic_conductivity": Kind("conductivity", "salt law", "positive", "ionic conductivity"),
    "transference_number": Kind(
        "dimensionless", "salt law", "transference", "cation transference number of a salt"
    ),
    "salt_diffusivity": Kind("diffusivity", "salt law", "positive", "diffusivity of a salt"),
    "thermodynamic_factor": Kind(
        "dimensionless", "salt law", "positive", "1 + dln f/dln c of a salt, f its activity coefficient"
    ),
    "relative_permittivity": Kind("dimensionless", "number", "positive", "static relative permittivity"),
    "exchange_current_density": Kind(
        "current_density", "number", "positive", "of a side reaction; elsewhere for orientation"
    ),
    "youngs_modulus": Kind("pressure", "number", "positive", "Young's modulus"),
    "poissons_ratio": Kind("dimensionless", "number", "poisson", "Poisson's ratio"),
    "tensile_strength": Kind("pressure", "number", "positive", "largest principal stress it carries"),
    "fracture_toughness": Kind("toughness", "number", "positive", "K_IC"),
    "fracture_energy": Kind("fracture_energy", "number", "positive", "Gc"),
    "flaw_size": Kind("length", "number", "positive", "depth of the typical edge flaw"),
    "hardness": Kind("pressure", "number", "positive", "indentation hardness"),
    "yield_strength": Kind("pressure", "number", "positive", "yield stress"),
    "creep_exponent": Kind("dimensionless", "number", "positive", "m of the power law of creep"),
    "creep_activation_energy": Kind("molar_energy", "number", "positive", "activation energy of creep"),
    "density": Kind("density", "number", "positive", "mass density"),
    "molar_volume": Kind(
        "molar_volume", "number", "positive", "volume per mole of lithium in it, or exchanged when it forms"
    ),
    "oxidation_potential": Kind(
        "voltage", "number", "any", "electrode potential above which the electrolyte is oxidised to it"
    ),
    "reduction_potential": Kind(
        "voltage", "number", "any", "electrode potential below which the electrolyte is reduced to it"
    ),
    "reaction_rate": Kind(
        "speed", "number", "positive", "growth speed of an interphase at its decomposition potential"
    ),
    "decomposition_coefficient": Kind(
        "dimensionless", "number", "fraction", "transfer coefficient of the decomposition reaction forward"
    ),
    "electrons": Kind(
        "dimensionless", "number", "positive", "electrons that a side reaction transfers together"
    ),
    "growth_constant": Kind(
        "diffusivity", "number", "positive", "k of parabolic growth, d delta/dt = k/delta"
    ),
    "growth_factor": Kind(
        "dimensionless", "number", "positive", "factor that it, as coating or additive, puts on growth"
    ),
}
"""Every property key."""

SIDE_REACTION: Final = ("exchange_current_density", "decomposition_coefficient", "electrons", "molar_volume")
"""What a side reaction needs of its material, besides one of `DECOMPOSITION`."""

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "active": (
        "maximum_concentration",
        "open_circuit_potential",
        "stoichiometry_range",
        "diffusivity",
        "electronic_conductivity",
        "youngs_modulus",
        "poissons_ratio",
        "swelling",
    ),
    "electrolyte": ("ionic_conductivity", "youngs_modulus", "poissons_ratio"),
    "conductor": ("electronic_conductivity", "youngs_modulus", "poissons_ratio"),
    "inert": ("youngs_modulus", "poissons_ratio"),
    "interphase": ("ionic_conductivity", "growth_constant"),
    "side reaction": SIDE_REACTION,
}
"""What a region of each role, an interphase or a side reaction needs of its material."""

GROWTH: Final[dict[str, tuple[str, ...]]] = {
    "reaction": ("ionic_conductivity", "molar_volume", "reaction_rate", "decomposition_coefficient"),
    "diffusion": ("ionic_conductivity", "molar_volume", "growth_constant"),
    "mixed": (
        "ionic_conductivity",
        "molar_volume",
        "reaction_rate",
        "decomposition_coefficient",
        "growth_constant",
    ),
    "interdiffusion": ("ionic_conductivity", "growth_constant"),
}
"""What each law of growth needs of the interphase's material, besides one of `DECOMPOSITION`."""
DECOMPOSITION: Final = ("oxidation_potential", "reduction_potential")
"""Of these an interphase has one: the other reaction does not make it. Interdiffusion has none."""

SALT: Final = ("transference_number", "salt_diffusivity", "thermodynamic_factor")
"""What an electrolyte region with a salt needs besides."""

BOUNDS: Final[dict[str, tuple[float, float, str]]] = {
    "positive": (0.0, float("inf"), "must be greater than 0"),
    "fraction": (0.0, 1.0, "must lie between 0 and 1"),
    "poisson": (-1.0, 0.5, "must lie between -1 and 0.5"),
    "transference": (-1.0, 1.0, "must lie between -1 and 1"),
}
"""Open intervals by bound name; a fraction or transference number may also be at the ends."""


@dataclass(frozen=True)
class Property:
    """One property with its origin; `law` is in internal units at the reference temperature.

    `given` is the value as it was written, with its unit. Where `activation_energy` [nJ/pmol] and
    `reference_temperature` [K] are declared, k = k_ref exp(-Ea/R (1/T - 1/T_ref)). `interval`: ranges only.
    """

    key: str
    law: Law
    unit: str
    given: str
    source: str
    confirmed: bool
    note: str = ""
    activation_energy: float | None = None
    reference_temperature: float | None = None
    interval: tuple[float, float] | None = None


def within(number: float, bound: Bound) -> str:
    """Return what is wrong with a number, or an empty text."""
    if bound not in BOUNDS:
        return ""
    low, high, words = BOUNDS[bound]
    closed = bound in ("fraction", "transference")
    inside = low <= number <= high if closed else low < number < high
    return "" if inside else words
