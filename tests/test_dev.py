"""The one command: it prepares once, mends what a kill left, and the lock holds no address."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

# Stands for python, venv and pip at once: notes how it was called, and is killed or fails where STUB says so.
STUB = """#!/bin/sh
echo "$*" >>"$NOTES"
case "$1 $2" in
  "-c "*) echo "$0" ;;
  "- "*) cat >/dev/null ;;
  "-V "*) echo "Python 3.13.0" ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip")
    case "$* $STUB" in
      *requirements.lock*kill) kill -9 $PPID ;;
      *requirements.lock*fail) echo "no network"; exit 1 ;;
    esac ;;
esac
"""


class Copy:
    """A copy of what ./dev needs, with a stub for python."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        for name in ("dev", "requirements.lock", "pyproject.toml"):
            (folder / name).write_bytes((root / name).read_bytes())
        (folder / "dev").chmod(0o755)
        self.python = folder / "stub"
        self.python.write_text(STUB)
        self.python.chmod(0o755)
        self.notes = folder / "notes"

    def dev(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ./dev and forget what was noted before."""
        self.notes.write_text("")
        return subprocess.run(
            ["./dev", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHON": str(self.python), "NOTES": str(self.notes), "STUB": ""} | environment,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def noted(self, words: str) -> bool:
        """Whether python was called with these words."""
        return words in self.notes.read_text()


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Copy:
    """Return a fresh copy without an environment."""
    return Copy(root, tmp_path)


def test_the_first_use_installs_from_the_lock_and_the_second_only_looks(copy: Copy) -> None:
    first = copy.dev("setup")
    assert first.returncode == 0, first.stderr
    assert copy.noted("--require-hashes") and copy.noted("--no-deps")
    again = copy.dev("shell", "env")
    assert again.returncode == 0, again.stderr
    assert copy.notes.read_text() == ""
    assert {"OMP_NUM_THREADS=1", f"VIRTUAL_ENV={copy.folder}/.venv"} <= set(again.stdout.splitlines())


def test_a_changed_lock_is_installed(copy: Copy) -> None:
    copy.dev("setup")
    with (copy.folder / "requirements.lock").open("a") as lock:
        lock.write("# newer\n")
    assert copy.dev("shell", "true").returncode == 0
    assert copy.noted("--require-hashes") and not copy.noted("-m venv")


def test_after_a_kill_the_environment_is_made_anew(copy: Copy) -> None:
    assert copy.dev("setup", STUB="kill").returncode == -9
    half = copy.folder / ".venv" / "half-written"
    half.touch()
    assert copy.dev("shell", "true").returncode == 0
    assert copy.noted("-m venv") and not half.exists()


def test_after_a_failure_the_reason_is_shown_and_the_environment_is_kept(copy: Copy) -> None:
    failed = copy.dev("setup", STUB="fail")
    assert failed.returncode == 1
    assert "no network" in failed.stderr and "setup.log" in failed.stderr
    assert copy.dev("shell", "true").returncode == 0
    assert copy.noted("--require-hashes") and not copy.noted("-m venv")


def test_a_moved_folder_gets_its_own_environment(copy: Copy, tmp_path: Path) -> None:
    copy.dev("setup")
    stamp = copy.folder / ".venv" / ".ready"
    stamp.write_text("/elsewhere\n" + stamp.read_text().split("\n", 1)[1])
    assert copy.dev("setup").returncode == 0
    assert copy.noted("-m venv")


def test_help_needs_no_environment(copy: Copy) -> None:
    shown = copy.dev("help")
    assert shown.returncode == 0 and "./dev run" in shown.stdout
    assert not (copy.folder / ".venv").exists()


def test_the_lock_pins_everything_by_hash_and_names_no_place(root: Path) -> None:
    lock = (root / "requirements.lock").read_text()
    assert not re.search(r"https?:|file:|index-url|find-links|^-|(^|\s)/", lock, re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    pinned = {entry.split("==")[0] for entry in entries if "--hash=sha256:" in entry}
    assert len(pinned) == len(entries) > 30
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    assert {re.split(r"[=><;\[ ]", requirement)[0] for requirement in wanted} <= pinned
