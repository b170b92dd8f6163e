"""The fast path: what is known byte for byte is taken without being parsed, and nothing else is."""

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
