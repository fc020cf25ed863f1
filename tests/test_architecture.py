"""Rules of the code base that are kept by tests: who may import whom, what stays light, how long things get."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from replayer.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "replayer"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ["confluent_kafka", "fastavro", "llvmlite", "numba", "numpy", "polars", "pyarrow", "multiprocessing"]
FILE_LINES = 400
FUNCTION_LINES = 60
# A kernel is one loop that numba compiles as a whole; a table of cases inside it is not shorter in pieces.
LONG_ON_PURPOSE = "kernels.py"


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running ``code``, and whose tail it prints last."""
    program = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    # Without the parent's coverage and test plug-ins, which load modules of their own.
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


def heavy_among(modules: set[str]) -> list[str]:
    return [name for name in HEAVY if name in modules]


def test_import_contracts() -> None:
    """The layers of ARCHITECTURE.md hold."""
    command = shutil.which("lint-imports", path=os.path.dirname(sys.executable))
    assert command is not None, "import-linter is a development dependency"
    done = subprocess.run([command, "--no-logo", "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=relative)
def test_init_holds_its_docstring_only(path: Path) -> None:
    """Importing a package imports nothing; the top package also has its version."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    rest = [ast.unparse(node).split(" = ")[0] for node in tree.body[1:]]
    assert rest == (["__version__"] if path.parent == PACKAGE else [])


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_files_stay_readable(path: Path) -> None:
    """Files have fewer than 400 lines, functions fewer than 60; a longer function says why on its noqa."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) < FILE_LINES
    if path.name.endswith(LONG_ON_PURPOSE):
        return
    too_long = [
        f"{node.name}: {length} lines"
        for node in _functions(ast.parse(text))
        if (length := (node.end_lineno or 0) - node.lineno + 1) >= FUNCTION_LINES
        and "noqa: PLR0915" not in lines[node.lineno - 1]
    ]
    assert too_long == []


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_module_says_what_it_is(path: Path) -> None:
    """A module begins with a docstring whose first line is one statement."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert docstring.splitlines()[0].strip()


def test_no_module_is_a_drawer() -> None:
    """Names that could hold anything hold everything in the end."""
    drawers = {"utils", "util", "common", "core", "helpers", "helper", "types", "misc", "base"}
    assert [relative(path) for path in MODULES if path.stem in drawers or path.parent.name in drawers] == []


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        *([name, "--help"] for name in COMMANDS),
        ["run", "missing.csv", "--rate", "1x"],
    ],
    ids=" ".join,
)
def test_the_command_line_stays_light(words: list[str]) -> None:
    """Help, the version and a mistyped command load none of the heavy packages."""
    code = f"from replayer.cli.entry import main\nmain({words!r})"
    assert heavy_among(loaded_by(code)) == []


def test_version_does_not_import_click() -> None:
    """``--version`` is answered before click, which costs more than all the rest."""
    assert "click" not in loaded_by("from replayer.cli.entry import main\nmain(['--version'])")


def test_a_spawned_child_imports_no_command_line() -> None:
    """A spawned child imports the module of the console script again; that stays free of click."""
    assert "click" not in loaded_by("import replayer.cli.entry")


def test_a_worker_loads_neither_pyarrow_nor_polars() -> None:
    """A worker moves bytes: it needs librdkafka and the kernels, and nothing that reads or shapes data."""
    modules = loaded_by("import replayer.run.worker")
    assert "numba" in modules
    assert [name for name in ("pyarrow", "polars", "fastavro", "click", "replayer.config") if name in modules] == []


def test_version_is_answered_within_150_ms() -> None:
    """The best of five starts counts: a busy machine can only make them slower."""
    program = [sys.executable, "-c", "from replayer.cli.entry import main; main(['--version'])"]
    spans_s = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(program, check=True, capture_output=True, cwd=ROOT)
        spans_s.append(time.perf_counter() - started)
    assert min(spans_s) < 0.150


def test_the_lock_holds_every_dependency_and_names_no_host() -> None:
    """scripts/lock was run after the last change of a dependency, and what it wrote works with any package index."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8").lower()
    locked = set(re.findall(r"^([a-z0-9.-]+)==", lock, re.MULTILINE))
    names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-") for requirement in asked}
    assert names <= locked
    assert "://" not in lock
    assert not re.search(r"^-", lock, re.MULTILINE), "an option such as --index-url"
