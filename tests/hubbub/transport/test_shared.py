"""What connections share: one buffer, one source of masks, one set of counts."""

from hubbub.clock import monotonic_us
from hubbub.transport.base import Dialling
from hubbub.transport.shared import BUFFER_BYTES, Shared


def test_masks_are_the_same_for_the_same_seed():
    one, two = (Shared(Dialling(1, wants_stamps=False), 5, monotonic_us) for _ in range(2))
    assert [one.random.getrandbits(32) for _ in range(3)] == [two.random.getrandbits(32) for _ in range(3)]


def test_the_view_is_that_of_the_buffer():
    shared = Shared(Dialling(1, wants_stamps=False), 5, monotonic_us)
    shared.view[0] = 7
    assert (shared.buffer[0], len(shared.buffer)) == (7, BUFFER_BYTES)
    assert (shared.counted.connected, shared.last_error) == (0, "")
