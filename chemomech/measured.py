"""A measured spectrum as a case: relaxation times, Kramers-Kronig test and circuits, in a results folder of its own."""

from pathlib import Path

from chemomech.analysis.circuits import Circuit, fit, objections
from chemomech.case.measured import Measured
from chemomech.drt import Analysis, analyse, fit_circuits, relaxed
from chemomech.render.relaxation import fitted_nyquist
from chemomech.results import format as names
from chemomech.results.write import prepare_folder, write_json


def run_measured(
    asked: Measured, file: Path, results: Path, *, figures: bool
) -> tuple[dict[str, float], str]:
    """Analyse the spectrum of a measured.toml into a results folder; return its summary and what to say."""
    path = file.parent / asked.spectrum
    prepare_folder(results)
    found = analyse(path, asked.number)
    said = [relaxed(found, results, figures=figures), fit_circuits(path, asked.number, None)]
    frequencies, impedance = found.chosen.frequencies, found.chosen.impedance
    series, nested = (fit(frequencies, impedance, kind) for kind in ("series", "nested"))
    summary = _summary(found, series, nested)
    if figures:
        picture = fitted_nyquist(
            found.chosen.unit, frequencies, impedance, found.fitted.impedance(frequencies)
        )
        picture.savefig(results / "nyquist.png", dpi=200)
    write_json(results / names.SUMMARY_FILE, summary)
    about = {
        "title": asked.title,
        "source": asked.source,
        "license": asked.license,
        "spectrum": asked.spectrum,
    }
    write_json(results / names.RUN_FILE, {"kind": "measured", **about})
    return summary, "\n".join(said)


def _summary(found: Analysis, series: Circuit, nested: Circuit) -> dict[str, float]:
    unit, fitted = found.chosen.unit, found.fitted
    answers = objections(found.chosen.frequencies, found.chosen.impedance, series, nested)
    summary = {
        "Frequencies [-]": float(len(found.chosen.frequencies)),
        "Regularisation parameter [-]": found.relaxation.regularisation,
        "Noise [-]": found.relaxation.noise,
        f"Series resistance [{unit}]": fitted.resistance,
        f"Inductance [{unit}.s]": fitted.inductance,
        f"Polarisation resistance [{unit}]": sum(arc.resistance for arc in fitted.arcs),
        "Arcs [-]": float(len(fitted.arcs)),
        "Residual of the arcs [-]": fitted.residual,
        "Residual of the series formula [-]": series.residual,
        "Residual of the nested circuit [-]": nested.residual,
        "Overlap of arc and diffusion [-]": nested.overlap,
        "Objections to the circuits [-]": float(len(answers)),
    }
    if found.test is not None:
        summary["Kramers-Kronig residual [-]"] = found.test.residual
    for number, arc in enumerate(fitted.arcs, start=1):
        summary |= {
            f"Relaxation time of arc {number} [s]": arc.time,
            f"Resistance of arc {number} [{unit}]": arc.resistance,
            f"Standard deviation of the resistance of arc {number} [{unit}]": arc.resistance_error,
            f"Exponent of arc {number} [-]": arc.exponent,
        }
    for number, peak in enumerate(found.relaxation.peaks, start=1):
        summary[f"Relaxation time of peak {number} [s]"] = peak.time
        summary[f"Resistance of peak {number} [{unit}]"] = peak.resistance
    return summary
