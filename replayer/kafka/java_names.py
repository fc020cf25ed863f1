"""What Java's client properties are called in librdkafka.

Names that mean the same in both are not listed. Sources: Kafka's documentation of producer and common client
configurations, and librdkafka's CONFIGURATION.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

CONSUMER_NOTE = "only consumers use it"
_ENCODING_NOTE = "records are encoded by this program"
_QUEUE_NOTE = "queues are sized to the run; -X queue.buffering.max.kbytes sets one"
_TLS_NOTE = "OpenSSL chooses among the versions of TLS"
_JAVA_NOTE = "it configures classes of a Java client"
_CONSUMER_NAMES = """
auto.include.jmx.reporter default.api.timeout.ms exclude.internal.topics
fetch.max.wait.ms key.deserializer value.deserializer
"""
_JAVA_NAMES = """
interceptor.classes metric.reporters metrics.num.samples metrics.recording.level metrics.sample.window.ms
security.providers ssl.trustmanager.algorithm ssl.keymanager.algorithm ssl.secure.random.implementation
ssl.engine.factory.class ssl.provider config.providers sasl.login.class sasl.client.callback.handler.class
sasl.login.refresh.window.factor sasl.login.refresh.window.jitter sasl.login.refresh.min.period.seconds
sasl.login.refresh.buffer.seconds sasl.kerberos.ticket.renew.window.factor sasl.kerberos.ticket.renew.jitter
sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.retry.backoff.ms sasl.login.retry.backoff.max.ms
"""

IGNORED = {
    **dict.fromkeys(_CONSUMER_NAMES.split(), CONSUMER_NOTE),
    **dict.fromkeys(_JAVA_NAMES.split(), _JAVA_NOTE),
    "key.serializer": _ENCODING_NOTE,
    "value.serializer": _ENCODING_NOTE,
    "buffer.memory": _QUEUE_NOTE,
    "max.block.ms": _QUEUE_NOTE,
    "partitioner.class": "the key chooses the partition as Java's default partitioner does",
    "partitioner.adaptive.partitioning.enable": "records without a key go to the partitions in turn",
    "partitioner.availability.timeout.ms": "records without a key go to the partitions in turn",
    "partitioner.ignore.keys": "leave out --key to spread records over the partitions",
    "metadata.max.idle.ms": "the topic's metadata is kept for the whole run",
    "ssl.enabled.protocols": _TLS_NOTE,
    "ssl.protocol": _TLS_NOTE,
    "ssl.truststore.password": "a PEM file of certificates needs none",
}
"""Java's names that need no counterpart, with the reason."""

REFUSED = {
    "schema.registry.url": "give the registry with --registry-url",
    "basic.auth.credentials.source": "give the registry and its credentials with --registry-url",
    "basic.auth.user.info": "give the registry and its credentials with --registry-url",
    "schema.registry.basic.auth.user.info": "give the registry and its credentials with --registry-url",
    "sasl.login.callback.handler.class": "only Kafka's own OAuthBearerLoginCallbackHandler has a counterpart here",
}
"""Java's names that would be missed if they were ignored, with what to do instead."""

_RENAMED = {
    "max.request.size": "message.max.bytes",
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "socket.connection.setup.timeout.max.ms": "",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
}
_PEM_HINT = "librdkafka reads PEM: convert it with keytool -exportcert -rfc and set ssl.ca.location"
_JAAS_OPTION = re.compile(r"""([A-Za-z_][\w.]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))""")
_JAAS_NAMES = {
    "PlainLoginModule": {"username": "sasl.username", "password": "sasl.password"},
    "ScramLoginModule": {"username": "sasl.username", "password": "sasl.password"},
    "OAuthBearerLoginModule": {
        "clientId": "sasl.oauthbearer.client.id",
        "clientSecret": "sasl.oauthbearer.client.secret",
        "scope": "sasl.oauthbearer.scope",
    },
    "Krb5LoginModule": {
        "principal": "sasl.kerberos.principal",
        "keyTab": "sasl.kerberos.keytab",
        "serviceName": "sasl.kerberos.service.name",
    },
}


@dataclass
class Translation:
    """Properties under librdkafka's names; faults and notes with the Java name that they are about."""

    properties: dict[str, str]
    faults: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def translate(given: Mapping[str, str]) -> Translation:
    """Rename what librdkafka calls otherwise, and take apart what it has in several properties."""
    translation = Translation(dict(given))
    properties = translation.properties
    _truststore(translation)
    _keystore(translation)
    if "sasl.jaas.config" in properties:
        _login_module(translation, properties.pop("sasl.jaas.config"))
    for java, ours in _RENAMED.items():
        if java in properties:
            value = properties.pop(java)
            if ours:
                # Java's -1 for a socket buffer is the system's choice, which librdkafka calls 0.
                properties.setdefault(ours, "0" if value == "-1" else value)
    handler = properties.get("sasl.login.callback.handler.class", "")
    if handler.endswith(".OAuthBearerLoginCallbackHandler"):
        del properties["sasl.login.callback.handler.class"]
        properties.setdefault("sasl.oauthbearer.method", "oidc")
    if properties.get("ssl.endpoint.identification.algorithm") == "":
        properties["ssl.endpoint.identification.algorithm"] = "none"
    return translation


def _truststore(translation: Translation) -> None:
    properties = translation.properties
    kind = properties.pop("ssl.truststore.type", "JKS").upper()
    location = properties.pop("ssl.truststore.location", None)
    if location is None:
        return
    if kind == "PEM" or location.endswith((".pem", ".crt")):
        properties.setdefault("ssl.ca.location", location)
    else:
        translation.faults.append(("ssl.truststore.location", f"{location} is a {kind} store; {_PEM_HINT}"))


def _keystore(translation: Translation) -> None:
    properties = translation.properties
    kind = properties.pop("ssl.keystore.type", "JKS").upper()
    location = properties.get("ssl.keystore.location")
    if location is None:
        return
    if kind == "PEM":
        del properties["ssl.keystore.location"]
        properties.pop("ssl.keystore.password", None)
        properties.setdefault("ssl.key.location", location)
        properties.setdefault("ssl.certificate.location", location)
    elif kind != "PKCS12" and not location.endswith((".p12", ".pfx")):
        hint = "librdkafka reads PKCS12: convert it with keytool -importkeystore -deststoretype PKCS12"
        translation.faults.append(("ssl.keystore.location", f"{location} is a {kind} store; {hint}"))


def _login_module(translation: Translation, text: str) -> None:
    """Take user and password out of a line as JAAS writes it: ``…PlainLoginModule required username="u" …;``."""
    words = text.split(None, 1)
    module = words[0].rpartition(".")[2] if words else ""
    names = _JAAS_NAMES.get(module)
    if names is None:
        known = ", ".join(_JAAS_NAMES)
        fault = f"sasl.jaas.config names the login module {module!r}; known are {known}"
        translation.faults.append(("sasl.jaas.config", fault))
        return
    found = False
    for match in _JAAS_OPTION.finditer(text):
        name, quoted, single, bare = match.groups()
        value = bare if bare is not None else re.sub(r"\\(.)", r"\1", quoted if quoted is not None else single)
        if name in names:
            found = True
            translation.properties.setdefault(names[name], value)
        else:
            translation.notes.append(("sasl.jaas.config", f"the option {name} of {module} has no counterpart here"))
    if not found:
        translation.faults.append(("sasl.jaas.config", f"sasl.jaas.config gives none of {', '.join(names)}"))
