"""What a frame means is one kind, and says whose and what."""

from hubbub.contracts import Delivery, Event, EventKind


def test_a_delivery_is_no_event():
    assert Delivery("room", -1, "hi").is_delivery
    assert not Event(EventKind.JOINED).is_delivery


def test_the_type_of_what_means_nothing_is_kept():
    assert Event(EventKind.OTHER, text="presence").frame_type == "presence"
    assert Event(EventKind.REPLY, frames=("3",)).frame_type == ""
