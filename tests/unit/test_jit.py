"""The compiler cache: what a kill leaves behind never reaches the next run."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from chemomech.errors import RunError
from chemomech.solver import jit, module_cache
from chemomech.solver.module_cache import READY, enter, fetch

COMPILE = """
import sys
from pathlib import Path
import basix.ufl, ufl
from ffcx.codegeneration.jit import compile_forms
from chemomech.solver.jit import compiler_arguments
from chemomech.solver.module_cache import enter

folder = enter(Path(sys.argv[1]))
mesh = ufl.Mesh(basix.ufl.element("P", "interval", 1, shape=(1,)))
space = ufl.FunctionSpace(mesh, basix.ufl.element("P", "interval", 1))
form = ufl.TrialFunction(space) * ufl.TestFunction(space) * ufl.dx
_, module, code = compile_forms(
    [form], cache_dir=folder, timeout=5, cffi_extra_compile_args=compiler_arguments()
)
print("cached" if code == (None, None) else "compiled", module.__name__)
"""


LIBRARY = EXTENSION_SUFFIXES[0]


def compile_in(cache: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a process of its own group that compiles one small form in ``cache``."""
    return subprocess.Popen(
        [sys.executable, "-c", COMPILE, str(cache)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def outcome(process: subprocess.Popen[str]) -> str:
    """Return the first word a successful compilation printed."""
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    return out.split()[0]


def finished(folder: Path, module: str) -> None:
    """Write what a finished compilation leaves."""
    (folder / f"{module}.c").write_text("source")
    (folder / f"{module}{LIBRARY}").write_text("library")
    (folder / f"{module}{READY}").write_text("")


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is a process that has not entered yet."""
    monkeypatch.setattr(module_cache, "_workspaces", {})


def test_the_folder_is_private_and_holds_nothing_unfinished(tmp_path: Path) -> None:
    dead = tmp_path / "run-dead"
    dead.mkdir()
    (dead / "orphan.c").write_text("")
    finished(dead, "whole")
    folder = enter(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not dead.exists()
    assert {path.name for path in folder.iterdir()} == {"alive"}
    fetch(folder, "orphan")
    fetch(folder, "whole")
    names = {path.name for path in folder.iterdir()}
    assert names == {"alive", "whole.c", "whole.c.cached", f"whole{LIBRARY}"}
    assert not (tmp_path / "store" / "orphan.c").exists()


def test_a_living_run_keeps_its_folder_and_shares_what_it_finished(tmp_path: Path) -> None:
    living = tmp_path / "run-living"
    living.mkdir()
    (living / "started.c").write_text("")
    finished(living, "whole")
    with (living / "alive").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = enter(tmp_path)
        assert (living / "started.c").exists()
    fetch(folder, "started")
    fetch(folder, "whole")
    assert (folder / "whole.c.cached").exists()
    assert not (folder / "started.c").exists()


def test_a_library_cut_short_by_a_power_failure_is_not_taken(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    finished(store, "empty")
    (store / f"empty{LIBRARY}").write_text("")
    folder = enter(tmp_path)
    fetch(folder, "empty")
    assert not list(folder.glob("empty*"))


def test_a_module_that_is_being_compiled_is_left_to_who_compiles_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    finished(store, "whole")
    folder = enter(tmp_path)
    (folder / "whole.c").write_text("of another rank")
    fetch(folder, "whole")
    assert (folder / "whole.c").read_text() == "of another rank"
    assert not (folder / "whole.c.cached").exists()


def test_entering_again_removes_what_an_interrupted_compilation_left(tmp_path: Path) -> None:
    folder = enter(tmp_path)
    finished(folder, "whole")
    (folder / "orphan.c").write_text("")
    (folder / "orphan.o").write_text("")
    assert enter(tmp_path) == folder
    assert not list(folder.glob("orphan*"))
    assert (folder / "whole.c.cached").exists()


def test_without_hard_links_modules_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    store = tmp_path / "store"
    store.mkdir()
    finished(store, "whole")
    folder = enter(tmp_path)
    fetch(folder, "whole")
    assert (folder / f"whole{LIBRARY}").read_text() == "library"
    assert (folder / "whole.c").read_text() == "source"
    assert not list(folder.glob("copy-*"))


def test_versions_and_arguments_choose_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHEMOMECH_CACHE", str(tmp_path))
    monkeypatch.delenv("CHEMOMECH_NATIVE", raising=False)
    plain = jit.cache_folder()
    assert plain.parent == tmp_path / "jit"
    monkeypatch.setenv("CHEMOMECH_NATIVE", "1")
    native = jit.cache_folder()
    monkeypatch.delenv("CHEMOMECH_NATIVE")
    monkeypatch.setattr(jit, "_version", lambda package: "9.9")
    assert len({plain, native, jit.cache_folder()}) == 3


class Alone:
    """A communicator of one rank."""

    rank = 0

    def barrier(self) -> None:
        """Wait for nobody."""

    def bcast(self, value: object, root: int) -> object:
        """Return the value to the only rank."""
        return value


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHEMOMECH_CACHE", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(RunError, match="no-such-compiler"):
        jit.prepare(Alone())  # type: ignore[arg-type]


def test_a_cache_that_is_a_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "jit").write_text("")
    monkeypatch.setenv("CHEMOMECH_CACHE", str(tmp_path))
    with pytest.raises(RunError, match="jit"):
        jit.prepare(Alone())  # type: ignore[arg-type]


@pytest.mark.reliability
def test_after_a_kill_in_the_middle_of_a_compilation_the_next_one_works(tmp_path: Path) -> None:
    cache, compiler, started = tmp_path / "cache", tmp_path / "cc", tmp_path / "started"
    compiler.write_text(f"#!/bin/sh\ntouch {started}\nexec sleep 60\n")
    compiler.chmod(0o700)
    victim = compile_in(cache, CC=str(compiler))
    deadline = time.monotonic() + 30
    while not started.exists() and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert started.exists(), victim.communicate()[1]
    os.killpg(victim.pid, signal.SIGKILL)
    victim.communicate()
    assert list(cache.glob("run-*/*.c")), "the kill was meant to leave a source without its mark"
    assert not list(cache.glob(f"run-*/*{READY}"))

    assert outcome(compile_in(cache)) == "compiled"
    assert not list(cache.glob("run-*"))
    assert outcome(compile_in(cache)) == "cached"


@pytest.mark.reliability
def test_two_processes_compile_the_same_form_at_once(tmp_path: Path) -> None:
    both = [compile_in(tmp_path), compile_in(tmp_path)]
    for process in both:
        outcome(process)
    assert outcome(compile_in(tmp_path)) == "cached"


@pytest.mark.parallel
def test_two_ranks_share_one_folder_and_dolfinx_uses_it(tmp_path: Path) -> None:
    program = """
import sys
from mpi4py import MPI
from chemomech.solver.jit import prepare
options = prepare(MPI.COMM_WORLD)
from dolfinx import fem, mesh
import ufl
domain = mesh.create_unit_interval(MPI.COMM_WORLD, 4)
one = fem.Constant(domain, 1.0)
length = MPI.COMM_WORLD.allreduce(fem.assemble_scalar(fem.form(one * ufl.dx(domain))))
marks = list(options["cache_dir"].glob("*.c.cached"))
MPI.COMM_WORLD.barrier()
sys.stdout.write(f"rank {options['cache_dir'].name} {length:.9f} {len(marks)} ")
"""
    done = subprocess.run(
        ["mpiexec", "-n", "2", sys.executable, "-c", program],
        env={**os.environ, "CHEMOMECH_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    ranks = re.findall(r"rank (run-\S+) (\S+) (\d+)", done.stdout)
    assert len(ranks) == 2, done.stdout
    assert ranks[0] == ranks[1]
    assert ranks[0][1:] == ("1.000000000", "1")
