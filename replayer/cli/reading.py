"""The options of ``run`` that say how a dataset is read, for the other commands that read one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from replayer.config import OPTIONS, read_options
from replayer.source.options import SourceOptions

_ELSEWHERE = ("infer",)
"""Options with another default where a dataset is only looked at."""


def dataset_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command every option of ``run`` whose key is below ``streams.dataset``, with the same words."""
    from replayer.cli.run import run

    names = {option.name for option in OPTIONS if option.key.startswith("streams.dataset.")} - {*_ELSEWHERE}
    listed = [one for one in run.params if isinstance(one, click.Option) and one.name in names]
    known: list[click.Parameter] = command.__dict__.setdefault("__click_params__", [])
    known.extend(reversed(listed))
    return command


def source_options(paths: Sequence[str], typed: Mapping[str, str | bool | None]) -> SourceOptions:
    """What was typed, checked. Raises ConfigurationError."""
    texts = {name: "true" if value is True else None if value is False else value for name, value in typed.items()}
    return read_options(paths, texts)
