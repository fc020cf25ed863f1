"""Where compiled kernels are kept: in the user's cache if it can be written, else in a temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from replayer.errors import UsageError
from replayer.machine.kernel_cache import ensure_kernel_cache

VARIABLE = "NUMBA_CACHE_DIR"


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which nothing was chosen, and a temporary folder of the test's own."""
    for name in (VARIABLE, "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize(("variable", "below"), [("XDG_CACHE_HOME", "replayer"), ("HOME", ".cache/replayer")])
def test_the_users_cache_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, below: str) -> None:
    """A folder of its own below the cache, made when it is missing, the same every time."""
    monkeypatch.setenv(variable, str(tmp_path / "user"))
    chosen = ensure_kernel_cache()
    assert Path(chosen).parent == tmp_path / "user" / below
    assert Path(chosen).is_dir()
    monkeypatch.delenv(VARIABLE)
    assert ensure_kernel_cache() == chosen


@pytest.mark.parametrize("home", [None, "", "relative/home", "{file}"])
def test_case_44_without_a_home_a_temporary_folder_stands_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str | None
) -> None:
    """No HOME, an empty or relative one, or one below a file: never the working folder."""
    (tmp_path / "file").touch()
    if home is not None:
        monkeypatch.setenv("HOME", home.format(file=tmp_path / "file"))
    before = set(Path.cwd().iterdir())
    chosen = Path(ensure_kernel_cache())
    assert chosen.parent == tmp_path
    assert chosen.is_dir()
    assert set(Path.cwd().iterdir()) == before


def test_case_44_no_place_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a cache nor a temporary folder: a usage error that names both."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"file/\.cache.*missing"):
        ensure_kernel_cache()


def test_what_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child takes its parent's choice, and a user may make one."""
    monkeypatch.setenv(VARIABLE, "/somewhere/else")
    assert ensure_kernel_cache() == "/somewhere/else"


def test_a_temporary_folder_goes_with_its_process(tmp_path: Path) -> None:
    """Whoever made it removes it at its end."""
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    code = "from replayer.machine.kernel_cache import ensure_kernel_cache; print(ensure_kernel_cache())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
