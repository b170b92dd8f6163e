"""What a person reads: our lines go to standard error, and the report to standard output."""

from __future__ import annotations

import sys

CLEAR = "\r\x1b[K"


class Terminal:
    """Lines on standard error. On a terminal one of them is rewritten; other lines take its place."""

    def __init__(self) -> None:
        self._is_line_open = False

    @property
    def is_rewritable(self) -> bool:
        """Whether a person looks at a screen, and no log is written."""
        return sys.stderr.isatty()

    def say(self, text: str) -> None:
        """One line about what happens now."""
        print(f"{self._cleared()}hubbub: {text}", file=sys.stderr, flush=True)

    def progress(self, text: str) -> None:
        """How things go on: on a terminal in place of what was said of it last."""
        if not self.is_rewritable:
            self.say(text)
            return
        print(f"{CLEAR}hubbub: {text}", end="", file=sys.stderr, flush=True)
        self._is_line_open = True

    def show(self, report: str, is_output_taken: bool) -> None:
        """The report. With `--json` standard output is Locust's, so it goes to standard error, too."""
        print(self._cleared(), end="", file=sys.stderr, flush=True)
        print(report, file=sys.stderr if is_output_taken else sys.stdout, flush=True)

    def _cleared(self) -> str:
        is_open, self._is_line_open = self._is_line_open, False
        return CLEAR if is_open else ""


TERMINAL = Terminal()
say, show = TERMINAL.say, TERMINAL.show
