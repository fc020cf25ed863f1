"""The options of ``run`` that say how a dataset is read, for the other commands that read one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from replayer.config import OPTIONS, read_options
from replayer.errors import UsageError
from replayer.source.options import SourceOptions

_ELSEWHERE = ("infer",)
"""Options with another default where a dataset is only looked at."""
_OTHER_FORMATS = {"json_lines": "ndjson", "json_array": "json-array"}
"""Options that are another spelling of ``--format``."""


def dataset_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command every option of ``run`` whose key is below ``streams.dataset``, with the same words."""
    from replayer.cli.run import run

    names = {option.name for option in OPTIONS if option.key.startswith("streams.dataset.")} - {*_ELSEWHERE}
    names |= {*_OTHER_FORMATS}
    listed = [one for one in run.params if isinstance(one, click.Option) and one.name in names]
    known: list[click.Parameter] = command.__dict__.setdefault("__click_params__", [])
    known.extend(reversed(listed))
    return command


def source_options(paths: Sequence[str], typed: Mapping[str, Any]) -> SourceOptions:
    """What was typed, checked. Raises ConfigurationError."""
    return read_options(paths, as_texts(typed))


def as_texts(typed: Mapping[str, Any]) -> dict[str, str | None]:
    """What was typed as the environment would have it, each option under one name. Raises UsageError."""
    texts = {name: _as_text(value) for name, value in typed.items() if name not in _OTHER_FORMATS}
    return {**texts, "format": _format(typed)}


def _format(typed: Mapping[str, Any]) -> str | None:
    """What ``--format`` says, or one of its other spellings."""
    words = {"--format": typed.get("format")}
    words |= {f"--{name.replace('_', '-')}": typed.get(name) and word for name, word in _OTHER_FORMATS.items()}
    said = [flag for flag, word in words.items() if word]
    if len(said) > 1:
        raise UsageError(f"{' and '.join(said)} name the format twice", "keep one of them")
    # An empty --format is still a fault of its own.
    return words[said[0]] if said else typed.get("format")


def _as_text(value: Any) -> str | None:
    """Flags are words, and what repeats goes one a line."""
    if isinstance(value, tuple):
        return "\n".join(value) if value else None
    return "true" if value is True else None if value is False else value
