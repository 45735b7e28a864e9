"""The figures a paper would quote: capacities, efficiencies, largest stresses and risks, balances."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from chemomech.protocol import ScheduledStep
from chemomech.results import format as names
from chemomech.simulate import Moment, Simulation

AH_PER_NC: Final = 1e-9 / 3600
MA_PER_CM2: Final = 1e2
"""1 nA/um^2 in mA/cm^2"""
MAH_PER_CM2: Final = 1e-1 / 3.6
"""1 nC/um^2 (= 0.1 C/cm^2) in mAh/cm^2"""


DEPLETED: Final = 0.01
"""share of its initial concentration below which a salt counts as used up"""
LEAST_SALT: Final = "Min salt concentration in "
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
    cycle_ends: dict[str, dict[str, float]] = field(default_factory=dict)
    """columns of `CYCLE_END_COLUMNS` at the end of each cycle, by its number"""
    last: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    lowest_pressure: float = np.inf
    highest_pressure: float = -np.inf
    """stack pressure after the start [GPa]"""
    lithium_error: float = 0.0
    salt_error: float = 0.0
    salt_start: dict[str, float] = field(default_factory=dict)
    """smallest salt concentration at the start, by column [mol/m3]"""
    salt_share: float = 1.0
    """smallest salt concentration of the last row, relative to the start"""
    depletion_time: float | None = None
    """when that first fell below `DEPLETED` [s]"""
    charge_error: float = 0.0

    def take(
        self, moment: Moment, row: Mapping[str, float], columns: Sequence[str], ends: Sequence[str] = ()
    ) -> None:
        """Take in an accepted step; ``columns`` are those whose largest value counts, of ``ends`` the last."""
        self.lowest_pressure = min(self.lowest_pressure, moment.reading.pressure)
        self.highest_pressure = max(self.highest_pressure, moment.reading.pressure)
        self.ends = {name: float(row[name]) for name in ends}
        for name in columns:
            value = float(row[name])
            if np.isfinite(value) and value > self.extremes.get(name, -np.inf):
                self.extremes[name], self.extreme_times[name] = value, moment.time
        self.lithium_error = max(self.lithium_error, float(row[names.LITHIUM_ERROR]))
        self.charge_error = max(self.charge_error, float(row[names.CHARGE_ERROR]))
        self._take_salt(moment.time, row)
        place = moment.scheduled
        if place is not None:
            if not self.legs or (self.legs[-1].cycle, self.legs[-1].index) != (place.cycle, place.index):
                self.legs.append(Leg(place.cycle, place.index))
            passed = moment.charge - self.last.get("charge", 0.0)
            middle = (moment.reading.voltage + self.last.get("voltage", moment.reading.voltage)) / 2
            self.legs[-1].charge += passed
            self.legs[-1].energy += passed * middle
            self.cycle_ends[str(place.cycle)] = {
                name: float(value) for name, value in row.items() if name.startswith(names.CYCLE_END_COLUMNS)
            }
        self.last = {
            "charge": moment.charge,
            "voltage": moment.reading.voltage,
            "pressure": moment.reading.pressure,
            "time": moment.time,
        }

    def _take_salt(self, time: float, row: Mapping[str, float]) -> None:
        least = {name: float(value) for name, value in row.items() if name.startswith(LEAST_SALT)}
        if not least:
            return
        self.salt_error = max(self.salt_error, float(row[names.SALT_ERROR]))
        self.salt_start = self.salt_start or least
        share = min(value / self.salt_start[name] for name, value in least.items())
        if self.depletion_time is None and share <= DEPLETED:
            before = self.last.get("time", time)
            part = (
                (self.salt_share - DEPLETED) / (self.salt_share - share) if share < self.salt_share else 1.0
            )
            self.depletion_time = before + part * (time - before)
        self.salt_share = share

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
            cycles = self._cycles(capacity, depth)
            for label, cycle in (("first", cycles[:1]), ("last", cycles[-1:])):
                for columns in cycle:
                    found |= {_of_cycle(name, label): value for name, value in columns.items()}
            found |= _fade(cycles)
        found |= {f"End {name[0].lower()}{name[1:]}": value for name, value in self._ends().items()}
        for name, value in self.extremes.items():
            found[name] = value
            if name.startswith("Crack risk"):
                found["Time of largest " + name[0].lower() + name[1:].replace(" [-]", " [s]")] = (
                    self.extreme_times[name]
                )
        pressure = simulation.model.case.pressure
        if pressure is not None and pressure.fixture is not None:
            swing = (self.highest_pressure - self.lowest_pressure) * 1e3
            found["Stack pressure swing [MPa]"] = swing
        found |= {_at_the_end(name): value for name, value in self.ends.items()}
        found |= {
            "End voltage [V]": self.last["voltage"],
            "End stack pressure [MPa]": self.last["pressure"] * 1e3,
            "Duration [s]": self.last["time"],
            "Max lithium balance error [-]": self.lithium_error,
            "Max charge balance error [-]": self.charge_error,
            **({"Max salt balance error [-]": self.salt_error} if self.salt_start else {}),
            **self._limits(simulation),
            **({} if self.depletion_time is None else {"Salt depletion time [s]": self.depletion_time}),
            "Unknowns [-]": float(simulation.model.state.size()),
            "Accepted steps [-]": float(simulation.counts.accepted),
            "Rejected steps [-]": float(simulation.counts.rejected),
            "Newton iterations [-]": float(simulation.counts.newton),
        }
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}

    def _limits(self, simulation: Simulation) -> dict[str, float]:
        limit = simulation.limiting_current
        if limit is None:
            return {}
        return {"Limiting current density [mA.cm-2]": limit / simulation.model.cell_area * MA_PER_CM2}

    def cycles(self, simulation: Simulation, depth: float) -> list[dict[str, float]]:
        """Return one row per cycle: capacities, efficiencies, mean voltages, and what holds at its end."""
        numbers = sorted({leg.cycle for leg in self.legs})
        capacity = simulation.capacity
        passed = self._cycles(capacity, depth) if capacity is not None else [{} for _ in numbers]
        return [
            {names.CYCLE: float(number), **columns, **self.cycle_ends.get(str(number), {})}
            for number, columns in zip(numbers, passed, strict=True)
        ]

    def _ends(self) -> dict[str, float]:
        last = max((leg.cycle for leg in self.legs), default=0)
        return self.cycle_ends.get(str(last), {})

    def _cycles(self, capacity: float, depth: float) -> list[dict[str, float]]:
        return [
            self._cycle([leg for leg in self.legs if leg.cycle == number], capacity, depth)
            for number in sorted({leg.cycle for leg in self.legs})
        ]

    def _cycle(self, legs: Sequence[Leg], capacity: float, depth: float) -> dict[str, float]:
        charged = sum(leg.charge for leg in legs if leg.charge > 0)
        discharged = -sum(leg.charge for leg in legs if leg.charge < 0)
        energy_in = sum(leg.energy for leg in legs if leg.charge > 0)
        energy_out = -sum(leg.energy for leg in legs if leg.charge < 0)
        found: dict[str, float] = {}
        least = NOTHING * capacity
        if charged > least:
            found[names.CHARGE_CAPACITY] = charged * depth * AH_PER_NC
            found["Charged share of nominal [-]"] = charged / capacity
            found["Mean charge voltage [V]"] = energy_in / charged
        if discharged > least:
            found[names.DISCHARGE_CAPACITY] = discharged * depth * AH_PER_NC
            found["Discharged share of nominal [-]"] = discharged / capacity
            found["Mean discharge voltage [V]"] = energy_out / discharged
        if charged > least and discharged > least:
            found[names.COULOMBIC_EFFICIENCY] = discharged / charged
            found["Energy efficiency [-]"] = energy_out / energy_in
        return found


def _of_cycle(name: str, label: str) -> str:
    """Return the name of a cycle's number in the summary: "Charge capacity, first cycle [A.h]"."""
    quantity, _, unit = name.rpartition(" [")
    return f"{quantity}, {label} cycle [{unit}"


def _fade(cycles: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the share of the first discharge capacity that is lost per cycle, on average over the run."""
    capacities = [columns.get(names.DISCHARGE_CAPACITY, np.nan) for columns in cycles]
    if len(capacities) < 2:
        return {}
    return {names.FADE: (1.0 - capacities[-1] / capacities[0]) / (len(capacities) - 1)}


def _at_the_end(column: str) -> str:
    # of a region "... at the end in a", of a face "End ... at a|b"
    if " in " in column:
        return column.replace(" in ", " at the end in ", 1)
    return f"End {column[0].lower()}{column[1:]}"
