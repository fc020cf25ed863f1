"""``replayer config``: the settings that hold in this folder, and where each comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import click

from replayer.cli.wiring import Wiring
from replayer.config import OPTIONS, Origin, origins
from replayer.settings.environment import look_around
from replayer.settings.project import read_project
from replayer.settings.words import boolean

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@%+=-]*\Z")
_SWITCHES = tuple(option.key for option in OPTIONS if option.parse is boolean)
_SECTIONS = ("kafka", "registry", "run", "pacing", "streams")


@click.command()
@click.option("--show-origin", is_flag=True, help="Say behind each value where it was set; list what is not set, too.")
@click.option("--env-file", metavar="FILE", help="Variables that the environment does not set. Default: .env.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
@click.pass_obj
def config(wiring: Wiring, /, show_origin: bool, env_file: str | None) -> None:
    """Print the settings that the environment and replayer.yaml make, as a replayer.yaml. Secrets are starred."""
    surroundings = look_around(wiring.environment, env_file, wiring.folder())
    found = origins(surroundings, read_project(wiring.folder()))
    from replayer.report.escape import printable

    lines = _itemised(["version: 1", *_lines(found, is_full=show_origin)])
    wiring.stdout.write("".join(f"{printable(line)}\n" for line in lines).encode("utf-8", "backslashreplace"))
    wiring.stdout.flush()


def _lines(found: Sequence[Origin], *, is_full: bool) -> Iterator[str]:
    by_key = {one.key: one for one in found}
    keys = ["streams.dataset.path", *(option.key for option in OPTIONS)]
    keys += [key for key in by_key if key not in keys]
    shown: tuple[str, ...] = ()
    for key in sorted((key for key in keys if is_full or key in by_key), key=_order):
        *above, last = key.split(".", 2) if key.startswith("kafka.properties.") else key.split(".")
        for depth, part in enumerate(above):
            if shown[: depth + 1] != tuple(above[: depth + 1]):
                is_silent = not any(one.startswith(".".join(above[: depth + 1])) for one in by_key)
                yield _indented(tuple(above[: depth + 1]), f"{part}:", is_comment=is_silent)
        shown = tuple(above)
        origin = by_key.get(key)
        if origin is None:
            yield _indented((*shown, last), f"{last}:", is_comment=True) + "  # default"
        else:
            behind = f"  # {origin.where}" if is_full else ""
            yield _indented((*shown, last), f"{last}: {_written(key, origin.text)}", is_comment=False) + behind


def _itemised(lines: list[str]) -> list[str]:
    """With the mark of a list's item at the stream's first line that is no comment."""
    start = lines.index("streams:") + 1 if "streams:" in lines else len(lines)
    for place in range(start, len(lines)):
        if not lines[place].lstrip().startswith("#"):
            lines[place] = "  - " + lines[place].removeprefix("    ")
            break
    return lines


def _order(key: str) -> tuple[int, list[str]]:
    section, *rest = key.split(".")
    # What is nested follows what is not, so that every section is in one piece.
    return _SECTIONS.index(section) if section in _SECTIONS else len(_SECTIONS), [
        f"{int(len(rest) > depth + 1)}{part}" for depth, part in enumerate(rest)
    ]


def _indented(place: tuple[str, ...], text: str, *, is_comment: bool) -> str:
    depth = len(place) - 1
    mark = "# " if is_comment else ""
    if place[0] == "streams" and depth:
        return "  " * (depth + 1) + mark + text
    return "  " * depth + mark + text


def _written(key: str, text: str) -> str:
    if key == "streams.headers":  # a list: the same name may come twice
        return json.dumps([line for line in text.split("\n") if line.strip()], ensure_ascii=False)
    if key == "kafka.create_topic":
        return "{" + text.replace("=", ": ") + "}"
    return str(boolean(text)).lower() if key in _SWITCHES else _scalar(text)


def _scalar(text: str) -> str:
    """The text as YAML, quoted where YAML would make something else of it."""
    import yaml

    if _PLAIN.match(text) and not isinstance(yaml.safe_load(text), bool | None):
        return text
    return json.dumps(text, ensure_ascii=False)
