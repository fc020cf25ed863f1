"""Makes docs/terminal.svg, the README's picture: a real run in a real pseudo-terminal, drawn as it looked at its end.

python scripts/picture.py      (from the checkout, with .venv/bin first on PATH)
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

COLUMNS = 126
COMMAND = "replayer run testdata/orders.parquet --key customer --rate 50k --loops 100 --create-topic partitions=6"
TARGET = Path(__file__).resolve().parent.parent / "docs" / "terminal.svg"
_TOKENS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[K|\r\n|[\r\n]|[^\x1b\r\n]+")
_PADDED_TEXT = re.compile(r'x="([\d.]+)" (y="[\d.]+") textLength="([\d.]+)"([^>]*)>((?:&#160;)+)')
_CHARACTER_WIDTH = 12.2


def _without_padding(match: re.Match[str]) -> str:
    """The same text further right: some viewers drop blanks at the start of a text."""
    x, y, length, rest, blanks = match.groups()
    shift = _CHARACTER_WIDTH * (len(blanks) // len("&#160;"))
    return f'x="{float(x) + shift:.1f}" {y} textLength="{float(length) - shift:.1f}"{rest}>'


def run(command: str) -> str:
    """What the command writes to a terminal, live line and colours included."""
    chunks: list[bytes] = []

    def read(descriptor: int) -> bytes:
        chunks.append(os.read(descriptor, 65536))
        return chunks[-1]

    os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    os.environ.pop("NO_COLOR", None)
    status = pty.spawn(shlex.split(command), read)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("error: the run failed:\n" + b"".join(chunks).decode())
    return b"".join(chunks).decode()


def last_screen(output: str) -> list[str]:
    """The lines as they stood at the end: a carriage return starts the line again, what it held is overwritten."""
    lines = [""]
    for piece in _TOKENS.findall(output):
        if piece in ("\n", "\r\n"):
            lines.append("")
        elif piece == "\r":
            lines[-1] = ""
        elif piece != "\x1b[K":
            lines[-1] += piece
    return lines


def main() -> None:
    """Run, draw, save."""
    lines = last_screen(run(COMMAND))
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text(f"$ {COMMAND}", style="bold"))
        for line in lines:
            console.print(Text.from_ansi(line), soft_wrap=True)
        # Without the web fonts that rich names: the picture must not fetch anything.
        template = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        picture = console.export_svg(title="replayer", code_format=template, unique_id="terminal")
        picture = _PADDED_TEXT.sub(_without_padding, picture.replace("Fira Code, monospace", "monospace"))
        TARGET.write_text(picture, encoding="utf-8")
    print(f"\n{TARGET}", file=sys.stderr)


if __name__ == "__main__":
    main()
