"""``python -m replayer`` is the command ``replayer``."""

from __future__ import annotations

import sys

from replayer.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
