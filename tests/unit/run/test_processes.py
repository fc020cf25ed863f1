"""Children from the supervisor's side: a child may end at any byte of a message."""

from __future__ import annotations

import io
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

import pytest

from replayer.run.messages import Failed, Finished, Warned
from replayer.run.processes import Child
from replayer.run.watching import error_of


def packed(message: object) -> bytes:
    """A message as it lies in the socket: four bytes of length, then the pickle."""
    buffer = io.BytesIO()
    ForkingPickler(buffer, pickle.HIGHEST_PROTOCOL).dump(message)
    return len(buffer.getvalue()).to_bytes(4, "big") + buffer.getvalue()


@pytest.fixture
def child() -> Iterator[tuple[Child, socket.socket]]:
    """A child whose end of the connection is the test's, and whose process ends when its stdin does."""
    ours, theirs = socket.socketpair()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield Child("worker", 3, process.pid, Connection(ours.detach()), process), theirs
        process.kill()
    theirs.close()


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, 60, len(packed(Warned("x" * 20))) - 1])
def test_a_child_killed_in_the_middle_of_a_message(child: tuple[Child, socket.socket], cut: int) -> None:
    """Whole messages count, the cut one does not, and the end of the connection is noticed: no error, no waiting."""
    subject, theirs = child
    theirs.sendall(packed(Warned("whole")) + packed(Warned("x" * 20))[:cut])
    theirs.close()
    assert subject.receive() == [Warned("whole")]
    assert subject.is_at_end
    assert subject.last_word is None


@pytest.mark.parametrize("word", [Finished(), Failed("DatasetError", "m", "h", 2, "t")])
def test_the_last_word_is_noted(child: tuple[Child, socket.socket], word: Finished | Failed) -> None:
    """Who said that it has finished, or why it could not, did not die without a word."""
    subject, theirs = child
    theirs.sendall(packed(word))
    theirs.close()
    assert subject.receive() == [word]
    assert subject.last_word == word


def test_a_killed_process_is_reaped_with_its_signal(child: tuple[Child, socket.socket]) -> None:
    """The kernel's word on how it ended becomes the error's text; its costs are taken with it."""
    subject, _ = child
    assert not subject.reap()
    subject.process.send_signal(signal.SIGKILL)
    while not subject.reap():
        pass
    assert subject.exit_status == -signal.SIGKILL
    assert subject.peak_rss_bytes > 1 << 20
    error = error_of(subject, None)
    assert (error.exit_code, error.message) == (6, f"the worker 3 process (pid {subject.pid}) ended by SIGKILL")


def test_a_message_to_a_child_that_is_gone_is_no_error(child: tuple[Child, socket.socket]) -> None:
    """Its end is found by reaping it, not by whoever happened to write to it."""
    subject, theirs = child
    theirs.close()
    subject.send(Finished())
    subject.send(Finished())


def test_an_error_of_a_child_becomes_one_of_the_tree() -> None:
    """Name, text and hint come across as strings, and an unknown name as the base error."""
    subject = Child("reader", 0, 1, Connection.__new__(Connection), None)  # type: ignore[arg-type]
    error = error_of(subject, Failed("DatasetError", "bad footer", "check it", 2, "Traceback …"))
    assert (type(error).__name__, error.message, error.hint, error.exit_code) == (
        "DatasetError",
        "bad footer",
        "check it",
        2,
    )
    assert "in the reader process" in str(error.__cause__)
    assert error_of(subject, Failed("ZeroDivisionError", "m", "h", 1, "t")).exit_code == 1
