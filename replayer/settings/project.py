"""The project file, ``replayer.yaml``: read with the line of every key, and checked against its published JSON Schema.

Values are taken as they are written: ``1_000`` or ``1:30`` mean what they mean on the command line, and not what YAML
1.1 makes of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replayer.errors import UsageError
from replayer.settings.faults import ConfigurationError, Fault, did_you_mean

PROJECT_FILE = "replayer.yaml"
SCHEMA_FILE = Path(__file__).with_name("replayer-yaml.schema.json")
_DEPTH_MAX = 16
_Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Setting:
    """One value of the file, as text, and where it stands."""

    text: str
    where: str


@dataclass(frozen=True)
class Project:
    """What a project file says: settings by key, like ``streams.topic``; the stream's keys without its place."""

    settings: Mapping[str, Setting]
    properties: Mapping[str, Setting]
    """Those of the Kafka client."""
    paths: tuple[str, ...] = ()
    """The dataset of its stream."""
    paths_where: str = ""
    name: str = ""
    """The stream's name, empty when it has none."""

    def without_streams(self) -> Project:
        """What holds for any dataset."""
        settings = {key: one for key, one in self.settings.items() if not key.startswith("streams.")}
        return Project(settings, self.properties)


def read_project(folder: Path) -> Project | None:
    """The project file of a folder, None when there is none.

    Raises ConfigurationError listing every key that is unknown, stands twice or has a value of the wrong kind.
    """
    path = folder / PROJECT_FILE
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{PROJECT_FILE} cannot be read: {reason}", "check its permissions and its encoding"
        ) from error
    return parse_project(text)


def parse_project(text: str) -> Project:
    """As ``read_project``, for the text of a file."""
    document = _Document(text)
    faults = [*document.faults, *_faults(document)]
    if faults:
        raise ConfigurationError(sorted(faults, key=_line_of))
    settings, properties = {}, {}
    for place in document.leaves():
        if place[:2] == ("kafka", "properties"):
            properties[str(place[2])] = document.setting(place)
        elif place[0] == "streams":
            settings[".".join(["streams", *map(str, place[2:])])] = document.setting(place)
        else:
            settings[".".join(map(str, place))] = document.setting(place)
    settings.pop("version", None)
    name = settings.pop("streams.name", Setting("", "")).text
    paths = document.value_at(("streams", 0, "dataset", "path"))
    listed = tuple(paths) if isinstance(paths, list) else () if paths is None else (str(paths),)
    where = settings.pop("streams.dataset.path", Setting("", "")).where
    return Project(settings, properties, listed, where, name)


def _line_of(fault: Fault) -> int:
    digits = fault.where.removeprefix(f"{PROJECT_FILE} line ").split(":")[0]
    return int(digits) if digits.isdecimal() else 0


class _Document:
    """The tree of a YAML text, with lines, without keys that have no value."""

    def __init__(self, text: str) -> None:
        import yaml

        self.faults: list[Fault] = []
        self._lines: dict[_Place, int] = {}
        self._texts: dict[_Place, str] = {}
        self._yaml = yaml
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = 1 if error.problem_mark is None else error.problem_mark.line + 1
            raise ConfigurationError([Fault(f"{PROJECT_FILE} line {line}", f"not YAML: {error.problem}")]) from error
        except yaml.YAMLError as error:
            raise ConfigurationError([Fault(PROJECT_FILE, f"not YAML: {error}")]) from error
        self.value = {} if root is None else self._value(root, ())

    def _value(self, node: Any, place: _Place) -> Any:
        self._lines[place] = node.start_mark.line + 1
        if len(place) > _DEPTH_MAX:
            raise ConfigurationError([Fault(self.where(place[:4]), "is nested too deeply")])
        if isinstance(node, self._yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, self._yaml.SequenceNode):
            return [self._value(one, (*place, index)) for index, one in enumerate(node.value)]
        self._texts[place] = node.value
        kind = node.tag.rpartition(":")[2]
        if kind == "null":
            return None
        return self._yaml.SafeLoader("").construct_object(node) if kind in ("bool", "int", "float") else node.value

    def _mapping(self, node: Any, place: _Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            inner = (*place, key)
            if inner in self._lines:
                first = self._lines[inner]
                self._lines[inner] = key_node.start_mark.line + 1
                self.faults.append(Fault(self.where(inner), f"stands twice, first in line {first}"))
            value = self._value(value_node, inner)
            self._lines[inner] = key_node.start_mark.line + 1
            if value is not None:
                values[key] = value
        return values

    def where(self, place: Sequence[str | int]) -> str:
        """``replayer.yaml line 7: streams[0].topic``."""
        name = ""
        for part in place:
            name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
        line = self._lines.get(tuple(place), 1)
        return f"{PROJECT_FILE} line {line}: {name}" if name else f"{PROJECT_FILE} line {line}"

    def value_at(self, place: _Place) -> Any:
        """The value there, None when there is none."""
        value = self.value
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def leaves(self) -> Iterator[_Place]:
        """The places of values that are options: what the schema nests further is no leaf."""
        yield from self._leaves(self.value, ())

    def _leaves(self, value: Any, place: _Place) -> Iterator[_Place]:
        is_branch = isinstance(value, dict) and place[-1:] not in (("create_topic",), ("headers",))
        if is_branch or place == ("streams",):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                yield from self._leaves(inner, (*place, key))
        else:
            yield place

    def setting(self, place: _Place) -> Setting:
        """The value as it would be typed: a list with commas, a mapping as ``key=value``; headers one a line."""
        value = self.value_at(place)
        between = "\n" if place[-1] == "headers" else ","
        if isinstance(value, list):
            text = between.join(self._texts[*place, index] for index in range(len(value)))
        elif isinstance(value, dict):
            text = between.join(f"{key}={self._texts[*place, key]}" for key in value)
        elif isinstance(value, bool):
            text = "true" if value else "false"
        else:
            text = self._texts[place]
        return Setting(text, self.where(place))


def _faults(document: _Document) -> list[Fault]:
    """What the JSON Schema says against the file, in our words."""
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    faults = []
    for error in Draft202012Validator(schema).iter_errors(document.value):
        place = list(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            unknown = [key for key in error.instance if key not in known]
            faults += [Fault(document.where([*place, key]), "unknown key", did_you_mean(key, known)) for key in unknown]
        elif error.validator == "maxItems" and place == ["streams"]:
            message = f"has {len(error.instance)} streams, and a run has one stream only so far"
            faults.append(Fault(document.where(place), message, "make a folder with a replayer.yaml for each of them"))
        elif error.validator == "required":
            faults.append(Fault(document.where(place), error.message, "a project file begins with version: 1"))
        else:
            wanted = error.schema.get("description", "")
            faults.append(Fault(document.where(place), _short(error), wanted))
    return faults


def _short(error: Any) -> str:
    kinds = {"string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false"}
    kinds |= {"object": "a mapping", "array": "a list"}
    if error.validator == "type":
        wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        return f"is not {' or '.join(kinds.get(str(kind), str(kind)) for kind in wanted)}: {json.dumps(error.instance)}"
    return str(error.message)
