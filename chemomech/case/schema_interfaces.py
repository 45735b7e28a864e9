"""Keys of the interfaces: charge transfer, layers, rough contact and bonds."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from chemomech.case.values import Block, CurrentDensity, Fraction, Properties, Quantity, mistake


class LayerLaw(Block):
    """A space-charge layer between an active and an electrolyte region that is thinner than the mesh: its charge and
    its resistance against the voltage over it, from the electrolyte's relative_permittivity and ionic_conductivity."""

    mobile_concentration: Annotated[float, Quantity("concentration", "1e3 mol/m^3")]
    """Concentration of the sites among which lithium ions are mobile in the electrolyte [mol/m^3]."""
    occupancy: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Share of the sites that is taken in the bulk [-]."""
    zero_charge: Annotated[float, Quantity("voltage", "3 V", "any")]
    """Electronic less ionic potential at which the interface holds no charge [V]."""
    core_capacitance: Annotated[float, Quantity("area_capacitance", "0.2 F/m^2")] | None = None
    """Capacitance of the core (Stern) layer in series [F/m^2]; without it none."""


class ChargeTransfer(Block):
    """Butler-Volmer kinetics of the interface between an active and an electrolyte region."""

    exchange_current: CurrentDensity
    """Exchange current density [A/m^2]."""
    dependence: Literal["constant", "stoichiometry"] = "constant"
    """stoichiometry: exchange_current * 2 sqrt(theta (1 - theta))."""
    anodic_coefficient: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """Anodic transfer coefficient [-]."""
    cathodic_coefficient: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """Cathodic transfer coefficient [-]."""
    stress: bool = True
    """Thermodynamic shift of the overpotential by hydrostatic stress, -Omega sigma_h / F."""
    strain_coefficient: Annotated[float, Quantity("voltage", "0.1 V", "any")] | None = None
    """Phenomenological shift kappa in eta = eta0 + kappa eps, eps volumetric strain [V]; without it none."""
    film_resistance: Annotated[float, Quantity("area_resistance", "1e-3 ohm m^2", "zero or above")] | None = (
        None
    )
    """Area resistance of an interphase film [ohm m^2]; without it none."""
    double_layer: Annotated[float, Quantity("area_capacitance", "0.1 F/m^2")] | None = None
    """Double-layer capacitance [F/m^2]; without it none."""
    space_charge: LayerLaw | None = None
    """The space-charge layer in the electrolyte, in place of double_layer and in series with the film; without it
    none."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse two double layers."""
        if self.space_charge is not None and self.double_layer is not None:
            raise mistake("'double_layer' and 'space_charge' exclude each other", "keep one of them")


LAW_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "persson": ("slope",),
    "greenwood_williamson": ("asperity_radius", "height_spread"),
    "westergaard": ("amplitude", "wavelength"),
    "plastic": (),
}
"""Keys that each law of rough contact needs; the others are refused."""
SPOTTED: Final = ("persson", "plastic")
"""Laws that do not say how large the places are that touch."""
EXAMPLES: Final = {
    "slope": "0.2",
    "asperity_radius": '"1 um"',
    "height_spread": '"0.1 um"',
    "amplitude": '"50 nm"',
    "wavelength": '"2 um"',
}


class Contact(Block):
    """How much of an interface conducts: the law of rough contact on first loading, and what unloading leaves."""

    law: Literal["persson", "greenwood_williamson", "westergaard", "plastic"]
    """persson: erf(sqrt(2) p/(E* slope)); greenwood_williamson: (p/E*) sqrt(pi asperity_radius/height_spread);
    westergaard: (2/pi) asin sqrt(p wavelength/(pi E* amplitude)); plastic: p over the hardness of the softer side;
    all at most 1, E* from the materials."""
    slope: Annotated[float, Field(gt=0.0)] | None = None
    """Root mean square slope of the roughness [-]; for persson."""
    asperity_radius: Annotated[float, Quantity("length", "1 um")] | None = None
    """Radius of curvature of the asperities [um]; for greenwood_williamson."""
    height_spread: Annotated[float, Quantity("length", "0.1 um")] | None = None
    """Decay length of the exponential distribution of heights [um]; for greenwood_williamson."""
    amplitude: Annotated[float, Quantity("length", "50 nm")] | None = None
    """Half the height of the sinusoidal surface from trough to crest [um]; for westergaard."""
    wavelength: Annotated[float, Quantity("length", "2 um")] | None = None
    """Wavelength of the sinusoidal surface [um]; for westergaard."""
    fabrication_pressure: Annotated[float, Quantity("pressure", "350 MPa")] | None = None
    """Pressure under which the cell was made [MPa]: what it flattened stays; without it no pressure before the run."""
    unloading_exponent: Annotated[float, Field(gt=0.0, le=2.0)]
    """Exponent m of the recovery: below the largest pressure p_m the share is A(p_m) (p/p_m)^m [-]; 0.5 for
    flattened asperities that recover elastically."""
    retained: Fraction | None = None
    """Share of A(p_m) that adhesion holds at no pressure [-]; without it none."""
    constriction: bool = False
    """true: the current also resists narrowing into the places that touch, in both bodies: into round spots, those of
    the asperities for greenwood_williamson, of spot_radius for persson and plastic; into strips for westergaard."""
    spot_radius: Annotated[float, Quantity("length", "0.2 um")] | None = None
    """Radius of the spots that touch [um]; for persson and plastic with constriction, which need it, else refused."""

    def model_post_init(self, context: Any, /) -> None:
        """Demand what the law needs and refuse what belongs to another."""
        for key in LAW_KEYS[self.law]:
            if getattr(self, key) is None:
                raise mistake(f"law = '{self.law}' needs '{key}'", f"e.g. {key} = {EXAMPLES[key]}")
        for key in EXAMPLES.keys() - set(LAW_KEYS[self.law]):
            if getattr(self, key) is not None:
                raise mistake(f"'{key}' changes nothing with law = '{self.law}'", f"remove '{key}'")
        spots = self.constriction and self.law in SPOTTED
        if spots and self.spot_radius is None:
            what = f"constriction with law = '{self.law}' needs 'spot_radius'"
            raise mistake(what, 'e.g. spot_radius = "0.2 um"')
        if not spots and self.spot_radius is not None:
            why = f"with law = '{self.law}'" if self.constriction else "without constriction = true"
            raise mistake(f"'spot_radius' changes nothing {why}", "remove 'spot_radius'")


class InterfaceContact(Contact):
    """Rough contact of two regions, which may have debonded and been pressed together again."""

    healing: Fraction | None = None
    """Share of the contact that a debonded place regains when it is pressed together again [-]; without it none."""


class ElectrodeContact(Contact):
    """Rough contact of lithium metal with the electrolyte that it lies on."""

    material: str
    """Material of the metal, whose elastic constants and hardness the law takes."""


class Cohesive(Block):
    """The bond of an interface that can debond: it opens, slides, and carries pressure when closed again."""

    strength: Annotated[float, Quantity("pressure", "50 MPa")]
    """Largest normal traction [MPa]."""
    fracture_energy: Annotated[float, Quantity("fracture_energy", "1 J/m^2")]
    """Work of separation, in opening as in sliding [J/m^2]."""
    shear_ratio: Annotated[float, Field(gt=0.0)]
    """Shear strength over strength [-]."""
    relaxation_time: Annotated[float, Quantity("time", "10 s")] | None = None
    """Time by which damage lags behind what opening would do [s], so that an unstable jump takes time; without it
    damage follows at once."""


class Additive(Block):
    """An additive that changes how fast an interphase grows: one of the two keys."""

    material: str | None = None
    """Material whose growth_factor it is."""
    growth: Annotated[float, Field(ge=0.0)] | None = None
    """Factor on the growth of the interphase [-]; 0 stops it."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse none or both."""
        if (self.material is None) == (self.growth is None):
            raise mistake("needs either 'material' or 'growth'", "write for example { growth = 0.3 }")


class Coating(Block):
    """A coating too thin to be resolved: a resistance, and a brake on the interphase that grows there."""

    material: str
    """Its material, whose ionic_conductivity it has."""
    thickness: Annotated[float, Quantity("length", "10 nm")]
    """Thickness [nm]."""
    growth: Annotated[float, Field(ge=0.0)] | None = None
    """Factor on the growth of the interphase and on side reactions [-], 0 stops them; without it the material's
    growth_factor."""


class Interphase(Block):
    """A layer of decomposed electrolyte: it grows, takes charge and lithium, and resists the current."""

    material: str
    """Its material: conductivity, molar volume, decomposition potential, growth constants."""
    law: Literal["reaction", "diffusion", "mixed"]
    """What limits growth: the reaction, driven by the electrode potential; diffusion (parabolic); both in series."""
    initial_thickness: Annotated[float, Quantity("length", "2 nm", "zero or above")]
    """Thickness at the start [nm]; above zero where diffusion alone limits."""
    additive: Additive | None = None
    """Additive that changes its growth; without it none."""
    properties: Properties = Field(default_factory=dict)
    """Properties that replace the material's, e.g. { growth_constant = "1e-22 m^2/s" }."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a start from nothing where growth would be infinitely fast."""
        if self.law == "diffusion" and self.initial_thickness == 0.0:
            raise mistake(
                "growth limited by diffusion alone cannot start from nothing",
                'give an initial_thickness above zero, or law = "mixed"',
            )


class Interdiffusion(Block):
    """A layer in which electrode and electrolyte mix: grows by diffusion, takes no charge, resists the current."""

    material: str
    """Its material: conductivity and growth constant."""
    initial_thickness: Annotated[float, Quantity("length", "1 nm")]
    """Thickness at the start [nm]."""
    properties: Properties = Field(default_factory=dict)
    """Properties that replace the material's, e.g. { growth_constant = "1e-23 m^2/s" }."""


class SideReaction(Block):
    """Electrolyte that is oxidised or reduced where it touches what conducts electrons: a finite amount per area."""

    material: str
    """What reacts: its potential, exchange_current_density, decomposition_coefficient, electrons and molar_volume."""
    thickness: Annotated[float, Quantity("length", "5 nm")]
    """Thickness of the electrolyte that electrons reach [nm]; F thickness/molar_volume is the charge that it takes."""
    reversible: bool
    """true: what reacted goes back below (above) the potential; false: it is lost."""
    initial_share: Fraction | None = None
    """Share that has reacted before the run [-]; without it none."""
    properties: Properties = Field(default_factory=dict)
    """Properties that replace the material's, e.g. { oxidation_potential = "2.2 V" }."""


class Interface(Block):
    """What happens where two regions touch; one that is not named is bonded, and passes ions between electrolytes."""

    charge_transfer: ChargeTransfer | None = None
    """Kinetics of lithium crossing between an active and an electrolyte region."""
    coating: Coating | None = None
    """Unresolved coating in series with charge transfer; without it none."""
    interphase: Interphase | None = None
    """Interphase that grows there, in series with charge transfer; without it none."""
    interdiffusion: Interdiffusion | None = None
    """Interdiffused layer that grows there, in series with charge transfer; without it none."""
    side_reactions: Mapping[str, SideReaction] = Field(default_factory=dict)
    """Decomposition of the electrolyte at an active or conductor region, one table per reaction, its name yours."""
    resistance: Annotated[float, Quantity("area_resistance", "1e-2 ohm m^2")] | None = None
    """Area resistance that lithium ions meet between two electrolyte regions [ohm m^2]; without it none."""
    contact: InterfaceContact | None = None
    """Law of rough contact: only the share of the area that touches passes current; without it all of it does."""
    cohesive: Cohesive | None = None
    """Bond that can break; without it the two regions are bonded for good."""
    loose: bool = False
    """true: the two regions touch without a bond, and may part and slide without friction."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a bond on what is loose."""
        if self.loose and self.cohesive is not None:
            raise mistake("'loose' and 'cohesive' contradict each other", "remove one of the two")

    @property
    def parts(self) -> bool:
        """Return whether the two regions can part."""
        return self.loose or self.cohesive is not None

    core_capacitance: Annotated[float, Quantity("area_capacitance", "0.2 F/m^2")] | None = None
    """Capacitance of the core (Stern) layer between two regions with space_charge [F/m^2], without it the electric
    potential is continuous; or between an active region and one with space_charge, without it the active material holds
    no charge there."""
    zero_charge: Annotated[float, Quantity("voltage", "3 V", "any")] | None = None
    """Electronic less ionic potential at which an active region holds no charge against one with space_charge [V];
    required with core_capacitance at an active region, refused without."""
