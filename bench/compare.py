"""The comparison: what a delivery costs Hubbub and its peers, on one core, against the same server.

    python -m bench.compare [--runs 3] [--rates 20000,50000] [--payloads 100,700] [--peers hubbub,go,...]

Each peer in turn holds 200 connections in rooms of 50, which chat with each other so that the wanted number of
deliveries comes about: every message goes to the other 49 of its room. The generator is pinned to core 0, the server
to core 1. After everyone is connected, the CPU time of the generator (user and system, all its processes) and the
server's own count of deliveries are read twice, and divided. All runs and their medians go to bench/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
CLIENTS, ROOMS = 200, 4
SETTLE_S, MEASURE_S, TAIL_S = 8.0, 6.0, 6.0
FRAME_BYTES = 40
"""What the server's frame has around content and padding."""

GENERATOR_CORE, SERVER_CORE = "0", "1"


@dataclass(frozen=True)
class Peer:
    """One load generator. `does` and `does_not` say what becomes of a delivery in it."""

    name: str
    does: str
    does_not: str
    find: Callable[[], list[str] | None]
    version: Callable[[], str]


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def hubbub() -> list[str]:
    return [
        sys.executable, "-m", "locust", "-f", str(HERE.parent / "locustfile.py"), "--headless", "--only-summary",
        "-u", str(CLIENTS), "-r", "100", "--contract", "minimal", "--conversations", str(ROOMS),
        "--max-conns-per-user", "50", "--host", "{http}", "--message-interval", "{interval_ms}ms",
        "--message-size", "{size}", "--duration", "{seconds}s", "--run-dir", "{folder}/run",
    ]  # fmt: skip


def stock_locust() -> list[str]:
    file = str(HERE / "peers" / "stock_locust.py")
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        file,
        "--headless",
        "--only-summary",
        "-u",
        str(CLIENTS),
        "-r",
        "100",
    ]
    return [*command, "-t", "{whole_seconds}s", "--host", "{http}"]


def k6() -> list[str] | None:
    found = shutil.which("k6", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return [found, "run", "--quiet", "--no-usage-report", str(HERE / "peers" / "k6.js")] if found else None


def go() -> list[str] | None:
    binary = HERE / "peers" / "gosim" / "gosim"
    return [str(binary)] if binary.exists() else None


def tsung() -> list[str] | None:
    found = shutil.which("tsung")
    return [found, "-f", "{folder}/tsung.xml", "-l", "{folder}/tsung", "start"] if found else None


def artillery() -> list[str] | None:
    binary = HERE / "peers" / "node_modules" / ".bin" / "artillery"
    return [str(binary), "run", "--quiet", str(HERE / "peers" / "artillery.yml")] if binary.exists() else None


PEERS = (
    Peer("hubbub", "tag, ledger, order, duplicates, response and delivery histograms", "-", hubbub,
         lambda: output(sys.executable, "-m", "hubbub", "--version").split()[-1]),
    Peer("go", "JSON parsed, latency in a histogram", "who should have got it, order, duplicates", go,
         lambda: output("go", "version").split()[2] if shutil.which("go") else ""),
    Peer("stock locust", "JSON parsed, mean latency of 100", "who should have got it, order, duplicates, percentiles",
         stock_locust, lambda: output(sys.executable, "-m", "locust", "--version").split()[1]),
    Peer("k6", "JSON parsed, latency in one Trend", "who should have got it, order, duplicates", k6,
         lambda: output((k6() or ["k6"])[0], "version").split()[1]),
    Peer("tsung", "nothing: bytes are read and thrown away", "everything", tsung,
         lambda: output("dpkg-query", "-W", "-f", "${Version}", "tsung")),
    Peer("artillery", "nothing: messages are ignored", "everything", artillery,
         lambda: output(str((artillery() or ["artillery"])[0]), "version").partition("Artillery:")[2].split()[0]),
)  # fmt: skip


class Server:
    """bench.server on its core."""

    def __init__(self, pad: int) -> None:
        command = ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "bench.server", "--port", "0", "--pad", str(pad)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        assert self._process.stdout is not None
        self.origin = self._process.stdout.readline().rsplit(" ", 1)[-1].strip()

    def delivered(self) -> int:
        with urllib.request.urlopen(f"{self.origin}/metrics", timeout=30) as answer:  # noqa: S310
            return int(answer.read().split()[-1])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    pids = [pid]
    for parent in pids:
        try:
            pids += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        except OSError:
            continue
    return pids


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of processes."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def tsung_config(origin: str, interval_s: float, seconds: float, size: int) -> str:
    """Tsung's configuration: one session per connection that says hello, joins and talks."""
    host, port = origin.removeprefix("http://").split(":")
    text = "x" * size
    count = int(seconds / interval_s)
    message = '<websocket type="message" frame="text" ack="no_ack">'
    per_room = "".join(
        f"""<session name="room{room}" probability="{100 // ROOMS}" type="ts_websocket">
        <request><websocket type="connect" path="/"></websocket></request>
        <request>{message}{{"hello":"user"}}</websocket></request>
        <request>{message}{{"join":{room}}}</websocket></request>
        <for from="1" to="{count}" incr="1" var="n">
          <thinktime value="{interval_s}" random="false"/>
          <request>{message}{{"send":"{text}","to":{room}}}</websocket></request>
        </for></session>"""
        for room in range(1, ROOMS + 1)
    )
    return f"""<?xml version="1.0"?><!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd">
    <tsung loglevel="warning" version="1.0">
    <clients><client host="localhost" use_controller_vm="true" maxusers="{CLIENTS * 2}"/></clients>
    <servers><server host="{host}" port="{port}" type="tcp"/></servers>
    <load duration="{int(seconds)}" unit="second">
      <arrivalphase phase="1" duration="{int(seconds)}" unit="second">
        <users arrivalrate="{CLIENTS // 2}" unit="second" maxnumber="{CLIENTS}"/></arrivalphase></load>
    <sessions>{per_room}</sessions></tsung>"""


def measure(peer: Peer, command: list[str], rate: int, payload: int) -> dict[str, float]:
    """One run: deliveries a second, and microseconds of CPU per delivery."""
    size = min(payload, 100)
    server = Server(max(0, payload - size - FRAME_BYTES))
    interval_s = CLIENTS * (CLIENTS // ROOMS - 1) / rate
    seconds = SETTLE_S + MEASURE_S + TAIL_S
    with tempfile.TemporaryDirectory() as folder:
        values = {
            "http": server.origin, "interval_ms": f"{interval_s * 1000:.3f}", "size": str(size), "folder": folder,
            "seconds": f"{seconds - 6:g}", "whole_seconds": f"{seconds:.0f}",
        }  # fmt: skip
        (Path(folder) / "tsung.xml").write_text(tsung_config(server.origin, interval_s, seconds, size))
        environment = os.environ | {
            "BENCH_URL": server.origin.replace("http", "ws", 1), "BENCH_CLIENTS": str(CLIENTS),
            "BENCH_ROOMS": str(ROOMS), "BENCH_INTERVAL_S": f"{interval_s:.6f}", "BENCH_SIZE": str(size),
            "BENCH_TEXT": "x" * size,
            "BENCH_SECONDS": f"{seconds:.0f}", "BENCH_COUNT": str(int(seconds / interval_s)),
        }  # fmt: skip
        with (Path(folder) / "log").open("wb") as log:
            generator = subprocess.Popen(
                ["taskset", "-c", GENERATOR_CORE, *(part.format(**values) for part in command)],
                stdout=log, stderr=log, env=environment, start_new_session=True,
            )  # fmt: skip
            try:
                time.sleep(SETTLE_S)
                pids, began = family(generator.pid), time.monotonic()
                count, cpu = server.delivered(), cpu_seconds(pids)
                time.sleep(MEASURE_S)
                count, cpu = server.delivered() - count, cpu_seconds(pids) - cpu
                elapsed = time.monotonic() - began
            finally:
                os.killpg(generator.pid, signal.SIGTERM)
                time.sleep(1)
                for pid in family(generator.pid):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        continue
                generator.wait()
                server.stop()
    return {
        "deliveries_per_s": round(count / elapsed),
        "cpu_us_per_delivery": round(1e6 * cpu / count, 2) if count else float("nan"),
        "cpu_share": round(cpu / elapsed, 3),
    }


def keep(part: str, found: object) -> None:
    """Put one part of the results into bench/results.json."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(results | {part: found}, indent=2) + "\n")


def compare(peers: list[Peer], rates: list[int], payloads: list[int], runs: int) -> dict[str, object]:
    """All peers in turn, run after run, so that a drift of the machine meets all of them."""
    commands = {peer.name: peer.find() for peer in peers}
    figures: dict[str, list[dict[str, float]]] = {}
    for run in range(runs):
        for payload in payloads:
            for rate in rates:
                for peer in peers:
                    command = commands[peer.name]
                    if command is None:
                        continue
                    figure = measure(peer, command, rate, payload)
                    figures.setdefault(f"{peer.name}/{payload}/{rate}", []).append(figure)
                    print(f"run {run + 1}: {peer.name}, {payload} bytes, {rate}/s: {figure}", flush=True)
    medians = {
        key: {name: statistics.median(figure[name] for figure in several) for name in several[0]}
        for key, several in figures.items()
    }
    return {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "runs": runs,
        "clients": CLIENTS,
        "rooms": ROOMS,
        "rates": rates,
        "payloads": payloads,
        "peers": [
            {
                "name": peer.name,
                "version": peer.version() if commands[peer.name] else "not installed",
                "does": peer.does,
                "does_not": peer.does_not,
            }
            for peer in peers
        ],
        "medians": medians,
        "all": figures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rates", default="20000,50000")
    parser.add_argument("--payloads", default="100,700")
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS))
    options = parser.parse_args()
    rates, payloads = ([int(n) for n in text.split(",")] for text in (options.rates, options.payloads))
    peers = [peer for peer in PEERS if peer.name in options.peers.split(",")]
    keep("comparison", compare(peers, rates, payloads, options.runs))


if __name__ == "__main__":
    main()
