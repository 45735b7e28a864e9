"""The case file as frozen values: every key, its unit and its meaning.

A quantity is written with its unit ("1 A/m^2") and held in um, s, nA, V, pmol, K (hence nC, nJ, GPa).
The descriptions here are the reference: docs/case.md and docs/case.schema.json follow them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from chemomech.case.units import UnitError, to_internal

Role = Literal["active", "electrolyte", "conductor", "inert"]
FieldName = Literal[
    "concentration",
    "stoichiometry",
    "electronic_potential",
    "ionic_potential",
    "chemical_potential",
    "salt_concentration",
    "electric_potential",
    "ion_concentration",
    "occupancy",
    "field_strength",
    "displacement",
    "von_mises",
    "hydrostatic",
    "max_principal",
    "crack_risk",
    "energetic_risk",
    "opening",
    "contact_pressure",
    "damage",
    "conducting_fraction",
]
EffectiveQuantity = Literal["ionic_conductivity", "electronic_conductivity", "stiffness", "percolation"]
EFFECTIVE_QUANTITIES: Final[tuple[EffectiveQuantity, ...]] = get_args(EffectiveQuantity)
FIELD_NAMES: Final[tuple[str, ...]] = get_args(FieldName)


def mistake(what: str, remedy: str = "") -> PydanticCustomError:
    """Return an error that is shown to the user as it stands."""
    return PydanticCustomError("chemomech", "{what}", {"what": what, "remedy": remedy})


@dataclass(frozen=True)
class Quantity:
    """A number with its unit; `dimension` is what `to_internal` checks, `example` what a message offers."""

    dimension: str
    example: str
    sign: Literal["above zero", "zero or above", "any"] = "above zero"

    def read(self, value: object) -> float:
        """Return the written quantity in internal units."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise mistake(
                "is not a quantity", f'write the number with its unit in quotes, e.g. "{self.example}"'
            )
        try:
            number = to_internal(value, self.dimension)
        except UnitError as error:
            what, _, remedy = str(error).partition("; ")
            raise mistake(what, remedy or f'e.g. "{self.example}"') from None
        if (self.sign == "above zero" and number <= 0.0) or (self.sign == "zero or above" and number < 0.0):
            raise mistake(f"'{value}' is out of range", f'it must be {self.sign}, e.g. "{self.example}"')
        return number

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by `read`."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as a string with an example."""
        return {"type": "string", "examples": [self.example]}


class _Block(BaseModel):
    """What all tables of a case share: frozen, no unknown key, no silent conversion."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


PROPERTY: Final[dict[str, JsonValue]] = {"type": ["string", "number"]}
Words = Annotated[tuple[str, ...], Field(strict=False)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
CurrentDensity = Annotated[float, Quantity("current_density", "1 A/m^2")]


class Mesh(_Block):
    """The mesh, and what is changed in its recipe: any key of the recipe, in place of what it says there, e.g.
    fraction = 0.4, radii.median = "3 um", layers.1.thickness = "2 nm" (entries of a list count from 0). Text in
    place of the table is the `recipe` alone."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"type": ["object", "string"]})

    recipe: Annotated[str, Field(min_length=1)]
    """Mesh recipe (.toml) or mesh file (.msh, .vtu, ...), relative to case.toml."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_recipe(cls, value: Any) -> Any:
        if not isinstance(value, str | dict):
            raise mistake("names no mesh", 'write mesh = "../../meshes/composite_2d.toml"')
        return {"recipe": value} if isinstance(value, str) else value

    @property
    def replaced(self) -> Mapping[str, Any]:
        """Return the keys of the recipe that are given here, as they were written."""
        return self.model_extra or {}


class Initial(_Block):
    """State of an active region at the start: one of the two keys."""

    stoichiometry: Fraction | None = None
    """Lithium fraction theta = c/c_max [-]."""
    voltage: Annotated[float, Quantity("voltage", "3.0 V", "any")] | None = None
    """Open-circuit voltage against lithium [V]; theta follows from the material's open_circuit_potential."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse none or both."""
        if (self.stoichiometry is None) == (self.voltage is None):
            raise mistake(
                "needs either 'stoichiometry' or 'voltage'",
                'write for example { stoichiometry = 0.9 } or { voltage = "3.0 V" }',
            )


def _numbers(properties: Mapping[str, Any]) -> Mapping[str, str | float]:
    """Return properties that replace a material's, each a number or a quantity."""
    for key, given in properties.items():
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise mistake(
                f"'{key}' is not a number",
                f'write {key} = "1.2 unit", or a plain number if it has no unit',
            )
    return properties


class Salt(_Block):
    """A binary salt dissolved in an electrolyte region; its anions move too."""

    concentration: Annotated[float, Quantity("concentration", "1000 mol/m^3")]
    """Concentration at the start, the same everywhere in the region, and its mean for good [mol/m^3]."""


class SpaceCharge(_Block):
    """A lattice of mobile lithium ions on a fixed background, whose charge is resolved: Poisson's equation."""

    mobile_concentration: Annotated[float, Quantity("concentration", "1e3 mol/m^3")]
    """Concentration of the sites among which lithium ions are mobile [mol/m^3]."""
    occupancy: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Share of the sites that is taken where the region is neutral [-]."""
    chemical_potential: Annotated[float, Quantity("voltage", "0 V", "any")]
    """Ionic less electric potential where the region is neutral [V]; only differences between regions matter."""
    lattice_constant: Annotated[float, Quantity("length", "0.5 nm")] | None = None
    """Lattice constant [nm]; a layer that comes out thinner is reported. Without it nothing is said."""
    ion_volume: Annotated[float, Quantity("molar_volume", "1e-5 m^3/mol", "any")] | None = None
    """Partial molar volume of the mobile ion [m^3/mol]: the lattice swells with it; without it it does not."""


class Region(_Block):
    """One region of the mesh: what it is made of and what it does."""

    material: str
    """Name of a material of the case's materials/ folder or of the library (`chemomech list materials`)."""
    role: Role
    """active: stores lithium, conducts electrons; electrolyte: conducts ions; conductor: conducts electrons;
    inert: only mechanics."""
    initial: Initial | None = None
    """State at the start; required for role active, refused for the others."""
    salt: Salt | None = None
    """Salt of an electrolyte region; without it the electrolyte conducts lithium ions only."""
    stress_free_stoichiometry: Fraction | None = None
    """Lithium fraction at which the region is free of swelling strain [-]; without it the initial one."""
    space_charge: SpaceCharge | None = None
    """Resolve the charge of this electrolyte, with its relative_permittivity; without it it is neutral everywhere."""
    properties: Mapping[str, Any] = Field(
        default_factory=dict, json_schema_extra={"additionalProperties": PROPERTY}
    )
    """Properties that replace the material's, e.g. { youngs_modulus = "100 GPa" }."""

    @field_validator("properties")
    @classmethod
    def _check_properties(cls, value: Mapping[str, Any]) -> Mapping[str, str | float]:
        return _numbers(value)


class LayerLaw(_Block):
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


class ChargeTransfer(_Block):
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
EXAMPLES: Final = {
    "slope": "0.2",
    "asperity_radius": '"1 um"',
    "height_spread": '"0.1 um"',
    "amplitude": '"50 nm"',
    "wavelength": '"2 um"',
}


class Contact(_Block):
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

    def model_post_init(self, context: Any, /) -> None:
        """Demand what the law needs and refuse what belongs to another."""
        for key in LAW_KEYS[self.law]:
            if getattr(self, key) is None:
                raise mistake(f"law = '{self.law}' needs '{key}'", f"e.g. {key} = {EXAMPLES[key]}")
        for key in EXAMPLES.keys() - set(LAW_KEYS[self.law]):
            if getattr(self, key) is not None:
                raise mistake(f"'{key}' changes nothing with law = '{self.law}'", f"remove '{key}'")


class InterfaceContact(Contact):
    """Rough contact of two regions, which may have debonded and been pressed together again."""

    healing: Fraction | None = None
    """Share of the contact that a debonded place regains when it is pressed together again [-]; without it none."""


class Cohesive(_Block):
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


class Additive(_Block):
    """An additive that changes how fast an interphase grows: one of the two keys."""

    material: str | None = None
    """Material whose growth_factor it is."""
    growth: Annotated[float, Field(ge=0.0)] | None = None
    """Factor on the growth of the interphase [-]; 0 stops it."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse none or both."""
        if (self.material is None) == (self.growth is None):
            raise mistake("needs either 'material' or 'growth'", "write for example { growth = 0.3 }")


class Coating(_Block):
    """A coating too thin to be resolved: a resistance, and a brake on the interphase that grows there."""

    material: str
    """Its material, whose ionic_conductivity it has."""
    thickness: Annotated[float, Quantity("length", "10 nm")]
    """Thickness [nm]."""
    growth: Annotated[float, Field(ge=0.0)] | None = None
    """Factor on the growth of the interphase [-], 0 stops it; without it the material's growth_factor."""


class Interphase(_Block):
    """A layer of decomposed electrolyte: it grows, takes charge and lithium, and resists the current."""

    material: str
    """Its material: conductivity, molar volume, decomposition potential, growth constants."""
    law: Literal["reaction", "diffusion", "mixed"]
    """What limits growth: the reaction, driven by the electrode potential; diffusion (parabolic); both in series."""
    initial_thickness: Annotated[float, Quantity("length", "2 nm", "zero or above")]
    """Thickness at the start [nm]; above zero where diffusion alone limits."""
    additive: Additive | None = None
    """Additive that changes its growth; without it none."""
    properties: Mapping[str, Any] = Field(
        default_factory=dict, json_schema_extra={"additionalProperties": PROPERTY}
    )
    """Properties that replace the material's, e.g. { growth_constant = "1e-22 m^2/s" }."""

    @field_validator("properties")
    @classmethod
    def _check_properties(cls, value: Mapping[str, Any]) -> Mapping[str, str | float]:
        return _numbers(value)

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a start from nothing where growth would be infinitely fast."""
        if self.law == "diffusion" and self.initial_thickness == 0.0:
            raise mistake(
                "growth limited by diffusion alone cannot start from nothing",
                'give an initial_thickness above zero, or law = "mixed"',
            )


class Interdiffusion(_Block):
    """A layer in which electrode and electrolyte mix: grows by diffusion, takes no charge, resists the current."""

    material: str
    """Its material: conductivity and growth constant."""
    initial_thickness: Annotated[float, Quantity("length", "1 nm")]
    """Thickness at the start [nm]."""
    properties: Mapping[str, Any] = Field(
        default_factory=dict, json_schema_extra={"additionalProperties": PROPERTY}
    )
    """Properties that replace the material's, e.g. { growth_constant = "1e-23 m^2/s" }."""

    @field_validator("properties")
    @classmethod
    def _check_properties(cls, value: Mapping[str, Any]) -> Mapping[str, str | float]:
        return _numbers(value)


class Interface(_Block):
    """What happens where two regions touch; one that is not named is bonded, and passes ions between electrolytes."""

    charge_transfer: ChargeTransfer | None = None
    """Kinetics of lithium crossing between an active and an electrolyte region."""
    coating: Coating | None = None
    """Unresolved coating in series with charge transfer; without it none."""
    interphase: Interphase | None = None
    """Interphase that grows there, in series with charge transfer; without it none."""
    interdiffusion: Interdiffusion | None = None
    """Interdiffused layer that grows there, in series with charge transfer; without it none."""
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
    """Capacitance of the core (Stern) layer between two regions with space_charge [F/m^2]; without it the electric
    potential is continuous."""


class Collector(NamedTuple):
    """Where electrons enter: `region` at an outer `boundary`, or at its interface with the region `other`."""

    region: str
    boundary: str | None
    other: str | None


class CounterElectrode(_Block):
    """The electrode that closes the circuit, an outer boundary of the electrolyte."""

    at: str
    """Name of the boundary."""
    kind: Literal["lithium"]
    """lithium: metal at 0 V with Butler-Volmer kinetics; voltages of the case are against it."""
    exchange_current: CurrentDensity
    """Exchange current density of the lithium electrode [A/m^2]."""
    film_resistance: Annotated[float, Quantity("area_resistance", "1e-3 ohm m^2", "zero or above")] | None = (
        None
    )
    """Area resistance of its interphase film [ohm m^2]; without it none."""
    interphase: Interphase | None = None
    """Interphase that grows on it; without it none."""


class WorkingElectrode(_Block):
    """The terminal of a cell without active material: an electrode on an outer boundary of the electrolyte."""

    at: str
    """Name of the boundary."""
    kind: Literal["lithium", "blocking"]
    """lithium: metal with Butler-Volmer kinetics at the cell voltage; blocking: passes no lithium, only charges its
    double layer."""
    exchange_current: CurrentDensity | None = None
    """Exchange current density [A/m^2]; required for lithium, refused for blocking."""
    film_resistance: Annotated[float, Quantity("area_resistance", "1e-3 ohm m^2", "zero or above")] | None = (
        None
    )
    """Area resistance of the interphase film on lithium [ohm m^2]; without it none."""
    interphase: Interphase | None = None
    """Interphase that grows on lithium; without it none."""
    double_layer: Annotated[float, Quantity("area_capacitance", "0.1 F/m^2")] | None = None
    """Double-layer capacitance [F/m^2]; required for blocking, refused for lithium. Against a region with
    space_charge it is that of the core layer alone."""
    zero_charge: Annotated[float, Quantity("voltage", "0 V", "any")] | None = None
    """Voltage against lithium at which a blocking electrode holds no charge against a region with space_charge [V];
    the run starts there. Required with such a region, refused without."""

    def model_post_init(self, context: Any, /) -> None:
        """Demand what the kind needs and refuse what belongs to the other."""
        key, example, refused = "exchange_current", "10 A/m^2", ["double_layer", "zero_charge"]
        if self.kind == "blocking":
            key, example = "double_layer", "0.1 F/m^2"
            refused = ["exchange_current", "film_resistance", "interphase"]
        if getattr(self, key) is None:
            raise mistake(f"kind = '{self.kind}' needs '{key}'", f'write for example {key} = "{example}"')
        for name in refused:
            if getattr(self, name) is not None:
                raise mistake(f"'{name}' changes nothing with kind = '{self.kind}'", f"remove '{name}'")


class Cell(_Block):
    """The electrical surroundings of the microstructure."""

    temperature: Annotated[float, Quantity("temperature", "25 degC")]
    """Temperature, uniform and constant [K]; "25 degC" or "298.15 K"."""
    current_collector: str | None = None
    """Where electrons enter: region@boundary, or region|region for the whole surface between two regions
    (wired by a conductive network that is not resolved); needs contact_resistance."""
    contact_resistance: Annotated[float, Quantity("area_resistance", "1e-5 ohm m^2")] | None = None
    """Area resistance between collector and region [ohm m^2]."""
    collector_contact: Contact | None = None
    """Law of rough contact between collector and region, which divides contact_resistance by the share of the area that
    touches; without it all of it does. For a collector at a boundary, taken as rigid, or at an interface."""
    working_electrode: WorkingElectrode | None = None
    """An electrode on the electrolyte in place of current_collector and contact_resistance, in cells without active
    material."""
    counter_electrode: CounterElectrode
    """The lithium electrode."""
    nominal_capacity: Annotated[float, Quantity("capacity", "1e-9 A h")] | None = None
    """Charge that 1C moves in one hour [A h]; without it what the active regions hold in
    equilibrium between the protocol's voltages, or over their stoichiometry_range where it names none. Without active
    regions there is no C-rate unless it is given."""
    depth: Annotated[float, Quantity("length", "1 um")] | None = None
    """Depth of a plane-strain mesh, scales currents in A [um]; without it 1 um. Only for plane strain."""

    @field_validator("current_collector")
    @classmethod
    def _check_collector(cls, value: str | None) -> str | None:
        if value is not None and split_collector(value) is None:
            raise mistake(f"'{value}' names no place", 'write "region@boundary" or "region|region"')
        return value

    def model_post_init(self, context: Any, /) -> None:
        """Refuse two terminals or none."""
        if self.working_electrode is None and self.current_collector is None:
            raise mistake(
                "has no terminal",
                "give current_collector and contact_resistance, or working_electrode where no region is active",
            )
        for key in ("current_collector", "contact_resistance"):
            if self.working_electrode is None and getattr(self, key) is None:
                example = {"contact_resistance": "1e-5 ohm m^2"}.get(key, "particle@right")
                raise mistake(f"'{key}' is missing", f'write for example {key} = "{example}"')
            if self.working_electrode is not None and getattr(self, key) is not None:
                raise mistake(f"'{key}' and 'working_electrode' exclude each other", "keep one of them")

    @property
    def collector(self) -> Collector | None:
        """Return the current collector taken apart; None where a working electrode is the terminal."""
        return None if self.current_collector is None else split_collector(self.current_collector)


def split_collector(text: str) -> Collector | None:
    """Return "region@boundary" or "region|region" taken apart, None where it is neither."""
    for mark in "@|":
        parts = [part.strip() for part in text.split(mark)]
        if len(parts) == 2 and all(parts) and not set("@|") & set("".join(parts)):
            return Collector(parts[0], parts[1] if mark == "@" else None, parts[1] if mark == "|" else None)
    return None


class Mechanics(_Block):
    """Stress and strain. Outer boundaries slide without lifting off (rollers) unless free or pressed."""

    enabled: bool = True
    """false: no stress is solved for, and none acts on anything."""
    free: Words = ()
    """Boundaries without roller: free of traction."""
    out_of_plane: Literal["fixed", "free"] = "fixed"
    """fixed: plane strain; free: generalised plane strain, a uniform strain out of the plane at which no net force
    acts there. Only for plane-strain meshes."""
    lattice_velocity: (
        Annotated[tuple[Annotated[float, Quantity("speed", "0.1 um/s", "any")], ...], Field(strict=False)]
        | None
    ) = None
    """Velocity of a moving matrix relative to the frame, one speed per direction of the mesh [um/s]: adds the
    convective flux c v; without it none."""


class Pressure(_Block):
    """Stack pressure: a programme that is imposed, or a fixture of given stiffness."""

    at: str
    """Boundary that is pressed."""
    program: Words | None = None
    """Sentences, e.g. "10 MPa", "ramp to 10 MPa in 60 s", "hold for 1 h", "hold"."""
    fixture: Annotated[float, Quantity("stiffness", "1 GPa/mm")] | None = None
    """Stiffness of a fixed-gap fixture [GPa/mm]: pressure rises with the cell's swelling."""
    initial: Annotated[float, Quantity("pressure", "5 MPa", "zero or above")] | None = None
    """Pressure of the fixture at the start [MPa]; without it none."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse none or both of program and fixture."""
        if (self.program is None) == (self.fixture is None):
            raise mistake(
                "needs either 'program' or 'fixture'", 'e.g. program = ["10 MPa"] or fixture = "1 GPa/mm"'
            )
        if self.initial is not None and self.fixture is None:
            raise mistake(
                "'initial' belongs to a 'fixture'", 'a program says its own start, e.g. ["5 MPa", "hold"]'
            )


class Protocol(_Block):
    """What is done to the cell."""

    cycles: Annotated[int, Field(ge=1)] = 1
    """How often the steps are repeated [-]."""
    steps: Annotated[Words, Field(min_length=1)]
    """Sentences, e.g. "Charge at C/5 until 4.2 V", "Hold at 4.2 V until C/50", "Rest for 30 minutes"."""


class Effective(_Block):
    """Effective properties of the microstructure, in place of [cell] and [protocol]."""

    quantities: Annotated[tuple[EffectiveQuantity, ...], Field(strict=False, min_length=1)]
    """ionic_conductivity: of the electrolyte regions; electronic_conductivity: of the active and conductor regions;
    stiffness: of all regions; percolation: how the regions that conduct ions, and electrons, are connected."""
    boundaries: Literal["periodic", "walls"]
    """periodic: the mesh is a period of an endless body; walls: a drop between two opposite faces with insulating side
    walls, for stiffness uniform displacement on all faces."""
    directions: Annotated[tuple[Literal["x", "y", "z"], ...], Field(strict=False, min_length=1)] | None = None
    """Directions of the drop with walls; without it all that have two opposite plane faces. Periodic boundaries give
    the whole tensor."""
    temperature: Annotated[float, Quantity("temperature", "25 degC")]
    """Temperature at which the materials' properties are taken [K]."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse doubles, and directions where all are solved."""
        for name, values in (("quantities", self.quantities), ("directions", self.directions or ())):
            doubles = sorted({value for value in values if values.count(value) > 1})
            if doubles:
                raise mistake(f"'{doubles[0]}' is named twice in '{name}'", "name each once")
        if self.directions is not None and self.boundaries == "periodic":
            raise mistake(
                "'directions' changes nothing with boundaries = 'periodic'",
                "remove it: the whole tensor is computed",
            )


class Numerics(_Block):
    """How it is solved; no key here changes the physics except `mobility`."""

    displacement_degree: Literal[1, 2] = 2
    """Polynomial degree of the displacement [-]."""
    scalar_degree: Literal[1, 2] = 1
    """Polynomial degree of concentration and potentials [-]."""
    quadrature_degree: Annotated[int, Field(ge=1, le=12)] = 4
    """Degree the quadrature integrates exactly [-]."""
    solver: Literal["auto", "direct", "fieldsplit"] = "auto"
    """auto: direct up to direct_limit unknowns, fieldsplit above."""
    direct_limit: Annotated[int, Field(ge=1)] | None = None
    """Unknowns up to which `auto` solves directly [-]; without it 60000 in 3D (effective
    properties: 120000) and 600000 in 2D."""
    time_tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-3
    """Relative error allowed in one time step [-]."""
    newton_tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-8
    """Relative size of the last Newton update [-]."""
    maximum_newton_iterations: Annotated[int, Field(ge=1, le=1000)] = 15
    """Newton iterations before the time step is shortened [-]."""
    initial_step: Annotated[float, Quantity("time", "1 s")] = 1.0
    """First time step of each protocol step [s]."""
    maximum_step: Annotated[float, Quantity("time", "10 min")] | None = None
    """Longest time step [s]; without it no limit."""
    minimum_step: Annotated[float, Quantity("time", "1e-6 s")] = 1e-6
    """Shortest time step before the run gives up [s]."""
    overlap: Annotated[float, Field(gt=0.0, le=0.01)] = 1e-4
    """Overlap of two faces in contact under 1 % of E*, relative to the size of the smaller body [-]."""
    mobility: Literal["thermodynamic", "dilute"] = "thermodynamic"
    """thermodynamic: M = D / (d mu / d c at zero stress); dilute: M = D c / (R T)."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse steps that contradict each other."""
        longest = self.maximum_step
        if self.initial_step < self.minimum_step or (longest is not None and longest < self.initial_step):
            raise mistake(
                "time steps contradict each other", "keep minimum_step <= initial_step <= maximum_step"
            )
        needed = 2 * self.scalar_degree
        if self.quadrature_degree < needed:  # fewer points than unknowns in a cell: a singular mass matrix
            raise mistake(
                f"quadrature_degree = {self.quadrature_degree} is too low for scalar_degree = {self.scalar_degree}",
                f"take at least {needed}",
            )


class Risk(_Block):
    """Numbers of the crack-risk fields."""

    flaw_size: Annotated[float, Quantity("length", "0.1 um")] | None = None
    """Size of the flaw that is assumed everywhere [um]; without it the materials' flaw_size."""


class Output(_Block):
    """What is written besides history.csv and summary.json."""

    fields: Annotated[tuple[FieldName, ...], Field(strict=False)] = (
        "concentration",
        "von_mises",
        "hydrostatic",
        "crack_risk",
    )
    """Fields written over time (`chemomech list fields`)."""
    every: Annotated[int, Field(ge=1)] = 1
    """Accepted time steps between two frames of the fields [-]."""
    figures: bool = True
    """Draw figures after the run."""
    animation: bool = True
    """Draw an animation after the run."""
    deformation_scale: Annotated[float, Field(ge=0.0)] | None = None
    """Factor by which pictures exaggerate displacements [-]; without it chosen from the size of the mesh."""

    @field_validator("fields")
    @classmethod
    def _no_doubles(cls, value: tuple[FieldName, ...]) -> tuple[FieldName, ...]:
        doubles = sorted({name for name in value if value.count(name) > 1})
        if doubles:
            raise mistake(f"'{doubles[0]}' is named twice", "name each field once")
        return value


class CaseFile(_Block):
    """All keys of case.toml."""

    title: Annotated[str, Field(min_length=1)]
    """One line that says what the case is."""
    mesh: Mesh
    """Mesh recipe (.toml) or mesh file (.msh, .vtu, ...), relative to case.toml; or a table with changes to it."""
    regions: Annotated[Mapping[str, Region], Field(min_length=1)]
    """One table per region of the mesh; the names are the mesh's physical groups."""
    interfaces: Mapping[str, Interface] = Field(default_factory=dict)
    """One table per pair of touching regions, named "a|b"; the order does not matter."""
    cell: Cell = Field(default=None)  # type: ignore[assignment]  # None beside [effective] alone, which never reads it
    """The electrical surroundings; required unless there is [effective]."""
    mechanics: Mechanics = Mechanics()
    """Stress and strain."""
    pressure: Pressure | None = None
    """Stack pressure; without it none."""
    protocol: Protocol = Field(default=None)  # type: ignore[assignment]  # None as is `cell`
    """What is done to the cell; required unless there is [effective]."""
    effective: Effective | None = None
    """Effective properties, in place of [cell] and [protocol]."""
    numerics: Numerics = Numerics()
    """How it is solved."""
    risk: Risk = Risk()
    """Crack risk."""
    output: Output = Output()
    """What is written."""


class Case(CaseFile):
    """A case that was read and checked; numbers in internal units."""

    directory: Path
    """Folder of case.toml."""
    written: Mapping[str, Any]
    """The keys as they were written, overrides included."""
    origins: Mapping[tuple[str | int, ...], str]
    """Where each written key stands: "case.toml:9" or "--set protocol.cycles=3"."""

    @property
    def mesh_path(self) -> Path:
        """Return the mesh recipe or mesh file."""
        return (self.directory / self.mesh.recipe).resolve()

    @property
    def material_directories(self) -> tuple[Path, ...]:
        """Return where materials are looked for before the library."""
        return (self.directory / "materials",)

    def interface(self, one: str, other: str) -> Interface:
        """Return the interface between two regions in either order; a plain one where the case names none."""
        for key, value in self.interfaces.items():
            if {part.strip() for part in key.split("|")} == {one, other}:
                return value
        return Interface()
