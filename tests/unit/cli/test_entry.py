"""Errors become two lines and an exit code; --version answers at once."""

from __future__ import annotations

import pytest

from replayer import __version__
from replayer.config import RunConfig
from replayer.errors import BrokerError, DatasetError, DeliveryError, RegistryError, ReplayerError
from replayer.report.model import RunReport
from replayer.run.observer import Observer
from tests.unit.cli.fakes import CommandLine


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> str:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text("id\n1\n")
    return "orders.csv"


def raising(error: BaseException) -> CommandLine:
    def run(config: RunConfig, observer: Observer) -> RunReport:
        raise error

    return CommandLine(run)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version is the name and the number."""
    assert CommandLine()("--version") == 0
    assert capsys.readouterr().out == f"replayer {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatasetError("m", "h"), 2),
        (BrokerError("m", "h"), 4),
        (RegistryError("m", "h"), 4),
        (DeliveryError("m", "h"), 6),
        (ReplayerError("m", "h"), 1),
    ],
)
def test_an_error_is_two_lines_and_a_code(dataset: str, error: Exception, code: int) -> None:
    """Message and hint, no traceback, and stdout stays empty."""
    command = raising(error)
    assert command("run", dataset) == code
    assert command.stderr.getvalue() == "error: m\nhint: h\n"
    assert command.stdout.getvalue() == b""


def test_a_hint_is_not_invented(dataset: str) -> None:
    """An error without a hint is one line."""
    command = raising(BrokerError("127.0.0.1:1 refused the connection"))
    assert command("run", dataset) == 4
    assert command.stderr.getvalue() == "error: 127.0.0.1:1 refused the connection\n"


def test_debug_shows_the_traceback(dataset: str) -> None:
    """--debug shows where an error comes from, and then the error as always."""
    command = raising(BrokerError("m", "h"))
    assert command("run", dataset, "--debug") == 4
    text = command.stderr.getvalue()
    assert text.startswith("Traceback")
    assert text.endswith("error: m\nhint: h\n")


def test_an_unexpected_error_is_said_to_be_ours(dataset: str) -> None:
    """Exit 1, the exception's name and what to do; no traceback unasked."""
    command = raising(ZeroDivisionError("division by zero"))
    assert command("run", dataset) == 1
    text = command.stderr.getvalue()
    assert text.startswith("error: unexpected ZeroDivisionError: division by zero\nhint: ")
    assert "Traceback" not in text


def test_an_interrupt_before_the_run_is_130(dataset: str) -> None:
    """Ctrl-C while the run is being prepared ends with 130 and one line."""
    command = raising(KeyboardInterrupt())
    assert command("run", dataset) == 130
    assert command.stderr.getvalue() == "error: interrupted\n"


def test_case_39_an_errors_text_cannot_reach_the_terminal(dataset: str) -> None:
    """What a broker or a file says is shown without its control characters and line breaks."""
    command = raising(BrokerError("\x1b[2Ja\nerror: b", "\x07c"))
    command("run", dataset)
    assert command.stderr.getvalue() == "error: \\x1b[2Ja\\nerror: b\nhint: \\x07c\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("rnu",), "error: there is no command 'rnu'\nhint: did you mean run?\n"),
        (("xyz",), "error: there is no command 'xyz'\nhint: replayer --help lists what there is\n"),
        (("run", "x", "--rats", "5"), "error: no such option '--rats'\nhint: did you mean --rate?\n"),
        (("run", "--rate"), "error: option '--rate' requires an argument\n"),
        (("run", "x", "--output", "xml"), "error: invalid value for '--output': 'xml' is not one of 'text', 'json'\n"),
        (("run", "x", "--loop=5"), "error: option '--loop' does not take a value\n"),
        (("broker", "--partitions", "0"), "error: '0' is not a partition count\n"),
        (("broker", "--topic", "a b"), "error: 'a b' is not a topic's name\n"),
    ],
)
def test_usage_errors_are_exit_2_and_name_the_nearest_word(words: tuple[str, ...], text: str) -> None:
    """Typing errors say what was meant where that can be guessed."""
    command = CommandLine()
    assert command(*words) == 2
    assert command.stderr.getvalue().startswith(text)
    assert command.configs == []


def test_all_faults_of_a_command_are_shown(dataset: str) -> None:
    """One look shows everything that is wrong."""
    command = CommandLine(environment={"REPLAYER_WORKERS": "many"})
    assert command("run", "missing.csv", "--rate", "10x", "-X", "linger.ms") == 2
    assert command.stderr.getvalue() == (
        "error: 4 things are wrong\n"
        "  REPLAYER_WORKERS: 'many' is not a number of workers\n"
        "    give a whole number from 1 to 256\n"
        "  --rate: '10x' is not a rate: unit 'x' is unknown\n"
        "    write it like 100k, 1.5M/s, 0.5 or max\n"
        "  missing.csv does not exist\n"
        "    give a file, a folder or a pattern like 'data/*.parquet'\n"
        "  -X: 'linger.ms' is not key=value\n"
        "    write it like -X linger.ms=20\n"
    )
