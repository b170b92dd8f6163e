"""The fast path: what is known byte for byte is taken without being parsed, and nothing else is."""

import json

from hubbub.contracts import Credentials, EventKind, Opening, load_contract
from hubbub.contracts.declarative import Declarative
from hubbub.ledger import Ledger
from hubbub.ledger.receiver import TEXT_CHECK_EVERY
from tests.twins.backend import server_frame


def test_the_second_receiver_takes_the_frame_of_the_first(bench):
    one, two = bench.join(), bench.join(1)
    content, _ = bench.send(one)
    payload = bench.frame(content)
    frame = server_frame(payload)
    one.on_message(payload, bench.now, bench.now, frame)
    buffer = bytearray(frame + b"stale")
    assert two.take_known(buffer, 0, len(frame), bench.now, bench.now, bench.now) == len(frame)
    assert one.take_known(buffer, 0, len(frame), bench.now, bench.now, bench.now) == 0
    assert bench.finish().delivered == 2


def test_a_frame_that_is_not_whole_is_left(bench):
    one, two = bench.join(), bench.join(1)
    content, _ = bench.send(one)
    payload = bench.frame(content)
    frame = server_frame(payload)
    one.on_message(payload, bench.now, bench.now, frame)
    assert two.take_known(bytearray(frame), 0, len(frame) - 1, bench.now, bench.now, bench.now) == 0


def test_earlier_frames_of_a_read_have_the_earlier_time(bench):
    one, two = bench.join(), bench.join(1)
    frames, messages = b"", []
    for _ in range(2):
        content, message = bench.send(one)
        payload = bench.frame(content)
        one.on_message(payload, bench.now, bench.now, server_frame(payload))
        frames += server_frame(payload)
        messages.append(message)
    two.take_known(bytearray(frames), 0, len(frames), bench.now + 90, bench.now + 50, bench.now + 10)
    assert [message.arrived[-1] - bench.now for message in messages] == [10, 50]


def test_one_delivery_in_64_is_parsed(bench):
    one, two = bench.join(), bench.join(1)
    parsed = []
    really_recognise = bench.contract.recognise
    bench.contract.recognise = lambda payload: parsed.append(payload) or really_recognise(payload)
    for _ in range(2 * TEXT_CHECK_EVERY):
        content, _ = bench.send(one)
        for receiver in (one, two):
            bench.deliver(receiver, content)
    assert len(parsed) == 2 * TEXT_CHECK_EVERY + 2


def test_a_closed_window_is_a_doubt_for_a_while(bench):
    receiver = bench.join()
    receiver.on_window_closed(bench.now)
    assert receiver.connection.doubted_us > bench.now
    assert "receive window closed" in receiver.connection.note


def test_the_fast_path_follows_the_newest_subscription(make_bench):
    bench = make_bench(conversations=1)
    receiver = bench.join()
    assert receiver.subscription in receiver.subscriptions
    bench.ledger.close(receiver, bench.now)
    assert (receiver.subscription, receiver.subscriptions) == (None, ())
    assert receiver.take_known(bytearray(b"x"), 0, 1, 0, 0, 0) == 0


def test_messages_that_frames_cut_are_whole_at_everybody():
    contract = load_contract("nats")
    ledger, now = Ledger(7, contract), 10_000_000
    ledger.add_conversation(0, "r", range(3))
    receivers = []
    for account in range(3):
        dialogue = contract.dialogue(Opening(Credentials("a@x.y")))
        receivers.append(ledger.open_receiver(account, lambda *_: None, dialogue))
        ledger.joining(receivers[-1], 0)
        ledger.ready(receivers[-1], 0, now)
    contents = [ledger.send(receivers[0], 0, now, now, f" number {n}")[0].encode() for n in range(4)]
    whole = [b"MSG r 1 %d\r\n%s\r\n" % (len(content), content) for content in contents]
    parts = [whole[0] + whole[1][:30], whole[1][30:] + whole[2], whole[3]]
    for receiver in receivers:
        for part in parts:
            frame = server_frame(part)
            at = receiver.take_known(bytearray(frame), 0, len(frame), now, now, now)
            if not at:
                receiver.on_message(part, now, now, frame)
    assert (ledger.counts.due, ledger.counts.delivered) == (12, 12)


def test_each_delivery_that_wants_an_answer_is_answered():
    rule = {"starts": "m:", "matches": "m:(?P<text>.*)", "means": "delivery", "reply": "ok"}
    table = {"open": {"path": "/"}, "message": {"send": "$content"}, "when": [rule]}
    contract = Declarative("x", table)
    ledger, now, answers = Ledger(7, contract), 10_000_000, []
    ledger.add_conversation(0, "r", range(4))
    receivers = []
    for account in range(4):
        dialogue = contract.dialogue(Opening(Credentials("a@x.y")))
        receivers.append(ledger.open_receiver(account, lambda event, _: answers.append(event.frames), dialogue))
        ledger.joining(receivers[-1], 0)
        ledger.ready(receivers[-1], 0, now)
    for n in range(3):
        content, _ = ledger.send(receivers[0], 0, now, now, f" number {n}")
        for receiver in receivers:
            payload = b"m:" + content.encode()
            frame = server_frame(payload)
            if not receiver.take_known(bytearray(frame), 0, len(frame), now, now, now):
                receiver.on_message(payload, now, now, frame)
    assert (ledger.counts.delivered, len(answers)) == (12, 12)
    assert contract.delivery_prefix == ()


def test_several_units_of_a_frame_are_all_taken():
    contract = load_contract("centrifugo")
    ledger, now, events = Ledger(7, contract), 10_000_000, []
    ledger.add_conversation(0, "r", range(2))
    receivers = []
    for account in range(2):
        dialogue = contract.dialogue(Opening(Credentials("a@x.y")))
        receivers.append(ledger.open_receiver(account, lambda event, _: events.append(event.kind), dialogue))
        ledger.joining(receivers[-1], 0)
        ledger.ready(receivers[-1], 0, now)
    units = []
    for n in range(3):
        content, _ = ledger.send(receivers[0], 0, now, now, f" number {n}")
        units.append(json.dumps({"push": {"channel": "r", "pub": {"data": {"text": content}}}}).encode())
    for receiver in receivers:
        for payload in (units[0], b"\n".join([b"{}", units[1], units[2], b""])):
            frame = server_frame(payload)
            if not receiver.take_known(bytearray(frame), 0, len(frame), now, now, now):
                receiver.on_message(payload, now, now, frame)
    assert ledger.counts.delivered == 6
    assert events.count(EventKind.REPLY) == 2


def test_a_delivery_that_names_another_room_is_corrupt(bench):
    one, two = bench.join(), bench.join(1)
    content, _ = bench.send(one)
    bench.deliver(two, content, conversation=7)
    bench.deliver(one, content)
    assert (bench.counts.delivered, bench.counts.corrupt) == (1, 1)
