"""What bench/results.json says, as a table for people (bench/results.md) and as a picture (docs/bench.png).

python -m bench.report
"""

from __future__ import annotations

import json
from typing import Any

from bench.compare import HERE, RESULTS

PICTURE = HERE.parent / "docs" / "bench.png"
MAX_UP = 0.9
"""A generator that makes less than this share of the wanted rate has fallen behind, and its figure is not compared."""


def comparison_table(found: dict[str, Any]) -> str:
    """What a delivery costs, and the ratio of ours to theirs, which holds when the machine's speed does not."""
    columns = [(payload, rate) for payload in found["payloads"] for rate in found["rates"]]
    head = "".join(f" {payload} B, {rate // 1000}k/s | ours / theirs |" for payload, rate in columns)
    lines = [f"| generator |{head} with a delivery it does | and does not |", "|---|" + "---|" * (2 * len(columns) + 2)]
    for peer in found["peers"]:
        cells = []
        for payload, rate in columns:
            mine = found["medians"].get(f"hubbub/{payload}/{rate}")
            theirs = found["medians"].get(f"{peer['name']}/{payload}/{rate}")
            if theirs is None:
                cells += ["-", "-"]
            elif theirs["deliveries_per_s"] < MAX_UP * rate:
                cells += [f"falls behind: {theirs['deliveries_per_s']:,.0f}/s", "-"]
            else:
                cells.append(f"{theirs['cpu_us_per_delivery']:.1f} us")
                cells.append(f"{mine['cpu_us_per_delivery'] / theirs['cpu_us_per_delivery']:.2f}" if mine else "-")
        lines.append(
            f"| {peer['name']} {peer['version']} | {' | '.join(cells)} | {peer['does']} | {peer['does_not']} |"
        )
    return "\n".join(lines)


def limits_table(found: dict[str, Any]) -> str:
    """The limits of one generator."""
    rows = []
    runs = {name: len(measure["all"]) for name, measure in found.items()}
    if throughput := found.get("throughput", {}).get("median"):
        lag_ms = throughput["send_lag_p99_ms"]
        found_most = (
            "not measured: the lowest rate failed"
            if lag_ms is None
            else (f"{throughput['deliveries_per_s']:,} (p99 {lag_ms:.1f} ms)")
        )
        rows.append(
            "| most deliveries a second on one core, send lag p99 under 10 ms (a failing step is tried twice) "
            f"| {found_most} |"
        )
    if memory := found.get("memory", {}).get("median"):
        rows.append(
            f"| memory per connected, joined, chatting user ({memory['users']:,}) | {memory['kib_per_user']} KiB |"
        )
    if joining := found.get("joining", {}).get("median"):
        rows.append(
            f"| CPU per user for login, conversation, ticket, connect, join | {joining['cpu_ms_per_user']} ms |"
        )
    for name, result in found.get("connections", {}).get("median", {}).items():
        count, processes = name.split(" in ")
        rows.append(
            f"| {int(count):,} connections in {processes} process(es) | {result['ready']:,} ready, "
            f"{result['failed']} failed, {result['dropped']} dropped |"
        )
    counted = ", ".join(f"{name} {count}" for name, count in runs.items())
    return "\n".join(["| limit | measured |", "|---|---|", *rows, "", f"Medians; runs: {counted}."])


def draw(found: dict[str, Any]) -> None:
    """Bars: what a delivery of 700 bytes costs each generator at 20,000 a second."""
    import matplotlib  # noqa: PLC0415 - only `make bench` installs it

    matplotlib.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    payload, rate = max(found["payloads"]), min(found["rates"])
    bars = [
        (peer["name"], figure["cpu_us_per_delivery"])
        for peer in found["peers"]
        if (figure := found["medians"].get(f"{peer['name']}/{payload}/{rate}"))
        and figure["deliveries_per_s"] >= MAX_UP * rate
    ]
    bars.sort(key=lambda bar: bar[1], reverse=True)
    figure, axes = pyplot.subplots(figsize=(7, 0.5 * len(bars) + 1), layout="constrained")
    colours = ["#0b7285" if name == "hubbub" else "#adb5bd" for name, _ in bars]
    drawn = axes.barh([name for name, _ in bars], [cost for _, cost in bars], color=colours)
    axes.bar_label(drawn, fmt="%.1f", padding=3)
    axes.margins(x=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(f"CPU microseconds per delivery, {payload} bytes, {rate:,} deliveries a second")
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


def main() -> None:
    results = json.loads(RESULTS.read_text())
    parts = []
    if comparison := results.get("comparison"):
        parts.append(
            f"CPU of the generator per delivery (user and system), median of {comparison['runs']} runs; "
            f"{comparison['clients']} connections in rooms of {comparison['clients'] // comparison['rooms']}.\n\n"
            + comparison_table(comparison)
        )
        draw(comparison)
    if limits := results.get("limits"):
        parts.append(limits_table(limits))
    if stamps := results.get("stamps"):
        parts.append(
            f"The kernel's receive stamp costs {stamps['cost_us']:.2f} us a read ({stamps['plain']:.2f} us without, "
            f"{stamps['stamped']:.2f} us with it; at most {stamps['limit_us']} allowed)."
        )
    text = "\n\n".join(parts) + "\n"
    (HERE / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
