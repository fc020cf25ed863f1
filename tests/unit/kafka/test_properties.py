"""Properties of the Kafka client: Java's file format and names, our defaults, secrets."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.errors import UsageError
from replayer.kafka.java_names import IGNORED, REFUSED
from replayer.kafka.library import load_library
from replayer.kafka.options import KafkaOptions
from replayer.kafka.properties import (
    REDACTED,
    client_properties,
    load_properties_file,
    read_properties_file,
    redacted,
    unknown_property,
)
from replayer.kafka.properties_file import decode_properties, parse_properties
from replayer.kafka.property_names import CONSUMER, KNOWN, PRODUCER

# What java.util.Properties.load makes of these lines, by its documentation.
FILES = [
    ("a=b", [("a", "b")]),
    ("a = b ", [("a", "b ")]),
    ("a:b", [("a", "b")]),
    ("a b", [("a", "b")]),
    ("a\t:  b=c", [("a", "b=c")]),
    ("a", [("a", "")]),
    ("a=", [("a", "")]),
    ("# c\n! d\n\n \t\na=b", [("a", "b")]),
    ("  a=b", [("a", "b")]),
    ("a=b\r\nc=d\re=f", [("a", "b"), ("c", "d"), ("e", "f")]),
    ("a=1,\\\n    2,\\\n\t3", [("a", "1,2,3")]),
    ("a=1\\\\\nb=2", [("a", "1\\"), ("b", "2")]),
    ("a=1\\", [("a", "1")]),
    ("a\\ b\\=c\\:d=e", [("a b=c:d", "e")]),
    ("a=\\t\\n\\u00e9\\q", [("a", "\t\néq")]),
    ("a=x # no comment", [("a", "x # no comment")]),
    ("# a\\\nb=c", [("b", "c")]),
    ("a=b\na=c", [("a", "b"), ("a", "c")]),
    ("a=\u2028b", [("a", "\u2028b")]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_files_are_read_as_java_reads_them(text: str, expected: list[tuple[str, str]]) -> None:
    """Separators, comments, continued lines and escapes follow java.util.Properties."""
    assert [(line.key, line.value) for line in parse_properties(text)] == expected


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
def test_any_text_survives_escaping(pairs: dict[str, str]) -> None:
    """What is written with every character escaped comes back as it was."""

    def escaped(text: str) -> str:
        units = text.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

    def joined(text: str) -> str:
        return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")

    lines = parse_properties("\n".join(f"{escaped(key)}={escaped(value)}" for key, value in pairs.items()))
    assert {joined(line.key): joined(line.value) for line in lines} == pairs


def test_lines_are_counted_where_they_start() -> None:
    """A continued line has the number of its first one."""
    assert [line.number for line in parse_properties("#\na=1,\\\n2\nb=3")] == [2, 4]


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"a=\xc3\xa9", "a=é"), (b"a=\xe9", "a=é"), (b"\xef\xbb\xbfa=b", "a=b")],
)
def test_files_are_utf_8_else_latin_1(raw: bytes, text: str) -> None:
    """People write UTF-8, Java has always read ISO 8859-1; a byte order mark is no part of the first key."""
    assert decode_properties(raw) == text


PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
HANDLER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"

TRANSLATIONS = [
    ("bootstrap.servers=a:1,b:2", {"bootstrap.servers": "a:1,b:2"}),
    ("acks=all\nlinger.ms=5", {"acks": "all", "linger.ms": "5"}),
    (
        f'sasl.jaas.config={PLAIN} required username="al" password="p w";',
        {"sasl.username": "al", "sasl.password": "p w"},
    ),
    (
        f"sasl.jaas.config={SCRAM} required \\\n  username='al' \\\n  password=\"a\\\\\"b;c\";",
        {"sasl.username": "al", "sasl.password": 'a"b;c'},
    ),
    (f"sasl.jaas.config={SCRAM} required username=al password=pw;", {"sasl.username": "al", "sasl.password": "pw"}),
    (
        f'sasl.login.callback.handler.class={HANDLER}\nsasl.jaas.config={OAUTH} required clientId="i" scope="s";',
        {
            "sasl.oauthbearer.client.id": "i",
            "sasl.oauthbearer.scope": "s",
            "sasl.oauthbearer.method": "oidc",
        },
    ),
    ("ssl.truststore.location=/ca.pem\nssl.truststore.type=PEM", {"ssl.ca.location": "/ca.pem"}),
    ("ssl.truststore.location=/ca.pem\nssl.truststore.password=x", {"ssl.ca.location": "/ca.pem"}),
    ("ssl.truststore.certificates=PEM TEXT", {"ssl.ca.pem": "PEM TEXT"}),
    (
        "ssl.keystore.location=/me.pem\nssl.keystore.type=PEM\nssl.key.password=x",
        {"ssl.key.location": "/me.pem", "ssl.certificate.location": "/me.pem", "ssl.key.password": "x"},
    ),
    (
        "ssl.keystore.location=/me.p12\nssl.keystore.password=x",
        {"ssl.keystore.location": "/me.p12", "ssl.keystore.password": "x"},
    ),
    ("ssl.endpoint.identification.algorithm=", {"ssl.endpoint.identification.algorithm": "none"}),
    ("max.request.size=2000000", {"message.max.bytes": "2000000"}),
    ("send.buffer.bytes=-1\nreceive.buffer.bytes=65536",
     {"socket.send.buffer.bytes": "0", "socket.receive.buffer.bytes": "65536"}),
    ("key.serializer=x\nbuffer.memory=1\nauto.offset.reset=earliest\nmax.poll.records=5", {}),
    ("queue.buffering.max.kbytes=1000", {"queue.buffering.max.kbytes": "1000"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TRANSLATIONS)
def test_java_names_become_librdkafkas(text: str, expected: dict[str, str], tmp_path: Path) -> None:
    """The properties of Kafka's documentation arrive under the names of CONFIGURATION.md."""
    path = tmp_path / "client.properties"
    path.write_text(text, encoding="utf-8")
    assert load_properties_file(path) == expected


FAULTS = [
    ("lingr.ms=5", "line 1: lingr.ms is unknown, did you mean linger.ms?"),
    ("a=1\nkey.serialiser=x", "line 2: key.serialiser is unknown, did you mean key.serializer?"),
    ("ssl.truststore.location=/t.jks", "line 1: /t.jks is a JKS store; librdkafka reads PEM"),
    ("ssl.keystore.location=/k.jks", "line 1: /k.jks is a JKS store; librdkafka reads PKCS12"),
    (
        "schema.registry.url=http://x",
        "line 1: schema.registry.url cannot be used: give the registry with --registry-url",
    ),
    ("sasl.jaas.config=com.example.Other required;", "names the login module 'Other'"),
    (f"sasl.jaas.config={PLAIN} required;", "gives none of username, password"),
    ("sasl.password=${file:/etc/secret:password}", "line 1: sasl.password refers to a Java configuration provider"),
    ("sasl.login.callback.handler.class=com.example.Iam", "only Kafka's own OAuthBearerLoginCallbackHandler"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_what_cannot_be_translated_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """The error names the line, and what to do instead."""
    path = tmp_path / "client.properties"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_properties_file(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_all_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    """Nobody corrects them one at a time."""
    path = tmp_path / "client.properties"
    path.write_text("foo.bar=1\nlingr.ms=5\nacks=all", encoding="utf-8")
    with pytest.raises(UsageError, match=r"line 1: foo\.bar .*; line 2: lingr\.ms"):
        load_properties_file(path)


def test_a_password_is_no_part_of_an_error(tmp_path: Path) -> None:
    """A fault names keys and lines, never values that may be secrets."""
    path = tmp_path / "client.properties"
    path.write_text(f'sasl.jaas.config=com.x.Other required password="hunter2";\nsasl.pasword=hunter2\n{PLAIN}=hunter2')
    with pytest.raises(UsageError) as caught:
        load_properties_file(path)
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_what_is_ignored_is_noted(tmp_path: Path) -> None:
    """Properties without a counterpart are left out, each with its line and the reason."""
    path = tmp_path / "client.properties"
    path.write_text("key.serializer=x\ngroup.id=g\nacks=1", encoding="utf-8")
    found = read_properties_file(path)
    assert found.properties == {"acks": "1"}
    assert found.notes == (
        f"{path}: line 1: key.serializer is ignored: records are encoded by this program",
        f"{path}: line 2: group.id is ignored: only consumers use it",
    )


def test_case_2_missing_file(tmp_path: Path) -> None:
    """A path without a file is a usage error that names it."""
    with pytest.raises(UsageError, match=r"nowhere\.properties: No such file"):
        load_properties_file(tmp_path / "nowhere.properties")


def test_the_tables_of_names_do_not_overlap() -> None:
    """A name is either librdkafka's, or ignored, or refused."""
    assert IGNORED.keys() & KNOWN == set()
    assert not REFUSED.keys() & (KNOWN | IGNORED.keys())
    assert not PRODUCER & CONSUMER


def test_librdkafka_knows_every_name_of_the_table() -> None:
    """None of the names is answered with RD_KAFKA_CONF_UNKNOWN (-2) by the library in use."""
    library = load_library()
    library.rd_kafka_conf_new.restype = ctypes.c_void_p
    library.rd_kafka_conf_destroy.argtypes = [ctypes.c_void_p]
    library.rd_kafka_conf_set.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 3, ctypes.c_size_t]
    configuration = library.rd_kafka_conf_new()
    text = ctypes.create_string_buffer(256)
    unknown = [
        name
        for name in sorted(KNOWN)
        if library.rd_kafka_conf_set(configuration, name.encode(), b"x", text, len(text)) == -2
    ]
    library.rd_kafka_conf_destroy(configuration)
    assert unknown == []


def test_client_properties_are_ours_below_the_users() -> None:
    """The address comes from its own option, a user's property replaces a default."""
    options = KafkaOptions(bootstrap="h:1", properties=(("client.id", "mine"), ("acks", "1")))
    assert client_properties(options) == {
        "bootstrap.servers": "h:1",
        "allow.auto.create.topics": "false",
        "client.id": "mine",
        "acks": "1",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("allow.auto.create.topics", "true"), ("transactional.id", "t"), ("delivery.report.only.error", "TRUE")],
)
def test_properties_that_break_a_promise_are_refused(name: str, value: str) -> None:
    """Topics are created explicitly only, and every record is followed to its report."""
    with pytest.raises(UsageError, match=name):
        client_properties(KafkaOptions(bootstrap="h:1", properties=((name, value),)))


def test_a_promise_may_be_repeated() -> None:
    """Setting what holds anyway is no fault."""
    options = KafkaOptions(bootstrap="h:1", properties=(("allow.auto.create.topics", "false"),))
    assert client_properties(options)["allow.auto.create.topics"] == "false"


SECRETS = [
    "sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config", "sasl.oauthbearer.assertion.private.key.passphrase", "sasl.jaas.config",
    "sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.assertion.private.key.pem",
]  # fmt: skip
OPEN = [
    "sasl.username", "bootstrap.servers", "ssl.ca.location", "ssl.key.location", "acks", "sasl.mechanism",
    "sasl.oauthbearer.token.endpoint.url",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_redacted(name: str) -> None:
    """No value of these is shown, from pairs or from a mapping."""
    assert redacted({name: "hunter2"}) == redacted(((name, "hunter2"),)) == {name: REDACTED}


@pytest.mark.parametrize("name", OPEN)
def test_what_is_no_secret_is_shown(name: str) -> None:
    """A report without these would not say what was measured."""
    assert redacted({name: "x"}) == {name: "x"}


def test_an_unknown_property_of_librdkafka_gets_a_hint() -> None:
    """Its message becomes one that names a near property; other messages stay."""
    error = unknown_property('No such configuration property: "lingr.ms"')
    assert (error.message, error.hint) == ("lingr.ms is no property of the Kafka client", "did you mean linger.ms?")
    assert unknown_property("Invalid value").message == "Invalid value"
