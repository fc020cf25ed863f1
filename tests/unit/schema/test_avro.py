"""Avro schemas as node trees, and every way in which one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from replayer.errors import SchemaError
from replayer.schema.avro import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Recursion,
    Union,
    parse_schema,
)

NULL, INT, STRING = Primitive("null"), Primitive("int"), Primitive("string")


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


@pytest.mark.parametrize(
    ("written", "node"),
    [
        ("int", INT),
        ({"type": "string"}, STRING),
        ({"type": "int", "logicalType": "date"}, Primitive("int", "date")),
        ({"type": "long", "logicalType": "local-timestamp-nanos"}, Primitive("long", "local-timestamp-nanos")),
        ({"type": "string", "logicalType": "uuid"}, Primitive("string", "uuid")),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9}, Primitive("bytes", "decimal", 9, 0)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 9}, Primitive("bytes", "decimal", 9, 9)),
        # A logical type that is unknown, or on a type it is not for, is ignored.
        ({"type": "long", "logicalType": "date"}, Primitive("long")),
        ({"type": "int", "logicalType": "rainfall"}, INT),
        ({"type": "string", "logicalType": ["uuid"]}, STRING),
        ({"type": "fixed", "name": "F", "size": 15, "logicalType": "uuid"}, Fixed("F", 15)),
        ({"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}, Fixed("F", 12)),
        ({"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"}, Fixed("F", 16, "uuid")),
        (
            {"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 4, "scale": 2},
            Fixed("F", 2, "decimal", 4, 2),
        ),
        ({"type": "array", "items": "int"}, Array(INT)),
        ({"type": "map", "values": ["null", "int"]}, Map(Union((NULL, INT)))),
        (["int", "string", "null"], Union((INT, STRING, NULL))),
        (
            {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "B", "doc": "d", "aliases": ["x"]},
            Enum("E", ("A", "B"), "B", ("x",), "d"),
        ),
        (record(), Record("R", ())),
        (
            record(field("int", default=7, doc="d", aliases=["g"]), doc="r", aliases=["S"]),
            Record("R", (Field("f", INT, True, 7, ("g",), "d"),), ("S",), "r"),
        ),
        (record(field(["null", "int"], default=None)), Record("R", (Field("f", Union((NULL, INT)), True, None),))),
    ],
)
def test_what_each_type_is_parsed_to(written: Any, node: Node) -> None:
    """JSON text, and what it was loaded to, give the same tree; a string is always text."""
    if not isinstance(written, str):
        assert parse_schema(written, "test").root == node
    assert parse_schema(json.dumps(written), "test").root == node


def test_names_are_resolved_in_their_namespace() -> None:
    """A name without dots is looked up in the namespace around it; one with dots brings its own."""
    fixed = {"type": "fixed", "name": "F", "size": 1}
    inner = record(field(fixed, "g"), field("F", "h"), name="other.Inner")
    schema = parse_schema(
        record(field(inner, "a"), field("other.F", "b"), field("other.Inner", "c"), namespace="top"), "test"
    )
    there = Fixed("other.F", 1)
    resolved = Record("other.Inner", (Field("g", there), Field("h", there)))
    assert schema.root == Record("top.R", (Field("a", resolved), Field("b", there), Field("c", resolved)))
    assert schema.fullname == "top.R"


def test_a_type_that_contains_itself_is_marked() -> None:
    """A reference from inside of a definition stays a reference, so every tree is finite."""
    schema = parse_schema(record(field(["null", "R"], "next"), name="R", namespace="n"), "test")
    assert schema.root == Record("n.R", (Field("next", Union((NULL, Recursion("n.R")))),))


def test_the_text_is_what_is_registered() -> None:
    """As given, unknown attributes and characters included, but for the white space."""
    text = '{ "type": "record", "name": "R",\n "owner": "Zoë", "fields": [ ] }'
    assert parse_schema(text, "test").text == '{"type":"record","name":"R","owner":"Zoë","fields":[]}'


@pytest.mark.parametrize(
    ("branches", "null_index", "nullable"),
    [
        (["null", "int"], 0, INT),
        (["int", "null"], 1, INT),
        (["int", "string"], None, None),
        (["null"], 0, None),
        (["null", "int", "string"], 0, None),
    ],
)
def test_what_a_nullable_union_is(branches: list[str], null_index: int | None, nullable: Node | None) -> None:
    """Null and exactly one other type, in either order."""
    union = parse_schema(branches, "test").root
    assert isinstance(union, Union)
    assert (union.null_index, union.nullable) == (null_index, nullable)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("null", None, 0),
        ("boolean", True, 1),
        ("int", -(2**31), 2**31),
        ("long", 2**63 - 1, 2**63),
        ("long", 1, True),
        ("float", "NaN", "x"),
        ("double", 1, "1"),
        ("string", "", None),
        ("bytes", "\u00ff", 1),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "A", "B"),
        ({"type": "array", "items": "int"}, [1], [None]),
        ({"type": "map", "values": "int"}, {"k": 1}, []),
        (record(field("int"), name="P"), {"f": 1}, {}),
        (record(field("int", default=1), name="P"), {}, None),
        (["null", "int"], 1, "x"),
    ],
)
def test_defaults_fit_their_type(kind: Any, good: Any, bad: Any) -> None:
    """A default is JSON of the shape that its type asks for; in a union, of one of the branches."""
    root = parse_schema(record(field(kind, default=good)), "test").root
    assert isinstance(root, Record)
    assert root.fields[0].default == good
    with pytest.raises(SchemaError, match=r"test: fields\.f: the default .* does not fit the type"):
        parse_schema(record(field(kind, default=bad)), "test")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{", "o.avsc: not JSON: Expecting property name"),
        ("flot", "o.avsc: not JSON: Expecting value"),
        ('"flot"', "o.avsc: unknown type 'flot'"),
        (3, "o.avsc: a type is a name, an object or a list, not 3"),
        ({}, 'o.avsc: an object without "type"'),
        ({"type": {"type": "int"}}, 'o.avsc: unknown type {"type": "int"}'),
        (record(field("Later")), "o.avsc: fields.f: unknown type 'Later'"),
        (record(field({"type": "array"})), 'o.avsc: fields.f: "items" is missing'),
        (record(field({"type": "array", "items": {"type": "map", "values": "x"}})),
         "o.avsc: fields.f.items.values: unknown type 'x'"),
        (record(field(["null", {"type": "x"}])), 'o.avsc: fields.f.1: unknown type "x"'),
        ({"type": "record", "fields": []}, 'o.avsc: "name" is missing'),
        ({"type": "record", "name": "R"}, 'o.avsc: "fields" is missing'),
        ({"type": "record", "name": "R", "fields": {}}, 'o.avsc: "fields" is not a list'),
        (record("int"), 'o.avsc: fields: a field is an object, not "int"'),
        (record({"type": "int"}), 'o.avsc: fields: "name" is missing'),
        (record({"name": "f"}), 'o.avsc: fields.f: "type" is missing'),
        (record(field("int", "a-b")), "o.avsc: fields: 'a-b' is not a name"),
        (record(field("int"), field("long")), "o.avsc: two fields are called 'f'"),
        (record(name="1R"), "o.avsc: '1R' is not a name"),
        (record(name="int"), "o.avsc: 'int' is defined twice"),
        (record(name=1), "o.avsc: a name and a namespace are strings"),
        (record(field(record())), "o.avsc: fields.f: 'R' is defined twice"),
        (record(aliases="x"), 'o.avsc: "aliases" is not a list of names'),
        ({"type": "enum", "name": "E", "symbols": []}, 'o.avsc: "symbols" is not a list of at least one name'),
        ({"type": "enum", "name": "E", "symbols": ["a b"]}, "o.avsc: 'a b' is not a symbol"),
        ({"type": "enum", "name": "E", "symbols": ["A", "A"]}, "o.avsc: a symbol stands twice"),
        ({"type": "enum", "name": "E", "symbols": ["A"], "default": "B"},
         "o.avsc: the default 'B' is not among the symbols"),
        ({"type": "fixed", "name": "F", "size": 0}, "o.avsc: the size of a fixed is a number of bytes from 1, not 0"),
        ({"type": "fixed", "name": "F", "size": True},
         "o.avsc: the size of a fixed is a number of bytes from 1, not true"),
        ({"type": "bytes", "logicalType": "decimal"},
         "o.avsc: the precision of a decimal is a whole number from 1, not null"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3},
         "o.avsc: the scale of a decimal goes from 0 to its precision, not 3"),
        ({"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 5},
         "o.avsc: a decimal of precision 5 does not fit into 2 bytes"),
        ([], "o.avsc: a union without types"),
        (["int", ["null"]], "o.avsc: a union directly inside a union"),
        (["int", "int"], "o.avsc: int stands twice in a union"),
        ([{"type": "array", "items": "int"}, {"type": "array", "items": "long"}],
         "o.avsc: array stands twice in a union"),
    ],
)  # fmt: skip
def test_a_broken_schema_is_refused_with_the_place(written: Any, message: str) -> None:
    """Case 'what, where, why': the path inside the schema stands before what is wrong."""
    with pytest.raises(SchemaError) as raised:
        parse_schema(written, "o.avsc")
    assert raised.value.message.startswith(message)


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_a_schema_nested_without_end_is_refused(depth: int) -> None:
    """Deep nesting is an error of the schema, not a crash."""
    text = '{"type":"array","items":' * depth + '"int"' + "}" * depth
    with pytest.raises(SchemaError):
        parse_schema(text, "test")
