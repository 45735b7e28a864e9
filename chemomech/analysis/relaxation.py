"""Distribution of relaxation times of an impedance spectrum, simulated or measured.

    Z(w) = R + i w L + 1/(i w C) + integral of gamma(ln tau)/(1 + i w tau) d ln tau,   gamma >= 0.

gamma is piecewise linear in ln tau.  It minimises |W (Z - model)|^2 + lambda |d^2 gamma/d(ln tau)^2|^2 with W = 1/|Z|
(Tikhonov); lambda is the minimum of the generalised cross-validation (Golub, Heath and Wahba, Technometrics 21, 215,
1979) and gamma >= 0 comes from non-negative least squares.  A signed distribution leaves gamma free: what answers
with a delay, such as an inductive loop at low frequency, has gamma < 0.  Smoothing widens peaks where data are noisy:
what a peak holds is then found by `arcs`, which fits one ZARC to each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares, nnls
from scipy.signal import find_peaks

from chemomech.errors import RunError

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]

PER_DECADE: Final = 20
BEYOND: Final = 1.0
"""decades by which the relaxation times go beyond the frequencies"""
REGULARISATIONS: Final = np.logspace(-14.0, 2.0, 49)
LEAST_AREA: Final = 0.01
"""share of the whole polarisation below which a peak is not one"""
DECISIVE: Final = 6.0
PERFECT: Final = 1e-6
"""a residual that nothing can improve"""
SHARPEST: Final = 0.999
"""exponent from which on the distribution of a ZARC is a line without height"""


@dataclass(frozen=True)
class Peak:
    """A maximum of a distribution of relaxation times."""

    time: float
    """tau [s]"""
    height: float
    """gamma [unit of Z]"""
    resistance: float
    """area between the minima beside it [unit of Z]"""


@dataclass(frozen=True)
class Relaxation:
    """A distribution of relaxation times and what stands beside it."""

    times: Array
    """[s]"""
    density: Array
    """gamma per unit of ln tau [unit of Z]"""
    resistance: float
    inductance: float
    """[unit of Z times s]"""
    elastance: float
    """1/C of the series capacitance [unit of Z per s]; 0 where it was not asked for"""
    regularisation: float
    """lambda"""
    noise: float
    """standard deviation of Z/|Z| that the fit leaves in each part"""
    peaks: tuple[Peak, ...]


def relaxation(
    frequencies: Array,
    impedance: ComplexArray,
    *,
    capacitance: bool = False,
    signed: bool = False,
    regularisation: float | None = None,
) -> Relaxation:
    """Return the distribution of a spectrum; `capacitance` for one that is blocking at low frequency.

    `signed`: the distribution may be negative, too.
    """
    omega = 2 * np.pi * frequencies
    low, high = np.log(1 / omega.max()) - BEYOND * np.log(10), np.log(1 / omega.min()) + BEYOND * np.log(10)
    logs = np.linspace(low, high, round((high - low) / np.log(10) * PER_DECADE) + 1)
    beside = _beside(omega, impedance, capacitance)
    matrix, right = _weighted(np.hstack([beside, _kernel(omega, logs)]), impedance)
    penalty = _curvature(logs, beside.shape[1])
    chosen = _cross_validated(matrix, right, penalty) if regularisation is None else regularisation
    stacked = np.vstack([matrix, np.sqrt(chosen) * penalty])
    load = np.concatenate([right, np.zeros(len(penalty))])
    found = np.linalg.lstsq(stacked, load, rcond=None)[0] if signed else _non_negative(stacked, load)
    count = beside.shape[1]
    density = found[count:]
    freedom = max(1.0, len(right) - _freedom(matrix, penalty, chosen))
    noise = float(np.sqrt(np.sum((matrix @ found - right) ** 2) / freedom))
    units = _units(omega, impedance)
    return Relaxation(
        np.exp(logs),
        density,
        float(found[0]),
        float(found[1] * units[0]),
        float(found[2] * units[1]) if capacitance else 0.0,
        float(chosen),
        noise,
        _signed_peaks(logs, density),
    )


def _non_negative(stacked: Array, load: Array) -> Array:
    # Only the inductance may have either sign: cables and loops are compensated for, sometimes too much.
    both = np.hstack([stacked, -stacked[:, 1:2]])
    try:
        found, _ = nnls(both, load, maxiter=100 * both.shape[1])
    except RuntimeError as error:
        raise RunError(f"the relaxation times were not found: {error}") from None
    found[1] -= found[-1]
    return np.asarray(found[:-1])


def _units(omega: Array, impedance: ComplexArray) -> tuple[float, float]:
    # Inductance and elastance in units in which they count as much as everything else.
    size = float(np.max(np.abs(impedance)))
    return size / float(omega.max()), size * float(omega.min())


def _beside(omega: Array, impedance: ComplexArray, capacitance: bool) -> ComplexArray:
    inductance, elastance = _units(omega, impedance)
    columns = [np.ones(len(omega), dtype=complex), 1j * omega * inductance]
    if capacitance:
        columns.append(elastance / (1j * omega))
    return np.stack(columns, axis=1)


def _kernel(omega: Array, logs: Array) -> ComplexArray:
    # Hat functions of ln tau times 1/(1 + i w tau), by Gauss quadrature on both halves of each hat.
    step = logs[1] - logs[0]
    points, weights = np.polynomial.legendre.leggauss(5)
    kernel = np.zeros((len(omega), len(logs)), dtype=complex)
    for side in (-1.0, 1.0):
        for place, weight in zip(side * (points + 1) / 2, weights / 2, strict=True):
            tau = np.exp(logs + place * step)
            kernel += weight * step * (1 - abs(place)) / (1 + 1j * omega[:, None] * tau)
    return kernel


def _weighted(columns: ComplexArray, impedance: ComplexArray) -> tuple[Array, Array]:
    weight = 1 / np.abs(impedance)
    rows = np.vstack([columns.real * weight[:, None], columns.imag * weight[:, None]])
    return rows, np.concatenate([impedance.real * weight, impedance.imag * weight])


def _curvature(logs: Array, before: int) -> Array:
    # Second differences, zero beyond both ends; nothing for what stands beside the distribution.
    step, count = logs[1] - logs[0], len(logs)
    padded = np.vstack([np.zeros(count), np.eye(count), np.zeros(count)])
    second = np.diff(padded, n=2, axis=0) / step**1.5
    return np.hstack([np.zeros((count, before)), second])


def _freedom(matrix: Array, penalty: Array, value: float) -> float:
    normal = matrix.T @ matrix
    return float(np.trace(np.linalg.solve(normal + value * penalty.T @ penalty, normal)))


def _cross_validated(matrix: Array, right: Array, penalty: Array) -> float:
    normal, smooth, projected = matrix.T @ matrix, penalty.T @ penalty, matrix.T @ right
    scores = []
    for value in REGULARISATIONS:
        whole = normal + value * smooth
        answer = np.linalg.solve(whole, np.column_stack([projected, normal]))
        left = len(right) - float(np.trace(answer[:, 1:]))
        scores.append(float(np.sum((matrix @ answer[:, 0] - right) ** 2)) / left**2)
    return float(REGULARISATIONS[int(np.argmin(scores))])


def _signed_peaks(logs: Array, density: Array) -> tuple[Peak, ...]:
    # Below zero they are peaks upside down.
    total = float(np.sum(np.abs(density))) * float(logs[1] - logs[0])
    above = _peaks(logs, np.maximum(density, 0.0), total)
    below = _peaks(logs, np.maximum(-density, 0.0), total)
    turned = (Peak(peak.time, -peak.height, -peak.resistance) for peak in below)
    return tuple(sorted((*above, *turned), key=lambda peak: peak.time))


def _peaks(logs: Array, density: Array, total: float) -> tuple[Peak, ...]:
    step = float(logs[1] - logs[0])
    at = find_peaks(np.concatenate([[0.0], density, [0.0]]))[0] - 1
    found = []
    for number, place in enumerate(at):
        start = 0 if number == 0 else int(at[number - 1] + np.argmin(density[at[number - 1] : place + 1]))
        last = number == len(at) - 1
        end = len(density) if last else int(place + np.argmin(density[place : at[number + 1] + 1]))
        area = float(np.sum(density[start:end])) * step
        if area > LEAST_AREA * total:
            found.append(Peak(float(np.exp(logs[place])), float(density[place]), area))
    return tuple(sorted(found, key=lambda peak: peak.time))


# --- one ZARC to each peak ---


@dataclass(frozen=True)
class Arc:
    """R/(1 + (i w tau)^alpha), the fit to one peak, with standard deviations."""

    time: float
    """tau [s]"""
    resistance: float
    """[unit of Z]"""
    exponent: float
    time_error: float
    resistance_error: float
    exponent_error: float

    @property
    def height(self) -> float:
        """Of its distribution: R/(2 pi) sin((1-a) pi)/(1 - cos((1-a) pi)) [unit of Z]; infinite for a = 1."""
        if self.exponent > SHARPEST:
            return float(np.copysign(np.inf, self.resistance))
        angle = (1 - self.exponent) * np.pi
        return float(self.resistance / (2 * np.pi) * np.sin(angle) / (1 - np.cos(angle)))


@dataclass(frozen=True)
class Arcs:
    """A spectrum as ZARCs in series: R + i w L + 1/(i w C) + sum of arcs."""

    arcs: tuple[Arc, ...]
    resistance: float
    inductance: float
    elastance: float
    residual: float
    """root mean square of what is left of Z/|Z|"""

    def impedance(self, frequencies: Array) -> ComplexArray:
        """Return Z [unit of Z]."""
        omega = 2 * np.pi * frequencies
        total = self.resistance + 1j * omega * self.inductance + self.elastance / (1j * omega)
        for arc in self.arcs:
            total = total + arc.resistance / (1 + (1j * omega * arc.time) ** arc.exponent)
        return np.asarray(total)

    def density(self, times: Array) -> Array:
        """Return gamma, the closed form of the arcs' distributions [unit of Z]."""
        total = np.zeros(len(times))
        for arc in self.arcs:
            a = min(arc.exponent, SHARPEST)
            angle = (1 - a) * np.pi
            total += (
                arc.resistance
                / (2 * np.pi)
                * np.sin(angle)
                / (np.cosh(a * np.log(times / arc.time)) - np.cos(angle))
            )
        return total


def arcs(frequencies: Array, impedance: ComplexArray, start: Relaxation) -> Arcs:
    """Fit ZARCs to the peaks of a distribution, the largest first, as many as the data call for.

    One more arc is taken while Bayes' information criterion, N ln(mean square) + k ln N, falls by more than 6 (Kass and
    Raftery, J. Am. Stat. Assoc. 90, 773, 1995): the side lobes of a regularised distribution are no processes.
    RunError where there is no peak.
    """
    if not start.peaks:
        raise RunError("the spectrum has no relaxation to fit: its real part does not fall with frequency")
    ranked = sorted(start.peaks, key=lambda peak: -abs(peak.resistance))
    best, criterion = None, np.inf
    for count in range(1, len(ranked) + 1):
        found = _fitted(frequencies, impedance, start, ranked[:count])
        points = 2 * len(frequencies)
        score = points * np.log(found.residual**2) + 3 * count * np.log(points)
        if best is not None and (score > criterion - DECISIVE):
            break
        best, criterion = found, score
        if best.residual < PERFECT:
            break
    assert best is not None
    return best


def _fitted(frequencies: Array, impedance: ComplexArray, start: Relaxation, peaks: Sequence[Peak]) -> Arcs:
    omega, weight = 2 * np.pi * frequencies, 1 / np.abs(impedance)
    units = _units(omega, impedance)
    size = float(np.max(np.abs(impedance)))
    blocking = start.elastance > 0.0
    begin = [start.resistance / size, start.inductance / units[0]]
    lower, upper = [-np.inf, -np.inf], [np.inf, np.inf]
    if blocking:
        begin.append(start.elastance / units[1])
        lower.append(0.0)
        upper.append(np.inf)
    first = len(begin)
    for peak in peaks:
        begin += [np.log(peak.time), np.log(abs(peak.resistance) / size), 0.85]
        lower += [np.log(peak.time) - 5, -30.0, 0.2]
        upper += [np.log(peak.time) + 5, 30.0, 1.0]

    signs = [float(np.sign(peak.resistance)) for peak in peaks]

    def left(p: Array) -> Array:
        total = p[0] * size + 1j * omega * p[1] * units[0]
        if blocking:
            total = total + p[2] * units[1] / (1j * omega)
        for sign, (log_time, log_size, exponent) in zip(signs, p[first:].reshape(-1, 3), strict=True):
            arc = size * np.exp(log_size) / (1 + (1j * omega * np.exp(log_time)) ** exponent)
            total = total + sign * arc
        difference = (total - impedance) * weight
        return np.concatenate([difference.real, difference.imag])

    fit = least_squares(left, begin, bounds=(lower, upper), x_scale="jac", max_nfev=500)
    errors = deviations(fit.jac, fit.fun)
    found = []
    for sign, (log_time, log_size, exponent), (dt, dr, da) in zip(
        signs, fit.x[first:].reshape(-1, 3), errors[first:].reshape(-1, 3), strict=True
    ):
        time, resistance = float(np.exp(log_time)), float(size * np.exp(log_size))
        found.append(
            Arc(time, sign * resistance, float(exponent), time * float(dt), resistance * float(dr), float(da))
        )
    return Arcs(
        tuple(sorted(found, key=lambda arc: arc.time)),
        float(fit.x[0] * size),
        float(fit.x[1] * units[0]),
        float(fit.x[2] * units[1]) if blocking else 0.0,
        float(np.sqrt(np.mean(fit.fun**2))),
    )


def deviations(jacobian: Array, left: Array) -> Array:
    """Standard deviations of fitted parameters, from the residual and its derivative; inf where undetermined."""
    freedom = max(1, len(left) - jacobian.shape[1])
    variance = float(np.sum(left**2)) / freedom
    _, singular, right = np.linalg.svd(jacobian, full_matrices=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(singular > 1e-12 * singular[0], 1 / singular, np.inf)
        scaled = np.where(right.T == 0.0, 0.0, right.T * inverse)
    return np.asarray(np.sqrt(variance * np.sum(scaled**2, axis=1)))


def owners(times: Sequence[float], frequencies: Array, shares: Mapping[str, ComplexArray]) -> tuple[str, ...]:
    """Name for each relaxation time the process with the largest part of -Im Z at w = 1/tau."""
    order = np.argsort(frequencies)
    logs = np.log(frequencies[order])
    found = []
    for time in times:
        at = -np.log(2 * np.pi * time)
        parts = {name: float(np.interp(at, logs, -share.imag[order])) for name, share in shares.items()}
        found.append(max(parts, key=lambda name: parts[name]))
    return tuple(found)
