"""``replayer init``: a project file and a schema for a dataset, so that a bare ``replayer run`` replays it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from replayer.cli.inspect import avsc_text, inspection_of
from replayer.cli.reading import as_texts, dataset_options
from replayer.cli.wiring import Wiring
from replayer.config import OPTIONS
from replayer.errors import UsageError
from replayer.settings.project import PROJECT_FILE, parse_project
from replayer.settings.words import boolean, default_topic, parse_topic
from replayer.source.standard_input import WORD


@click.command()
@click.argument("dataset", nargs=-1, required=True)
@dataset_options
@click.option(
    "--into", metavar="DIR", default=".", help="Folder to write to; made if it is missing. Default: this one."
)
@click.option("-t", "--topic", metavar="NAME", help="Topic to publish to. Default: the dataset's base name.")
@click.option(
    "--infer", type=click.Choice(["fast", "full"]), default="fast", help="Look at the first 64 MiB, or at every row."
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
@click.pass_obj
def init(
    wiring: Wiring, /, dataset: tuple[str, ...], into: str, topic: str | None, infer: str, **typed: str | None
) -> None:
    """Write a commented replayer.yaml and the Avro schema of DATASET; nothing that exists is overwritten."""
    folder = Path(into)
    is_live = WORD in dataset
    name = parse_topic(topic) if topic is not None else default_topic(dataset)
    if name is None:
        what = "standard input does" if is_live else f"{len(dataset)} dataset paths do"
        raise UsageError(f"{what} not give the topic a name", "name it with -t TOPIC")
    schema_file = f"{name}.avsc"
    _refuse_existing(folder, (PROJECT_FILE, schema_file))
    found = inspection_of(dataset, typed, is_whole=infer == "full", name=name)
    from replayer.inspection.project import project_text

    paths = tuple(path if is_live or os.path.isabs(path) else os.path.relpath(path, folder) for path in dataset)
    text = project_text(found, paths, name, schema_file, _said(as_texts(typed)))
    parse_project(text)  # what we write is held against the same schema as what people write
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file_name, content in ((schema_file, avsc_text(found.schema)), (PROJECT_FILE, text)):
            with open(folder / file_name, "x", encoding="utf-8") as stream:
                stream.write(content)
    except OSError as error:
        raise UsageError(
            f"{into} cannot be written to: {error.strerror or error}", "give --into another folder"
        ) from error
    written = os.path.join(into, PROJECT_FILE) if into != "." else PROJECT_FILE
    go = "" if into == "." else f"cd {into} && "
    print(f"wrote {written} and {schema_file}; {go}replayer run replays {len(found.columns)} columns to {name}",
          file=wiring.stderr)  # fmt: skip


def _said(texts: Mapping[str, str | None]) -> dict[str, str | bool]:
    """What was typed of how the dataset is read, by its keys below ``dataset``, for a bare run to read it so, too."""
    said: dict[str, str | bool] = {}
    for option in OPTIONS:
        text = texts.get(option.name)
        if text is not None and option.name != "format":  # that is always written
            said[option.key.removeprefix("streams.dataset.")] = boolean(text) if option.parse is boolean else text
    return said


def _refuse_existing(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (folder / name).exists():
            raise UsageError(f"{folder / name} is there already", "remove it, or give another folder with --into")
