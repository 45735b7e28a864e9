"""B5: what a CCCV cycle costs with each time integrator, at equal error."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import ROOT

OWN = "rosenbrock"
"""what is compared with the others: the choice of runs beside BDF2"""
REFERENCE = ("radau", "1e-7")
TOLERANCES = ("1e-2", "1e-3", "1e-4", "1e-5")
OTHERS = ("bdf2", "radau")
ERRORS = (0.1, 0.03)
"""root mean square errors of the voltage at which costs are compared [mV]"""


def run(method: str, tolerance: str) -> dict[str, Any]:
    """Integrate in a fresh process."""
    words = [sys.executable, str(ROOT / "benchmarks" / "time_integration.py"), "--method", method]
    done = subprocess.run(
        [*words, "--tolerance", tolerance], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def voltage_error(trace: dict[str, Any], reference: dict[str, Any]) -> float:
    """Return the root mean square difference of the voltage, where it is not imposed [mV]."""
    count = len(reference["voltage"]) // 4
    free = np.r_[0:count, 2 * count : 4 * count]
    difference = np.array(trace["voltage"])[free] - np.array(reference["voltage"])[free]
    return float(1e3 * np.sqrt(np.mean(difference**2)))


def cost_at(error: float, errors: list[float], costs: list[float]) -> float:
    """Return the cost at an error, between measured ones on logarithmic axes."""
    order = np.argsort(errors)
    x, y = np.log(np.array(errors)[order]), np.log(np.array(costs)[order])
    return float(np.exp(np.interp(np.log(error), x, y)))


def figures(repeats: int, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield cost and error of each method and tolerance, then the ratios at equal error."""
    reference = run(*REFERENCE)
    tolerances = TOLERANCES[:3] if quick else TOLERANCES
    errors: dict[str, list[float]] = {method: [] for method in (OWN, *OTHERS)}
    costs: dict[str, list[float]] = {method: [] for method in errors}
    for tolerance in tolerances:
        traces = [{method: run(method, tolerance) for method in errors} for _ in range(repeats)]
        for method in errors:
            seconds = [one[method]["cpu"] for one in traces]
            trace = traces[0][method]
            errors[method].append(voltage_error(trace, reference))
            costs[method].append(statistics.median(seconds))
            yield {
                "figure": f"b5_{method}_{tolerance}_error",
                "project": errors[method][-1],
                "unit": "mV",
                "cpu_s": seconds,
                "steps": trace["steps"],
                "factorisations": trace["factorisations"],
                "of_twice_the_size": trace["double_factorisations"],
                "repeats": repeats,
            }
    for error in ERRORS:
        own = cost_at(error, errors[OWN], costs[OWN])
        for method in OTHERS:
            other = cost_at(error, errors[method], costs[method])
            yield {
                "figure": f"b5_{method}_at_{error:g}_mV",
                "project": own,
                "peer": other,
                "ratio": own / other,
                "unit": "s",
                "repeats": repeats,
            }
