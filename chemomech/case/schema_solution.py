"""Keys of what is computed: effective properties, numerics, risk and output."""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, field_validator

from chemomech.case.values import Block, Quantity, mistake

StressField = Literal[
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
"""Fields that need mechanics."""
OtherField = Literal[
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
    "interphase_thickness",
    "interdiffusion_thickness",
]
FieldName = Literal[OtherField, StressField]
EffectiveQuantity = Literal["ionic_conductivity", "electronic_conductivity", "stiffness", "percolation"]
EFFECTIVE_QUANTITIES: Final[tuple[EffectiveQuantity, ...]] = get_args(EffectiveQuantity)
FIELD_NAMES: Final[tuple[str, ...]] = get_args(FieldName)
STRESS_FIELDS: Final[tuple[str, ...]] = get_args(StressField)


class Effective(Block):
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


class Numerics(Block):
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
    integrator: Literal["auto", "rosenbrock", "bdf2"] = "bdf2"
    """bdf2: Newton's method in each step; rosenbrock: one factorisation a step; auto: rosenbrock for cells with
    active material and a direct solver, where no faces part or conduct in part and no charge is resolved, else bdf2."""
    time_tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-3
    """Relative error allowed in one time step [-]."""
    newton_tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-8
    """What Newton's method may leave wrong, in scales of each field [-]."""
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


class Risk(Block):
    """Numbers of the crack-risk fields."""

    flaw_size: Annotated[float, Quantity("length", "0.1 um")] | None = None
    """Size of the flaw that is assumed everywhere [um]; without it the materials' flaw_size."""


class Output(Block):
    """What is written besides history.csv and summary.json."""

    fields: Annotated[tuple[FieldName, ...], Field(strict=False)] = (
        "concentration",
        "von_mises",
        "hydrostatic",
        "crack_risk",
    )
    """Fields written over time (`chemomech list fields`)."""
    amplitudes_at: (
        Annotated[tuple[Annotated[float, Quantity("frequency", "1 kHz")], ...], Field(strict=False)] | None
    ) = None
    """Frequencies at which every impedance spectrum also gives pictures of local amplitudes and phases: potentials,
    concentrations, current through interfaces [Hz]; without it none."""
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
