"""What standard input is: it has no name that would tell, so its first bytes must."""

from __future__ import annotations

from dataclasses import replace

from replayer.errors import DatasetError
from replayer.source.bytestream import ByteStream, file_start
from replayer.source.discover import MAGIC_COMPRESSIONS, TYPED_MAGICS, InputFile
from replayer.source.json_array import first_byte
from replayer.source.standard_input import NAME, spool_of_process

_MAGIC_BYTES = 8


def recognised(file: InputFile) -> InputFile:
    """Standard input with its spool, its compression and, where none was said, its format.

    JSON if the first character is a bracket, else CSV. Raises DatasetError for Parquet and Arrow.
    """
    spooled = replace(file, spool=spool_of_process())
    start = file_start(spooled, _MAGIC_BYTES)
    compression = next((name for magic, name in MAGIC_COMPRESSIONS.items() if start.startswith(magic)), "")
    spooled = replace(spooled, compression=compression)
    if file.format:
        return spooled
    if kind := TYPED_MAGICS.get(start[:4]):
        raise DatasetError(f"{NAME} holds {kind}, which is not read forwards", "name the file, or save it in one")
    stream = ByteStream(spooled)
    try:
        is_json = first_byte(stream) in (b"{", b"[")
    finally:
        stream.close()
    return replace(spooled, format="json" if is_json else "csv")
