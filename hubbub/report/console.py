"""What a run prints at its end: the six classic lines, what they never said, and the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from hubbub.report.figures import FIGURES, SERIES
from hubbub.report.plain import plain

WIDTH = 100
LONGEST_REASON = 1_000
SHOWN_ERRORS = 10
SHOWN_ADDRESSES = 4

MEANINGS = (
    "  (attempts include retries; successful ones were accepted by the backend; sent is what a ready client wrote;",
    "  received are frames that brought a message, own echo and copies included, no presence and no typing)",
)
"""Simulators print the same six lines, and count other things."""


def render_console(summary: Mapping[str, Any], folder: str) -> str:
    """The report as text. `folder` is where the results lie."""
    lines = [*_classic(summary), "", *_deliveries(summary), *_exceptions(summary), "", *_latencies(summary)]
    lines += [*_addresses(summary), *_canary(summary), "", *_objectives(summary), "", *_health(summary)]
    lines += [*_errors(summary), "", *_verdict(summary)]
    return "\n".join([*(part for line in lines for part in _wrapped(line)), f"Results: {folder}"])


def _wrapped(line: str) -> list[str]:
    """A line in as many as it takes; what goes on stands further in, so that nothing foreign begins a line."""
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True)


def _classic(summary: Mapping[str, Any]) -> list[str]:
    connections, messages = summary["connections"], summary["messages"]
    return [
        f"Connections Attempted: {connections['attempted']}",
        f"Connections Successful: {connections['succeeded']}",
        f"Connections Failed: {connections['failed']}",
        f"Messages Sent: {messages['sent']}",
        f"Messages Received: {summary['deliveries']['received']}",
        f"Total Errors: {sum(error['count'] for error in summary['errors'])}",
        *MEANINGS,
    ]


def _deliveries(summary: Mapping[str, Any]) -> list[str]:
    deliveries = summary["deliveries"]
    return [
        f"Deliveries Expected: {deliveries['expected']}",
        f"Deliveries Delivered: {deliveries['delivered']}",
        f"Deliveries Lost: {deliveries['lost']}",
    ]


NOUNS = {"connections": "calls for connections", "typing": "typing indicators", "presence": "presences"}
"""What the console calls the figures of a section where its name does not do."""


def _exceptions(summary: Mapping[str, Any]) -> list[str]:
    """Anomalies, where there are any."""
    return [
        f"  {figure.name.replace('_', ' ')}: {count} {NOUNS.get(section, section)}"
        for section in ("deliveries", "messages", "connections", "typing", "presence")
        for figure in FIGURES
        if figure.section == section and figure.is_shown and (count := summary[section][figure.name])
    ]


def _latencies(summary: Mapping[str, Any]) -> list[str]:
    lines = [f"{'milliseconds':<16}{'count':>10}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}"]
    for known in SERIES:
        series = summary["latency_ms"][known.name]
        if series is not None and known.is_shown:
            cells = "".join(f"{_figure(series, key):>10}" for key in ("p50", "p95", "p99", "max"))
            lines.append(f"{known.name:<16}{series['count']:>10}{cells}")
    return lines


def _addresses(summary: Mapping[str, Any]) -> list[str]:
    """The connections' shares, where a name has several addresses."""
    addresses = summary["addresses"]
    if len(addresses) < 2:
        return []
    most = sorted(addresses.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{count} to {address}" for address, count in most[:SHOWN_ADDRESSES])
    more = f", and {len(most) - SHOWN_ADDRESSES} more in summary.json" if len(most) > SHOWN_ADDRESSES else ""
    return [f"  connections: {shown}{more}"]


def _figure(series: Mapping[str, Any], key: str) -> str:
    """`-` for what could not be told, `>` in front of a lower bound."""
    value = series[key]
    if value is None:
        return "-"
    return f"{'>' if key in series['censored'] else ''}{value:.1f}"


def _canary(summary: Mapping[str, Any]) -> list[str]:
    """What an independent client saw, beside our own times."""
    canary = summary["canary"]
    if canary is None:
        return []
    lines = []
    for name in ("response", "delivery"):
        cells = "".join(f"{_figure(canary[f'{name}_ms'], key):>10}" for key in ("p50", "p95", "p99", "max"))
        lines.append(f"{'canary ' + name:<16}{canary['received']:>10}{cells}")
    return lines


def _objectives(summary: Mapping[str, Any]) -> list[str]:
    """Each objective with both ends of its figure, and how far from its limit it is: `holds (25x)`."""
    lines = []
    for objective in summary["slo"]:
        section, _, name = objective["name"].partition(".")
        is_time = section in summary["latency_ms"] and name != "count"
        value, low = objective["value"], objective["low"]
        if value is None:
            lines.append(f"  {section} {name} {objective['limit']}: not measured")
            continue
        form = ".1f" if is_time else ".6g"
        unit = " ms" if is_time else "%" if "%" in objective["limit"] else ""
        interval = "" if low == value else f" [{low:{form}} .. {value:{form}}]"
        verdict = f"{objective['limit']}: {objective['result']}{_margin(objective)}"
        lines.append(f"  {section} {name} {value:{form}}{unit}{interval} {verdict}")
    return ["Objectives:", *lines]


def _margin(objective: Mapping[str, Any]) -> str:
    """How many times the figure fits under an upper limit; nothing where that says nothing."""
    comparison, limit = objective["limit"].split(" ")[:2]
    number = float(limit.rstrip("%"))
    if objective["result"] != "holds" or "<" not in comparison or not objective["value"] or not number:
        return ""
    return f" ({number / objective['value']:.3g}x)"


def _health(summary: Mapping[str, Any]) -> list[str]:
    health = summary["health"]
    if health["clean_ratio"] is None:
        return ["Generator: not measured"]
    parts = [f"{health['clean_ratio']:.1%} clean"]
    if health["cpu_max"] is not None:
        parts.append(f"CPU at most {health['cpu_max']:.0%} of a core")
    if health["loop_lag_p99_ms"] is not None:
        parts.append(f"event loop p99 {health['loop_lag_p99_ms']:.1f} ms late")
    lines = [f"Generator: {', '.join(parts)}"]
    if health["self_check"]:
        lines.append(f"Self-check: {health['self_check']}.")
    return lines


def _errors(summary: Mapping[str, Any]) -> list[str]:
    errors = summary["errors"]
    lines = [f"  {error['count']} x {plain(error['class'])}" for error in errors[:SHOWN_ERRORS]]
    if len(errors) > SHOWN_ERRORS:
        lines.append(f"  and {len(errors) - SHOWN_ERRORS} more classes, in summary.json")
    return ["", "Errors:", *lines] if lines else []


def _verdict(summary: Mapping[str, Any]) -> list[str]:
    verdict = summary["verdict"]
    return [
        f"Verdict: {verdict['result']}",
        *(f"  {reason['kind']}: {plain(reason['text'], LONGEST_REASON)}" for reason in verdict["reasons"]),
    ]
