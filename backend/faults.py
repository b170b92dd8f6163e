"""Faults on request, and the truth about them: what a load test should find, known exactly.

Each kind is injected with a rate, at most so many times, chosen by a seed: `--fault drop=0.01`, `--fault duplicate=1/5`
(the first five deliveries that qualify), `--fault delay=1:50ms`.

| kind | into | what happens |
|---|---|---|
| refuse, throttle | a message | an `error` frame to its sender; throttle has the rate limit's text |
| swallow | a message | accepted, not stored, not delivered |
| undelivered | a message | stored, not delivered |
| unstored | a message | delivered, not stored |
| freeze | a message | the whole backend stands still for a time (default 1s), then goes on |
| drop | a delivery | it is not made |
| duplicate | a delivery | it is made twice |
| reorder | a delivery | it is made after the next one of the same sender |
| corrupt | a delivery | a character of its content is changed |
| leak | a delivery | it is also made to a connection whose account is not a member |
| close | a delivery | instead, the connection is cut |
| stall | a delivery | the connection gets nothing for a time (default 1s); what its buffer cannot hold is dropped |
| delay | a delivery | it is made later: `50ms`, `exp:20ms`, `normal:50ms,10ms`, `uniform:10ms,90ms` |

Only settled receivers get faults: connections that joined a while ago (5 s) and are not on their way out.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backend.hub import Connection, Hub

MESSAGE_KINDS = ("refuse", "throttle", "swallow", "undelivered", "unstored", "freeze")
DELIVERY_KINDS = ("drop", "corrupt", "close", "reorder", "duplicate", "leak", "stall", "delay")
HOLD_S = 1.0
"""A delivery that waits for the next one of its sender is made after this long all the same, and was no fault then."""

_FORM = re.compile(r"(?P<kind>[a-z]+)=(?P<rate>\d+(?:\.\d+)?)(?:/(?P<most>\d+))?(?::(?P<parameter>.+))?")
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


@dataclass(frozen=True)
class Fault:
    """One kind of fault that was asked for. `most` is how often it may be injected, None for any number."""

    kind: str
    rate: float
    most: int | None = None
    parameter: str = ""


@dataclass(frozen=True)
class Injection:
    """One fault that happened. `content` is the beginning of the message's; 0 stands for what there is none of."""

    kind: str
    conversation_id: int
    message_id: int
    content: str
    connection: int
    is_settled: bool


def parse_fault(text: str) -> Fault:
    """A fault as it is written on the command line. Raises ValueError with a sentence."""
    match = _FORM.fullmatch(text)
    if match is None or match["kind"] not in (*MESSAGE_KINDS, *DELIVERY_KINDS) or not 0 < float(match["rate"]) <= 1:
        kinds = ", ".join((*MESSAGE_KINDS, *DELIVERY_KINDS))
        raise ValueError(f"a fault must be KIND=RATE[/COUNT][:TIME] with KIND one of {kinds}, not {text!r}")
    most = int(match["most"]) if match["most"] else None
    fault = Fault(match["kind"], float(match["rate"]), most, match["parameter"] or "")
    if fault.kind in ("freeze", "stall", "delay"):
        sampler(fault.parameter or "1s", Random())
    return fault


def sampler(parameter: str, random: Random) -> Callable[[], float]:
    """Draws times in seconds: `50ms` always the same, or from `exp:`, `normal:` and `uniform:` distributions.

    Raises ValueError with a sentence.
    """
    name, _, rest = parameter.rpartition(":")
    times = [seconds(text) for text in rest.split(",")]
    if name == "exp" and not times[0]:
        raise ValueError(f"the mean of a time must be above 0, not {parameter!r}")
    if not name and len(times) == 1:
        return lambda: times[0]
    if name == "exp" and len(times) == 1:
        return lambda: random.expovariate(1 / times[0])
    if name == "normal" and len(times) == 2:
        return lambda: max(0.0, random.gauss(times[0], times[1]))
    if name == "uniform" and len(times) == 2:
        return lambda: random.uniform(times[0], times[1])
    raise ValueError(f"a time must be 50ms, exp:20ms, normal:50ms,10ms or uniform:10ms,90ms, not {parameter!r}")


def seconds(text: str) -> float:
    """A time such as 50ms or 2s, in seconds. Raises ValueError with a sentence."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"a time must be like 50ms or 2s, not {text!r}")
    return float(match[1]) * (0.001 if match[2] == "ms" else 1.0)


@dataclass(frozen=True)
class Delivery:
    """One message on its way to its conversation. `frame` is what every receiver gets, `sender` a connection's id."""

    frame: bytes
    conversation_id: int
    message_id: int
    sender: int
    content: str


class Faults:
    """Makes the faults that were asked for, and keeps the truth about them."""

    def __init__(self, faults: list[Fault], seed: int, settled_s: float, is_member: Callable[[int, int], bool]) -> None:
        self._is_member = is_member
        self._random = Random(seed)
        self._settled_s = settled_s
        self._faults = {fault.kind: fault for fault in faults}
        self._times = {
            kind: sampler(fault.parameter or "1s", self._random)
            for kind, fault in self._faults.items()
            if kind in ("freeze", "stall", "delay")
        }
        self._of_deliveries = [kind for kind in DELIVERY_KINDS if kind in self._faults]
        self._of_messages = [kind for kind in MESSAGE_KINDS if kind in self._faults]
        self._held: dict[tuple[Connection, int], tuple[Delivery, asyncio.TimerHandle]] = {}
        self.counts: Counter[str] = Counter()
        self.injections: list[Injection] = []

    def truth(self) -> dict[str, Any]:
        """Every fault that happened."""
        return {"counts": dict(self.counts), "faults": [asdict(inject) for inject in self.injections]}

    def _strikes(self, kind: str) -> bool:
        fault = self._faults[kind]
        taken = self.counts[kind] + (len(self._held) if kind == "reorder" else 0)
        if fault.most is not None and taken >= fault.most:
            return False
        return self._random.random() < fault.rate

    def _note(self, kind: str, connection: Connection, delivery: Delivery) -> None:
        self.counts[kind] += 1
        if kind == "delay":
            return  # the rule rather than an exception
        is_settled = kind == "leak" or self._is_settled(connection, delivery.conversation_id)
        content = delivery.content[:80]
        self.injections.append(
            Injection(kind, delivery.conversation_id, delivery.message_id, content, connection.id, is_settled)
        )

    def _is_settled(self, connection: Connection, conversation_id: int) -> bool:
        joined_s = connection.joined.get(conversation_id)
        if joined_s is None or connection.transport.is_closing():
            return False
        return time.monotonic() - joined_s >= self._settled_s

    # -- messages ----------------------------------------------------------------------------------------------------

    def of_message(self, connection: Connection, conversation_id: int, content: str) -> str:
        """Which fault is injected into a message, or ""; a frozen backend comes back late from here."""
        if not self._is_settled(connection, conversation_id):
            return ""
        for kind in self._of_messages:
            if self._strikes(kind):
                self._note(kind, connection, Delivery(b"", conversation_id, 0, connection.id, content))
                if kind == "freeze":
                    time.sleep(self._times["freeze"]())
                return kind
        return ""

    # -- deliveries --------------------------------------------------------------------------------------------------

    def deliver(self, hub: Hub, delivery: Delivery) -> int:
        """Bring a message to all connections of all subscribed accounts; returns to how many."""
        receivers = hub.receivers(delivery.conversation_id)
        for connection in receivers:
            self._deliver(hub, connection, delivery)
        return len(receivers)

    def _deliver(self, hub: Hub, connection: Connection, delivery: Delivery) -> None:
        kind = self._choose(connection, delivery)
        if kind == "drop":
            self._note(kind, connection, delivery)
            return
        if kind == "close":
            self._note(kind, connection, delivery)
            connection.transport.abort()
            return
        if kind == "corrupt":
            self._note(kind, connection, delivery)
            self._write(connection, corrupted(delivery.frame, delivery.content))
            return
        if kind == "reorder" and (connection, delivery.sender) not in self._held:
            self._hold(connection, delivery)
            return
        if kind == "stall":
            self._note(kind, connection, delivery)
            connection.stall(self._times["stall"]())
        self._write(connection, delivery.frame)
        if kind == "duplicate":
            self._note(kind, connection, delivery)
            self._write(connection, delivery.frame)
        if kind == "leak":
            self._leak(hub, delivery)
        self._release(connection, delivery.sender)

    def _choose(self, connection: Connection, delivery: Delivery) -> str:
        """The fault that is injected into a delivery, at most one; delays are made when it is written."""
        if not self._is_settled(connection, delivery.conversation_id):
            return ""
        return next((kind for kind in self._of_deliveries if kind != "delay" and self._strikes(kind)), "")

    def _write(self, connection: Connection, frame: bytes) -> None:
        """Write now or, where deliveries are delayed, later, and never before what was written earlier."""
        loop, delayed = asyncio.get_running_loop(), connection.delayed
        release_s = delayed[-1][0] if delayed else 0.0
        if "delay" in self._faults and self._strikes("delay"):
            self.counts["delay"] += 1
            release_s = max(release_s, loop.time() + self._times["delay"]())
        if not delayed and release_s <= loop.time():
            connection.write(frame)
            return
        delayed.append((release_s, frame))
        loop.call_at(release_s, release, connection)

    def _hold(self, connection: Connection, delivery: Delivery) -> None:
        """Keep a delivery until the next one of its sender has been made. It counts when that has happened."""
        key = connection, delivery.sender

        def give_up() -> None:
            del self._held[key]
            self._write(connection, delivery.frame)

        self._held[key] = delivery, asyncio.get_running_loop().call_later(HOLD_S, give_up)

    def _release(self, connection: Connection, sender: int) -> None:
        """Make the delivery that waited for one of this sender."""
        held = self._held.pop((connection, sender), None)
        if held is not None:
            delivery, timer = held
            timer.cancel()
            if not connection.transport.is_closing():
                self._note("reorder", connection, delivery)
                self._write(connection, delivery.frame)

    def _leak(self, hub: Hub, delivery: Delivery) -> None:
        """Deliver to a connection of a non-member, where there is one."""
        strangers = [
            connection
            for connection in hub.all()
            if not self._is_member(delivery.conversation_id, connection.user_id)
            and any(self._is_settled(connection, other) for other in connection.joined)
        ]
        if strangers:
            stranger = self._random.choice(strangers)
            self._note("leak", stranger, delivery)
            self._write(stranger, delivery.frame)


def release(connection: Connection) -> None:
    """Write what has been delayed for long enough, in order."""
    now_s = asyncio.get_running_loop().time()
    while connection.delayed and connection.delayed[0][0] <= now_s:
        connection.write(connection.delayed.popleft()[1])


def corrupted(frame: bytes, content: str) -> bytes:
    """The frame with one character of its content changed, as long as before."""
    written = json.dumps(content, ensure_ascii=False)[1:-1].encode()
    plain = [
        at for at, byte in enumerate(written) if chr(byte).isalnum() and byte < 128 and written[at - 1] != ord("\\")
    ]
    at = frame.index(b'"content":"' + written) + len(b'"content":"')
    at += next((offset for offset in plain if offset >= 12), plain[-1] if plain else 0)
    return frame[:at] + b"!" + frame[at + 1 :]
