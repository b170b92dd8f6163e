"""What a person reads: our lines go to standard error, and the report to standard output."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """One line about what happens now."""
    print(f"hubbub: {text}", file=sys.stderr, flush=True)


def show(report: str, is_output_taken: bool) -> None:
    """The report. With `--json` standard output is Locust's, so it goes to standard error, too."""
    print(report, file=sys.stderr if is_output_taken else sys.stdout, flush=True)
