"""Ids of schemas: in the process, and from registries that fail in the ways that registries do."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from replayer.errors import RegistryError, UsageError
from replayer.schema.registry import InProcessRegistry, open_registry, value_subject

LIMIT_S = 10.0
"""Case 36: a run that gets no id from its registry says so within 10 s."""
SCHEMA = '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}'
SAME_SCHEMA = '{"name": "Order", "fields": [{"type": "long", "name": "id"}], "type": "record"}'
OTHER_SCHEMA = SCHEMA.replace("id", "number")
JSON = "application/vnd.schemaregistry.v1+json"


@dataclass
class Answer:
    """What the fake registry says: a status, a body, and when."""

    status: int = 200
    body: str = '{"id": 7}'
    content_type: str = JSON
    is_withheld: bool = False


@dataclass
class FakeRegistry:
    """A server on 127.0.0.1 that gives its answers one after the other, the last one for ever."""

    answers: list[Answer]
    url: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """(path, body, Authorization) of each request."""
    released: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr("replayer.schema.registry._WAIT_MS", 1)


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeRegistry]]:
    """Starts fake registries."""
    started: list[tuple[FakeRegistry, ThreadingHTTPServer, threading.Thread]] = []

    def start(*answers: Answer) -> FakeRegistry:
        registry = FakeRegistry(list(answers))

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                registry.requests.append((self.path, body, self.headers.get("Authorization")))
                answer = registry.answers.pop(0) if len(registry.answers) > 1 else registry.answers[0]
                if answer.is_withheld:
                    registry.released.wait(30)
                    return
                payload = answer.body.encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *arguments: object) -> None:
                """Say nothing: the test looks at ``requests``."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        registry.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        started.append((registry, server, thread))
        return registry

    yield start
    for registry, server, thread in started:
        registry.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def failure(url: str) -> RegistryError:
    """The error of registering at ``url``, which came in time, on one line, with something to do."""
    started = time.monotonic()
    with pytest.raises(RegistryError) as caught:
        open_registry(url).register("orders-value", SCHEMA)
    assert time.monotonic() - started < LIMIT_S
    assert caught.value.exit_code == 4
    assert "\n" not in caught.value.message
    return caught.value


def test_the_subject_is_the_topics_name() -> None:
    """Confluent's TopicNameStrategy: the topic, then -value."""
    assert value_subject("orders") == "orders-value"


def test_in_process_ids_count_from_1() -> None:
    """One schema has one id under all subjects, whatever its white space and the order of its keys."""
    registry = InProcessRegistry()
    asked = [("a", SCHEMA), ("a", SAME_SCHEMA), ("a", OTHER_SCHEMA), ("b", OTHER_SCHEMA), ("b", SCHEMA)]
    assert [registry.register(subject, text) for subject, text in asked] == [1, 1, 2, 2, 1]


def test_in_process_lookup_changes_nothing() -> None:
    """A schema is found under the subjects that it was registered under only."""
    registry = InProcessRegistry()
    assert registry.lookup("a", SCHEMA) is None
    assert registry.register("b", OTHER_SCHEMA) == 1
    assert registry.register("a", SCHEMA) == 2
    assert [registry.lookup("a", SAME_SCHEMA), registry.lookup("b", SCHEMA)] == [2, None]


def test_without_an_address_ids_stay_in_the_process() -> None:
    """The name is the word that the summary shows."""
    assert open_registry(None).name == "in-process"


def test_the_id_is_the_registrys(fake: Callable[..., FakeRegistry]) -> None:
    """The schema goes to the subject's versions as it was given."""
    registry = fake(Answer())
    assert open_registry(registry.url).register("orders-value", SCHEMA) == 7
    ((path, body, _),) = registry.requests
    assert path.startswith("/subjects/orders-value/versions")
    assert json.loads(body)["schema"] == SCHEMA


def test_credentials_are_sent_and_never_shown(fake: Callable[..., FakeRegistry]) -> None:
    """User and password of the address become the Authorization header; name and errors do without."""
    registry = fake(Answer(401, '{"error_code": 40101, "message": "Unauthorized"}'))
    url = registry.url.replace("http://", "http://al%40ice:hunter%3A2@")
    opened = open_registry(url + "/")
    assert opened.name == registry.url
    error = failure(url)
    assert "hunter" not in error.message + error.hint
    assert "refuses access (401): Unauthorized" in error.message
    assert [header for _, _, header in registry.requests] == ["Basic " + base64.b64encode(b"al@ice:hunter:2").decode()]


def test_lookup_finds_or_finds_not(fake: Callable[..., FakeRegistry]) -> None:
    """An unknown subject (40401) and an unknown schema (40403) are no errors; 404 for another reason is one."""
    found = Answer(body='{"subject": "orders-value", "id": 3, "version": 1, "schema": "\\"long\\""}')
    unknown = [Answer(404, json.dumps({"error_code": code, "message": "not found"})) for code in (40401, 40403)]
    registry = fake(found, *unknown, Answer(404, "<html>nothing here</html>", "text/html"))
    opened = open_registry(registry.url)
    assert [opened.lookup("orders-value", text) for text in (SCHEMA, OTHER_SCHEMA, SCHEMA)] == [3, None, None]
    with pytest.raises(RegistryError, match="answered 404"):
        opened.lookup("orders-value", SCHEMA)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_case_36_passing_errors_are_retried(fake: Callable[..., FakeRegistry], status: int) -> None:
    """Two failures and then an id: the run goes on."""
    trouble = Answer(status, '{"error_code": 50001, "message": "busy"}')
    registry = fake(trouble, trouble, Answer())
    assert open_registry(registry.url).register("orders-value", SCHEMA) == 7
    assert len(registry.requests) == 3


@pytest.mark.parametrize("status", [500, 503, 429])
def test_case_36_lasting_errors_end_with_the_registrys_words(fake: Callable[..., FakeRegistry], status: int) -> None:
    """Three tries, then the status and the message."""
    registry = fake(Answer(status, '{"error_code": 50002, "message": "Error in the backend\\ndata\\u001b[31mstore"}'))
    error = failure(registry.url)
    assert f"answered {status} for orders-value: Error in the backend data [31mstore" in error.message
    assert "whether the registry is up" in error.hint
    assert len(registry.requests) == 3


def test_case_36_incompatible_schema_is_not_retried(fake: Callable[..., FakeRegistry]) -> None:
    """409 is an answer, not a failure."""
    registry = fake(Answer(409, '{"error_code": 409, "message": "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1"}'))
    error = failure(registry.url)
    assert error.message == (
        f"the registry {registry.url} finds the schema incompatible with orders-value: "
        "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1"
    )
    assert len(registry.requests) == 1


def test_case_36_html_with_an_error_status(fake: Callable[..., FakeRegistry]) -> None:
    """A gateway's page is quoted, shortened."""
    page = "<html>\n<body>\n<h1>Bad gateway — éè</h1>" + "x" * 5_000
    error = failure(fake(Answer(502, page, "text/html")).url)
    assert "answered 502 for orders-value: <html> <body> <h1>Bad gateway" in error.message
    assert len(error.message) < 500


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("<html>a login page</html>", "text/html"), ("[]", JSON), ("{}", JSON), ('{"id": "x"}', JSON), ("null", JSON)],
)
def test_case_36_a_body_that_is_no_registrys(fake: Callable[..., FakeRegistry], body: str, content_type: str) -> None:
    """Status 200 alone does not make a registry."""
    error = failure(fake(Answer(200, body, content_type)).url)
    assert "does not answer like a schema registry" in error.message or "gave no id" in error.message


def test_case_36_registry_down(fake: Callable[..., FakeRegistry]) -> None:
    """Nothing listens on port 1."""
    error = failure("http://127.0.0.1:1")
    assert error.message == "the registry http://127.0.0.1:1 cannot be reached: Connection refused"


def test_case_36_the_second_address_is_used_when_the_first_is_down(fake: Callable[..., FakeRegistry]) -> None:
    """Several addresses of one registry are tried in turn."""
    registry = fake(Answer())
    assert open_registry(f"http://127.0.0.1:1,{registry.url}").register("orders-value", SCHEMA) == 7


@pytest.mark.slow
def test_case_36_slow_registry(fake: Callable[..., FakeRegistry]) -> None:
    """One that takes the request and never answers is given up on after three tries."""
    registry = fake(Answer(is_withheld=True))
    error = failure(registry.url)
    assert "did not answer within 3 times 2.5 s" in error.message
    assert len(registry.requests) == 3


@pytest.mark.parametrize(
    "url", ["", ",", "registry:8081", "ftp://registry", "http://", "http://h:99999999", "http://["]
)
def test_what_is_no_address_is_a_usage_error(url: str) -> None:
    """Refused before any request, with an example."""
    with pytest.raises(UsageError) as caught:
        open_registry(url)
    assert "http://host:8081" in caught.value.hint


def test_a_bad_address_does_not_show_its_password() -> None:
    """Not even when the address cannot be read."""
    with pytest.raises(UsageError) as caught:
        open_registry("ftp://alice:hunter2@registry")
    assert "hunter2" not in caught.value.message


def test_unknown_properties_are_refused() -> None:
    """The client's own words say which."""
    with pytest.raises(UsageError, match=r"colour"):
        open_registry("http://127.0.0.1:1", {"colour": "red"})
