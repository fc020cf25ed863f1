"""The JSON Schema of ``replayer.yaml``, made from the options of ``run``: each has one key, with its help beside it."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from replayer.config import OPTIONS
from replayer.source.discover import FORMATS

_WORDS = re.compile(r"[a-z][a-z0-9-]*(\|[a-z][a-z0-9-]*)+\Z")
_TEXT = ["string", "number"]
_LISTS = ("streams.key.columns", "streams.dataset.columns", "streams.dataset.null_words")
_OTHERS: dict[str, dict[str, Any]] = {
    "version": {"const": 1, "description": "The version of this format."},
    "streams.name": {"type": "string", "description": "The stream's name; its topic's too, if that has none."},
    "streams.dataset.path": {
        "type": ["string", "array"],
        "items": {"type": "string"},
        "minItems": 1,
        "description": "Files, folders or globs; relative to the folder of this file.",
    },
    "kafka.properties": {
        "type": "object",
        "additionalProperties": {"type": [*_TEXT, "boolean"]},
        "description": "Any librdkafka property, as -X.",
    },
}
"""Keys without an option in the table: what is typed without a name, or more than once."""


def schema_text() -> str:
    """The published document."""
    from replayer.cli.run import run

    helps = {
        parameter.name: parameter
        for parameter in reversed(run.params)
        if isinstance(parameter, click.Option) and parameter.name is not None
    }
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "replayer.yaml",
        **_branch(),
        "required": ["version"],
    }
    keys = {**_OTHERS, **{option.key: _leaf(option.key, helps[option.name]) for option in OPTIONS}}
    for key in sorted(keys, key=_order):
        branch = root
        *above, last = key.split(".")
        for part in above:
            branch = branch["properties"].setdefault(part, _stream_list() if part == "streams" else _branch())
            branch = branch.get("items", branch)
        branch["properties"][last] = keys[key]
    return json.dumps(root, indent=2) + "\n"


def _order(key: str) -> tuple[int, int]:
    """The version first, then sections and keys as the options are listed."""
    sections = ["version", "streams", "kafka", "registry", "run", "pacing"]
    listed = [*_OTHERS, *(option.key for option in OPTIONS)]
    section = key.partition(".")[0]
    return sections.index(section) if section in sections else len(sections), listed.index(key)


def _branch() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _stream_list() -> dict[str, Any]:
    description = "What to publish where; one stream so far."
    return {"type": "array", "minItems": 1, "maxItems": 1, "description": description, "items": _branch()}


def _leaf(key: str, option: click.Option) -> dict[str, Any]:
    described = {"description": option.help}
    is_switch = option.is_flag and not isinstance(option.flag_value, str)
    if is_switch or option.metavar == "yes|no":  # which YAML reads as true and false
        return {"type": "boolean", **described}
    if key == "kafka.create_topic":
        counts = {"partitions": {"type": "integer", "minimum": 1}}
        return {"type": "object", "additionalProperties": False, "properties": counts, **described}
    if key == "streams.headers":
        # A line break would begin another header, an equals sign the value.
        value = {"type": [*_TEXT, "boolean"], "pattern": "^[^\\n]*$"}
        return {
            "type": ["object", "array"],
            "propertyNames": {"pattern": "^[^=\\n]+$"},
            "additionalProperties": value,
            "items": {"type": "string", "pattern": "^[^\\n]*$"},
            **described,
        }
    if key == "streams.dataset.format":
        return {"enum": [*FORMATS], **described}
    if key in _LISTS:
        return {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1, **described}
    metavar = str(option.metavar or "")
    if _WORDS.match(metavar):
        return {"enum": metavar.split("|"), **described}
    return {"type": _TEXT, **described}
