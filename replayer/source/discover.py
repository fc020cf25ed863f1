"""From what was typed (files, folders, glob patterns) to the files to read. Standard library only."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from replayer.errors import DatasetError
from replayer.source.fingerprint import Fingerprint, fingerprint_of
from replayer.source.options import SourceOptions
from replayer.source.standard_input import NAME, WORD, Spool

FORMATS = ("parquet", "arrow", "csv", "tsv", "json", "ndjson", "json-array")
"""``json`` is either ``ndjson``, one object a line, or ``json-array``: which one is seen by the first byte."""

_JSON_FORMATS = ("json", "ndjson", "json-array")

_SUFFIX_FORMATS = {
    ".parquet": "parquet", ".parq": "parquet", ".pq": "parquet",
    ".arrow": "arrow", ".arrows": "arrow", ".ipc": "arrow", ".feather": "arrow",
    ".csv": "csv", ".tsv": "tsv",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json",
}  # fmt: skip
_SUFFIX_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
MAGIC_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
TYPED_MAGICS = {b"PAR1": "parquet", b"ARRO": "arrow", b"FEA1": "arrow", b"\xff\xff\xff\xff": "arrow"}
_TYPED_FORMATS = ("parquet", "arrow")
_KNOWN = (
    "known are .parquet, .arrow, .feather, .csv, .tsv, .ndjson, .jsonl and .json, the last five also as .gz or .zst"
)


@dataclass(frozen=True)
class InputFile:
    """One file of a dataset."""

    path: str
    format: str
    """One of ``FORMATS``."""
    compression: str
    """``gzip``, ``zstd`` or empty; Parquet and Arrow compress inside and are always empty here."""
    size_bytes: int
    encoding: str = "utf-8"
    """Of a text file, by Python's name."""
    fingerprint: Fingerprint | None = None
    """As it was when the run was planned."""
    spool: Spool | None = None
    """Set for standard input, whose path is only a name."""


def discover(options: SourceOptions) -> tuple[InputFile, ...]:
    """The files to read, in order: as given, and sorted by path within one pattern or folder.

    Folders are searched to any depth for files of a known kind; names that begin with ``.`` or ``_`` (``_SUCCESS``,
    ``.crc``) are passed over there. Raises DatasetError when a pattern finds nothing, when a format is unknown, and
    when the files are of different formats. Standard input (``-``) is not looked at: its format may be empty.
    """
    if options.format is not None and options.format not in FORMATS:
        raise DatasetError(f"format {options.format!r} is unknown", f"--format takes one of {', '.join(FORMATS)}")
    if not options.paths:
        raise DatasetError("no dataset was given", "name a file, a folder or a pattern")
    if WORD in options.paths:
        if len(options.paths) > 1:
            raise DatasetError(f"{NAME} (-) is read alone, not with other files", "make it two runs")
        if options.format in _TYPED_FORMATS:
            raise DatasetError(f"{NAME} is read forwards, and {options.format} is not", "name the file")
        return (InputFile(NAME, options.format or "", "", 0),)
    files = tuple(
        _describe(path, options.format) for pattern in options.paths for path in _expand(pattern, options.format)
    )
    first = files[0]
    for file in files[1:]:
        if not _is_kin(file.format, first.format):
            raise DatasetError(
                f"the dataset mixes formats: {first.path} is {first.format}, {file.path} is {file.format}",
                "give the files of one format, or say --format",
            )
    return files


def _expand(pattern: str, wanted: str | None) -> list[str]:
    """The files that one argument stands for, never none; a name that exists is no pattern, ``[`` or not."""
    if os.path.isdir(pattern):
        found = sorted(_walk(pattern, wanted))
        if not found:
            raise DatasetError(f"folder {pattern} holds no data files", _KNOWN)
        return found
    if os.path.exists(pattern):
        return [pattern]
    if not glob.has_magic(pattern):
        raise DatasetError(f"{pattern} does not exist", "give a file, a folder or a pattern like 'data/*.parquet'")
    found = []
    for path in sorted(glob.glob(os.path.expanduser(pattern), recursive=True)):
        found += sorted(_walk(path, wanted)) if os.path.isdir(path) else [path]
    if not found:
        raise DatasetError(f"no file matches {pattern}", "check the pattern and the folder that you are in")
    return found


def _walk(folder: str, wanted: str | None) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            format_ = _name_format(name)
            fits = format_ is not None and (wanted is None or _is_kin(format_, wanted))
            if fits and not name.startswith((".", "_")):
                yield os.path.join(place, name)


def _is_kin(format_: str, other: str) -> bool:
    return format_ == other or (format_ in _JSON_FORMATS and other in _JSON_FORMATS)


def _suffixes(path: str) -> tuple[str, str]:
    """The suffix that tells the format and the one that tells the compression, lower case, either may be empty."""
    plain = Path(path.lower())
    compression = plain.suffix if plain.suffix in _SUFFIX_COMPRESSIONS else ""
    return (Path(plain.stem).suffix if compression else plain.suffix), compression


def _name_format(path: str) -> str | None:
    return _SUFFIX_FORMATS.get(_suffixes(path)[0])


def _describe(path: str, wanted: str | None) -> InputFile:
    try:
        with open(path, "rb") as stream:
            magic = stream.read(4)
        fingerprint = fingerprint_of(path)
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read: {error.strerror or error}", "check the path and its permissions"
        ) from error
    format_ = wanted or _name_format(path) or TYPED_MAGICS.get(magic)
    if format_ is None:
        suffix = _suffixes(path)[0]
        what = f"the ending {suffix!r} is unknown" if suffix else "its name has no ending"
        raise DatasetError(
            f"{path} is of no known format: {what}", f"{_KNOWN}; or say --format {{{','.join(FORMATS)}}}"
        )
    compression = _SUFFIX_COMPRESSIONS.get(_suffixes(path)[1], "")
    if not compression and format_ not in _TYPED_FORMATS:
        compression = next((name for start, name in MAGIC_COMPRESSIONS.items() if magic.startswith(start)), "")
    if compression and format_ in _TYPED_FORMATS:
        raise DatasetError(f"{path} is compressed from outside; {format_} cannot be read that way", "unpack it first")
    return InputFile(path, format_, compression, fingerprint.size_bytes, fingerprint=fingerprint)
