"""Starting, watching and ending the processes of a run, from the supervisor's side."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from replayer.run.messages import Failed, Finished, FromChild

_POLL_STEP_S = 0.02


@dataclass
class Child:
    """One child process: its control connection, and what the kernel says of it once it has ended."""

    role: str
    index: int
    pid: int
    connection: Connection
    process: subprocess.Popen[bytes]
    last_word: Finished | Failed | None = None
    exit_status: int | None = None
    """None while it runs; as ``subprocess`` counts: negative for a signal."""
    cpu_s: float = 0.0
    peak_rss_bytes: int = 0
    is_at_end: bool = False
    """Its connection has been read to the end."""

    @property
    def name(self) -> str:
        """``reader``, ``worker 0``, ``embedded broker``."""
        return {"reader": "reader", "broker": "embedded broker"}.get(self.role, f"{self.role} {self.index}")

    def send(self, message: Any) -> None:
        """Send a message; a child that is gone is found by ``reap``, not here."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)

    def reap(self) -> bool:
        """Look whether the process has ended, and take its costs from the kernel; true once it has."""
        if self.exit_status is not None:
            return True
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.exit_status = self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.peak_rss_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return True

    def receive(self) -> list[FromChild]:
        """All messages that have come; notes the last word and the end of the connection."""
        received: list[FromChild] = []
        try:
            while self.connection.poll():
                message = self.connection.recv()
                if isinstance(message, Finished | Failed):
                    self.last_word = message
                received.append(message)
        except (EOFError, OSError):
            # OSError is what a connection that ends in the middle of a message gives: the child was killed writing it.
            self.is_at_end = True
        return received


@dataclass
class Family:
    """All children of one supervisor. ``end`` leaves none behind."""

    children: list[Child] = field(default_factory=list)

    def start(self, role: str, index: int, descriptors: Sequence[int] = (), inherited: Sequence[int] = ()) -> Child:
        """Start a child by executing a fresh interpreter: nothing of this process's memory or threads goes with it.

        The child is told its ``descriptors``; ``inherited`` ones are open in it too, under the same numbers.
        """
        ours, theirs = socket.socketpair()
        arguments = [role, str(index), str(os.getpid()), str(theirs.fileno()), *(str(fd) for fd in descriptors)]
        # Blocked here, SIGINT is blocked in the child from its first instruction; one that comes meanwhile is kept for
        # us.
        old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "replayer.run.child", *arguments],
                pass_fds=(theirs.fileno(), *descriptors, *inherited),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)
        theirs.close()
        child = Child(role, index, process.pid, Connection(ours.detach()), process)
        self.children.append(child)
        return child

    def wait(self, timeout_s: float) -> list[tuple[Child, FromChild]]:
        """Messages that come within ``timeout_s``; returns early when there is one or a connection ends."""
        open_children = {child.connection: child for child in self.children if not child.is_at_end}
        if not open_children:
            time.sleep(timeout_s)
            return []
        messages = []
        for connection in wait(list(open_children), timeout_s):
            child = open_children[connection]  # type: ignore[index]
            messages += [(child, message) for message in child.receive()]
        return messages

    def _count_running(self) -> int:
        return sum(not child.reap() for child in self.children)

    def end(self, grace_s: float = 0.0) -> None:
        """End every child that still runs: after ``grace_s`` by SIGTERM, a second later by SIGKILL; reap all."""
        for step_signal, step_s in ((None, grace_s), (signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
            deadline = time.monotonic() + step_s
            for child in self.children:
                if step_signal is not None and not child.reap():
                    os.kill(child.pid, step_signal)
            while self._count_running() and time.monotonic() < deadline:
                time.sleep(_POLL_STEP_S)
        for child in self.children:
            child.connection.close()
