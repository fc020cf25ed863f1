"""Properties of the Kafka client: from a Java-style file, with our own defaults, and without secrets when shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from replayer.errors import UsageError
from replayer.kafka.java_names import CONSUMER_NOTE, IGNORED, REFUSED, Translation, translate
from replayer.kafka.options import KafkaOptions
from replayer.kafka.properties_file import decode_properties, parse_properties
from replayer.kafka.property_names import CONSUMER, KNOWN

REDACTED = "********"
_SECRET = re.compile(
    r"password|secret|passphrase|jaas|key\.pem|keystore\.key|oauthbearer\.(config|extensions)|token(?!.*url)|credential",
    re.IGNORECASE,
)

_DEFAULTS = {"allow.auto.create.topics": "false", "client.id": "replayer"}
_FORBIDDEN = {
    "allow.auto.create.topics": "topics are created explicitly only: use --create-topic partitions=N",
    "transactional.id": "a run is no transaction: leave it out",
    "delivery.report.only.error": "every record is followed to its delivery report: leave it out",
    "test.mock.num.brokers": "without -b a run starts the embedded broker: leave both out",
}
_FALSE = ("false", "0", "f", "no", "off")  # values that change nothing are let through


@dataclass(frozen=True)
class PropertiesFile:
    """What a file says in librdkafka's words, and notes on what was left out of it."""

    properties: dict[str, str]
    notes: tuple[str, ...]


def load_properties_file(path: str | Path) -> dict[str, str]:
    """The properties of a Java-style file under librdkafka's names; ``bootstrap.servers`` is among them if it is there.

    Raises UsageError naming every line that cannot be used.
    """
    return read_properties_file(path).properties


def read_properties_file(path: str | Path) -> PropertiesFile:
    """As ``load_properties_file``, with the notes on what Java needs and this client does not."""
    try:
        text = decode_properties(Path(path).read_bytes())
    except OSError as error:
        hint = "give -F the path of a file with lines key=value"
        raise UsageError(f"{path}: {error.strerror or error}", hint) from error
    given: dict[str, str] = {}
    lines: dict[str, int] = {}
    faults: list[str] = []
    notes: list[str] = []
    for line in parse_properties(text):
        lines[line.key] = line.number
        if line.value.startswith("${"):
            faults.append(f"line {line.number}: {line.key} refers to a Java configuration provider: write its value")
        else:
            given[line.key] = line.value
    translation = translate(given)
    _sort_out(translation, lines, faults, notes)
    if faults:
        raise UsageError(f"{path}: " + "; ".join(faults), "correct the file, or give what is right with -X key=value")
    return PropertiesFile(translation.properties, tuple(f"{path}: {note}" for note in notes))


def _sort_out(translation: Translation, lines: Mapping[str, int], faults: list[str], notes: list[str]) -> None:
    """Move what is not for this client from the properties to the notes, and what nobody knows to the faults."""
    faults.extend(f"line {lines[key]}: {fault}" for key, fault in translation.faults)
    notes.extend(f"line {lines[key]}: {note}" for key, note in translation.notes)
    for key in list(translation.properties):
        where = f"line {lines.get(key, 0)}: {key}"
        if key in IGNORED or key in CONSUMER:
            del translation.properties[key]
            notes.append(f"{where} is ignored: {IGNORED.get(key, CONSUMER_NOTE)}")
        elif key in REFUSED:
            faults.append(f"{where} cannot be used: {REFUSED[key]}")
        elif key not in KNOWN:
            faults.append(f"{where} is unknown{_did_you_mean(key)}")


def _did_you_mean(key: str) -> str:
    close = difflib.get_close_matches(key, sorted(KNOWN | IGNORED.keys()), n=1, cutoff=0.75)
    return f", did you mean {close[0]}?" if close else " to Java's clients and to librdkafka"


def client_properties(options: KafkaOptions) -> dict[str, str]:
    """The librdkafka properties of every client of a run: the address, our defaults, then what the user set.

    Raises UsageError for a property that would break a promise of the run.
    """
    given = dict(options.properties)
    for name, hint in _FORBIDDEN.items():
        if name in given and given[name].lower() not in _FALSE:
            raise UsageError(f"{name}={given[name]} cannot be used", hint)
    return {"bootstrap.servers": options.bootstrap, **_DEFAULTS, **given}


def unknown_property(message: str) -> UsageError:
    """The error for a property that librdkafka refused with ``message``, naming a near one."""
    match = re.search(r'No such configuration property: "([^"]*)"', message)
    hint = "check the properties given with -X and -F"
    if match is not None:
        close = difflib.get_close_matches(match.group(1), sorted(KNOWN), n=1, cutoff=0.75)
        hint = f"did you mean {close[0]}?" if close else hint
        message = f"{match.group(1)} is no property of the Kafka client"
    return UsageError(message, hint)


def redacted(properties: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """The same properties with every value that may be a secret replaced by stars, for reports and logs."""
    pairs = properties.items() if isinstance(properties, Mapping) else properties
    return {key: REDACTED if _SECRET.search(key) else value for key, value in pairs}
