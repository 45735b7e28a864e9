"""What the cell is put through: the cycling steps and the pressure programme, from sentences to values.

The step grammar is that of the PyBaMM Experiment: a verb, a rate, and when it ends, e.g.
"Charge at C/5 until 4.2 V", "Hold at 4.2 V for 1 hour or until C/50", "Rest for 30 minutes".
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final, Literal

from chemomech.case.units import UnitError, to_internal
from chemomech.errors import InputError, Problem

Mode = Literal["current", "voltage", "rest", "sweep", "impedance"]
Unit = Literal["C", "A", "mA/cm2", "V", ""]

MAXIMUM_STEPS: Final = 100_000
"""Scheduled steps a protocol may expand to: more is a typing error in `cycles`."""

REPEAT_EXAMPLE: Final = '"Repeat 20 times: Discharge at C/10 for 10 minutes; Rest for 1 hour"'
STEP_EXAMPLES: Final = '"Charge at C/5 until 4.2 V", "Hold at 4.2 V until C/50", "Rest for 30 minutes"'
SWEEP_EXAMPLE: Final = '"Sweep from 2.5 V to 4.3 V at 0.1 mV/s"'
IMPEDANCE_EXAMPLE: Final = '"Impedance from 1 MHz to 1 mHz, 10 points per decade"'
PRESSURE_EXAMPLES: Final = '"10 MPa", "ramp to 10 MPa in 60 s", "hold for 1 h", "hold"'

_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY: Final = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>[^\d\s+.-].*)?", re.IGNORECASE)
_C_RATE: Final = re.compile(rf"(?P<top>{_NUMBER})?\s*\*?\s*C(?:\s*/\s*(?P<bottom>{_NUMBER}))?", re.IGNORECASE)
_STEP: Final = re.compile(
    r"(?P<verb>[a-z]+)(?:\s+at\s+(?P<rate>.+?))?(?P<ends>(?:\s+(?:for|until)\b.*)?)", re.IGNORECASE
)
_END_JOIN: Final = re.compile(
    r"\s*(?:,\s*or|\bor\b|,)\s*(?=for\b|until\b|[\d.cC+-])|\s+(?=for\b|until\b)", re.IGNORECASE
)
_RAMP: Final = re.compile(r"ramp\s+to\s+(?P<pressure>.+?)\s+(?:in|over|within)\s+(?P<time>.+)", re.IGNORECASE)
_HOLD: Final = re.compile(r"hold(?:\s+for\s+(?P<time>.+))?", re.IGNORECASE)
_SWEEP: Final = re.compile(r"from\s+(?P<start>.+?)\s+to\s+(?P<end>.+?)\s+at\s+(?P<rate>.+)", re.IGNORECASE)
_SWEEP_RATE: Final = re.compile(
    rf"(?P<number>{_NUMBER})\s*(?P<unit>[um]?V)\s*(?:/|\bper\b)\s*(?P<time>s|sec|second|min|minute|h|hour)",
    re.IGNORECASE,
)
_REPEAT: Final = re.compile(
    r"repeat\s+(?P<times>\d+)\s+times?\s*:\s*(?P<steps>.+)", re.IGNORECASE | re.DOTALL
)
_IMPEDANCE: Final = re.compile(
    rf"from\s+(?P<start>.+?)\s+to\s+(?P<end>[^,]+?)"
    rf"(?:\s*(?:,|\bwith\b)?\s*(?P<points>{_NUMBER})\s+points?\s+(?:per|a)\s+decade)?",
    re.IGNORECASE,
)
_FREQUENCY: Final = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<prefix>[GMkmuµμ]?)(?P<hertz>[Hh][Zz])")
_PREFIXES: Final = {"G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6}
_POINTS: Final = 10.0
_TIME: Final = re.compile(
    rf"(?P<number>{_NUMBER})\s*(?P<unit>s|sec|secs|seconds?|min|mins|minutes?|h|hrs?|hours?|d|days?)",
    re.IGNORECASE,
)
_SECONDS: Final = {"s": "s", "m": "min", "h": "h", "d": "day"}

# unit as written, lower case and without blanks, "**" and "^" -> (quantity, unit kept, factor to that unit)
_UNITS: Final[dict[str, tuple[Literal["voltage", "current"], Unit, float]]] = {
    "v": ("voltage", "V", 1.0),
    "volt": ("voltage", "V", 1.0),
    "volts": ("voltage", "V", 1.0),
    "mv": ("voltage", "V", 1e-3),
    "a": ("current", "A", 1.0),
    "ma": ("current", "A", 1e-3),
    "ua": ("current", "A", 1e-6),
    "µa": ("current", "A", 1e-6),
    "μa": ("current", "A", 1e-6),
    "na": ("current", "A", 1e-9),
    "ma/cm2": ("current", "mA/cm2", 1.0),
    "macm-2": ("current", "mA/cm2", 1.0),
    "ua/cm2": ("current", "mA/cm2", 1e-3),
    "µa/cm2": ("current", "mA/cm2", 1e-3),
    "a/m2": ("current", "mA/cm2", 0.1),
    "a/cm2": ("current", "mA/cm2", 1e3),
}


@dataclass(frozen=True)
class Stop:
    """A condition that ends a step; `value` is a magnitude in `unit` (a voltage may have a sign)."""

    quantity: Literal["voltage", "current"]
    value: float
    unit: Unit


@dataclass(frozen=True)
class FrequencyRange:
    """Frequencies of an impedance spectrum [Hz], evenly spaced on a logarithmic scale."""

    highest: float
    lowest: float
    per_decade: float


@dataclass(frozen=True)
class Step:
    """One control of the cell; a current is positive in charge; `duration` in s, None without limit.

    A sweep goes from `value` to `target`, at constant speed over its duration; an impedance step has `frequencies`
    and takes no time.
    """

    text: str
    mode: Mode
    value: float
    unit: Unit
    duration: float | None
    stops: tuple[Stop, ...]
    target: float | None = None
    frequencies: FrequencyRange | None = None

    def voltage_at(self, elapsed: float) -> float:
        """Return the voltage a held or swept cell has some time after the step began [V]."""
        if self.target is None or not self.duration:
            return self.value
        return self.value + (self.target - self.value) * min(1.0, elapsed / self.duration)


@dataclass(frozen=True)
class ScheduledStep:
    """A step in its place: `cycle` and `index` (position in the list of steps) both count from 1."""

    step: Step
    cycle: int
    index: int


class _Mistake(Exception):
    """A sentence that cannot be read: what is wrong and the remedy."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def expanded(steps: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Return the sentences with each "Repeat 3 times: a; b" written out, each with the position of where it stands.

    A repetition that cannot be read, or of too many steps, stays as it is.
    """
    found: list[tuple[int, str]] = []
    for position, text in enumerate(steps):
        match = _REPEAT.fullmatch(" ".join(str(text).split()).rstrip("."))
        parts = [] if match is None else [part.strip() for part in match["steps"].split(";") if part.strip()]
        times = 0 if match is None or len(match["times"]) > 6 else int(match["times"])
        if 0 < times * len(parts) <= MAXIMUM_STEPS:
            found += [(position, part) for part in parts] * times
        else:
            found.append((position, str(text)))
    return tuple(found)


def parse_protocol(
    steps: Sequence[str],
    cycles: int,
    place: str | Callable[[int], str] = "[protocol] steps",
) -> tuple[ScheduledStep, ...]:
    """Return all steps of all cycles in order; InputError with every sentence that cannot be read.

    "Repeat 3 times: a; b" stands for its steps written out, and they are counted so.
    `place` names the list in messages; a function is given the position (from 0) of the sentence.
    """
    where = place if callable(place) else (lambda position: f"{place}, step {position + 1}")
    whole = where(0) if callable(place) else place
    if not steps:
        raise InputError(Problem(whole, "there is no step", f"write at least one, e.g. {STEP_EXAMPLES}"))
    written = expanded(steps)
    if cycles < 1 or cycles * len(written) > MAXIMUM_STEPS:
        what = f"{cycles} cycles of {len(written)} steps"
        raise InputError(Problem(whole, what, f"the total must lie between 1 and {MAXIMUM_STEPS} steps"))
    problems: list[Problem] = []
    known: dict[tuple[int, str], Step] = {}
    for position, text in dict.fromkeys(written):
        try:
            known[position, text] = parse_step(text)
        except _Mistake as mistake:
            problems.append(Problem(where(position), f"'{text}': {mistake.what}", mistake.remedy))
    if problems:
        raise InputError(problems)
    parsed = [known[place] for place in written]
    return tuple(
        ScheduledStep(step, cycle, index)
        for cycle in range(1, cycles + 1)
        for index, step in enumerate(parsed, start=1)
    )


def parse_step(text: str) -> Step:
    """Return the step a sentence means."""
    sentence = " ".join(text.split()).rstrip(".")
    first, _, rest = sentence.partition(" ")
    if first.lower() == "sweep":
        return _sweep(text, rest)
    if first.lower() == "impedance":
        return _impedance(text, rest)
    if first.lower() == "repeat":
        raise _Mistake("not a repetition", f"write for example {REPEAT_EXAMPLE}")
    match = _STEP.fullmatch(sentence)
    if match is None:
        raise _Mistake("not a step", f"write for example {STEP_EXAMPLES}")
    verb, rate = match["verb"].lower(), match["rate"]
    duration, stops = _ends(match["ends"])
    if verb == "rest":
        if rate is not None or stops:
            raise _Mistake("a rest has only a duration", 'write for example "Rest for 30 minutes"')
        if duration is None:
            raise _Mistake("a rest must say how long", 'write for example "Rest for 30 minutes"')
        return Step(text, "rest", 0.0, "", duration, ())
    if verb not in ("charge", "discharge", "hold"):
        raise _Mistake(
            f"'{match['verb']}' is not a kind of step",
            "begin with Charge, Discharge, Hold, Rest, Sweep, Impedance or Repeat",
        )
    if rate is None:
        example = 'Hold at 4.2 V until C/50"' if verb == "hold" else f'{verb.capitalize()} at C/5 until 4 V"'
        raise _Mistake("what is applied is missing", f'write for example "{example}')
    quantity, value, unit = _value(rate)
    if verb == "hold":
        if quantity != "voltage":
            raise _Mistake(
                f"'{rate}' is a current; Hold keeps a voltage", "use Charge or Discharge for a current"
            )
        if any(stop.quantity == "voltage" for stop in stops):
            raise _Mistake("a voltage that is held cannot end its own step", "end it by a current or a time")
        if not stops and duration is None:
            raise _Mistake("this step never ends", 'add "until C/50" or "for 1 hour"')
        return Step(text, "voltage", value, unit, duration, stops)
    if quantity != "current":
        raise _Mistake(
            f"'{rate}' is a voltage; {verb} is at a current", 'write "Hold at 4.2 V ..." to keep a voltage'
        )
    if value <= 0.0:
        raise _Mistake(f"'{rate}' is not above zero", f"the word {verb} gives the direction; write the size")
    if any(stop.quantity == "current" for stop in stops):
        raise _Mistake("a current that is kept cannot end its own step", "end it by a voltage or a time")
    if not stops and duration is None:
        raise _Mistake("this step never ends", 'add "until 4.2 V" or "for 30 minutes"')
    return Step(text, "current", value if verb == "charge" else -value, unit, duration, stops)


def _sweep(text: str, rest: str) -> Step:
    """Return the step of "from 2.5 V to 4.3 V at 0.1 mV/s"."""
    example = f"write for example {SWEEP_EXAMPLE}"
    match = _SWEEP.fullmatch(rest)
    if match is None:
        raise _Mistake("a sweep needs its two voltages and its speed", example)
    ends = []
    for word in (match["start"], match["end"]):
        quantity, value, _ = _value(word)
        if quantity != "voltage":
            raise _Mistake(f"'{word}' is a current; a sweep goes from voltage to voltage", example)
        ends.append(value)
    speed = _SWEEP_RATE.fullmatch(match["rate"].strip())
    if speed is None:
        raise _Mistake(f"'{match['rate']}' is not a speed of a voltage", example)
    volts = float(speed["number"]) * _PREFIXES[speed["unit"][:-1].lower()]
    rate = _finite(volts, match["rate"]) / {"s": 1.0, "m": 60.0, "h": 3600.0}[speed["time"][0].lower()]
    if rate <= 0.0:
        raise _Mistake(f"'{match['rate']}' is not above zero", "the two voltages give the direction")
    if ends[0] == ends[1]:
        raise _Mistake("the sweep ends where it begins", "use Hold to keep a voltage")
    return Step(text, "sweep", ends[0], "V", abs(ends[1] - ends[0]) / rate, (), target=ends[1])


def has_impedance(steps: Sequence[str]) -> bool:
    """Say whether one of these sentences asks for an impedance spectrum."""
    return any(text.strip().lower().startswith("impedance") for text in steps)


def _impedance(text: str, rest: str) -> Step:
    """Return the step of "from 1 MHz to 1 mHz, 10 points per decade"."""
    example = f"write for example {IMPEDANCE_EXAMPLE}"
    match = _IMPEDANCE.fullmatch(rest)
    if match is None:
        raise _Mistake("an impedance needs two frequencies", example)
    ends = sorted(_frequency(match[name]) for name in ("start", "end"))
    points = float(match["points"] or _POINTS)
    if ends[0] == ends[1]:
        raise _Mistake("the two frequencies are the same", example)
    if not 1.0 <= points <= 1000.0:
        raise _Mistake(f"{points:g} points per decade", "give 1 to 1000")
    return Step(text, "impedance", 0.0, "", 0.0, (), frequencies=FrequencyRange(ends[1], ends[0], points))


def _frequency(text: str) -> float:
    """Return a frequency [Hz]; M is mega and m is milli."""
    match = _FREQUENCY.fullmatch(text.strip())
    if match is None:
        raise _Mistake(
            f"'{text.strip()}' is not a frequency", "write for example 1 MHz, 10 kHz, 5 Hz or 1 mHz"
        )
    value = _finite(float(match["number"]) * _PREFIXES[match["prefix"]], text)
    if value <= 0.0:
        raise _Mistake(f"'{text.strip()}' is not above zero", "write for example 1 mHz")
    return value


def _ends(text: str) -> tuple[float | None, tuple[Stop, ...]]:
    """Return the duration [s] and the stop conditions of "for 1 hour or until C/50"."""
    duration: float | None = None
    stops: list[Stop] = []
    word = ""
    for part in _END_JOIN.split(text.strip()) if text.strip() else []:
        first, _, rest = part.partition(" ")
        if first.lower() in ("for", "until"):
            word, value = first.lower(), rest.strip()
        else:
            value = part.strip()
        if not value:
            raise _Mistake(f"nothing follows '{word}'", f"write for example {STEP_EXAMPLES}")
        if word == "for":
            if duration is not None:
                raise _Mistake("two durations", "give one")
            duration = _seconds(value)
            continue
        if _TIME.fullmatch(value) is not None:
            raise _Mistake(f"'until {value}' is a time", f'write "for {value}"')
        quantity, size, unit = _value(value)
        if quantity == "current" and size <= 0.0:
            raise _Mistake(f"'until {value}' is not above zero", "write the size of the current")
        stop = Stop(quantity, size, unit)
        if any(stop.quantity == other.quantity for other in stops):
            raise _Mistake(f"two limits of {quantity}", "give one")
        stops.append(stop)
    return duration, tuple(stops)


def _value(text: str) -> tuple[Literal["voltage", "current"], float, Unit]:
    """Return what "C/5", "2 mA/cm2" or "4.2 V" is: quantity, value and the unit of that value."""
    text = text.strip()
    rate = _C_RATE.fullmatch(re.sub(r"\s*[- ]?rate$", "", text, flags=re.IGNORECASE))
    if rate is not None:
        top, bottom = float(rate["top"] or 1.0), float(rate["bottom"] or 1.0)
        if bottom == 0.0:
            raise _Mistake(f"'{text}' divides by zero", "write for example C/5")
        return "current", _finite(top / bottom, text), "C"
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise _Mistake(
            f"'{text}' is not a number with a unit", "write for example C/5, 2 mA/cm2, 1e-6 A or 4.2 V"
        )
    unit = re.sub(r"\s|\^|\*\*", "", match["unit"] or "").lower()
    if not unit:
        raise _Mistake(
            f"'{text}' has no unit", f"write for example {text} V, {text} A, {text} mA/cm2 or {text}C"
        )
    if unit not in _UNITS:
        known = "C, C/5, V, mV, A, mA, uA, nA, mA/cm2, A/m2"
        raise _Mistake(f"'{match['unit']}' is not a unit a step knows", f"known are {known}")
    quantity, kept, factor = _UNITS[unit]
    return quantity, _finite(float(match["number"]) * factor, text), kept


def _seconds(text: str) -> float:
    """Return a duration [s]."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise _Mistake(f"'{text.strip()}' is not a time", "write for example 30 s, 30 minutes or 1 hour")
    value = _in_seconds(match)
    if value <= 0.0:
        raise _Mistake(f"'{text.strip()}' is not above zero", "write for example 30 minutes")
    return value


def _in_seconds(match: re.Match[str]) -> float:
    try:
        return to_internal(f"{match['number']} {_SECONDS[match['unit'][0].lower()]}", "time")
    except UnitError as error:
        raise _Mistake(*str(error).split("; ", 1)) from None


def _finite(value: float, text: str) -> float:
    """Return the value, refused where it overflowed."""
    if not isfinite(value):
        raise _Mistake(f"'{text}' is too large a number", "write a finite number")
    return value


@dataclass(frozen=True)
class PressureProgram:
    """Stack pressure: straight lines through (`times` [s], `pressures` [GPa]), constant afterwards."""

    times: tuple[float, ...]
    pressures: tuple[float, ...]

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Times after the start at which the slope changes [s]: a time step should end there."""
        return tuple(time for time in self.times if time > 0.0)

    def at(self, time: float) -> float:
        """Return the pressure [GPa] at a time [s]."""
        if time <= self.times[0]:
            return self.pressures[0]
        pairs = list(zip(self.times, self.pressures, strict=True))
        for (start, low), (end, high) in zip(pairs, pairs[1:], strict=False):
            if time <= end:
                return low + (high - low) * (time - start) / (end - start)
        return self.pressures[-1]


def parse_pressure(
    program: Sequence[str], place: str | Callable[[int], str] = "[pressure] program"
) -> PressureProgram:
    """Return the pressure programme; it starts from zero unless its first entry is a plain pressure."""
    where = place if callable(place) else (lambda position: f"{place}, entry {position + 1}")
    if not program:
        name = where(0) if callable(place) else place
        raise InputError(Problem(name, "there is no entry", f"write for example {PRESSURE_EXAMPLES}"))
    times, pressures = [0.0], [0.0]
    problems: list[Problem] = []
    endless = False
    for position, text in enumerate(program):
        try:
            if endless:
                raise _Mistake("comes after a hold without end", 'give that hold a time, e.g. "hold for 1 h"')
            duration, pressure = _pressure_entry(text, first=position == 0)
            endless = duration == inf
            if pressure is not None and duration == 0.0:
                pressures[-1] = pressure
            elif not endless:
                times.append(times[-1] + duration)
                pressures.append(pressures[-1] if pressure is None else pressure)
        except _Mistake as mistake:
            problems.append(Problem(where(position), f"'{text}': {mistake.what}", mistake.remedy))
    if problems:
        raise InputError(problems)
    return PressureProgram(tuple(times), tuple(pressures))


def _pressure_entry(text: str, *, first: bool) -> tuple[float, float | None]:
    """Return how long an entry lasts [s] and the pressure at its end [GPa], None where it stays."""
    entry = " ".join(text.split())
    ramp, hold = _RAMP.fullmatch(entry), _HOLD.fullmatch(entry)
    if ramp is not None:
        return _seconds(ramp["time"]), _pressure(ramp["pressure"])
    if hold is not None:
        return (inf if hold["time"] is None else _seconds(hold["time"])), None
    if not _QUANTITY.fullmatch(entry):
        raise _Mistake("not an entry of a pressure programme", f"write for example {PRESSURE_EXAMPLES}")
    if not first:
        raise _Mistake("a pressure that jumps", f'write "ramp to {entry} in 60 s"')
    return 0.0, _pressure(entry)


def _pressure(text: str) -> float:
    """Return a pressure [GPa], not negative: a stack is pressed, not pulled."""
    try:
        value = to_internal(text, "pressure")
    except UnitError as error:
        what, _, remedy = str(error).partition("; ")
        raise _Mistake(what, remedy) from None
    if value < 0.0:
        raise _Mistake(f"'{text}' is not a pressure of zero or more", "a stack is pressed, not pulled")
    return value
