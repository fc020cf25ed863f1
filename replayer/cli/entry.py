"""The first line of the command line: answers ``--version``, and turns every error into two lines and an exit code.

Nothing heavy is imported here. click alone takes a third of the time that ``--version`` may take, and a spawned child
imports this module again.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from replayer import __version__
from replayer.errors import EXIT_INTERRUPTED, ReplayerError

if TYPE_CHECKING:
    import click

    from replayer.cli.wiring import Wiring


def main(arguments: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Run one command and return its exit code; the codes are in ``replayer.errors``."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words == ["--version"]:
        print(f"replayer {__version__}")
        return 0
    if wiring is None:
        from replayer.cli.wiring import Wiring

        # A path or a broker's words may hold what the terminal's encoding cannot show.
        if isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr.reconfigure(errors="backslashreplace")
        wiring = Wiring()
    try:
        return _run_command(words, wiring)
    except ReplayerError as error:
        if "--debug" in words:
            _show_traceback(wiring.stderr)
        # Only a configuration's faults have lines of their own; a line break in any other message came from data.
        show_error(wiring.stderr, *getattr(error, "lines", (error.message,)), hint=error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        show_error(wiring.stderr, "interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; a second failure while the interpreter flushes must not be shown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:  # noqa: BLE001 (a user never sees a traceback unasked)
        if "--debug" in words:
            _show_traceback(wiring.stderr)
        show_error(
            wiring.stderr,
            f"unexpected {type(error).__name__}: {error}",
            hint="this is a fault of replayer; run it again with --debug and report what it prints",
        )
        return 1


def show_error(stream: TextIO, *lines: str, hint: str = "") -> None:
    """``error: …`` and ``hint: …``, without control characters."""
    from replayer.report.escape import printable

    print("error: " + "\n".join(map(printable, lines)), file=stream)
    if hint:
        print(f"hint: {printable(hint)}", file=stream)


def _show_traceback(stream: TextIO) -> None:
    import traceback

    traceback.print_exc(file=stream)


def _run_command(words: Sequence[str], wiring: Wiring) -> int:
    import click

    from replayer.cli.commands import replayer

    try:
        result = replayer.main(list(words), prog_name="replayer", standalone_mode=False, obj=wiring)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=wiring.stderr)
        return error.exit_code
    except click.ClickException as error:
        message, hint = _words_of(error)
        show_error(wiring.stderr, message, hint=hint)
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return int(result or 0)


def _words_of(error: click.ClickException) -> tuple[str, str]:
    """Message and hint of an error of click: what is wrong without its full stop, and the nearest right word."""
    import click

    message = error.message
    if isinstance(error, click.BadParameter):
        message = error.format_message()  # the only text that names the option
    message = message.rstrip(".")
    message = message[:1].lower() + message[1:]
    close = getattr(error, "possibilities", None)
    if close:
        return message, f"did you mean {close[0]}?"
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "replayer"
    return message, f"{command} --help lists what there is"
