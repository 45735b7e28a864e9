"""Keys of the mesh and of its regions: what they are made of and what they do."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from chemomech.case.values import PROPERTY, Block, Fraction, Quantity, mistake, numbers_only

Role = Literal["active", "electrolyte", "conductor", "inert"]


class Mesh(Block):
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


class Initial(Block):
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


class Salt(Block):
    """A binary salt dissolved in an electrolyte region; its anions move too."""

    concentration: Annotated[float, Quantity("concentration", "1000 mol/m^3")]
    """Concentration at the start, the same everywhere in the region, and its mean for good [mol/m^3]."""


class SpaceCharge(Block):
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


class Region(Block):
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
        return numbers_only(value)
