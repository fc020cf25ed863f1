"""The environment of a run: variables that are set, and below them those of an env file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from replayer.errors import UsageError

ENV_FILE = ".env"
CLIENT_VARIABLES = {
    "KAFKA_SECURITY_PROTOCOL": "security.protocol",
    "KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "KAFKA_SASL_USERNAME": "sasl.username",
    "KAFKA_SASL_PASSWORD": "sasl.password",
    "KAFKA_COMPRESSION_TYPE": "compression.type",
    "KAFKA_BATCH_SIZE": "batch.size",
}
"""Variables of the Kafka client, and the librdkafka properties that they set."""

_PREFIXES = ("REPLAYER_", "KAFKA_", "SCHEMA_REGISTRY_")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*\Z")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Surroundings:
    """Variables by name, and of those that an env file set, where."""

    variables: Mapping[str, str]
    lines: Mapping[str, str] = field(default_factory=dict)
    """``.env line 3`` by variable."""

    def where(self, variable: str) -> str:
        """How a variable is named to people: alone, or with the line of its file."""
        line = self.lines.get(variable)
        return variable if line is None else f"{variable} ({line})"


def look_around(environment: Mapping[str, str], env_file: str | None, folder: Path) -> Surroundings:
    """The environment over ``env_file``, or over a ``.env`` of the folder where none is named.

    Only variables of ours, of Kafka and of the registry are taken from a file. Raises UsageError for a file that cannot
    be read and for a line that is no assignment.
    """
    path = Path(env_file) if env_file is not None else folder / ENV_FILE
    if env_file is None and not path.is_file():
        return Surroundings(environment)
    shown = env_file if env_file is not None else ENV_FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{shown} cannot be read: {reason}", "give --env-file a file of lines NAME=value") from error
    variables, lines = dict(environment), {}
    for number, name, value in _assignments(text, shown):
        # An empty variable counts as not set, in the environment and in the file.
        if name.startswith(_PREFIXES) and value and (not environment.get(name)):
            variables[name], lines[name] = value, f"{shown} line {number}"
    return Surroundings(variables, lines)


def _assignments(text: str, shown: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise UsageError(f"{shown} line {number} is no assignment", "write it like KAFKA_TOPIC=orders")
        try:
            yield number, match.group(1), _value(match.group(2))
        except ValueError as error:
            raise UsageError(f"{shown} line {number}: {error}", 'write it like NAME="a value"') from error


def _value(text: str) -> str:
    r"""What an assignment means: single quotes keep all, double ones know ``\n``; a bare value ends at `` #``."""
    quote = text[:1]
    if quote not in ("'", '"'):
        return re.split(r"\s+#", text, maxsplit=1)[0].strip() if not text.startswith("#") else ""
    value, place = "", 1
    while place < len(text) and text[place] != quote:
        if text[place] == "\\" and quote == '"' and place + 1 < len(text):
            place += 1
            value += _ESCAPES.get(text[place], text[place])
        else:
            value += text[place]
        place += 1
    rest = text[place + 1 :].strip()
    if place >= len(text) or (rest and not rest.startswith("#")):
        raise ValueError("the quote is not closed at the end of the value")
    return value
