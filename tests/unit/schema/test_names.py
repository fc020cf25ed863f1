"""Names for Avro, the same at every call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.errors import SchemaError
from replayer.schema.avro import parse_schema
from replayer.schema.names import avro_names, record_name, renamed


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["a", "B_2"], ["a", "B_2"]),
        (["Order ID", "price (€)", "größe", "2nd", ""], ["Order_ID", "price____", "gro_e", "_2nd", "column_5"]),
        (["a b", "a_b", "a-b"], ["a_b_2", "a_b", "a_b_3"]),
        (["a_b_2", "a b", "a_b"], ["a_b_2", "a_b_3", "a_b"]),
        (["Ünï"], ["Uni"]),
        (["王"], ["_"]),
    ],
)
def test_case_6_names_are_made_fit(columns: list[str], names: list[str]) -> None:
    """Case 6: forbidden characters are replaced, names that need no change keep theirs, and no two are the same."""
    assert list(avro_names(columns).values()) == names


def test_case_6_duplicates_are_refused() -> None:
    """Case 6: two columns of one name cannot be told apart."""
    with pytest.raises(SchemaError, match="columns 1 and 3 are both called 'a'"):
        avro_names(["a", "b", "a"])


def test_renames_are_those_that_changed() -> None:
    """What is shown to people are the changes only."""
    assert renamed(avro_names(["a", "b c"])) == {"b c": "b_c"}


@pytest.mark.parametrize(
    ("text", "name"), [("orders", "orders"), ("orders.v1", "orders_v1"), ("1st", "_1st"), ("", "record")]
)
def test_record_names(text: str, name: str) -> None:
    """A topic's name becomes a record's."""
    assert record_name(text) == name


@given(st.lists(st.text(max_size=8), unique=True, max_size=12))
def test_any_columns_get_distinct_names_that_avro_takes(columns: list[str]) -> None:
    """Property: whatever columns are called, the names are distinct and valid."""
    names = list(avro_names(columns).values())
    assert len(set(names)) == len(columns)
    parse_schema({"type": "record", "name": "R", "fields": [{"name": name, "type": "int"} for name in names]}, "test")
