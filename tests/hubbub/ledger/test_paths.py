"""The ways a delivery is taken: by its whole frame, by its tag, or by being parsed. They must count alike."""

import pytest


def wire(payload):
    return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


@pytest.fixture
def room(bench):
    """A sender and two receivers; `see` lets the sender see its own message first, with its frame."""
    receivers = [bench.join(n) for n in range(3)]

    def see(content, with_frame=True):
        payload = bench.frame(content)
        receivers[0].on_message(payload, bench.now, bench.now, wire(payload) if with_frame else None)
        return payload

    return bench, receivers, see


def test_known_frames_are_taken_up_to_the_first_unknown(room):
    bench, (sender, other, _), see = room
    frames = [wire(see(bench.send(sender, text=f"text {n}")[0])) for n in range(3)]
    unknown = wire(b'{"type":"typing"}')
    buffer = bytearray(b"before" + b"".join(frames) + unknown)
    end = len(buffer)
    assert other.take_known(buffer, 6, end, bench.now, bench.now, bench.now) == end - len(unknown)
    assert other.subscription.cursor == 3
    counts = bench.counts
    assert (counts.delivered, counts.received) == (6, 6)


def test_a_known_frame_before_ready_is_optional(room):
    bench, (sender, _, _), see = room
    joining = bench.connect(3)
    bench.ledger.joining(joining, 0)
    frame = bytearray(wire(see(bench.send(sender)[0])))
    assert joining.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == len(frame)
    assert (bench.counts.optional, bench.counts.delivered) == (1, 1)
    assert bench.ledger.latencies.last_first_arrival_us == bench.now


def test_a_message_intended_at_the_moment_of_leaving_is_not_due(room):
    bench, (sender, leaver, _), see = room
    bench.wait(1)
    bench.ledger.leave(leaver, 0, bench.now)
    payload = see(bench.send(sender)[0])
    frame = bytearray(wire(payload))
    assert leaver.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == 0
    leaver.on_message(payload, bench.now, bench.now, bytes(frame))
    assert bench.counts.optional == 1
    assert bench.counts.due == 2


def test_without_a_subscription_nothing_is_known(bench):
    assert bench.connect().take_known(bytearray(b"x"), 0, 1, bench.now, bench.now, bench.now) == 0


def test_without_an_echo_own_messages_are_passed_over(make_bench):
    bench = make_bench(contract="minimal")
    one, two, three = (bench.join(n) for n in range(3))
    payloads = []
    for receiver in (two, one, two, one, one, two):
        content, message = bench.send(receiver)
        bench.ledger.confirm(receiver, message.number)
        payloads.append(b'{"deliver":"' + content.encode() + b'","in":1,"from":100}')
        three.on_message(payloads[-1], bench.now, bench.now, wire(payloads[-1]))
    buffer = bytearray(wire(payloads[0]) + wire(payloads[2]) + wire(payloads[5]))
    assert one.take_known(buffer, 0, len(buffer), bench.now, bench.now, bench.now) == len(buffer)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost, counts.optional) == (12, 9, 3, 0)


def test_compressed_deliveries_are_taken_by_their_tag(room, monkeypatch):
    bench, (sender, *others), see = room
    content, message = bench.send(sender, text="a text with ~hb in it")
    payload = see(content, with_frame=False)
    parsed = []
    recognise = bench.contract.recognise
    monkeypatch.setattr(bench.contract, "recognise", lambda payload: parsed.append(1) or recognise(payload))
    for receiver in others:
        bench.wait(0.01)
        receiver.on_message(payload, bench.now, bench.now)
        assert receiver.subscription.cursor == 1
    assert not parsed
    assert message.frame is None
    assert bench.counts.delivered == 3
    assert bench.ledger.timings.delivery.max_us == 20_000


def test_one_delivery_in_64_has_its_text_checked(room):
    bench, (sender, other, _), see = room
    for number in range(1, 101):
        content, _ = bench.send(sender, text=f"text {number}")
        see(content, with_frame=False)
        other.on_message(bench.frame(content[:-1] + "!"), bench.now, bench.now)
        if bench.counts.corrupt:
            break
    assert number == 64


def test_an_acknowledgement_alone_confirms_a_message(make_bench):
    bench = make_bench(contract="minimal")
    sender, other = bench.join(0), bench.join(1)
    _, message = bench.send(sender)
    bench.ledger.confirm(sender, message.number + 1)
    assert bench.counts.confirmed == 0
    bench.ledger.confirm(sender, message.number)
    assert (bench.counts.confirmed, bench.counts.due) == (1, 1)
    assert other.subscription.missing() == [message]


def test_the_newest_message_being_seen_is_told_once(room):
    bench, (sender, other, _), _ = room
    told = []
    sender.producer.on_newest_seen = lambda: told.append(bench.now)
    first, _ = bench.send(sender)
    second, _ = bench.send(sender)
    bench.deliver(other, first)
    assert told == [], "it is not the newest"
    bench.deliver(other, second)
    bench.deliver(sender, second)
    assert len(told) == 1
