"""A contract that has nothing but a name and frames."""

from hubbub.contracts import Credentials, Dialogue, Event, EventKind, Identity, Opening, Upgrade, load_contract
from hubbub.ledger.frame_types import UNREADABLE, WITHOUT_TYPE

MINIMAL = load_contract("minimal")


def test_what_a_contract_does_not_have_is_none():
    assert MINIMAL.health() is None
    assert MINIMAL.signup(Credentials("a@x.y")) is None
    assert MINIMAL.login(Credentials("a@x.y")) is None
    assert MINIMAL.history(Identity(""), 1, 100, 0) is None
    assert MINIMAL.post_message(Identity(""), 1, "x") is None
    assert MINIMAL.leave_conversation(Identity(""), 1) is None
    assert MINIMAL.typing(4, True) is None
    assert MINIMAL.read(4) is None


def test_a_dialogue_without_memory_asks_its_contract():
    dialogue = MINIMAL.dialogue(Opening(Credentials("a@x.y")))
    assert type(dialogue) is Dialogue
    assert dialogue.upgrade() == Upgrade("/")
    assert dialogue.start() == ('{"hello": "a@x.y"}',)
    assert dialogue.enter(4) == ('{"join":4}',)
    assert dialogue.post(4, "hi", 1) == ('{"send":"hi","to":4}',)
    assert dialogue.leave(4) == ('{"leave":4}',)
    assert (dialogue.typing(4, True), dialogue.read(4), dialogue.heartbeat()) == ((), (), ())
    assert dialogue.receive(b'{"ack":2}') == (Event(EventKind.CONFIRMED, number=2),)


def test_no_two_runs_have_a_conversation_in_common():
    names = {MINIMAL.conversation_name(run, index) for run in ("00000001", "ffffffff") for index in range(100)}
    assert len(names) == 200
    assert load_contract("sanctum").conversation_name("ab", 3) == "perfws-ab-3"


def test_secrets_are_not_shown():
    opening = Opening(Credentials("a@x.y", "hunter2", columns={"token": "hunter2"}), Identity("hunter2"), "hunter2")
    assert "hunter2" not in repr(opening)


def test_frames_without_a_type_have_the_ledgers_names():
    assert Event(EventKind.UNREADABLE).frame_type == UNREADABLE
    assert Event(EventKind.OTHER).frame_type == WITHOUT_TYPE
    assert Event(EventKind.JOINED).frame_type == ""
