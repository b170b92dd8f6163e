"""The functional cases of the Autobahn test suite for clients, sections 1 to 7 and 10, as data.

A case is what the server sends, in chunks, and what has to come of it: the messages that the client's user gets, the
pongs that the client sends, and the code of its close frame. `1000` as close code stands for a case without a fault:
after its frames the server closes normally. Case numbers and descriptions follow the suite's own specification.
"""

import struct
from dataclasses import dataclass, field

from tests.hubbub.transport.test_frames import frame

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
PROTOCOL_ERROR, INVALID_DATA = 1002, 1007


@dataclass
class Case:
    """One case. `messages` are those delivered before the end; `code` the client's close code."""

    id: str
    chunks: list
    messages: list = field(default_factory=list)
    pongs: list = field(default_factory=list)
    code: int = 1000


def octets(data):
    """Byte by byte."""
    return [data[n : n + 1] for n in range(len(data))]


def chops(data, size):
    return [data[n : n + size] for n in range(0, len(data), size)]


def close(code=1000, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


def fine(id, chunks, messages=(), pongs=()):
    """A case without a fault: the server closes after it."""
    return Case(id, [*chunks, close()], list(messages), list(pongs))


def sizes():
    """1.1 and 1.2: messages of all length forms."""
    for section, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
        for number, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
            yield fine(f"1.{section}.{number}", [frame(opcode, byte * size)], [byte * size])
        big = frame(opcode, byte * 65536)
        yield fine(f"1.{section}.8", chops(big, 997), [byte * 65536])


def pings():
    """2: pings are answered with their payload, pongs are not answered."""
    data = bytes((0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF))
    yield fine("2.1", [frame(PING)], pongs=[b""])
    yield fine("2.2", [frame(PING, b"Hello, world!")], pongs=[b"Hello, world!"])
    yield fine("2.3", [frame(PING, data)], pongs=[data])
    yield fine("2.4", [frame(PING, b"\xfe" * 125)], pongs=[b"\xfe" * 125])
    yield Case("2.5", [frame(PING, b"\xfe" * 126)], code=PROTOCOL_ERROR)
    yield fine("2.6", octets(frame(PING, b"\xfe" * 125)), pongs=[b"\xfe" * 125])
    yield fine("2.7", [frame(PONG)])
    yield fine("2.8", [frame(PONG, b"unsolicited pong payload")])
    yield fine("2.9", [frame(PONG, b"unsolicited"), frame(PING, b"ping payload")], pongs=[b"ping payload"])
    ten = [b"payload-%d" % number for number in range(10)]
    yield fine("2.10", [frame(PING, payload) for payload in ten], pongs=ten)
    yield fine("2.11", octets(b"".join(frame(PING, payload) for payload in ten)), pongs=ten)


def reserved():
    """3 and 4: reserved bits and opcodes."""
    hello, ping = frame(TEXT, b"Hello, world!"), frame(PING)

    def text(bits):
        return frame(TEXT, b"Hello, world!", reserved=bits << 4)

    yield Case("3.1", [text(1)], code=PROTOCOL_ERROR)
    yield Case("3.2", [hello, text(2), ping], [b"Hello, world!"], code=PROTOCOL_ERROR)
    yield Case("3.3", [hello + text(3) + ping], [b"Hello, world!"], code=PROTOCOL_ERROR)
    yield Case("3.4", octets(hello + text(4) + ping), [b"Hello, world!"], code=PROTOCOL_ERROR)
    yield Case("3.5", [frame(BINARY, b"\x00\xff", reserved=0x50)], code=PROTOCOL_ERROR)
    yield Case("3.6", [frame(PING, b"x", reserved=0x60)], code=PROTOCOL_ERROR)
    yield Case("3.7", [frame(CLOSE, b"", reserved=0x70)], code=PROTOCOL_ERROR)
    for section, first in ((1, 3), (2, 11)):
        yield Case(f"4.{section}.1", [frame(first)], code=PROTOCOL_ERROR)
        yield Case(f"4.{section}.2", [frame(first + 1, b"reserved payload")], code=PROTOCOL_ERROR)
        yield Case(f"4.{section}.3", [hello, frame(first + 2), ping], [b"Hello, world!"], code=PROTOCOL_ERROR)
        yield Case(f"4.{section}.4", [hello + frame(first + 3, b"x") + ping], [b"Hello, world!"], code=PROTOCOL_ERROR)
        chopped = octets(hello + frame(first + 4, b"x") + ping)
        yield Case(f"4.{section}.5", chopped, [b"Hello, world!"], code=PROTOCOL_ERROR)


def fragments():
    """5: fragmentation."""
    part1, part2 = frame(TEXT, b"fragment1", final=False), frame(CONTINUATION, b"fragment2")
    both = [b"fragment1fragment2"]
    ping = frame(PING, b"ping payload")
    yield Case("5.1", [frame(PING, b"fragment1", final=False) + part2], code=PROTOCOL_ERROR)
    yield Case("5.2", [frame(PONG, b"fragment1", final=False) + part2], code=PROTOCOL_ERROR)
    yield fine("5.3", [part1, part2], both)
    yield fine("5.4", [part1 + part2], both)
    yield fine("5.5", octets(part1 + part2), both)
    yield fine("5.6", [part1, ping, part2], both, [b"ping payload"])
    yield fine("5.7", [part1 + ping + part2], both, [b"ping payload"])
    yield fine("5.8", octets(part1 + ping + part2), both, [b"ping payload"])
    lonely = frame(CONTINUATION, b"non-continuation payload")
    hello = frame(TEXT, b"Hello, world!")
    for id, chunks in (("5.9", [lonely, hello]), ("5.10", [lonely + hello]), ("5.11", octets(lonely + hello))):
        yield Case(id, chunks, code=PROTOCOL_ERROR)
    lonely = frame(CONTINUATION, b"non-continuation payload", final=False)
    for id, chunks in (("5.12", [lonely, hello]), ("5.13", [lonely + hello]), ("5.14", octets(lonely + hello))):
        yield Case(id, chunks, code=PROTOCOL_ERROR)
    part3, part4 = frame(CONTINUATION, b"fragment3", final=False), frame(CONTINUATION, b"fragment4")
    yield Case("5.15", [part1 + part2 + part3 + part4], both, code=PROTOCOL_ERROR)
    opening = frame(CONTINUATION, b"fragment1", final=False)
    yield Case("5.16", [opening, part1, part2], code=PROTOCOL_ERROR)
    yield Case("5.17", [frame(CONTINUATION, b"fragment1"), part1, part2], code=PROTOCOL_ERROR)
    yield Case("5.18", [part1, frame(TEXT, b"fragment2")], code=PROTOCOL_ERROR)
    five = [frame(TEXT, b"fragment1", final=False), frame(CONTINUATION, b"fragment2", final=False)]
    rest = [frame(CONTINUATION, b"fragment3", final=False), frame(CONTINUATION, b"fragment4", final=False)]
    last = frame(CONTINUATION, b"fragment5")
    whole = [b"fragment1fragment2fragment3fragment4fragment5"]
    two_pings = (frame(PING, b"pongme 1!"), frame(PING, b"pongme 2!"))
    chunks = [*five, two_pings[0], *rest, two_pings[1], last]
    yield fine("5.19", chunks, whole, [b"pongme 1!", b"pongme 2!"])
    yield fine("5.20", [b"".join(chunks)], whole, [b"pongme 1!", b"pongme 2!"])


KOSME = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
HELLO_UTF8 = "Hello-µ@ßöäüàá-UTF-8!!".encode()
EDITED = b"\x65\x64\x69\x74\x65\x64"


def text_frames():
    """6.1 to 6.4: text in one frame and in fragments, valid and not, and as early as can be told."""
    empty = [frame(TEXT, final=False), frame(CONTINUATION, final=False), frame(CONTINUATION)]
    yield fine("6.1.1", [frame(TEXT)], [b""])
    yield fine("6.1.2", empty, [b""])
    middle = [frame(TEXT, final=False), frame(CONTINUATION, b"middle frame payload", final=False), frame(CONTINUATION)]
    yield fine("6.1.3", middle, [b"middle frame payload"])
    yield fine("6.2.1", [frame(TEXT, HELLO_UTF8)], [HELLO_UTF8])
    halves = [frame(TEXT, HELLO_UTF8[:12], final=False), frame(CONTINUATION, HELLO_UTF8[12:])]
    yield fine("6.2.2", halves, [HELLO_UTF8])
    yield fine("6.2.3", _fragmented(HELLO_UTF8), [HELLO_UTF8])
    yield fine("6.2.4", _fragmented(KOSME), [KOSME])
    bad = KOSME + b"\xed\xa0\x80" + EDITED
    yield Case("6.3.1", [frame(TEXT, bad)], code=INVALID_DATA)
    yield Case("6.3.2", _fragmented(bad), code=INVALID_DATA)
    over = b"\xf4\x90\x80\x80"
    pieces = (KOSME, over, EDITED)
    three = [
        frame(TEXT, pieces[0], final=False),
        frame(CONTINUATION, pieces[1], final=False),
        frame(CONTINUATION, pieces[2]),
    ]
    yield Case("6.4.1", three, code=INVALID_DATA)
    cut = [
        frame(TEXT, KOSME + over[:1], final=False),
        frame(CONTINUATION, over[1:2], final=False),
        frame(CONTINUATION, over[2:] + EDITED),
    ]
    yield Case("6.4.2", cut, code=INVALID_DATA)
    whole = frame(TEXT, KOSME + over + EDITED)
    yield Case("6.4.3", [whole[: 2 + len(KOSME)], whole[2 + len(KOSME) : -6], whole[-6:]], code=INVALID_DATA)
    yield Case("6.4.4", octets(whole), code=INVALID_DATA)


def _fragmented(text):
    parts = octets(text)
    return [frame(TEXT if n == 0 else CONTINUATION, part, final=n == len(parts) - 1) for n, part in enumerate(parts)]


def _hex(text):
    return [bytes.fromhex(part) for part in text.split()]


VALID = {
    "6.5": [
        b"\x48\x65\x6c\x6c\x6f",
        b"Hello\x24World",
        b"Hello\xc2\xa2World",
        b"Hello\xe2\x82\xacWorld",
        b"Hello\xf0\xa4\xad\xa2World",
    ],
    "6.7": _hex("00 c280 e0a080 f0908080"),
    "6.9": _hex("7f dfbf efbfbf f48fbfbf"),
    "6.11": _hex("ed9fbf ee8080 efbfbd f48fbfbf"),
    "6.22": [chr(plane << 16 | last).encode() for plane in range(17) for last in (0xFFFE, 0xFFFF)],
    "6.23": [chr(code).encode() for code in (0xFFF9, 0xFFFA, 0xFFFB, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF)],
}
"""Valid UTF-8, by section: one case each."""

INVALID = {
    "6.8": _hex("f888808080 fc8480808080"),
    "6.10": _hex("f7bfbfbf fbbfbfbfbf fdbfbfbfbfbf"),
    "6.12": [b"\x80", b"\xbf", *(b"\x80\xbf\x80\xbf\x80\xbf"[:size] for size in range(2, 7)), bytes(range(0x80, 0xC0))],
    "6.13": [b" ".join(bytes([byte]) for byte in range(*span)) + b" "
             for span in ((0xC0, 0xE0), (0xE0, 0xF0), (0xF0, 0xF8), (0xF8, 0xFC), (0xFC, 0xFE))],
    "6.14": _hex("c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf"),
    "6.15": [b"".join(_hex("c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf"))],
    "6.16": _hex("fe ff fefeffff"),
    "6.17": _hex("c0af e080af f08080af f8808080af fc80808080af"),
    "6.18": _hex("c1bf e09fbf f08fbfbf f887bfbfbf fc83bfbfbfbf"),
    "6.19": _hex("c080 e08080 f0808080 f880808080 fc8080808080"),
    "6.20": _hex("eda080 edadbf edae80 edafbf edb080 edbe80 edbfbf"),
    "6.21": [high + low for high in _hex("eda080 edadbf edae80 edafbf") for low in _hex("edb080 edbfbf")],
}  # fmt: skip
"""Text that is not UTF-8, by section."""


def utf8():
    """6.5 to 6.23, as the suite sends them: each in one frame."""
    for section, texts in VALID.items():
        for number, text in enumerate(texts, 1):
            yield fine(f"{section}.{number}", [frame(TEXT, text)], [text])
    yield Case("6.11.5", [frame(TEXT, bytes.fromhex("f4908080"))], code=INVALID_DATA)
    for number in range(1, len(KOSME) + 1):
        prefix = KOSME[:number]
        is_whole = number in (2, 5, 7, 9, 11)
        id = f"6.6.{number}"
        yield (
            fine(id, [frame(TEXT, prefix)], [prefix])
            if is_whole
            else Case(id, [frame(TEXT, prefix)], code=INVALID_DATA)
        )
    for section, texts in INVALID.items():
        for number, text in enumerate(texts, 1):
            yield Case(f"{section}.{number}", [frame(TEXT, text)], code=INVALID_DATA)


def closes():
    """7: the closing handshake."""
    hello = frame(TEXT, b"Hello World!")
    yield Case("7.1.1", [hello, close()], [b"Hello World!"])
    yield Case("7.1.2", [close(), close()])
    yield Case("7.1.3", [close(), frame(PING)])
    yield Case("7.1.4", [close(), hello])
    yield Case("7.1.5", [frame(TEXT, b"fragment1", final=False), close(), frame(CONTINUATION, b"fragment2")])
    big = frame(TEXT, b"BAsd7&jh23" * 26 * 1024)
    yield Case("7.1.6", [big, hello, close(), frame(PING)], [b"BAsd7&jh23" * 26 * 1024, b"Hello World!"])
    yield Case("7.3.1", [frame(CLOSE)])
    yield Case("7.3.2", [frame(CLOSE, b"a")], code=PROTOCOL_ERROR)
    yield Case("7.3.3", [close()])
    yield Case("7.3.4", [close(1000, b"Hello World!")])
    yield Case("7.3.5", [close(1000, b"*" * 123)])
    yield Case("7.3.6", [close(1000, b"*" * 124)], code=PROTOCOL_ERROR)
    yield Case("7.5.1", [close(1000, KOSME + b"\xed\xa0\x80" + EDITED)], code=INVALID_DATA)
    valid = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for number, code in enumerate(valid, 1):
        yield Case(f"7.7.{number}", [close(code)], code=code)
    invalid = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
    for number, code in enumerate(invalid, 1):
        yield Case(f"7.9.{number}", [close(code)], code=PROTOCOL_ERROR)
    yield Case("7.13.1", [close(5000)], code=PROTOCOL_ERROR)
    yield Case("7.13.2", [close(65535)], code=PROTOCOL_ERROR)


def automatic_fragments():
    """10.1.1: a message of 65,536 bytes in fragments of 1,300."""
    text = b"*" * 65536
    parts = chops(text, 1300)
    yield fine(
        "10.1.1",
        [frame(TEXT if n == 0 else CONTINUATION, part, final=n == len(parts) - 1) for n, part in enumerate(parts)],
        [text],
    )


CASES = [
    case
    for section in (sizes, pings, reserved, fragments, text_frames, utf8, closes, automatic_fragments)
    for case in section()
]
