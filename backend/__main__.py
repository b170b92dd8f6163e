"""`python -m backend`: start the embedded backend, say where it listens, and serve until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import secrets
import signal
import socket
import sys

from aiohttp import web

from backend.api import Api
from backend.auth import Tokens
from backend.broker import Broker
from backend.chat import Chat
from backend.faults import Faults, parse_fault
from backend.hub import Hub
from backend.likeness import likeness
from backend.limits import RateLimits
from backend.store import Store

SHUTDOWN_S = 2.0
BACKLOG = 4096


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backend", description="Hubbub's embedded chat backend.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8375, help="port to listen on; 0 takes a free one")
    parser.add_argument("--db", default=":memory:", help="SQLite file, which survives a restart, or :memory:")
    parser.add_argument("--bcrypt-cost", type=int, default=4, help="4 to 31; 10 is what real backends use")
    parser.add_argument("--max-conns-per-user", type=int, default=12, help="connections that one account may hold")
    parser.add_argument("--max-connections", type=int, default=10_000, help="connections in all")
    parser.add_argument("--no-presence", action="store_true", help="send no presence events")
    parser.add_argument("--rate-limits", action="store_true", help="switch the rate limits on")
    parser.add_argument(
        "--fault", action="append", default=[], help="a fault to make, KIND=RATE[/COUNT][:TIME]; see faults.py"
    )
    parser.add_argument("--fault-seed", type=int, default=1, help="what chooses where faults are injected")
    parser.add_argument(
        "--settled-after", type=float, default=5.0, help="seconds after which a receiver may get faults"
    )
    parser.add_argument("--faithful", action="store_true", help="be as unkind as the real one is; see likeness.py")
    parser.add_argument("--like", action="append", default=[], help="one thing of it; see likeness.py")
    parser.add_argument(
        "--broker-out",
        default="",
        help="AFTER:FOR, such as 5s:3s: the broker is out for a while after the first message",
    )
    parser.add_argument("--secret", default="", help="key of the tokens (default: BACKEND_SECRET, or a random one)")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    return parser


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Exits with 2 and a sentence when the port is taken."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        print(
            f"backend: cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}); give another --port.",
            file=sys.stderr,
        )
        raise SystemExit(2) from error


def faults_of(options: argparse.Namespace, store: Store) -> Faults | None:
    """The faults that were asked for. Exits with 2 and a sentence when one cannot be made."""
    if not options.fault:
        return None
    try:
        faults = [parse_fault(text) for text in options.fault]
    except ValueError as error:
        print(f"backend: {error}.", file=sys.stderr)
        raise SystemExit(2) from error
    return Faults(faults, options.fault_seed, options.settled_after, store.is_member)


async def serve(options: argparse.Namespace) -> None:
    listening = listen(options.host, options.port)
    secret = options.secret or os.environ.get("BACKEND_SECRET") or secrets.token_urlsafe(32)
    store = Store(options.db)
    hub = Hub(options.max_conns_per_user, options.max_connections)
    try:
        like = likeness(options.faithful, options.like)
        broker = Broker.parse(options.broker_out)
    except ValueError as error:
        print(f"backend: {error}.", file=sys.stderr)
        raise SystemExit(2) from error
    faults = faults_of(options, store)
    chat = Chat(store, hub, RateLimits(options.rate_limits), not options.no_presence, faults, like, broker)
    api = Api(chat, Tokens(secret), options.bcrypt_cost)
    runner = web.AppRunner(api.application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    await web.SockSite(runner, listening, backlog=BACKLOG).start()
    host, port = listening.getsockname()[:2]
    announce(f"backend: ready on http://{f'[{host}]' if ':' in host else host}:{port}")
    await until_stopped(options.stop_with_stdin)
    if "abrupt-stop" in like:
        os._exit(0)
    await runner.cleanup()
    store.close()


def announce(line: str) -> None:
    """Print `line`. Its reader may have ended meanwhile: then standard input ends, too."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Python would fail on the same pipe once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def until_stopped(stops_with_stdin: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if stops_with_stdin:

        def take_input() -> None:
            if not os.read(sys.stdin.fileno(), 4096):
                stopped.set()

        loop.add_reader(sys.stdin.fileno(), take_input)
    await stopped.wait()


def main() -> None:
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    gc.freeze()
    asyncio.run(serve(parser().parse_args()))


if __name__ == "__main__":
    main()
