"""The JSON form of a run's report: the model as it stands, and what follows from it (``closes``, ``proof``).

``run-report.schema.json`` in this folder describes it; ``report_schema`` makes that file from the model, and a test
keeps the two equal. Fields may be added within a schema version; a removed or changed one raises it.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import orjson

from replayer.errors import UsageError
from replayer.metrics.ledger import Ledger, PartitionCounts
from replayer.report.model import SCHEMA_VERSION, RunReport

_Model = TypeVar("_Model")
_DERIVED: Mapping[type, tuple[str, ...]] = {
    Ledger: ("closes", "is_complete", "proof"),
    PartitionCounts: ("offset_delta",),
}
"""Properties that are written beside the fields, so that ``jq .ledger`` says all there is to say."""
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}


def to_dict(model: Any) -> Any:
    """Plain dictionaries, lists and scalars of a model's dataclass, derived properties included."""
    if isinstance(model, tuple):
        return [to_dict(part) for part in model]
    if not dataclasses.is_dataclass(model):
        return model
    names = [field.name for field in dataclasses.fields(model)]
    return {name: to_dict(getattr(model, name)) for name in (*names, *_DERIVED.get(type(model), ()))}


def to_json(report: RunReport) -> bytes:
    """UTF-8, two spaces of indentation, a newline at the end. Text that is not valid Unicode keeps its escapes."""
    document = to_dict(report)
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # A path with bytes that are not UTF-8 holds lone surrogates, which orjson refuses.
        return orjson.dumps(_without_surrogates(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_without_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {key: _without_surrogates(part) for key, part in value.items()}
    return value


def from_json(text: bytes | str, where: str = "the report") -> RunReport:
    """The report again. Raises UsageError when it is not JSON, of another schema version or lacks a field."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{where} is not JSON: {error}", "give a file that replayer run --output json wrote") from None
    return from_dict(document, where)


def from_dict(document: Any, where: str = "the report") -> RunReport:
    """As ``from_json``, from parsed JSON. Fields that this version does not know are ignored."""
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{where} has schema version {version!r}, this replayer reads {SCHEMA_VERSION}",
            "use the replayer that wrote it",
        )
    return _read(RunReport, document, where)


def _read(model: type[_Model], document: Any, where: str) -> _Model:
    hints = get_type_hints(model)
    values = {}
    for field in dataclasses.fields(model):  # type: ignore[arg-type]
        if not isinstance(document, dict) or field.name not in document:
            raise UsageError(f"{where} lacks {field.name!r}", "give a file that replayer run --output json wrote")
        values[field.name] = _read_value(hints[field.name], document[field.name], f"{where}.{field.name}")
    return model(**values)


def _read_value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (hint,) = (argument for argument in arguments if argument is not type(None))
        return _read_value(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise UsageError(f"{where} is not a list")
        return tuple(_read_value(arguments[0], part, f"{where}[{index}]") for index, part in enumerate(value))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _read(hint, value, where)
    accepted = (int, float) if hint is float else hint
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise UsageError(f"{where} is {value!r}, which is not of type {_SCALARS[hint]}")
    return float(value) if hint is float else value


def report_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report, made from the model's types and docstrings."""
    definitions: dict[str, Any] = {}
    root = _object_schema(RunReport, definitions)
    root["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "replayer run report",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """The text of ``run-report.schema.json``."""
    return orjson.dumps(report_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _object_schema(model: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(model)
    for name in _DERIVED.get(model, ()):
        hints[name] = get_type_hints(getattr(model, name).fget)["return"]
    notes = _field_notes(model)
    properties = {}
    for name, hint in hints.items():
        properties[name] = _value_schema(hint, definitions)
        if name in notes:
            properties[name]["description"] = notes[name]
    return {
        "description": inspect.getdoc(model),
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _value_schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        schema = _value_schema(inner, definitions)
        if "type" in schema and isinstance(schema["type"], str) and schema["type"] in _SCALARS.values():
            return {"type": [schema["type"], "null"]}
        return {"anyOf": [schema, {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _value_schema(arguments[0], definitions)}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # holds the place, so that a type that holds itself would end
            definitions[hint.__name__] = _object_schema(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return {"type": _SCALARS[hint]}


def _field_notes(model: type) -> dict[str, str]:
    """The strings that stand below fields in the source, and the docstrings of derived properties."""
    body = typing.cast("ast.ClassDef", ast.parse(inspect.getsource(model)).body[0]).body
    notes = {}
    for statement, following in itertools.pairwise(body):
        is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and is_text:
            notes[statement.target.id] = inspect.cleandoc(following.value.value)  # type: ignore[attr-defined]
    for name in _DERIVED.get(model, ()):
        notes[name] = inspect.getdoc(getattr(model, name)) or ""
    return notes
