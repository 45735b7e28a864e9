"""A folder of compiled modules that many runs share and no kill can spoil.

FFCx marks a finished module by a file ``<module>.c.cached``; a process killed before that leaves a
``<module>.c`` for which every later run waits in vain. Here no two runs ever compile in the same folder:

    <cache>/lock          held (flock) while a run enters or leaves
    <cache>/store/        finished modules only
    <cache>/run-*/        where one run compiles; the lock in it says that its owner lives

A run enters by collecting the finished modules of all runs into the store, removing the folders of the dead,
and making a folder of its own, into which modules are linked from the store as they are asked for: with thousands
of them, linking and listing them all costs more than a second a start. The kernel drops a lock with its process, so
no process id and no file's age has to be believed.
"""

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import ffcx.codegeneration.jit as compiler

from chemomech.errors import RunError

READY = ".c.cached"
STORE = "store"


@dataclass(frozen=True)
class Workspace:
    """The folder one run compiles in, and the open lock that says the run is alive (None: no locks here)."""

    folder: Path
    lock: int | None
    owner: int


_workspaces: dict[Path, Workspace] = {}


def enter(cache: Path) -> Path:
    """Return this process's own folder to compile in; a module that any run has finished is not compiled there again.

    Raises RunError if the folder belongs to somebody else or cannot be written, OSError if it cannot be made.
    """
    fetch_what_is_asked_for()
    known = _workspaces.get(cache)
    if known is not None and known.owner == os.getpid() and known.folder.is_dir():
        _remove_unfinished(known.folder)
        return known.folder
    _private_folder(cache)
    store = cache / STORE
    store.mkdir(exist_ok=True)
    gate = _lock(cache / "lock", wait=True)
    try:
        if gate is not None:
            _collect(cache, store)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
        alive = _lock(folder / "alive", wait=False)
    finally:
        if gate is not None:
            os.close(gate)
    workspace = Workspace(folder, alive, os.getpid())
    _workspaces[cache] = workspace
    atexit.register(_leave, cache, workspace)
    return folder


def fetch_what_is_asked_for() -> None:
    """Have FFCx look into the store before it compiles; every process that compiles in such a folder needs it."""
    if not isinstance(compiler.get_cached_module, _Fetching):
        compiler.get_cached_module = _Fetching(compiler.get_cached_module)


class _Fetching:
    # FFCx's own look-up, with the module put in place beforehand where the store has it.

    def __init__(self, look_up: Callable[..., Any]) -> None:
        functools.update_wrapper(self, look_up)
        self._look_up = look_up

    def __call__(self, module_name: str, object_names: Any, cache_dir: Path, timeout: int) -> Any:
        fetch(Path(cache_dir), module_name)
        return self._look_up(module_name, object_names, cache_dir, timeout)


def fetch(folder: Path, module: str) -> None:
    """Link a finished module from the store into a run's folder, unless that has it or is about to."""
    source, target = f"{folder.parent / STORE}/{module}", f"{folder}/{module}"
    if not folder.name.startswith("run-") or not os.path.exists(f"{source}{READY}"):
        return
    library = next((f"{module}{end}" for end in EXTENSION_SUFFIXES if _filled(f"{source}{end}")), None)
    # whoever makes the source has the module to himself: of two ranks one links or compiles it, the other waits
    if library is None or not _claim(f"{source}.c", f"{target}.c"):
        return
    for name in (library, f"{module}{READY}"):
        _place(f"{folder.parent / STORE}/{name}", f"{folder}/{name}")


def _filled(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False


def _claim(source: str, target: str) -> bool:
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError:  # no links here
        try:
            with open(target, "xb") as own, open(source, "rb") as text:
                shutil.copyfileobj(text, own)
        except FileExistsError:
            return False
    return True


def _leave(cache: Path, workspace: Workspace) -> None:
    """Hand the finished modules over and remove the folder (after a kill, the next run does so)."""
    if workspace.owner != os.getpid():  # a fork must not clear away its parent's folder
        return
    gate = _lock(cache / "lock", wait=True) if cache.is_dir() else None
    with contextlib.suppress(OSError):
        _link_finished(workspace.folder, cache / STORE)
    shutil.rmtree(workspace.folder, ignore_errors=True)
    if gate is not None:
        os.close(gate)


def _collect(cache: Path, store: Path) -> None:
    """Take finished modules of all runs into the store and remove the folders whose owners are gone."""
    for folder in cache.glob("run-*"):
        _link_finished(folder, store)
        owned = _lock(folder / "alive", wait=False)
        if owned is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(owned)


def _link_finished(source: Path, target: Path) -> None:
    """Link every finished module of ``source`` into ``target``; the mark that it is finished goes last."""
    # By names alone: a listing of the store, which may hold thousands of modules, would cost more than all else.
    names = os.listdir(source)
    known = set(names)
    for mark in names:
        if not mark.endswith(READY) or os.path.exists(f"{target}/{mark}"):
            continue
        module = mark.removesuffix(READY)
        libraries = [f"{module}{end}" for end in EXTENSION_SUFFIXES if _filled(f"{source}/{module}{end}")]
        text = f"{module}.c"
        if not libraries or text not in known:
            continue
        for name in (*libraries, text, mark):
            _place(f"{source}/{name}", f"{target}/{name}")


def _place(source: str, target: str) -> None:
    """Put a file in place whole or not at all: a hard link, or a copy renamed where there are no links."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        handle, name = tempfile.mkstemp(prefix="copy-", dir=os.path.dirname(target))
        os.close(handle)
        shutil.copyfile(source, name)
        os.replace(name, target)


def _remove_unfinished(folder: Path) -> None:
    """Remove sources without a mark: nothing is being compiled while their only owner is here."""
    for text in folder.glob("*.c"):
        if not text.with_suffix(READY).exists():
            for path in folder.glob(f"{text.stem}.*"):
                path.unlink()


def _lock(path: Path, wait: bool) -> int | None:
    """Return the descriptor of an exclusive lock; None where it is taken or the file system has no locks."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _private_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter: whoever can write in it runs code in our name."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise RunError(f"{folder} belongs to somebody else; set CHEMOMECH_CACHE to a folder of your own")
    folder.chmod(0o700)
    if not os.access(folder, os.W_OK):
        raise RunError(f"{folder} cannot be written; set CHEMOMECH_CACHE to a folder that can")
