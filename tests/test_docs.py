"""The documents tell the truth about the command line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from replayer import __version__
from replayer.cli.commands import COMMANDS, replayer
from replayer.cli.run import run
from replayer.config import OPTIONS
from replayer.errors import ReplayerError

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def top() -> click.Context:
    return click.Context(replayer, **replayer.context_settings)


def commands() -> Iterator[tuple[str, click.Command]]:
    context = top()
    for name in COMMANDS:
        command = replayer.get_command(context, name)
        assert command is not None
        yield name, command


def flags() -> list[tuple[str, str]]:
    return [
        (name, flag)
        for name, command in commands()
        for parameter in command.get_params(click.Context(command, parent=top()))
        if isinstance(parameter, click.Option)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """Each command has a section of its own."""
    assert re.search(rf"^#+ .*`replayer {name}\b", TEXT, re.MULTILINE)


@pytest.mark.parametrize(("name", "flag"), flags())
def test_every_flag_is_documented(name: str, flag: str) -> None:
    """Each flag stands in the table of its command's section."""
    if name == "plan" and flag in {other for command, other in flags() if command == "run"} - {"--output"}:
        name = "run"  # the options of run, as the section of plan says
    section = re.split(rf"^## `replayer {name}\b", TEXT, maxsplit=1, flags=re.MULTILINE)[1].split("\n## ")[0]
    assert re.search(rf"^\|.*`{re.escape(flag)}[ `]", section, re.MULTILINE)


def test_no_flag_is_invented() -> None:
    """What the documents call a flag of replayer is one."""
    known = {flag for _, flag in flags()} | {"--version"}
    section = TEXT[TEXT.index("## `replayer run") :]
    assert set(re.findall(r"`(--?[A-Za-z][a-z-]*)", section)) <= known


def test_every_key_is_documented() -> None:
    """The table of keys of the project file has each option with its flag, and no other."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.\[\]]+)` \| `(--[a-z-]+)` \|$", text, re.MULTILINE)
    assert {(key.replace("[]", ""), flag) for key, flag in rows} == {(option.key, option.flag) for option in OPTIONS}


def test_the_options_of_run_are_the_options_of_the_configuration() -> None:
    """Each option that says what a run does has one flag and one key; the others only say how it is shown."""
    shown_only = {"overrides", "env_file", "output", "progress", "quiet", "verbose", "debug", "help"}
    other_spellings = {"json_lines", "json_array"}
    options = {parameter.name for parameter in run.params if isinstance(parameter, click.Option)}
    typed = options - shown_only - other_spellings
    assert typed == {option.name for option in OPTIONS}


def test_every_exit_code_is_documented() -> None:
    """The table of exit codes has each code of the error tree."""
    codes, classes = set(), [ReplayerError]
    while classes:
        error = classes.pop()
        codes.add(error.exit_code)
        classes += error.__subclasses__()
    table = TEXT.split("### Exit codes")[1].split("\n## ")[0]
    documented = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert documented == codes | {0, 130, 143}


FENCED = re.compile(r"^```(sh|bash|console|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXECUTED = ["configuration.md", "rejects.md", "schemas.md"]
"""Pages whose shell blocks are run from top to bottom, in a folder that holds testdata; a ``yaml`` block is written to
``replayer.yaml`` first."""


def exits(block: str) -> Iterator[tuple[str, int]]:
    """The commands of a shell block with the exit code that a comment ``# exit 5`` promises, here-documents whole."""
    lines = iter(block.replace("\\\n", " ").splitlines())
    for line in lines:
        command = line
        if "<<'END'" in line:
            command += "\n" + "\n".join([*iter(lambda: next(lines), "END"), "END"])
        code = re.search(r"# exit (\d+)", line)
        if line.strip() and not line.startswith("#"):
            yield command, int(code.group(1)) if code else 0


@pytest.mark.process
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", EXECUTED)
def test_the_commands_of_a_page_work(page: str, tmp_path: Path) -> None:
    """Every command of the page, one after the other, ends as the page says."""
    for name in ("orders.csv", "orders_bad.csv", "orders.parquet", "orders.ndjson", "orders_bad.ndjson"):
        shutil.copy(ROOT / "testdata" / name, tmp_path)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, start in (("replayer", f'"{sys.executable}" -m replayer'), ("python", f'"{sys.executable}"')):
        (commands / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        (commands / name).chmod(0o755)
    left_out = ("REPLAYER_", "KAFKA_", "SCHEMA_REGISTRY_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    environment |= {"PATH": f"{commands}:{environment['PATH']}", "PYTHONPATH": str(ROOT)}
    for kind, block in FENCED.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if kind == "yaml":
            (tmp_path / "replayer.yaml").write_text(block)
            continue
        for command, code in exits(block):
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == code, f"{command}\n{done.stderr}"


def blocks() -> list[str]:
    """The lines of fenced shell blocks that call something of ours, continued lines joined."""
    found = []
    for kind, block in FENCED.findall(TEXT):
        if kind == "yaml":
            continue
        for line in block.replace("\\\n", " ").splitlines():
            line = line.removeprefix("$ ").split("  #")[0].strip()  # noqa: PLW2901 (the same line, cleaned)
            found += [part.strip() for part in re.split(r"&&|\|", line) if part.strip()]
    return found


@pytest.mark.parametrize("line", [line for line in blocks() if line.startswith("replayer ")])
def test_commands_in_the_documents_parse(line: str) -> None:
    """A command that a reader copies is understood: its command exists and its options are spelt right."""
    words = shlex.split(line)[1:]
    if words == ["--version"]:
        return
    name, command, rest = replayer.resolve_command(top(), words)
    assert command is not None
    command.make_context(name, list(rest), resilient_parsing=False, obj=None)


@pytest.mark.parametrize("line", [line for line in blocks() if re.match(r"(bash )?(\./)?(scripts|\.ci)/", line)])
def test_scripts_in_the_documents_exist(line: str) -> None:
    """A script that a reader is told to run is there and can be run."""
    path = ROOT / next(word for word in shlex.split(line) if "/" in word)
    assert path.is_file()
    assert path.stat().st_mode & 0o111


def test_links_lead_somewhere() -> None:
    """Relative links of all documents point at files of the repository."""
    for path in [*DOCUMENTS, ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_changelog_knows_the_version() -> None:
    """A released version has an entry; before that there is one for what is to come."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{__version__}]" in text or "## [Unreleased]" in text
