"""Keys of the mesh and of its regions: what they are made of and what they do."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from chemomech.case.values import Block, Fraction, Properties, Quantity, mistake
from chemomech.constants import AVOGADRO

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


STATISTICS_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "lattice": ("occupancy", "lattice_constant", "ion_volume"),
    "bikerman": ("ion_size",),
    "dilute": (),
}
"""Keys that belong to each kind of mobile ions; the others are refused."""


class SpaceCharge(Block):
    """Mobile ions whose charge is resolved, Poisson's equation: lithium ions on a lattice with a fixed background, or
    lithium ions and anions of a binary salt."""

    mobile_concentration: Annotated[float, Quantity("concentration", "1e3 mol/m^3")]
    """Concentration of the sites among which lithium ions are mobile; for bikerman and dilute that of the salt where
    the region is neutral [mol/m^3]."""
    statistics: Literal["lattice", "bikerman", "dilute"] = "lattice"
    """lattice: lithium ions alone, among vacancies; bikerman: a binary salt whose ions take room; dilute: a binary salt
    of points. Anions need the material's transference_number; electrodes and other electrolytes block them."""
    occupancy: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Share of the sites that is taken where the region is neutral [-]; required for lattice, refused otherwise."""
    ion_size: Annotated[float, Quantity("length", "0.5 nm")] | None = None
    """Edge a of the cube that an ion of either kind takes: at most 1/a^3 ions in a volume [nm]; required for bikerman,
    refused otherwise."""
    chemical_potential: Annotated[float, Quantity("voltage", "0 V", "any")]
    """Ionic less electric potential where the region is neutral [V]; only differences between regions matter."""
    lattice_constant: Annotated[float, Quantity("length", "0.5 nm")] | None = None
    """Lattice constant [nm]; a layer that comes out thinner is reported. Without it nothing is said. Only for
    lattice."""
    ion_volume: Annotated[float, Quantity("molar_volume", "1e-5 m^3/mol", "any")] | None = None
    """Partial molar volume of the mobile ion [m^3/mol]: the lattice swells with it; without it it does not. Only
    for lattice."""

    def model_post_init(self, context: Any, /) -> None:
        """Demand what the statistics need, refuse what belongs to others, and ions that fill the region."""
        needed = STATISTICS_KEYS[self.statistics]
        for key, example in (("occupancy", "0.5"), ("ion_size", '"0.5 nm"')):
            if key in needed and getattr(self, key) is None:
                raise mistake(f"statistics = '{self.statistics}' needs '{key}'", f"e.g. {key} = {example}")
        for key in ("occupancy", "ion_size", "lattice_constant", "ion_volume"):
            if key not in needed and getattr(self, key) is not None:
                what = f"'{key}' changes nothing with statistics = '{self.statistics}'"
                raise mistake(what, f"remove '{key}'")
        if self.binary and 2 * self.share >= 1.0:
            what = f"the ions of the salt would take {2 * self.share:.3g} of the room"
            raise mistake(what, "make ion_size or mobile_concentration smaller")

    @property
    def binary(self) -> bool:
        """Return whether anions move too."""
        return self.statistics != "lattice"

    @property
    def bulk_concentration(self) -> float:
        """Concentration of the lithium ions where the region is neutral [pmol/um^3]."""
        return self.mobile_concentration * (1.0 if self.occupancy is None else self.occupancy)

    @property
    def share(self) -> float:
        """Share of the places that lithium ions take where the region is neutral, a^3 c N_A for a salt [-]."""
        if self.occupancy is not None:
            return self.occupancy
        return 0.0 if self.ion_size is None else self.ion_size**3 * self.mobile_concentration * AVOGADRO


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
    properties: Properties = Field(default_factory=dict)
    """Properties that replace the material's, e.g. { youngs_modulus = "100 GPa" }."""
