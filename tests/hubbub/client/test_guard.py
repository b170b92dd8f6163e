"""Whatever a contract raises or returns is one sentence with the method that did it."""

import pytest

from hubbub.client.guard import MAX_EVENTS, GuardedDialogue
from hubbub.contracts import Contract, Credentials, Delivery, Dialogue, Event, EventKind, Opening
from hubbub.errors import BrokenContract, Owner


class Any(Contract):
    name = "any"
    answer = None

    def join(self, conversation_id):
        return "join"

    def message(self, conversation_id, content):
        return content

    def receive(self, payload):
        return self.answer()

    def websocket_path(self, ticket):
        return self.answer()


OPENING = Opening(Credentials("a@x.y"))


def guarded(answer):
    contract = Any()
    contract.answer = answer
    return GuardedDialogue(contract, OPENING)


def fail():
    raise KeyError("type")


def test_what_is_right_goes_through():
    events = [Delivery(1, -1, "hi"), Event(EventKind.REPLY, frames=("3",))]
    assert guarded(lambda: events).receive(b"x") is events
    dialogue = guarded(lambda: "/ws")
    assert dialogue.upgrade().path == "/ws"
    assert (dialogue.enter(1), dialogue.post(1, "hi", 1)) == (("join",), ("hi",))
    made = dialogue.start(), dialogue.leave(1), dialogue.typing(1, True), dialogue.read(1), dialogue.heartbeat()
    assert made == ((), (), (), (), ())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (fail, "receive raised KeyError: 'type' (test_guard.py"),
        (lambda: [Delivery(1, 1, None)], "receive raised TypeError: a delivery's content is a NoneType and no text"),
        (lambda: ["x"], "receive raised TypeError: str is no event"),
        (lambda: None, "receive raised TypeError: 'NoneType' object is not iterable"),
        (lambda: [Event(EventKind.OTHER)] * (MAX_EVENTS + 1), f"receive raised ValueError: {MAX_EVENTS + 1} events"),
    ],
)
def test_a_frame_that_a_contract_fails_on_is_an_event(answer, said):
    (event,) = guarded(answer).receive(b'{"type":1}' * 100)
    assert event.kind is EventKind.BROKEN
    assert event.text.startswith(said)
    assert event.text.endswith('"type":1}\'')


def test_what_a_contract_raises_while_it_makes_something_is_its_own():
    with pytest.raises(BrokenContract, match="contract any: upgrade raised KeyError") as raised:
        guarded(fail).upgrade()
    assert raised.value.owner is Owner.CONFIGURATION


@pytest.mark.parametrize(
    ("method", "result", "said"),
    [
        ("start", lambda *_: [1], "start made a int, and frames are texts or bytes"),
        ("post", lambda *_: None, "post raised TypeError"),
        ("heartbeat", fail, "heartbeat raised KeyError"),
        ("upgrade", lambda *_: "/", "upgrade made a str and no Upgrade"),
    ],
)
def test_what_is_no_frame_is_told(method, result, said):
    class Odd(Dialogue):
        pass

    setattr(Odd, method, result if method != "heartbeat" else lambda _: fail())

    class Contracted(Any):
        def dialogue(self, opening):
            return Odd(self, opening)

    arguments = {"post": (1, "x", 1)}.get(method, ())
    with pytest.raises(BrokenContract, match=said):
        getattr(GuardedDialogue(Contracted(), OPENING), method)(*arguments)
