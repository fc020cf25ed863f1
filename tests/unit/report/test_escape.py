"""Text from data is made safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.report.escape import printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders", "orders"),
        ("größe 数 🙂", "größe 数 🙂"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x00\x07\x7f", "\\x00\\x07\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202ecba", "abc\\u202ecba"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\udcff", "\\udcff"),
        ("<script>", "<script>"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """Case 39: control characters, escape sequences and direction marks show as what they are."""
    assert printable(text) == shown


@given(st.text(alphabet=st.characters(codec=None)))
def test_one_line_without_controls(text: str) -> None:
    """Whatever comes in, one line of encodable text without control characters comes out."""
    shown = printable(text)
    assert shown.splitlines() in ([], [shown])
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    shown.encode("utf-8")


def test_a_cut_shows() -> None:
    """What does not fit ends in an ellipsis, after escaping."""
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
    assert shortened("\n\n\n\n", 6) == "\\n\\n\\…"
