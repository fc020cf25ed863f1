"""Where every child process begins: ``python -m replayer.run.child ROLE …``, started by ``run.processes``.

A child dies with its parent, whatever happens to that one: the kernel sends it SIGKILL (``PR_SET_PDEATHSIG``). SIGINT
is blocked in it from before its start, because a Ctrl-C reaches the whole foreground group and only the supervisor
decides what it means.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
import traceback
from multiprocessing.connection import Connection

from replayer.errors import ReplayerError

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_PR_SET_NAME = 15
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTR_BYTES = 48
_SLICE_NS = 100_000


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to end this process when the parent ends; end at once if it has ended already."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def wake_on_time(name: str) -> None:
    """Let sleeps end as late as the hardware needs and not 50 µs later, and name the process for ``top``."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
        libc.prctl(_PR_SET_NAME, f"replayer-{name}".encode()[:15], 0, 0, 0)


def ask_short_slice() -> None:
    """Ask the scheduler for slices of 0.1 ms: a process that runs briefly and often is then let in at once.

    ``sched_setattr(2)`` takes a slice for ordinary processes since Linux 6.12; older kernels ignore it, and a refusal
    changes nothing.
    """
    number = _SCHED_SETATTR.get(os.uname().machine) if sys.platform.startswith("linux") else None
    if number is not None:
        attributes = struct.pack("<IIQiIQQQ", _SCHED_ATTR_BYTES, 0, 0, os.nice(0), 0, _SLICE_NS, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, attributes, 0)


def _serve(role: str, index: int, connection: Connection, descriptors: list[int]) -> None:
    # Each role imports only what it needs: a worker loads no pyarrow, and the broker loads no numba.
    if role == "reader":
        from replayer.run.reader import serve_reader

        serve_reader(connection, descriptors)
    elif role == "worker":
        from replayer.run.worker import serve_worker

        ask_short_slice()
        serve_worker(connection, index, descriptors)
    else:
        from replayer.run.broker import serve_child_broker

        serve_child_broker(connection)


def _last_word(error: BaseException) -> tuple[str, str, str, int]:
    if isinstance(error, ReplayerError):
        return type(error).__name__, error.message, error.hint, error.exit_code
    return type(error).__name__, f"{type(error).__name__}: {error}", "run again with --debug and report this", 1


def main(arguments: list[str]) -> int:
    """Run one role. ``arguments``: role, index, the parent's process id, the control socket's descriptor, others."""
    role, index, parent_pid, control, *descriptors = arguments
    die_with_parent(int(parent_pid))
    wake_on_time(role + index)
    connection = Connection(int(control))
    from replayer.run.messages import Failed, Finished

    try:
        _serve(role, int(index), connection, [int(descriptor) for descriptor in descriptors])
        connection.send(Finished())
    except BrokenPipeError:
        return 1  # the supervisor is gone
    except BaseException as error:  # noqa: BLE001 (whatever it was, the supervisor must be told)
        name, message, hint, exit_code = _last_word(error)
        connection.send(Failed(name, message, hint, exit_code, traceback.format_exc()))
        return exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
