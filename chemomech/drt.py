"""Relaxation times and circuits of the spectra of a results folder or of an instrument's file."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from chemomech.analysis.circuits import fit, objections
from chemomech.analysis.measured import (
    KramersKronig,
    fit_circuit,
    kramers_kronig,
    library_distribution,
    read_measured,
)
from chemomech.analysis.relaxation import Arcs, Relaxation, arcs, owners, relaxation
from chemomech.errors import InputError, Problem
from chemomech.render.embedding import page
from chemomech.render.interactive import Chart, Curve, bode, nyquist
from chemomech.render.interactive import relaxation as relaxation_chart
from chemomech.render.relaxation import relaxation_figure
from chemomech.render.style import unit_text
from chemomech.results.format import RELAXATION_FILE, RELAXATION_TABLE
from chemomech.results.relaxation import RecordedRelaxation, read_relaxation
from chemomech.results.spectra import read_spectra, with_layers
from chemomech.results.write import write_json, write_text

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]

BLOCKING: Final = 0.7
"""at the lowest frequency -Im Z is more than this part of |Z|: a series capacitance is fitted"""


@dataclass(frozen=True)
class Spectrum:
    """What is taken apart: of a run (ohm cm2, with shares) or measured (ohm)."""

    label: str
    unit: str
    frequencies: Array
    impedance: ComplexArray
    shares: dict[str, ComplexArray]


def spectra_of(path: Path) -> tuple[Spectrum, ...]:
    """Return the spectra of a results folder or of an instrument's file."""
    if path.is_dir():
        recorded = read_spectra(path)
        if not recorded:
            remedy = 'put "Impedance from 1 MHz to 1 mHz" into its protocol, or see `chemomech impedance`'
            raise InputError(Problem(str(path), "has no impedance.csv", remedy))
        return tuple(
            Spectrum(
                f"spectrum {s.number}, {s.voltage:.4f} V",
                "ohm.cm2",
                s.frequencies,
                s.impedance,
                with_layers(s.shares),
            )
            for s in recorded
        )
    return tuple(Spectrum(m.label, "ohm", m.frequencies, m.impedance, {}) for m in read_measured(path))


def _one_of(path: Path, number: int | None) -> Spectrum:
    spectra = spectra_of(path)
    if number is not None and not 1 <= number <= len(spectra):
        raise InputError(Problem("--number", f"there is no spectrum {number}", f"there are {len(spectra)}"))
    return spectra[-1 if number is None else number - 1]


def fit_circuits(path: Path, number: int | None, code: str | None) -> str:
    """Fit the two usual circuits, or one of the user's, to one spectrum; return what to say."""
    chosen = _one_of(path, number)
    unit = chosen.unit.replace(".", " ")
    lines = [chosen.label]
    if code is not None:
        parameters, residual = fit_circuit(chosen.frequencies, chosen.impedance, code)
        lines.append(f"{code}: leaves {100 * residual:.2g} % of |Z|")
        lines += [f"  {p.name} = {p.value:.5g} +- {p.error:.2g} {p.unit}" for p in parameters]
        return "\n".join(lines)
    fits = [fit(chosen.frequencies, chosen.impedance, kind) for kind in ("series", "nested")]
    units = {"R_bulk": unit, "R_ct": unit, "C_dl": f"s/({unit})", "alpha": "", "sigma_W": f"{unit} s^-1/2"}
    for one in fits:
        lines.append(f"{one.kind}: leaves {100 * one.residual:.2g} % of |Z|")
        for name, value in one.values.items():
            lines.append(f"  {name} = {value:.5g} +- {one.errors[name]:.2g} {units[name]}".rstrip())
    return "\n".join([*lines, *objections(chosen.frequencies, chosen.impedance, *fits)])


@dataclass(frozen=True)
class Analysis:
    """One spectrum taken apart."""

    chosen: Spectrum
    relaxation: Relaxation
    fitted: Arcs
    test: KramersKronig | None
    """None where the library is missing"""
    names: tuple[str, ...]
    """of the processes that own the arcs; none for what was measured"""


def analyse(path: Path, number: int | None, *, signed: bool = False) -> Analysis:
    """Find the relaxation times of one spectrum, the last without a number; `signed`: negative ones, too."""
    chosen = _one_of(path, number)
    low = int(np.argmin(chosen.frequencies))
    blocking = -chosen.impedance[low].imag > BLOCKING * abs(chosen.impedance[low])
    found = relaxation(chosen.frequencies, chosen.impedance, capacitance=bool(blocking), signed=signed)
    fitted = arcs(chosen.frequencies, chosen.impedance, found)
    names = (
        owners([arc.time for arc in fitted.arcs], chosen.frequencies, chosen.shares) if chosen.shares else ()
    )
    return Analysis(chosen, found, fitted, _test(chosen), names)


def relax(path: Path, output: Path, number: int | None, method: str, *, signed: bool = False) -> str:
    """Find the relaxation times of one spectrum (the last without a number), write and draw; return what to say."""
    chosen = _one_of(path, number)
    other = None if method == "own" else library_distribution(chosen.frequencies, chosen.impedance, method)
    output.mkdir(parents=True, exist_ok=True)
    return relaxed(analyse(path, number, signed=signed), output, other, method)


def relaxed(
    found: Analysis,
    output: Path,
    other: tuple[Array, Array] | None = None,
    method: str = "own",
    *,
    figures: bool = True,
) -> str:
    """Write what was found, and draw it beside a library's distribution; return what to say."""
    write_json(output / RELAXATION_FILE, _record(found))
    write_text(output / RELAXATION_TABLE, _table(found))
    if figures:
        written = read_relaxation(output)
        assert written is not None
        relaxation_figure(written, other, method).savefig(output / "drt.png", dpi=200)
        write_text(
            output / "drt.html", page(found.chosen.label, _charts(found.chosen, found.fitted, written))
        )
    return _said(found)


def _charts(chosen: Spectrum, fitted: Arcs, written: RecordedRelaxation) -> list[Chart]:
    unit, points = unit_text(chosen.unit), not chosen.shares
    fit = Curve("fitted arcs", chosen.frequencies, fitted.impedance(chosen.frequencies), "#ee6677")
    given = Curve(
        "measured" if points else "simulated", chosen.frequencies, chosen.impedance, "#4477aa", points
    )
    return [relaxation_chart(written), nyquist([fit, given], unit), bode([fit, given], unit)]


def _test(chosen: Spectrum) -> KramersKronig | None:
    # Of a run it is a check of the calculation, which may go without the library; measured data have loaded it.
    try:
        return kramers_kronig(chosen.frequencies, chosen.impedance)
    except InputError:
        return None


def _record(analysis: Analysis) -> dict[str, Any]:
    chosen, found, fitted = analysis.chosen, analysis.relaxation, analysis.fitted
    test, names, unit = analysis.test, analysis.names, analysis.chosen.unit
    omega = 2 * np.pi * chosen.frequencies
    return {
        "spectrum": chosen.label,
        "unit": unit,
        "relaxation times within the frequencies [s]": [float(1 / omega.max()), float(1 / omega.min())],
        "regularisation": found.regularisation,
        "noise [-]": found.noise,
        f"series resistance [{unit}]": fitted.resistance,
        f"inductance [{unit}.s]": fitted.inductance,
        f"series elastance [{unit}.s-1]": fitted.elastance,
        "residual of the arcs [-]": fitted.residual,
        "Kramers-Kronig residual [-]": None if test is None else test.residual,
        "peaks": [
            {"time [s]": p.time, f"height [{unit}]": p.height, f"resistance [{unit}]": p.resistance}
            for p in found.peaks
        ],
        "arcs": [
            {
                "time [s]": arc.time,
                "time, standard deviation [s]": arc.time_error,
                f"resistance [{unit}]": arc.resistance,
                f"resistance, standard deviation [{unit}]": arc.resistance_error,
                "exponent [-]": arc.exponent,
                "exponent, standard deviation [-]": arc.exponent_error,
                f"height [{unit}]": arc.height,
                "owner": names[at] if names else None,
            }
            for at, arc in enumerate(fitted.arcs)
        ],
    }


def _table(analysis: Analysis) -> str:
    found, fitted = analysis.relaxation, analysis.fitted
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    unit = analysis.chosen.unit
    writer.writerow(["Relaxation time [s]", f"Distribution [{unit}]", f"Distribution of the arcs [{unit}]"])
    for row in zip(found.times, found.density, fitted.density(found.times), strict=True):
        writer.writerow([repr(float(value)) for value in row])
    return buffer.getvalue()


def _said(analysis: Analysis) -> str:
    chosen, found, fitted = analysis.chosen, analysis.relaxation, analysis.fitted
    test, names = analysis.test, analysis.names
    unit = chosen.unit.replace(".", " ")
    lines = [f"{chosen.label}: lambda = {found.regularisation:.2g}, noise {100 * found.noise:.2g} % of |Z|"]
    if test is not None:
        lines.append(
            f"Kramers-Kronig: {100 * test.residual:.2g} % of |Z| is left by {test.elements} RC elements"
        )
    lines.append(
        f"series resistance {fitted.resistance:.5g} {unit}, inductance {fitted.inductance:.2g} {unit} s"
    )
    for at, arc in enumerate(fitted.arcs):
        owner = f"; {names[at]}" if names else ""
        lines.append(
            f"tau = {arc.time:.4g} s: R = {arc.resistance:.5g} +- {arc.resistance_error:.2g} {unit}, "
            f"alpha = {arc.exponent:.4f} +- {arc.exponent_error:.1g}{owner}"
        )
    return "\n".join(lines)
