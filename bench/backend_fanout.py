"""How many deliveries a second the embedded backend makes on one core, to 200 connections in rooms of 50.

    python -m bench.backend_fanout [--seconds 10]

The backend is pinned to one core, the sender and the four processes that drain the connections to the other. The
backend's own counters say how many frames it wrote; its CPU time says what a delivery costs.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import subprocess
import sys
import time
import urllib.request
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector

ROOMS, MEMBERS = 4, 50
PASSWORD = "TestPass123!@#"
CONTENT = "x" * 200
IN_FLIGHT = 20


def start_backend(core: int) -> tuple[subprocess.Popen[str], str]:
    command = ["taskset", "-c", str(core), sys.executable, "-m", "backend", "--port", "0", "--no-presence"]
    process = subprocess.Popen([*command, "--max-conns-per-user", "50"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().rsplit(" ", 1)[-1].strip()


def metric(origin: str, name: str) -> int:
    text = urllib.request.urlopen(f"{origin}/metrics", timeout=10).read().decode()  # noqa: S310
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found
    return int(float(found[1]))


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def join_room(session: ClientSession, origin: str, room: int) -> list[tuple[ClientWebSocketResponse, int]]:
    """One account with a connection for every member of its room."""
    account = {"username": f"bench-{room}", "email": f"bench-{room}@example.com", "password": PASSWORD}
    signed_up = await (await session.post(f"{origin}/api/auth/signup", json=account)).json()
    headers = {"Authorization": f"Bearer {signed_up['token']}"}
    group = {"name": f"bench-{room}", "is_group": True, "participant_ids": [signed_up["user"]["id"]]}
    made = await (await session.post(f"{origin}/api/conversations/", json=group, headers=headers)).json()
    sockets = []
    for _ in range(MEMBERS):
        ticket = await (await session.post(f"{origin}/api/ws/ticket", json={}, headers=headers)).json()
        socket = await session.ws_connect(f"{origin}/api/ws/chat?ticket={ticket['ticket']}", autoping=True)
        await socket.send_json({"type": "join", "conversation_id": made["id"]})
        while "joined" not in await socket.receive_str():
            continue
        sockets.append((socket, made["id"]))
    return sockets


async def drive(origin: str, room: int, until: float, is_joined: Any) -> None:
    """Keep a few messages in flight in one room; read raw bytes so that the readers cost little."""
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        sockets = await join_room(session, origin, room)
        is_joined.wait()
        for socket, _ in sockets[1:]:
            response: Any = socket._response
            transport = response.connection.transport
            transport.get_protocol().data_received = lambda data: None
        sender, conversation = sockets[0]
        frame = {"type": "message", "conversation_id": conversation, "content": CONTENT}
        for _ in range(IN_FLIGHT):
            await sender.send_json(frame)
        while time.monotonic() < until:
            if '"type":"message"' in await sender.receive_str():
                await sender.send_json(frame)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    seconds = parser.parse_args().seconds
    backend, origin = start_backend(core=0)
    os.sched_setaffinity(0, {1})
    joined = multiprocessing.Barrier(ROOMS + 1)
    until = time.monotonic() + seconds + 5
    drivers = [
        multiprocessing.Process(target=lambda room=room: asyncio.run(drive(origin, room, until, joined)))
        for room in range(ROOMS)
    ]
    for driver in drivers:
        driver.start()
    joined.wait()
    time.sleep(1)
    before, cpu_before, began = (
        metric(origin, "backend_deliveries_queued_total"),
        cpu_seconds(backend.pid),
        time.monotonic(),
    )
    time.sleep(seconds)
    count = metric(origin, "backend_deliveries_queued_total") - before
    cpu, elapsed = cpu_seconds(backend.pid) - cpu_before, time.monotonic() - began
    dropped = metric(origin, "backend_frames_dropped_total")
    print(f"{count / elapsed:,.0f} deliveries/s to {ROOMS * MEMBERS} connections, {dropped} frames dropped")
    print(f"backend: {100 * cpu / elapsed:.0f} % of a core, {1e6 * cpu / count:.1f} us of CPU per delivery")
    print(f"at a whole core: {count / cpu:,.0f} deliveries/s")
    backend.terminate()
    for driver in drivers:
        driver.terminate()


if __name__ == "__main__":
    main()
