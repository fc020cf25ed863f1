"""The project file that a dataset suggests, with comments for whoever edits it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from replayer.inspection.model import Inspection, Suggestion

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*\Z")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def project_text(
    found: Inspection, paths: tuple[str, ...], topic: str, schema_file: str, said: Mapping[str, str | bool] = {}
) -> str:
    """A ``replayer.yaml``; ``paths`` and ``schema_file`` are relative to its folder.

    ``said`` has further keys of the dataset.
    """
    listed = _scalar(paths[0]) if len(paths) == 1 else f"[{', '.join(map(_scalar, paths))}]"
    rows = f"{found.rows:,} rows" if found.is_whole else f"the first {found.rows:,} rows"
    record = "" if found.record_bytes is None else f", {found.record_bytes:.0f} bytes a record"
    return f"""\
# replayer run                 replays the dataset below
# replayer run --dry-run       reads, fits and encodes everything, and sends nothing
# replayer plan --show 5       what a run would do, and its first records
# replayer config --show-origin
version: 1

kafka:
  # Without an address an embedded broker is started.
  # bootstrap: kafka:9092
  # create_topic: {{partitions: 6}}
  # properties: {{linger.ms: 20}}

registry:
  # Without one, schema ids are kept in the process.
  # url: http://registry:8081

run:
  # max_records: 10k
  # duration: 5m
  # loops: 3

pacing:
  # Records per second, like 100k or 1.5M/s.
  rate: max

streams:
  - topic: {_scalar(topic)}
    dataset:
      # {rows}{record}.
      path: {listed}
      format: {found.format}
{_further(said)}    schema:
      # Inferred by replayer init. Rows that do not fit it are rejected.
      file: {_scalar(schema_file)}
    key:
{_key(found.key)}
    rejects:
      # keep, count or stop; and how many rows may be rejected, like 100 or 0.5%.
      policy: keep
      # max: 0.5%
"""


def _further(said: Mapping[str, str | bool]) -> str:
    words = {key: str(value).lower() if isinstance(value, bool) else _scalar(value) for key, value in said.items()}
    return "".join(f"      {key}: {value}\n" for key, value in words.items())


def _key(suggestion: Suggestion | None) -> str:
    if suggestion is None:
        return "      # No column suggests itself.\n      # columns: [a, b]"
    return f"      # {suggestion.reason}.\n      columns: {_scalar(suggestion.column)}"


def _scalar(text: str) -> str:
    """The text as YAML reads it back."""
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)
