"""The result as Markdown, for the page of a CI run or a comment: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubbub.report.plain import plain

MARKS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔"}
RESULTS = {"holds": "✅ holds", "broken": "❌ broken", "open": "❔ open"}
SHOWN_ERRORS = 10


def render_markdown(summary: Mapping[str, Any]) -> str:
    """The report as a text of Markdown. What a backend said is shown as code, in one line."""
    verdict, run = summary["verdict"], summary["run"]
    lines = [f"## {MARKS.get(verdict['result'], '')} Hubbub: {verdict['result']}", ""]
    lines += [f"- **{reason['kind']}** {_code(reason['text'])}" for reason in verdict["reasons"]]
    lines += ["", *_figures(summary), "", *_objectives(summary["slo"]), *_errors(summary["errors"])]
    lines.append(
        f"Run `{run['id']}` against {_code(run['host'])}: profile {_code(run['profile'] or 'default')}, "
        f"{summary['clients']['asked']} clients, {run['workers']} worker(s), {run['duration_s']:.0f} s."
    )
    return "\n".join(lines) + "\n"


def _figures(summary: Mapping[str, Any]) -> list[str]:
    clients, messages, deliveries = summary["clients"], summary["messages"], summary["deliveries"]
    response = summary["latency_ms"]["response"]
    rows = [
        ("clients ready", f"{clients['ready']} of {clients['asked']}"),
        ("messages sent", f"{messages['sent']} of {messages['planned']}"),
        ("deliveries", f"{deliveries['delivered']} of {deliveries['expected']}, {deliveries['lost']} lost"),
    ]
    if response is not None:
        rows += [(f"response {name}", _interval(response, name)) for name in ("p50", "p95", "p99")]
    return ["| figure | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _interval(series: Mapping[str, Any], name: str) -> str:
    """A time with both ends: what was recorded, and what the generator's own lateness cannot have caused."""
    high, low = series[name], series["low"][name]
    if high is None:
        return "too few to tell"
    bound = "> " if name in series["censored"] else ""
    return f"{bound}{high:.1f} ms" + (f" [{low:.1f} .. {high:.1f}]" if low is not None else "")


def _objectives(objectives: list[Mapping[str, Any]]) -> list[str]:
    if not objectives:
        return []
    rows = [
        f"| {_code(each['name'])} | {each['limit']} | {'-' if each['value'] is None else format(each['value'], '.6g')} "
        f"| {RESULTS[each['result']]} |"
        for each in objectives
    ]
    return ["| objective | limit | measured | |", "|---|---|---|---|", *rows, ""]


def _errors(errors: list[Mapping[str, Any]]) -> list[str]:
    if not errors:
        return []
    rows = [f"| {each['count']} | {_code(each['class'])} | {each['owner']} |" for each in errors[:SHOWN_ERRORS]]
    if len(errors) > SHOWN_ERRORS:
        rows.append(f"| | {len(errors) - SHOWN_ERRORS} more classes, in `summary.json` | |")
    return ["| errors | class | whose |", "|---|---|---|", *rows, ""]


def _code(text: str) -> str:
    """A text that cannot be anything else than text: one line, bounded, and no mark of Markdown or HTML in it."""
    return f"`{plain(text).replace('`', chr(39)).replace('|', '/')}`"
