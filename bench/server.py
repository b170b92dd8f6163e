"""A fast chat server that does nothing but fan messages out: it speaks the contract `minimal`.

`python -m bench.server --port 8400`. One frame of bytes is built per message and written to every member's transport.
With `--pad N` every delivery carries N more bytes, like the nested objects of a real backend.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import signal
import struct
import sys

from aiohttp import WSMsgType, web

BACKLOG = 4096


def text_frame(payload: bytes) -> bytes:
    """A whole WebSocket text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    return (struct.pack("!BBH", 0x81, 126, size) if size < 65536 else struct.pack("!BBQ", 0x81, 127, size)) + payload


class Server:
    """Rooms and their members' transports."""

    def __init__(self, pad: int) -> None:
        self.rooms: dict[int, dict[asyncio.WriteTransport, None]] = {}
        self.users = 0
        self.delivered = 0
        self.pad = f',"pad":"{"x" * pad}"' if pad else ""

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self.serve)
        app.router.add_get("/metrics", self.metrics)
        return app

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=f"bench_deliveries_total {self.delivered}\n")

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection: a hello, then joins and messages in any order."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.WriteTransport)
        self.users += 1
        user_id, acknowledged, joined = self.users, 0, set()
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                frame = json.loads(message.data)
                if "send" in frame:
                    acknowledged += 1
                    transport.write(text_frame(b'{"ack":%d}' % acknowledged))
                    self.deliver(frame, user_id, transport)
                elif "join" in frame:
                    room = int(frame["join"])
                    joined.add(room)
                    self.rooms.setdefault(room, {})[transport] = None
                    transport.write(text_frame(b'{"joined":%d}' % room))
                elif "leave" in frame:
                    self.rooms.get(int(frame["leave"]), {}).pop(transport, None)
                elif "hello" in frame:
                    transport.write(text_frame(b'{"welcome":%d}' % user_id))
        finally:
            for room in joined:
                self.rooms[room].pop(transport, None)
        return socket

    def deliver(self, frame: dict[str, object], user_id: int, sender: asyncio.WriteTransport) -> None:
        content = json.dumps(frame["send"])
        payload = f'{{"deliver":{content},"in":{frame["to"]},"from":{user_id}{self.pad}}}'
        encoded = text_frame(payload.encode())
        members = self.rooms.get(int(str(frame["to"])), {})
        for member in members:
            if member is not sender:
                member.write(encoded)
        self.delivered += len(members) - (sender in members)


async def serve(options: argparse.Namespace) -> None:
    runner = web.AppRunner(Server(options.pad).application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port, backlog=BACKLOG, reuse_port=options.reuse_port)
    try:
        await site.start()
    except OSError as error:
        print(f"bench.server: cannot listen on {options.host}:{options.port} ({error}).", file=sys.stderr)
        raise SystemExit(2) from error
    host, port = runner.addresses[0][:2]
    print(f"bench.server: ready on http://{host}:{port}", flush=True)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.server", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--pad", type=int, default=0, help="bytes to add to each delivery")
    parser.add_argument("--reuse-port", action="store_true", help="let several of these share the port")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.freeze()
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
