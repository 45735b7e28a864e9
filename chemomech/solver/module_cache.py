"""A folder of compiled modules that many runs share and no kill can spoil.

FFCx marks a finished module by a file ``<module>.c.cached``; a process killed before that leaves a
``<module>.c`` for which every later run waits in vain. Here no two runs ever compile in the same folder:

    <cache>/lock          held (flock) while a run enters or leaves
    <cache>/store/        finished modules only
    <cache>/run-*/        where one run compiles; the lock in it says that its owner lives

A run enters by collecting the finished modules of all runs into the store, removing the folders of the dead,
and linking the store into a folder of its own. The kernel drops a lock with its process, so no process id and
no file's age has to be believed.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from chemomech.errors import RunError

READY = ".c.cached"


@dataclass(frozen=True)
class Workspace:
    """The folder one run compiles in, and the open lock that says the run is alive (None: no locks here)."""

    folder: Path
    lock: int | None
    owner: int


_workspaces: dict[Path, Workspace] = {}


def enter(cache: Path) -> Path:
    """Return this process's own folder to compile in; it holds every module that any run has finished.

    Raises RunError if the folder belongs to somebody else or cannot be written, OSError if it cannot be made.
    """
    known = _workspaces.get(cache)
    if known is not None and known.owner == os.getpid() and known.folder.is_dir():
        _remove_unfinished(known.folder)
        return known.folder
    _private_folder(cache)
    store = cache / "store"
    store.mkdir(exist_ok=True)
    gate = _lock(cache / "lock", wait=True)
    try:
        if gate is not None:
            _collect(cache, store)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
        alive = _lock(folder / "alive", wait=False)
        _link_finished(store, folder)
    finally:
        if gate is not None:
            os.close(gate)
    workspace = Workspace(folder, alive, os.getpid())
    _workspaces[cache] = workspace
    atexit.register(_leave, cache, workspace)
    return folder


def _leave(cache: Path, workspace: Workspace) -> None:
    """Hand the finished modules over and remove the folder (after a kill, the next run does so)."""
    if workspace.owner != os.getpid():  # a fork must not clear away its parent's folder
        return
    gate = _lock(cache / "lock", wait=True) if cache.is_dir() else None
    with contextlib.suppress(OSError):
        _link_finished(workspace.folder, cache / "store")
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
    # By listings and names: with thousands of modules, asking for each of their files costs seconds at every start.
    names, present = os.listdir(source), set(os.listdir(target))
    compiled: dict[str, list[str]] = {}
    for name in names:
        if name.endswith(".so"):
            compiled.setdefault(name.split(".")[0], []).append(name)
    known = set(names)
    for mark in names:
        if not mark.endswith(READY) or mark in present:
            continue
        module = mark.removesuffix(READY)
        libraries = [name for name in compiled.get(module, []) if os.stat(f"{source}/{name}").st_size > 0]
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
