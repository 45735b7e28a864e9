"""Interphases: the laws of growth against their closed forms, the film they make, what they take from the balances."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from scipy.optimize import brentq

from chemomech.constants import FARADAY, GAS
from chemomech.domain import Domain
from chemomech.errors import RunError
from chemomech.fields import CONCENTRATION, Field
from chemomech.materials.kinetics import OXIDATION, REDUCTION
from chemomech.physics.interphase import (
    Charge,
    GrownLayer,
    Growth,
    Interphase,
    Reaction,
)
from chemomech.verification.bench import NOTHING, number
from chemomech.verification.kinetics import INTERFACE, Bars, BarsBench, Share

THICKNESS: Final = Field(
    f"interphase thickness at {INTERFACE}", f"interface:{INTERFACE}", "um", 1e-3, "local"
)
NANO: Final = 1e3
"""1 um in nm"""
WAGNER: Final = 1e-10
"""1e-22 m2/s [um2/s]"""
DAY: Final = 86400.0
YEAR: Final = 365.25 * DAY
SPEED: Final = 2e-8
"""growth speed at the decomposition potential [um/s]"""
DECOMPOSITION: Final = 0.15
COEFFICIENT: Final = 0.3
BARS: Final = Bars(conductivities=(10.0, 0.04), lengths=(1.0, 2.0))


def layer(
    *,
    constant: float | None = None,
    sign: float | None = None,
    conductivity: float = 1e-3,
    molar_volume: float | None = None,
    start: float = 0.0,
) -> Callable[[Domain, Share | None], Interphase]:
    """Return an interphase on the bars: parabolic with a constant, by reaction with a sign, mixed with both.

    ``start``: thickness at the start, needed where only a share of the interface touches [um].
    """

    def make(domain: Domain, share: Share | None) -> Interphase:
        def known(value: float | None) -> Any:
            return None if value is None else number(domain, value)

        reaction = None
        if sign is not None:
            rate, potential, coefficient, temperature = (
                number(domain, value) for value in (SPEED, DECOMPOSITION, COEFFICIENT, BARS.temperature)
            )
            reaction = Reaction(rate, potential, coefficient, temperature, sign)
        charge = None
        if molar_volume is not None:
            charge = Charge(number(domain, molar_volume), OXIDATION if sign is None else sign)
        first = number(domain, start)
        grown = GrownLayer(THICKNESS, number(domain, conductivity), "interphase", "interface", share, first)
        return Interphase(
            INTERFACE,
            "electrode",
            "electrolyte",
            Growth(reaction, known(constant)),
            grown,
            charge,
        )

    return make


def thickness(run: BarsBench) -> float:
    """Return the mean thickness at the interface [um]."""
    name = "thickness"
    state = run.bench.state
    total = run.bench.read(
        name,
        lambda: state.domain.on_interface(state.value[THICKNESS]("+"), ["electrode"], ["electrolyte"]),
    )
    return total / run.bars.breadth


def grown(pair: Bars, times: tuple[float, ...], first_step: float) -> list[float]:
    """Return the thickness at these times [um], at rest."""
    run = pair.bench()
    found = [thickness(run) for _ in run.bench.march(times, first_step)]
    run.bench.destroy()
    return found


def with_layer(
    make: Callable[[Domain, Share | None], Interphase],
    start: float,
    electrode_left: bool = True,
    share: float | None = None,
) -> Bars:
    """Return the bars with an interphase of this thickness [um] between them, which may touch in part."""
    return Bars(
        conductivities=BARS.conductivities,
        lengths=BARS.lengths,
        electrode_left=electrode_left,
        interphase=make,
        thickness=start,
        conducting_fraction=share,
    )


def parabolic() -> dict[str, float]:
    """Thickness by diffusion alone, from next to nothing and from 5 nm [nm]; order of the time scheme."""
    day, year = grown(with_layer(layer(constant=WAGNER), 1e-5), (DAY, YEAR), 1e-3)
    later = grown(with_layer(layer(constant=WAGNER), 5e-3), (DAY,), 1.0)
    return {
        "L_nm_k1em22_1day": NANO * day,
        "L_nm_1yr": NANO * year,
        "L_nm_from_5nm_1day": NANO * later[0],
        "order_in_time": _order(),
    }


def _order() -> float:
    exact = np.sqrt(5e-3**2 + 2 * WAGNER * DAY)
    errors = []
    for count in (40, 80):
        run = with_layer(layer(constant=WAGNER), 5e-3).bench()
        _stepped(run, DAY, count)
        errors.append(abs(thickness(run) - exact))
        run.bench.destroy()
    return float(np.log2(errors[0] / errors[1]))


def _stepped(run: BarsBench, time: float, count: int) -> None:
    # equal steps
    scheme, dt = run.bench.scheme, time / count
    scheme.restart(0.0, NOTHING)
    for n in range(1, count + 1):
        scheme.begin(dt)
        run.bench.solve()
        scheme.accept(n * dt, NOTHING)


def reaction() -> dict[str, float]:
    """Growth speed by reaction alone over its closed form, at 0.1 V, oxidation above and reduction below 0.15 V."""
    found = {}
    for name, sign in (("oxidation", OXIDATION), ("reduction", REDUCTION)):
        (end,) = grown(with_layer(layer(sign=sign), 2e-3), (DAY,), 1.0)
        found[f"speed_over_exact_{name}"] = (end - 2e-3) / DAY / _speed(sign)
    return found


def _speed(sign: float, potential: float = BARS.potential) -> float:
    f = FARADAY / (GAS * BARS.temperature)
    return float(SPEED * np.exp(sign * COEFFICIENT * f * (potential - DECOMPOSITION)))


def mixed() -> dict[str, float]:
    """Thickness over its closed form while the reaction limits, between, and while diffusion limits."""
    start, speed = 2e-3, _speed(OXIDATION)
    turn = WAGNER / speed  # the thickness at which both limits are equal
    times = (0.1 * turn / speed, turn / speed, 100 * turn / speed)
    found = {}
    ends = grown(with_layer(layer(constant=WAGNER, sign=OXIDATION), start), times, 1.0)
    for name, time, end in zip(("early", "between", "late"), times, ends, strict=True):
        exact = np.sqrt((turn + start) ** 2 + 2 * WAGNER * time) - turn
        found[f"growth_over_exact_{name}"] = float((end - start) / (exact - start))
    return found


def film() -> dict[str, float]:
    """Voltage of the bars with a grown layer in series over the closed form; both orientations, unlike bars."""
    found, current, conductivity = {}, 0.005, 1e-3
    exact = 5e-3 + _speed(OXIDATION) * DAY
    for side in ("left", "right"):
        make = layer(sign=OXIDATION, conductivity=conductivity)
        run = with_layer(make, 5e-3, electrode_left=side == "left").bench()
        for _ in run.bench.march((DAY,), 1.0):
            pass
        rest = BARS.potential + current * (1.0 / 10.0 + 2.0 / 0.04)
        kinetic = 2 * GAS * BARS.temperature / FARADAY * np.arcsinh(current / (2 * BARS.exchange_current))
        voltage = run.voltage(current)
        found[f"film_drop_over_exact_{side}"] = float(
            (voltage - rest - kinetic) / (current * exact / conductivity)
        )
        run.bench.destroy()
    return found


def in_part() -> dict[str, float]:
    """Growth where a share of the interface touches: mean thickness and resistance per closed form, and after a loss.

    Where the bodies touch the layer grows as it would everywhere; the mean over the nominal area by that share of it.
    """
    found, start, current, conductivity = {}, 5e-3, 0.005, 1e-3
    where = float(np.sqrt(start**2 + 2 * WAGNER * DAY))
    kinetic = 2 * GAS * BARS.temperature / FARADAY * np.arcsinh(current / (2 * BARS.exchange_current))
    for share in (1.0, 0.1, 1e-6):
        for side in ("left", "right"):
            make = layer(constant=WAGNER, start=start, conductivity=conductivity)
            run = with_layer(make, start, side == "left", share).bench()
            _stepped(
                run, DAY, 80
            )  # the time scheme minds the mean, which hardly changes where little touches
            found[f"growth_over_exact_{share:g}_{side}"] = (thickness(run) - start) / (
                share * (where - start)
            )
            voltage = run.voltage(current * share) - BARS.potential
            drop = voltage - current * share * (1.0 / 10.0 + 2.0 / 0.04) - kinetic
            found[f"drop_over_exact_{share:g}_{side}"] = float(drop / (current * where / conductivity))
            run.bench.destroy()
    for word, sign in (("oxidation", OXIDATION), ("reduction", REDUCTION)):
        make = layer(sign=sign, molar_volume=1e-4, conductivity=1e9, start=2e-3)
        run = with_layer(make, 2e-3, share=0.1).bench()
        # charge transfer and side current pass through the same share: the mixed potential is that of full contact
        eta = _mixed_overpotential(sign, 1e-4)
        speed = _speed(sign, BARS.potential + eta)
        found[f"overpotential_over_exact_{word}"] = (run.voltage(0.0) - BARS.potential) / eta
        before = _lithium(run)
        for _ in run.bench.march((100.0,), 1.0):
            pass
        after = _lithium(run)
        found[f"taken_over_exact_{word}"] = (after[1] - before[1]) / (
            -sign * 0.1 * speed * 100.0 / 1e-4 * BARS.breadth
        )
        found[f"lithium_lost_{word}"] = abs(sum(after) - sum(before)) / before[0]
        run.bench.destroy()
    return found


def side_current() -> dict[str, float]:
    """Mixed potential at open circuit, growth at it, and the lithium of host and interphase together; both sides."""
    found, molar_volume, time = {}, 1e-4, 100.0
    for word, sign in (("oxidation", OXIDATION), ("reduction", REDUCTION)):
        eta = _mixed_overpotential(sign, molar_volume)
        speed = _speed(sign, BARS.potential + eta)
        taken = -sign * speed * time / molar_volume * BARS.breadth
        for side in ("left", "right"):
            make = layer(sign=sign, molar_volume=molar_volume, conductivity=1e9)
            run = with_layer(make, 2e-3, electrode_left=side == "left").bench()
            found[f"overpotential_over_exact_{word}_{side}"] = (run.voltage(0.0) - BARS.potential) / eta
            before = _lithium(run)
            for _ in run.bench.march((time,), 1.0):
                pass
            after = _lithium(run)
            found[f"growth_over_exact_{word}_{side}"] = (thickness(run) - 2e-3) / (speed * time)
            found[f"taken_over_exact_{word}_{side}"] = (after[1] - before[1]) / taken
            found[f"lithium_lost_{word}_{side}"] = abs(sum(after) - sum(before)) / before[0]
            run.bench.destroy()
    return found


def _mixed_overpotential(sign: float, molar_volume: float) -> float:
    # 2 i0 sinh(F eta/2RT) + sign F/V_m r(U + eta) = 0
    half = FARADAY / (2 * GAS * BARS.temperature)

    def total(eta: float) -> float:
        side = sign * FARADAY / molar_volume * _speed(sign, BARS.potential + eta)
        return float(2 * BARS.exchange_current * np.sinh(half * eta) + side)

    return float(brentq(total, -0.5, 0.5, xtol=1e-15))


def _lithium(run: BarsBench) -> tuple[float, float]:
    # in the host and in the interphase [pmol]
    state, item = run.bench.state, run.grown
    if item is None:
        raise RunError("these bars have no interphase")
    host = run.bench.read("host", lambda: state.domain.over(state.value[CONCENTRATION], ["electrode"]))
    name = f"lithium in interphase {INTERFACE}"
    return host, run.bench.read(name, lambda: item.observables(state)[name])
