"""From counts to judgement: `summary.json`, the verdict, and what is printed. Pure: returns values and text."""

from hubbub.report.console import render_console
from hubbub.report.run_result import RunResult
from hubbub.report.slo import Objective, Result, Watch, parse_objectives, tolerances_us
from hubbub.report.summary import build_summary
from hubbub.report.verdict import Reason, judge

__all__ = [
    "Objective",
    "Reason",
    "Result",
    "RunResult",
    "Watch",
    "build_summary",
    "judge",
    "parse_objectives",
    "render_console",
    "tolerances_us",
]
