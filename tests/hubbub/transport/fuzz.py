"""Mutated frames, read by ours, by `websockets` and by `wsproto`: the three must agree.

    python -m tests.hubbub.transport.fuzz [--frames 1000000] [--seed 1]

Streams of frames are made by a grammar and mutated; then ours is compared with wsproto in what was delivered and with
which code it failed, and with the parser of websockets in where each frame ends. ALLOWED names the differences that are
none of ours. Ends with 1 at the first other one, which it prints.
"""

import argparse
import resource
import struct
import sys
import time
from random import Random

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame
from websockets.streams import StreamReader
from wsproto.frame_protocol import FrameProtocol, ParseFailed
from wsproto.frame_protocol import Opcode as WsprotoOpcode

from hubbub.transport.frames import Binary, Closed, Failed, Ping, Pong, Reader, Text

LIMIT = 1 << 20
TEXT_PARTS = (b"", b"hello", "ünï€😀".encode(), b"\xff", b"\xed\xa0\x80", b"\xe2\x82", b"x" * 130, b"y" * 70_000)
CODES = (0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 1016, 2999, 3000, 4999, 5000)

ALLOWED = {
    "early text": "wsproto decodes the text of an unfinished frame; we wait for the frame, as RFC 6455 lets us",
    "1014": "wsproto does not know close code 1014, which IANA registered in 2018",
    "no limit": "wsproto has no limit of its own for the size of a message",
    "header first": "of an unfinished frame one has seen the fault already, and the other waits for the end of it",
}


def make_frame(random):
    """One frame, mostly right."""
    opcode = random.choice((0, 1, 1, 1, 2, 8, 9, 10)) if random.random() < 0.97 else random.randrange(16)
    is_final = random.random() < 0.8
    if opcode == 8:
        payload = random.choice((b"", b"x", struct.pack("!H", random.choice(CODES)) + random.choice(TEXT_PARTS[:5])))
    elif opcode >= 8:
        payload = random.choice(TEXT_PARTS[:6])
    else:
        payload = random.choice(TEXT_PARTS) if random.random() < 0.2 else random.choice(TEXT_PARTS[:3])
    is_final = is_final or (opcode >= 8 and random.random() < 0.95)
    first = (0x80 if is_final else 0) | opcode | (random.choice((0x10, 0x20, 0x40)) if random.random() < 0.01 else 0)
    mask = 0x80 if random.random() < 0.01 else 0
    size = len(payload)
    form = random.random()
    if size > 65535 or form < 0.005:
        head = struct.pack("!BBQ", first, mask | 127, size)
    elif size > 125 or form < 0.01:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = bytes((first, mask | size))
    return head + payload


def make_stream(random):
    """Some frames; in one of five, a byte changed, removed or added, or the end cut off."""
    frames = [make_frame(random) for _ in range(random.randrange(1, 6))]
    stream = bytearray(b"".join(frames))
    if random.random() < 0.2:
        position = random.randrange(len(stream))
        action = random.randrange(4)
        if action == 0:
            stream[position] = random.randrange(256)
        elif action == 1:
            del stream[position]
        elif action == 2:
            stream.insert(position, random.randrange(256))
        else:
            del stream[position:]
    return bytes(stream), len(frames)


def read_ours(stream):
    """Events as plain pairs, and the code of the failure."""
    events, failure = [], None
    for event in Reader(LIMIT).receive(stream):
        if isinstance(event, Failed):
            failure = int(event.code)
        elif isinstance(event, Closed):
            events.append(("close", event.code))
            break
        else:
            name = {Text: "text", Binary: "binary", Ping: "ping", Pong: "pong"}[type(event)]
            events.append((name, event.payload))
    return events, failure


def read_wsproto(stream):
    """The same from wsproto."""
    protocol = FrameProtocol(client=True, extensions=[])
    protocol.receive_bytes(stream)
    events, parts, kind = [], [], None
    try:
        for frame in protocol.received_frames():
            if frame.opcode is WsprotoOpcode.CLOSE:
                events.append(("close", int(frame.payload[0])))
                return events, None
            if frame.opcode in (WsprotoOpcode.PING, WsprotoOpcode.PONG):
                events.append((frame.opcode.name.lower(), bytes(frame.payload)))
                continue
            kind = kind or frame.opcode.name.lower()
            parts.append(frame.payload.encode() if isinstance(frame.payload, str) else bytes(frame.payload))
            if frame.message_finished:
                events.append((kind, b"".join(parts)))
                parts, kind = [], None
    except ParseFailed as error:
        return events, int(error.code)
    return events, None


def ends_of_websockets(stream):
    """Where the parser of websockets sees each frame end, up to the first that it refuses."""
    reader = StreamReader()
    reader.feed_data(stream)
    reader.feed_eof()
    ends, position = [], 0
    while True:
        try:
            parsing = Frame.parse(reader.read_exact, mask=False, max_size=LIMIT)
            frame = run(parsing)
        except (ProtocolError, PayloadTooBig, EOFError):
            return ends
        position += frame_bytes(stream, position)
        ends.append(position)
        if frame.opcode == 8:
            return ends


def run(generator):
    """The value of a parser that needs no more data."""
    try:
        next(generator)
    except StopIteration as stop:
        return stop.value
    raise EOFError


def frame_bytes(stream, position):
    """How long the frame at a position is, as its header says."""
    size = stream[position + 1] & 0x7F
    if size == 126:
        return 4 + int.from_bytes(stream[position + 2 : position + 4], "big")
    if size == 127:
        return 10 + int.from_bytes(stream[position + 2 : position + 10], "big")
    return 2 + size


def ends_of_ours(stream, candidates):
    """Which of these ends ours sees as the end of a frame, too: nothing is left over there."""
    reader, previous, ends = Reader(LIMIT), 0, []
    for end in candidates:
        events = reader.receive(stream[previous:end])
        if any(isinstance(event, Failed) for event in events) or reader._buffer:
            return ends
        ends.append(end)
        previous = end
        if any(isinstance(event, Closed) for event in events):
            return ends
    return ends


def difference(stream):
    """What the readers disagree in, as (name in ALLOWED or "", text); None when they agree."""
    ours, theirs = read_ours(stream), read_wsproto(stream)
    if ours != theirs:
        return explain(stream, ours, theirs), f"ours {ours!r:.300} wsproto {theirs!r:.300}"
    ends = ends_of_websockets(stream)
    if ours[1] is None and ends_of_ours(stream, ends) != ends:
        return "", f"frame ends: ours {ends_of_ours(stream, ends)} websockets {ends}"
    return None


def explain(stream, ours, theirs):
    """The name of an allowed difference, or ""."""
    if ours[0] == theirs[0] and ours[1] is None and theirs[1] == 1007:
        return "early text"
    if (
        theirs[1] == 1002
        and struct.pack("!H", 1014) in stream
        and (ours[1] == 1007 or ours[0][-1:] == [("close", 1014)])
    ):
        return "1014"
    if ours[0] == theirs[0] and ours[1] == 1009:
        return "no limit"
    if ours[0] == theirs[0] and None in (ours[1], theirs[1]) and 1002 in (ours[1], theirs[1]):
        ends = ends_of_websockets(stream)
        return "header first" if is_unfinished(stream[ends[-1] if ends else 0 :]) else ""
    return ""


def is_unfinished(data):
    """Whether the data ends inside of its first frame."""
    header = {126: 4, 127: 10}.get(data[1] & 0x7F, 2) if len(data) > 1 else 2
    return len(data) < header or len(data) < frame_bytes(data, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random, frames, failed, began = Random(options.seed), 0, 0, time.monotonic()
    counts = dict.fromkeys(ALLOWED, 0)
    while frames < options.frames:
        stream, count = make_stream(random)
        frames += count
        failed += read_ours(stream)[1] is not None
        found = difference(stream)
        if found is None:
            continue
        name, text = found
        if not name:
            print(f"frame {frames}, stream {stream[:200].hex()} ({len(stream)} bytes)\n{text}")
            return 1
        counts[name] += 1
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{frames} frames in {time.monotonic() - began:.0f} s, {failed} streams refused, at most {peak_mib} MiB")
    for name, reason in ALLOWED.items():
        print(f"  allowed {counts[name]:6} x {name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
