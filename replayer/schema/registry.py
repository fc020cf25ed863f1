"""Where a schema gets its id: a schema registry that speaks Confluent's API, or a table in this process.

Subjects are named by the topic-name strategy, ``<topic>-value``, said here by name: the default of Confluent's client
asks the registry first and may come to another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from replayer.errors import RegistryError, UsageError

_BUDGET_S = 7.5
"""For all attempts at all addresses together; with the waits between, a run that cannot start says so within 10 s."""
_ATTEMPTS = 3
_WAIT_MS = 400
_WORDS_MAX = 300
_INCOMPATIBLE = 409
_WITHOUT_RIGHTS = (401, 403)
_PASSING = (408, 429)
_REACH_HINT = (
    "check --registry-url and whether the registry is up; without the option schema ids are kept in the process"
)
_ROOT_HINT = "--registry-url must name the root of Confluent's API (of Apicurio: …/apis/ccompat/v7)"
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


class Registry(Protocol):
    """Gives a schema its id within a subject."""

    @property
    def name(self) -> str:
        """For people: ``in-process``, or the address without credentials."""
        ...

    def register(self, subject: str, schema_text: str) -> int:
        """The id of an Avro schema, registered under the subject if it was not. Raises RegistryError."""
        ...

    def lookup(self, subject: str, schema_text: str) -> int | None:
        """The id of an Avro schema under the subject, None if it is not registered there. Changes nothing."""
        ...


def value_subject(topic: str) -> str:
    """The subject of a topic's values by the topic-name strategy."""
    return f"{topic}-value"


def open_registry(url: str | None, properties: Mapping[str, str] | None = None) -> Registry:
    """The registry at ``url`` (several addresses with commas between), or one in this process for None.

    ``properties`` are those of Confluent's client: ``basic.auth.user.info``, ``ssl.ca.location`` and others. No request
    is made here. Raises UsageError for an address or a property that cannot be used.
    """
    return InProcessRegistry() if url is None else ConfluentRegistry(url, properties or {})


class InProcessRegistry:
    """Ids from 1 in the order of registration; one schema has one id under all subjects, as in a real registry."""

    name = "in-process"

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._subjects: dict[str, set[int]] = {}

    def register(self, subject: str, schema_text: str) -> int:
        """See Registry."""
        schema_id = self._ids.setdefault(_canonical(schema_text), len(self._ids) + 1)
        self._subjects.setdefault(subject, set()).add(schema_id)
        return schema_id

    def lookup(self, subject: str, schema_text: str) -> int | None:
        """See Registry."""
        schema_id = self._ids.get(_canonical(schema_text))
        return schema_id if schema_id in self._subjects.get(subject, ()) else None


def _canonical(schema_text: str) -> str:
    return json.dumps(json.loads(schema_text), sort_keys=True)


class ConfluentRegistry:
    """A registry on the network. Passing errors are retried; every other is raised in the registry's own words.

    A run asks once or twice, so each request has a connection of its own and none stays open during the run.
    """

    def __init__(self, url: str, properties: Mapping[str, str]) -> None:
        # 0.3 s of imports that a run without a registry does not need.
        from confluent_kafka.schema_registry import SchemaRegistryClient

        addresses = [_checked(address.strip()) for address in url.split(",") if address.strip()]
        if not addresses:
            raise UsageError("the registry's address is empty", "write it like --registry-url http://host:8081")
        self.name = ",".join(_without_credentials(address) for address in addresses)
        self._timeout_s = _BUDGET_S / (_ATTEMPTS * len(addresses))
        self._configuration: dict[str, Any] = {
            **_credentials(addresses[0]),
            **properties,
            "url": self.name,
            "timeout": self._timeout_s,
            "max.retries": _ATTEMPTS - 1,
            "retries.wait.ms": _WAIT_MS,
            "retries.max.wait.ms": 2 * _WAIT_MS,
        }
        try:
            SchemaRegistryClient(self._configuration).close()
        except (ValueError, TypeError, OSError) as error:
            raise UsageError(f"the registry {self.name} cannot be used: {error}", "check --registry-url") from error

    def register(self, subject: str, schema_text: str) -> int:
        """See Registry."""
        schema_id = self._ask("register_schema", subject, schema_text)
        if not isinstance(schema_id, int):
            raise RegistryError(f"the registry {self.name} gave no id for the schema of {subject}")
        return schema_id

    def lookup(self, subject: str, schema_text: str) -> int | None:
        """See Registry."""
        found = self._ask("lookup_schema", subject, schema_text)
        return None if found is None else int(found.schema_id)

    def _ask(self, method: str, subject: str, schema_text: str) -> Any:
        """The one place where the client's errors become ours. None is the answer for a schema that is not there."""
        from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
        from confluent_kafka.schema_registry.common._httpx_compat import httpx
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            with SchemaRegistryClient(self._configuration) as client:
                return getattr(client, method)(subject, Schema(schema_text, "AVRO"))
        except SchemaRegistryError as error:
            if method == "lookup_schema" and error.http_status_code == 404 and error.error_code in (40401, 40403):
                return None
            raise self._refusal(subject, error) from error
        except httpx.TimeoutException as error:
            waited = f"{_ATTEMPTS} times {self._timeout_s:.1f} s"
            raise RegistryError(f"the registry {self.name} did not answer within {waited}", _REACH_HINT) from error
        except httpx.HTTPError as error:
            reason = _words(_ERRNO.sub("", str(error)))
            raise RegistryError(f"the registry {self.name} cannot be reached: {reason}", _REACH_HINT) from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            # An answer of status 200 that is not the JSON object it should be; the client checks none of it.
            raise RegistryError(
                f"{self.name} does not answer like a schema registry: {_words(str(error))}",
                _ROOT_HINT,
            ) from error

    def _refusal(self, subject: str, error: Any) -> RegistryError:
        status: int = error.http_status_code
        words = _words(_body(error))
        if status == _INCOMPATIBLE:
            hint = "give a compatible schema with --schema, another topic, or relax the subject's compatibility"
            return RegistryError(
                f"the registry {self.name} finds the schema incompatible with {subject}: {words}", hint
            )
        if status in _WITHOUT_RIGHTS:
            hint = "give credentials in the address: --registry-url https://USER:PASSWORD@host"
            return RegistryError(f"the registry {self.name} refuses access ({status}): {words}", hint)
        hint = _ROOT_HINT if status == 404 else _REACH_HINT if status >= 500 or status in _PASSING else ""
        return RegistryError(f"the registry {self.name} answered {status} for {subject}: {words}", hint)


def _body(error: Any) -> str:
    """What the registry said; of a body that is not JSON the client hands on only Python's print of its bytes."""
    text = str(error.error_message)
    prefix = "Unknown Schema Registry Error: b"
    return text.removeprefix(prefix)[1:-1].encode().decode("unicode_escape") if text.startswith(prefix) else text


def _words(text: str) -> str:
    """On one line, without control characters, of bounded length."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _WORDS_MAX else line[:_WORDS_MAX] + "…"


def _checked(address: str) -> str:
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        shown = address.rpartition("@")[2]
        raise UsageError(f"{shown!r} is not a registry's address", "write it like --registry-url http://host:8081")
    return address


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _without_credentials(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, _host(parts), parts.path.rstrip("/"), "", ""))


def _credentials(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    if parts.username is None:
        return {}
    return {"basic.auth.user.info": f"{unquote(parts.username)}:{unquote(parts.password or '')}"}
