"""Measured spectra and what the optional library pyimpspec offers: instrument files, Kramers-Kronig test, methods.

pyimpspec (GPL-3, slow to import) is loaded when something of it is asked for, and missed in words.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from chemomech.errors import InputError, Problem

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]

METHODS: Final = ("tr-nnls", "tr-rbf", "bht")
"""of the library, besides this project's own"""
MAXIMUM_BYTES: Final = 50_000_000


@dataclass(frozen=True)
class Measured:
    """One spectrum of a file, from high to low frequency."""

    label: str
    frequencies: Array
    """[Hz]"""
    impedance: ComplexArray
    """[ohm]"""


@dataclass(frozen=True)
class KramersKronig:
    """How well a spectrum is that of a linear, causal, stable system."""

    elements: int
    """RC elements of the test"""
    residual: float
    """largest part of (Z - fit)/|Z|"""


def library(purpose: str) -> ModuleType:
    """Return pyimpspec; InputError that says how to get it where it is missing."""
    try:
        import pyimpspec
    except ImportError:
        what = f"is not installed; {purpose} needs it"
        raise InputError(Problem("pyimpspec", what, "pip install 'chemomech[impedance]'")) from None
    module: ModuleType = pyimpspec
    return module


def read_measured(path: Path) -> tuple[Measured, ...]:
    """Return the spectra of an instrument's file; InputError where it cannot be read."""
    if not path.is_file():
        raise InputError(Problem(str(path), "there is no such file", "give a results folder or a spectrum"))
    if path.stat().st_size > MAXIMUM_BYTES:
        raise InputError(Problem(str(path), f"larger than {MAXIMUM_BYTES} bytes", "this is no spectrum"))
    module = library("reading instrument files")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = module.parse_data(path)
    except Exception as error:  # the library raises whatever its parsers do
        known = ", ".join(sorted(module.get_parsers()))
        what = f"cannot be read as a spectrum ({str(error)[:200] or type(error).__name__})"
        raise InputError(Problem(str(path), what, f"files that are known: {known}")) from None
    found = []
    for entry in data:
        frequencies = np.asarray(entry.get_frequencies(), dtype=float)
        impedance = np.asarray(entry.get_impedances(), dtype=complex)
        order = np.argsort(-frequencies)
        good = np.all(np.isfinite(impedance)) and np.all(frequencies > 0.0) and len(frequencies) > 5
        if not good:
            raise InputError(Problem(str(path), "has no spectrum of more than 5 finite numbers"))
        found.append(Measured(str(entry.get_label()), frequencies[order], impedance[order]))
    return tuple(found)


def kramers_kronig(frequencies: Array, impedance: ComplexArray) -> KramersKronig:
    """Fit RC elements in series, a capacitance and an inductance, and return what is left."""
    module = library("the Kramers-Kronig test")
    # Time constants within the frequencies, on the impedance itself: the library's search over others takes minutes.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = module.perform_kramers_kronig_test(
            _data(module, frequencies, impedance),
            test="complex",
            admittance=False,
            num_F_ext_evaluations=0,
            num_procs=1,
        )
    fitted = np.asarray(result.get_impedances())
    left = (fitted - impedance) / np.abs(impedance)
    return KramersKronig(int(result.get_num_RC()), float(np.max(np.abs(left))))


def library_distribution(frequencies: Array, impedance: ComplexArray, method: str) -> tuple[Array, Array]:
    """Return times [s] and gamma [unit of Z] by a method of the library; InputError where it cannot."""
    if method not in METHODS:
        raise InputError(Problem("--method", f"there is no '{method}'", f"known: own, {', '.join(METHODS)}"))
    module = library(f"the method {method}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result: Any = module.calculate_drt(
                _data(module, frequencies, impedance), method=method, num_procs=1
            )
    except Exception as error:  # e.g. a convex optimiser that is not installed
        raise InputError(Problem("--method", f"'{method}' did not work: {str(error)[:200]}")) from None
    times = np.asarray(result.get_time_constants(), dtype=float)
    density = result.real_gammas if method == "bht" else result.gammas
    return times, np.asarray(density, dtype=float)


@dataclass(frozen=True)
class Parameter:
    """A fitted number of a circuit with its standard deviation."""

    name: str
    value: float
    error: float
    unit: str


def fit_circuit(
    frequencies: Array, impedance: ComplexArray, code: str
) -> tuple[tuple[Parameter, ...], float]:
    """Fit a circuit in pyimpspec's code, e.g. "R(RQ)(RQ)W"; return parameters and residual; InputError in words."""
    module = library("fitting a circuit of your own")
    try:
        circuit = module.parse_cdc(code)
    except Exception as error:  # its parser has many kinds
        what = f"'{code}' is not a circuit ({str(error)[:200] or type(error).__name__})"
        raise InputError(Problem("--circuit", what, 'write for example "R(RQ)W"')) from None
    data = _data(module, frequencies, impedance)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = module.fit_circuit(circuit, data, method="least_squares", weight="modulus", num_procs=1)
    except Exception as error:
        raise InputError(Problem("--circuit", f"'{code}' was not fitted: {str(error)[:200]}")) from None
    found = []
    for element, parameters in result.get_parameters().items():
        for name, one in parameters.items():
            deviation = float(one.stderr) if np.isfinite(one.stderr) else np.inf
            found.append(Parameter(f"{element}.{name}", float(one.value), deviation, str(one.unit)))
    left = (np.asarray(result.get_impedances()) - impedance) / np.abs(impedance)
    return tuple(found), float(np.sqrt(np.mean(np.abs(left) ** 2) / 2))


def _data(module: ModuleType, frequencies: Array, impedance: ComplexArray) -> Any:
    return module.DataSet(frequencies, impedance)
