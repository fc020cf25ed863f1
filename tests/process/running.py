"""A run of the command line in a process of its own, with its progress, its children, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from replayer.report.json import from_json
from replayer.report.model import RunReport
from tests.waiting import wait_for

PROGRAM = [sys.executable, "-c", "import sys; from replayer.cli.entry import main; sys.exit(main())"]
_DROP_OVERRIDES = """
import ctypes, os, sys
# PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH; for other users it fails and changes nothing.
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_AS_MORTAL = [sys.executable, "-c", _DROP_OVERRIDES]
SERVICES = ("REPLAYER_", "KAFKA_", "SCHEMA_REGISTRY_")
"""Services of the test run must not become the defaults of the commands under test."""
Event = dict[str, Any]


def environment_without_services() -> dict[str, str]:
    """This process's environment without what would change a run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SERVICES)}


@dataclass(frozen=True)
class Process:
    """A process by its id and the moment of its start, so that a reused id is no mistake."""

    pid: int
    start: str
    command: tuple[str, ...]

    @staticmethod
    def of(pid: int) -> Process | None:
        """What runs under this id now; None for nothing and for a zombie."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return None
        return None if stat[0] in "ZX" else Process(pid, stat[19], tuple(command))

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        now = Process.of(self.pid)
        return now is not None and now.start == self.start

    @property
    def rss_bytes(self) -> int:
        """Its memory now, without what it shares with the others of the run."""
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return int(fields["RssAnon"].split()[0]) << 10


def children_of(pid: int) -> list[Process]:
    """The living children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            process = Process.of(int(entry.name)) if parent == str(pid) else None
            if process is not None:
                found.append(process)
    return found


@dataclass
class Running:
    """One run; ``with`` it, and nothing of it survives the test."""

    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=environment_without_services)
    cwd: Path | None = None
    is_mortal: bool = False
    """Take away what lets root write where nobody may."""
    events: list[Event] = field(default_factory=list)
    stderr: str = ""
    seen: set[Process] = field(default_factory=set)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [
                *(_AS_MORTAL if self.is_mortal else []),
                *PROGRAM,
                "run",
                *self.words,
                "--progress",
                "json",
                "--output",
                "json",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self.environment),
            cwd=self.cwd,
            # A group of its own: a signal can go to all of it, as a terminal's Ctrl-C does.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read_events, daemon=True)
        self._reader.start()
        return self

    def _read_events(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            text = line.decode()
            self.stderr += text
            if text.startswith("{"):
                self.events.append(json.loads(text) | {"at_s": time.monotonic()})

    def of_type(self, kind: str) -> list[Event]:
        """All events of one type so far."""
        return [event for event in list(self.events) if event["type"] == kind]

    @property
    def snapshots(self) -> list[Event]:
        """The snapshots so far."""
        return self.of_type("progress")

    def wait_for_snapshot(
        self, condition: Callable[[Event], bool], what: str, timeout_s: float = 30.0, first: int = 0
    ) -> Event:
        """The first snapshot from number ``first`` on that fulfils ``condition``."""

        def find() -> Event | None:
            assert self.process.poll() is None or self._reader.is_alive() or self.snapshots, self.stderr
            return next((event for event in self.snapshots[first:] if condition(event)), None)

        found = wait_for(find, what, timeout_s)
        assert found is not None
        return found

    def wait_until_delivering(self, count: int = 1) -> Event:
        """Until so many records are delivered and the run goes on; also notes which processes there are."""
        found = self.wait_for_snapshot(lambda event: event["delivered"] >= count, f"{count} delivered records")
        self.seen |= set(self.children())
        return found

    def children(self) -> list[Process]:
        """The children that run now."""
        return children_of(self.process.pid)

    def child(self, role: str, index: int = 0) -> Process:
        """One child by its role."""
        for process in self.children():
            if process.command[-7:] and _role_of(process) == (role, str(index)):
                return process
        raise AssertionError(f"there is no {role} {index}: {self.children()}")

    def kill(self, process: Process, number: int = signal.SIGKILL) -> float:
        """Send a signal to one process; returns when."""
        at_s = time.monotonic()
        os.kill(process.pid, number)
        return at_s

    def kill_supervisor(self, number: int) -> float:
        """Send a signal to the supervisor only; returns when."""
        at_s = time.monotonic()
        os.kill(self.process.pid, number)
        return at_s

    def interrupt(self, number: int = signal.SIGINT) -> float:
        """Send a signal to the whole group, as a terminal does with Ctrl-C; returns when."""
        at_s = time.monotonic()
        os.killpg(self.process.pid, number)
        return at_s

    def finish(self, timeout_s: float = 60.0) -> tuple[int, RunReport]:
        """Wait for the end; the exit code and the report. Nothing of the run may be left."""
        assert self.process.stdout is not None
        output: list[bytes] = []
        stdout = self.process.stdout
        drain = threading.Thread(target=lambda: output.append(stdout.read()), daemon=True)
        drain.start()
        code = self.process.wait(timeout_s)
        drain.join(5)
        self._reader.join(5)
        self.assert_nothing_left()
        assert output, "a child holds the run's stdout"
        assert output[0], f"exit {code} without a report: {self.stderr}"
        report = from_json(output[0].decode())
        assert report.exit_code == code
        return code, report

    def assert_nothing_left(self) -> None:
        """No process of the run's session lives, and none of those that were seen."""
        assert not [process for process in self.seen if process.is_alive]
        assert not self.session()

    def session(self) -> list[Process]:
        """The processes of the run's session, whoever their parent is by now."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    session = (entry / "stat").read_text().rpartition(")")[2].split()[3]
                except OSError:
                    continue
                process = Process.of(int(entry.name)) if session == str(self.process.pid) else None
                if process is not None:
                    found.append(process)
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.session():
            os.kill(process.pid, signal.SIGKILL)
        self.process.wait(10)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


def _role_of(process: Process) -> tuple[str, str] | None:
    words = process.command
    if "replayer.run.child" not in words:
        return None
    position = words.index("replayer.run.child")
    return words[position + 1], words[position + 2]


def shared_memory_names() -> set[str]:
    """What lies in /dev/shm."""
    folder = Path("/dev/shm")
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
