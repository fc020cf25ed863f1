"""The cause of a failed connection, from lines as librdkafka 2.16 writes them."""

from __future__ import annotations

import pytest

from replayer.kafka.causes import explain, most_telling

AT = "127.0.0.1:9092"
SASL = {"security.protocol": "SASL_PLAINTEXT"}
TLS = {"security.protocol": "SSL"}

LINES: list[tuple[str, dict[str, str], str, bool]] = [
    (
        f"{AT}/bootstrap: Connect to ipv4#{AT} failed: Connection refused (after 0ms in state CONNECT)",
        {}, "connection refused", False,
    ),
    (
        (f"[thrd:{AT}/bootstrap]: {AT}/1: Connect to ipv4#{AT} failed: Connection refused "
        "(after 0ms in state CONNECT, 30 identical error(s) suppressed)"),
        {}, "connection refused", False,
    ),
    (
        f"{AT}/bootstrap: Failed to resolve '{AT}': Name or service not known (after 3ms in state CONNECT)",
        {}, "the name cannot be resolved: Name or service not known", False,
    ),
    (
        (f"sasl_plaintext://{AT}/bootstrap: SASL authentication error: Authentication failed: "
        "Invalid username or password (after 1ms in state AUTH_REQ)"),
        SASL, "login refused: Authentication failed: Invalid username or password", True,
    ),
    (
        (f"sasl_plaintext://{AT}/bootstrap: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL "
        "mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-256 (after 0ms in state AUTH_HANDSHAKE)"),
        SASL,
        "login refused: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-256", True,
    ),
    (
        (f"sasl_plaintext://{AT}/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid "
        "in current SASL state: broker's supported mechanisms:  (after 0ms in state AUTH_HANDSHAKE)"),
        SASL, "the listener takes no login (SASL)", True,
    ),
    (
        (f"ssl://{AT}/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a "
        "PLAINTEXT broker listener? (after 1ms in state SSL_HANDSHAKE)"),
        TLS, "the port does not speak TLS", True,
    ),
    (
        (f"ssl://{AT}/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker "
        "certificate could not be verified, verify that ssl.ca.location is correctly configured (after 1ms in state "
        "SSL_HANDSHAKE)"),
        TLS, "the broker's certificate could not be verified", True,
    ),
    (
        (f"ssl://{AT}/bootstrap: SSL handshake failed: error:0A00042E:SSL routines::tlsv1 alert protocol version "
        "(after 1ms in state SSL_HANDSHAKE)"),
        TLS, "the TLS handshake failed: error:0A00042E:SSL routines::tlsv1 alert protocol version", True,
    ),
    (
        f"{AT}/bootstrap: Disconnected: connection reset by peer (after 0ms in state APIVERSION_QUERY)",
        {}, "it closed the connection at once, as a TLS port does when spoken to in plain text", False,
    ),
    (
        f"{AT}/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 0ms in state UP)",
        {}, "it closed the connection at the first request, as a listener does that wants a login (SASL)", False,
    ),
    (f"{AT}/1: 3 request(s) timed out: disconnect (after 4011ms in state UP)", {},
     "3 request(s) timed out: disconnect", False),
]  # fmt: skip


@pytest.mark.parametrize(("line", "properties", "reason", "is_final"), LINES)
def test_each_line_has_its_cause(line: str, properties: dict[str, str], reason: str, is_final: bool) -> None:
    """The reason is in words, the address without a scheme, and only what retrying cannot mend is final."""
    cause = explain(line, properties)
    assert cause is not None
    assert (cause.address, cause.reason, cause.is_final) == (AT, reason, is_final)


@pytest.mark.parametrize("line", ["", "1/1 brokers are down", "Configuration property acks is ignored"])
def test_other_lines_have_none(line: str) -> None:
    """A line that names no broker is about something else."""
    assert explain(line, {}) is None


def test_a_final_cause_tells_more_than_a_later_one() -> None:
    """A refused login beats a refused connection, and the latest of several of a kind is taken."""
    refused = "a:1/bootstrap: Connect to ipv4#a:1 failed: Connection refused (after 0ms in state CONNECT)"
    login = "b:1/bootstrap: SASL authentication error: no (after 0ms in state AUTH_REQ)"
    other = refused.replace("a:1", "c:1")
    assert [most_telling(lines, {}) for lines in ([], ["noise"])] == [None, None]
    found = [most_telling(lines, {}) for lines in ([refused, other], [login, refused], [refused, login, other])]
    assert [cause.address for cause in found if cause is not None] == ["c:1", "b:1", "b:1"]
