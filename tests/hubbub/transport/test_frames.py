"""RFC 6455 framing, seen from a client. Each test's name is the rule."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.transport.frames import (
    Binary,
    Closed,
    Failed,
    Opcode,
    Ping,
    Pong,
    Reader,
    Text,
    apply_mask,
    close_payload,
    encode_frame,
    may_travel,
)
from tests.effort import examples


def frame(opcode, payload=b"", final=True, reserved=0, masked=False, form=None):
    """A server's frame; `form` forces the length into 2 or 8 bytes."""
    first = (0x80 if final else 0) | reserved | opcode
    mask = 0x80 if masked else 0
    size = len(payload)
    if form == 8 or (form is None and size > 65535):
        return struct.pack("!BBQ", first, mask | 127, size) + payload
    if form == 2 or (form is None and size > 125):
        return struct.pack("!BBH", first, mask | 126, size) + payload
    return bytes((first, mask | size)) + payload


def read(data, **options):
    return Reader(**options).receive(data)


def failure(data, **options):
    events = read(data, **options)
    assert events and isinstance(events[-1], Failed), events
    return int(events[-1].code)


# -- what is taken -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536, 65537])
def test_every_length_form_is_read(size):
    assert read(frame(Opcode.TEXT, b"x" * size)) == [Text(b"x" * size)]
    assert read(frame(Opcode.BINARY, b"\xff" * size)) == [Binary(b"\xff" * size)]


def test_fragments_may_have_control_frames_between_them():
    data = (
        frame(Opcode.TEXT, b"a", final=False)
        + frame(Opcode.PING, b"p")
        + frame(Opcode.CONTINUATION, b"", final=False)
        + frame(Opcode.PONG)
        + frame(Opcode.CONTINUATION, b"b")
    )
    assert read(data) == [Ping(b"p"), Pong(b""), Text(b"ab")]


def test_a_character_may_be_cut_between_fragments():
    euro = "€".encode()
    data = frame(Opcode.TEXT, euro[:1], final=False) + frame(Opcode.CONTINUATION, euro[1:])
    assert read(data) == [Text(euro)]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999])
def test_close_codes_that_may_travel(code):
    assert may_travel(code)
    assert read(frame(Opcode.CLOSE, struct.pack("!H", code) + b"bye")) == [Closed(code, "bye")]


def test_a_close_frame_may_be_empty():
    assert read(frame(Opcode.CLOSE)) == [Closed(1005, "")]


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        frame(Opcode.TEXT, b"x", masked=True),
        *(frame(Opcode.TEXT, b"x", reserved=bit) for bit in (0x40, 0x20, 0x10)),
        *(frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        frame(Opcode.PING, b"x", final=False),
        frame(Opcode.CLOSE, b"", final=False),
        frame(Opcode.PING, b"x" * 126),
        frame(Opcode.CONTINUATION, b"x"),
        frame(Opcode.TEXT, b"x", final=False) + frame(Opcode.TEXT, b"y"),
        frame(Opcode.TEXT, b"x" * 125, form=2),
        frame(Opcode.TEXT, b"x" * 65535, form=8),
        bytes((0x81, 127)) + (1 << 63).to_bytes(8, "big"),
        frame(Opcode.CLOSE, b"x"),
        *(frame(Opcode.CLOSE, struct.pack("!H", code)) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000)),
    ],
    ids=lambda data: data[:4].hex(),
)
def test_a_broken_rule_is_a_protocol_error(data):
    assert failure(data) == 1002


@pytest.mark.parametrize(
    "data",
    [
        frame(Opcode.TEXT, b"\xff"),
        frame(Opcode.TEXT, b"\xed\xa0\x80"),
        frame(Opcode.TEXT, b"\xe2\x82"),
        frame(Opcode.TEXT, b"\xe2\x82", final=False) + frame(Opcode.CONTINUATION, b"x"),
        frame(Opcode.TEXT, b"ok", final=False) + frame(Opcode.CONTINUATION, b"\xc0\x80", final=False),
        frame(Opcode.CLOSE, struct.pack("!H", 1000) + b"\xff"),
    ],
    ids=lambda data: data.hex(),
)
def test_text_that_is_not_utf_8_is_invalid_data(data):
    assert failure(data) == 1007


def test_the_size_limit_holds_before_the_payload_is_there():
    head = frame(Opcode.TEXT, b"x" * 1001)[:4]
    assert failure(head, max_message_bytes=1000) == 1009
    assert read(frame(Opcode.TEXT, b"x" * 1000), max_message_bytes=1000) == [Text(b"x" * 1000)]


def test_the_size_limit_holds_for_a_message_in_fragments():
    data = frame(Opcode.TEXT, b"x" * 600, final=False) + frame(Opcode.CONTINUATION, b"x" * 401)
    assert failure(data, max_message_bytes=1000) == 1009


def test_what_came_before_a_fault_is_kept_and_nothing_after_it():
    reader = Reader()
    events = reader.receive(frame(Opcode.TEXT, b"good") + frame(3) + frame(Opcode.TEXT, b"unseen"))
    assert events[0] == Text(b"good")
    assert len(events) == 2
    assert reader.receive(frame(Opcode.TEXT, b"later")) == []
    assert not reader.is_idle


# -- any cut -----------------------------------------------------------------------------------------------------------

FRAMES = st.one_of(
    st.builds(frame, st.just(Opcode.TEXT), st.text(max_size=200).map(str.encode)),
    st.builds(frame, st.just(Opcode.BINARY), st.binary(max_size=200)),
    st.builds(frame, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)),
    st.text(max_size=50).map(
        lambda text: frame(Opcode.TEXT, text.encode()[:3], final=False) + frame(Opcode.CONTINUATION, text.encode()[3:])
    ),
    st.binary(max_size=20),
)


@settings(max_examples=examples(300))
@given(st.lists(FRAMES, max_size=8).map(b"".join), st.data())
def test_any_stream_cut_anywhere_gives_the_same_events(stream, data):
    whole = read(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader, events = Reader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += reader.receive(stream[start:end])
    assert events == whole


@given(st.lists(FRAMES, max_size=4).map(b"".join))
def test_a_stream_that_comes_byte_by_byte_gives_the_same_events(stream):
    reader = Reader()
    assert [event for byte in stream for event in reader.receive(bytes([byte]))] == read(stream)


# -- sending -----------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_a_mask_is_the_xor_of_each_byte(payload, mask):
    key = mask.to_bytes(4, "big")
    assert apply_mask(payload, mask) == bytes(byte ^ key[n % 4] for n, byte in enumerate(payload))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frames_are_masked_with_the_shortest_length(size):
    wire = encode_frame(Opcode.TEXT, b"x" * size, 0x01020304)
    assert wire[0] == 0x81
    assert wire[1] & 0x80
    overhead = 2 + (0 if size < 126 else 2 if size < 65536 else 8) + 4
    assert len(wire) == overhead + size
    assert apply_mask(wire[overhead:], 0x01020304) == b"x" * size


def test_a_close_payload_fits_a_control_frame():
    assert close_payload(1000, "x" * 500) == struct.pack("!H", 1000) + b"x" * 123
    assert close_payload(1005) == b""
