"""Keys of what surrounds the microstructure: electrodes, what holds and presses it, what is done to it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator

from chemomech.case.schema_interfaces import Coating, Contact, ElectrodeContact, Interphase, SideReaction
from chemomech.case.values import Block, CurrentDensity, Quantity, Words, mistake


class Collector(NamedTuple):
    """Where electrons enter: `region` at an outer `boundary`, or at its interface with the region `other`, or with all
    whose names match it."""

    region: str
    boundary: str | None
    other: str | None


class CounterElectrode(Block):
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
    contact: ElectrodeContact | None = None
    """Law of rough contact: only the share of the area that touches passes current; without it all of it does."""


class WorkingElectrode(Block):
    """The terminal of a cell without active material: an electrode on an outer boundary of the electrolyte."""

    at: str
    """Name of the boundary."""
    kind: Literal["lithium", "blocking"]
    """lithium: metal with Butler-Volmer kinetics at the cell voltage; blocking: takes up no lithium, charges its double
    layer and carries side reactions, as carbon does."""
    exchange_current: CurrentDensity | None = None
    """Exchange current density [A/m^2]; required for lithium, refused for blocking."""
    film_resistance: Annotated[float, Quantity("area_resistance", "1e-3 ohm m^2", "zero or above")] | None = (
        None
    )
    """Area resistance of the interphase film on lithium [ohm m^2]; without it none."""
    interphase: Interphase | None = None
    """Interphase that grows on lithium; without it none."""
    contact: ElectrodeContact | None = None
    """Law of rough contact of lithium: only the share of the area that touches passes current; without it all does."""
    double_layer: Annotated[float, Quantity("area_capacitance", "0.1 F/m^2")] | None = None
    """Double-layer capacitance [F/m^2]; required for blocking, refused for lithium. Against a region with
    space_charge it is that of the core layer alone."""
    zero_charge: Annotated[float, Quantity("voltage", "0 V", "any")] | None = None
    """Voltage against lithium at which a blocking electrode holds no charge against a region with space_charge [V];
    the run starts there. Required with such a region, refused without."""

    initial_voltage: Annotated[float, Quantity("voltage", "2 V", "any")] | None = None
    """Voltage against lithium at which a blocking electrode starts [V]; without it 0 V. Refused with zero_charge."""
    side_reactions: Mapping[str, SideReaction] = Field(default_factory=dict)
    """Decomposition of the electrolyte on a blocking electrode, one table per reaction under a name of yours."""
    coating: Coating | None = None
    """Unresolved coating on a blocking electrode with side reactions; without it none."""

    def model_post_init(self, context: Any, /) -> None:
        """Demand what the kind needs and refuse what belongs to the other."""
        key, example = "exchange_current", "10 A/m^2"
        refused = ["double_layer", "zero_charge", "initial_voltage", "side_reactions", "coating"]
        if self.kind == "blocking":
            key, example = "double_layer", "0.1 F/m^2"
            refused = ["exchange_current", "film_resistance", "interphase", "contact"]
        if getattr(self, key) is None:
            raise mistake(f"kind = '{self.kind}' needs '{key}'", f'write for example {key} = "{example}"')
        for name in refused:
            if getattr(self, name) not in (None, {}):
                raise mistake(f"'{name}' changes nothing with kind = '{self.kind}'", f"remove '{name}'")

        if self.zero_charge is not None:
            for name in ("initial_voltage", "side_reactions", "coating"):
                if getattr(self, name) not in (None, {}):
                    what = f"'{name}' and 'zero_charge' exclude each other"
                    raise mistake(what, f"remove '{name}', or space_charge and zero_charge")


class Cell(Block):
    """The electrical surroundings of the microstructure."""

    temperature: Annotated[float, Quantity("temperature", "25 degC")]
    """Temperature, uniform and constant [K]; "25 degC" or "298.15 K"."""
    current_collector: str | None = None
    """Where electrons enter: region@boundary, or region|region for the whole surface between two regions
    (wired by a conductive network that is not resolved), the second perhaps with a star for several; needs
    contact_resistance."""
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


class Mechanics(Block):
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


class Pressure(Block):
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


class Protocol(Block):
    """What is done to the cell."""

    cycles: Annotated[int, Field(ge=1)] = 1
    """How often the steps are repeated [-]."""
    steps: Annotated[Words, Field(min_length=1)]
    """Sentences, e.g. "Charge at C/5 until 4.2 V", "Hold at 4.2 V until C/50", "Rest for 30 minutes"."""
