"""What a user can say about the dataset. Light to import: the command line needs it before it does anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceOptions:
    """Which files to read, and how."""

    paths: tuple[str, ...] = ()
    """Files, folders and glob patterns, read in the order given; those that one pattern finds are sorted by name."""
    format: str | None = None
    """One of ``discover.FORMATS`` for all files; None goes by each file's name."""
