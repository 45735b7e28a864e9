"""The figures a paper would quote: capacities, efficiencies, largest stresses and risks, balances."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from chemomech.protocol import ScheduledStep
from chemomech.results import format as names
from chemomech.simulate import Moment, Simulation

AH_PER_NC: Final = 1e-9 / 3600
MAH_PER_CM2: Final = 1e-1 / 3.6
"""1 nC/um^2 (= 0.1 C/cm^2) in mAh/cm^2"""


NOTHING: Final = 1e-9
"""share of the capacity below which a charge is only round-off"""


@dataclass
class Leg:
    """What went through the terminal in one protocol step [nC, nC V = nJ]."""

    cycle: int
    index: int
    charge: float = 0.0
    energy: float = 0.0


@dataclass
class Tally:
    """Collects, moment by moment, what the summary says; survives a checkpoint through `saved` and `restore`."""

    schedule: Sequence[ScheduledStep]
    legs: list[Leg] = field(default_factory=list)
    extremes: dict[str, float] = field(default_factory=dict)
    extreme_times: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    lowest_pressure: float = np.inf
    highest_pressure: float = -np.inf
    """stack pressure after the start [GPa]"""
    lithium_error: float = 0.0
    charge_error: float = 0.0

    def take(
        self, moment: Moment, row: Mapping[str, float], columns: Sequence[str], ends: Sequence[str] = ()
    ) -> None:
        """Take in an accepted step; ``columns`` are those whose largest value counts, ``ends`` whose last does."""
        self.ends = {name: float(row[name]) for name in ends}
        self.lowest_pressure = min(self.lowest_pressure, moment.reading.pressure)
        self.highest_pressure = max(self.highest_pressure, moment.reading.pressure)
        for name in columns:
            value = float(row[name])
            if np.isfinite(value) and value > self.extremes.get(name, -np.inf):
                self.extremes[name], self.extreme_times[name] = value, moment.time
        self.lithium_error = max(self.lithium_error, float(row[names.LITHIUM_ERROR]))
        self.charge_error = max(self.charge_error, float(row[names.CHARGE_ERROR]))
        place = moment.scheduled
        if place is not None:
            if not self.legs or (self.legs[-1].cycle, self.legs[-1].index) != (place.cycle, place.index):
                self.legs.append(Leg(place.cycle, place.index))
            passed = moment.charge - self.last.get("charge", 0.0)
            middle = (moment.reading.voltage + self.last.get("voltage", moment.reading.voltage)) / 2
            self.legs[-1].charge += passed
            self.legs[-1].energy += passed * middle
        self.last = {
            "charge": moment.charge,
            "voltage": moment.reading.voltage,
            "pressure": moment.reading.pressure,
            "time": moment.time,
        }

    def saved(self) -> dict[str, Any]:
        """Return everything collected, in JSON types."""
        content = asdict(self)
        del content["schedule"]
        return content

    def restore(self, content: Mapping[str, Any]) -> None:
        """Put back what `saved` returned."""
        for name, value in content.items():
            setattr(self, name, [Leg(**leg) for leg in value] if name == "legs" else value)

    def summary(self, simulation: Simulation, depth: float) -> dict[str, float]:
        """Return the flat map of the summary: name with unit -> number."""
        found: dict[str, float] = {}
        capacity, area = simulation.capacity, simulation.model.cell_area
        if capacity is not None:  # else nothing is stored that could be charged or discharged
            found["Nominal capacity [A.h]"] = capacity * depth * AH_PER_NC
            found["Nominal areal capacity [mA.h.cm-2]"] = capacity / area * MAH_PER_CM2
            cycles = sorted({leg.cycle for leg in self.legs})
            for label, cycle in (("first", cycles[:1]), ("last", cycles[-1:])):
                for number in cycle:
                    found |= self._cycle(label, number, capacity, depth)
        for name, value in self.extremes.items():
            found[name] = value
            if name.startswith("Crack risk"):
                found["Time of largest " + name[0].lower() + name[1:].replace(" [-]", " [s]")] = (
                    self.extreme_times[name]
                )
        for name, value in self.ends.items():
            found["End " + name[0].lower() + name[1:]] = value
        pressure = simulation.model.case.pressure
        if pressure is not None and pressure.fixture is not None:
            swing = (self.highest_pressure - self.lowest_pressure) * 1e3
            found["Stack pressure swing [MPa]"] = swing
        found |= {
            "End voltage [V]": self.last["voltage"],
            "End stack pressure [MPa]": self.last["pressure"] * 1e3,
            "Duration [s]": self.last["time"],
            "Max lithium balance error [-]": self.lithium_error,
            "Max charge balance error [-]": self.charge_error,
            "Unknowns [-]": float(simulation.model.state.size()),
            "Accepted steps [-]": float(simulation.counts.accepted),
            "Rejected steps [-]": float(simulation.counts.rejected),
            "Newton iterations [-]": float(simulation.counts.newton),
        }
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}

    def _cycle(self, label: str, number: int, capacity: float, depth: float) -> dict[str, float]:
        legs = [leg for leg in self.legs if leg.cycle == number]
        charged = sum(leg.charge for leg in legs if leg.charge > 0)
        discharged = -sum(leg.charge for leg in legs if leg.charge < 0)
        energy_in = sum(leg.energy for leg in legs if leg.charge > 0)
        energy_out = -sum(leg.energy for leg in legs if leg.charge < 0)
        found: dict[str, float] = {}
        least = NOTHING * capacity
        if charged > least:
            found[f"Charge capacity, {label} cycle [A.h]"] = charged * depth * AH_PER_NC
            found[f"Charged share of nominal, {label} cycle [-]"] = charged / capacity
            found[f"Mean charge voltage, {label} cycle [V]"] = energy_in / charged
        if discharged > least:
            found[f"Discharge capacity, {label} cycle [A.h]"] = discharged * depth * AH_PER_NC
            found[f"Discharged share of nominal, {label} cycle [-]"] = discharged / capacity
            found[f"Mean discharge voltage, {label} cycle [V]"] = energy_out / discharged
        if charged > least and discharged > least:
            found[f"Coulombic efficiency, {label} cycle [-]"] = discharged / charged
            found[f"Energy efficiency, {label} cycle [-]"] = energy_out / energy_in
        return found
