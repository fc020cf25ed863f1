"""What is wrong with a configuration: every fault with the place that set it, all of them together."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from replayer.errors import UsageError
from replayer.report.escape import printable


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a configuration: where it was set, what is wrong, what to do."""

    where: str
    message: str
    hint: str = ""


class ConfigurationError(UsageError):
    """One or more settings are wrong; ``faults`` lists all of them.

    ``lines`` is the whole text, its first line what went wrong; what was typed is escaped, so no line can be forged.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        texts = [printable(f"{fault.where}: {fault.message}" if fault.where else fault.message) for fault in faults]
        if len(faults) == 1:
            super().__init__(texts[0], faults[0].hint)
            self.lines = tuple(texts)
            return
        lines = [f"{len(faults)} things are wrong"]
        for text, fault in zip(texts, faults, strict=True):
            lines.append(f"  {text}")
            lines += [f"    {printable(fault.hint)}"] if fault.hint else []
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """``did you mean 'rate'?`` for a near miss, else the known words."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
