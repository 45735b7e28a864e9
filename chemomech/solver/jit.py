"""How forms are compiled: dolfinx's just-in-time options, with a cache of our own behind them."""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import shlex
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chemomech.errors import RunError
from chemomech.solver.module_cache import enter, fetch_what_is_asked_for

if TYPE_CHECKING:
    from mpi4py import MPI

PACKAGES = ("dolfinx-solver-real", "fenics-dolfinx", "fenics-ffcx", "fenics-basix", "fenics-ufl", "cffi")
WAIT = 600
"""Seconds a rank waits for a module that rank 0 has reported as finished (network file systems lag)."""


def prepare(comm: "MPI.Comm") -> dict[str, Any]:
    """Return the ``jit_options`` for dolfinx on every rank of ``comm`` (collective), with a sound cache.

    They are made dolfinx's defaults too, so that a form compiled without options lands in the same place.
    Calling again returns the same folder, without what an interrupted compilation of this process left in it.

    Raises RunError, on every rank, if there is no C compiler or the cache folder cannot be used.
    """
    folder, problem = None, ""
    comm.barrier()  # every rank is here, so none is compiling while rank 0 cleans
    if comm.rank == 0:
        try:
            _require_compiler()
            folder = str(enter(cache_folder()))
        except (OSError, RunError) as error:
            problem = str(error)
    folder, problem = comm.bcast((folder, problem), root=0)
    if problem:
        raise RunError(f"forms cannot be compiled: {problem}")
    fetch_what_is_asked_for()  # ranks that have not entered: what they compile alone is looked up, too
    options = {
        "cache_dir": Path(str(folder)),
        "cffi_extra_compile_args": compiler_arguments(),
        "cffi_libraries": None,
        "cffi_debug": False,
        "cffi_verbose": False,
        "timeout": WAIT,
    }
    with contextlib.suppress(ImportError):  # conda's dolfinx comes without this package
        import dolfinx_solver  # noqa: F401  (puts MPI ahead of the compiled modules)
    import dolfinx.jit

    for name, value in options.items():
        dolfinx.jit.DOLFINX_DEFAULT_JIT_OPTIONS[name] = (value, "chemomech")
    return options


def compiler_arguments() -> list[str]:
    """Return the C compiler's arguments; CHEMOMECH_NATIVE=1 adds this processor's own instructions."""
    native = os.environ.get("CHEMOMECH_NATIVE", "") not in ("", "0")
    return ["-O2", "-g0"] + (["-march=native"] if native else [])


def cache_folder() -> Path:
    """Return the folder for the present versions, compiler arguments and machine type.

    It lies in $CHEMOMECH_CACHE, or else $XDG_CACHE_HOME/chemomech, or else ~/.cache/chemomech.
    """
    own = os.environ.get("CHEMOMECH_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parts = [f"{name} {_version(name)}" for name in PACKAGES]
    parts += [platform.python_version(), platform.machine(), *compiler_arguments()]
    if "-march=native" in compiler_arguments():  # unlike nodes may share a home, but not their instructions
        parts += sorted({line for line in _processor().splitlines() if line.startswith(("flags", "model"))})
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return (Path(own).expanduser() if own else Path(home) / "chemomech") / "jit" / key


def _require_compiler() -> None:
    """Raise RunError if the C compiler that Python's build system would call is not there."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    program = shlex.split(command)[0]
    if shutil.which(program) is None:
        raise RunError(f"no C compiler '{program}' here; install one (Debian: gcc libc6-dev libpython3-dev)")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _processor() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
