"""Why a cluster could not be reached, told from what librdkafka said while it tried.

librdkafka tries for as long as it lives and reports each attempt as one line:
``[thrd:…]: host:port/bootstrap: CAUSE (after 3ms in state STATE)``. The last of them says more than the time-out of the
request that waited, and the state says what the client was doing when the other side hung up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LINE = re.compile(
    r"(?:\[thrd:[^\]]*\]: )?(?:[a-z_]+://)?(?P<address>\S+?)/(?:bootstrap|\d+): "
    r"(?P<cause>.*?)(?: \(after \d+ms in state (?P<state>\w+)(?:, [^)]*)?\))?\Z",
    re.DOTALL,
)
_REFUSED_HINT = "is the broker up? check the address given with -b"
_LOGIN_HINT = "check sasl.username, sasl.password and sasl.mechanism (-X or -F)"
_PROTOCOL_HINT = "set security.protocol to SSL, SASL_PLAINTEXT or SASL_SSL with -X or in the file given with -F"


@dataclass(frozen=True)
class Cause:
    """What kept a client from a broker: the broker's address, the reason in words, what to do about it."""

    address: str
    reason: str
    hint: str
    is_final: bool
    """True when trying again cannot help."""


def explain(line: str, properties: Mapping[str, str]) -> Cause | None:
    """The cause in one line of librdkafka's, None if the line is about something else."""
    match = _LINE.match(line.strip().replace("\n", " "))
    if match is None:
        return None
    address, text, state = match["address"], match["cause"], match["state"] or ""
    protocol = properties.get("security.protocol", "plaintext").upper()
    is_hang_up = text.startswith("Disconnected")
    if "Connection refused" in text:
        return Cause(address, "connection refused", _REFUSED_HINT, is_final=False)
    if text.startswith("Failed to resolve"):
        reason = text.partition("': ")[2] or "unknown name"
        return Cause(
            address, f"the name cannot be resolved: {reason}", "check the address given with -b", is_final=False
        )
    if "mechanism handshake failed" in text and "current SASL state" in text:
        hint = "set security.protocol to PLAINTEXT or SSL, or give the address of the SASL listener"
        return Cause(address, "the listener takes no login (SASL)", hint, is_final=True)
    if state.startswith("AUTH") or "SASL authentication error" in text:
        return Cause(address, f"login refused: {_after_colon(text)}", _LOGIN_HINT, is_final=True)
    if "PLAINTEXT broker listener" in text or (state == "SSL_HANDSHAKE" and is_hang_up):
        hint = "set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or give the address of the TLS listener"
        return Cause(address, "the port does not speak TLS", hint, is_final=True)
    if "certificate verify failed" in text:
        hint = "set ssl.ca.location to the PEM file of the authority that signed it"
        return Cause(address, "the broker's certificate could not be verified", hint, is_final=True)
    if state == "SSL_HANDSHAKE":
        return Cause(
            address, f"the TLS handshake failed: {_after_colon(text)}", "check the ssl.* properties", is_final=True
        )
    if is_hang_up and not protocol.endswith("SSL") and state in ("APIVERSION_QUERY", "UP"):
        return Cause(address, _hang_up_reason(state, protocol), _PROTOCOL_HINT, is_final=False)
    return Cause(address, text, "", is_final=False)


def _hang_up_reason(state: str, protocol: str) -> str:
    if state == "UP" and protocol == "PLAINTEXT":
        return "it closed the connection at the first request, as a listener does that wants a login (SASL)"
    return "it closed the connection at once, as a TLS port does when spoken to in plain text"


def _after_colon(text: str) -> str:
    return text.partition(": ")[2] or text


def most_telling(lines: Sequence[str], properties: Mapping[str, str]) -> Cause | None:
    """The latest final cause in the lines, else the latest cause, else None."""
    causes = [cause for cause in (explain(line, properties) for line in lines) if cause is not None]
    telling = [cause for cause in causes if cause.is_final] or causes
    return telling[-1] if telling else None
