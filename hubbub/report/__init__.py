"""From counts to judgement: `summary.json`, the verdict, and what is printed. Pure: returns values and text."""

from hubbub.report.console import render_console
from hubbub.report.summary import Outcome, build_summary
from hubbub.report.verdict import EXIT_CODES, Reason, judge

__all__ = ["EXIT_CODES", "Outcome", "Reason", "build_summary", "judge", "render_console"]
