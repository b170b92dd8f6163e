"""The example of a contract in TOML says what the contract in Python says that it stands for."""

import json

import pytest

from hubbub.contracts import Credentials, Delivery, Event, Identity, Opening, load_contract, perform
from hubbub.suite import ROOT

OPENING = Opening(Credentials("a@x.y", "p w", "ann"), Identity("t", 5), "k/1", 3, 7)
FRAMES = (
    b'{"type":"connected"}',
    b'{"type":"joined","conversation_id":7}',
    b'{"type":"message","conversation_id":7,"user_id":5,"payload":{"id":1,"content":"hi"}}',
    b'{"type":"error","payload":{"message":"Rate limit exceeded. Please wait a moment."}}',
    b'{"type":"error","payload":{"message":"Message must have 1 to 10000 characters"}}',
    b'{"error":"user connection limit reached"}',
)


@pytest.fixture
def both():
    return load_contract("sanctum"), load_contract(str(ROOT / "examples" / "sanctum.toml"))


def asked(contract):
    """All that it asks over HTTP, as text."""
    calls = []

    def answer(method, path, headers, body):
        calls.append((method, path, headers.get("Authorization"), json.loads(body) if body else None))
        if "?limit" in path:
            return 200, b'[{"id":1,"content":"hi"}]'
        status = 201 if path.endswith("signup") else 200
        return status, b'{"token":"t","user":{"id":5},"id":7,"ticket":"k"}'

    identity, credentials = Identity("t", 5), OPENING.credentials
    scripts = (
        contract.signup(credentials),
        contract.login(credentials),
        contract.create_conversation(identity, "room"),
        contract.join_conversation(identity, 7),
        contract.leave_conversation(identity, 7),
        contract.ticket(identity),
        contract.history(identity, 7, 10, 20),
        contract.post_message(identity, 7, "say hi"),
    )
    return calls, [perform(script, answer) for script in scripts]


def said(contract):
    dialogue = contract.dialogue(OPENING)
    frames = (dialogue.enter(7), dialogue.leave(7), dialogue.post(7, 'say "hi"', 1), dialogue.read(7))
    typing = [*dialogue.typing(7, True), *dialogue.typing(7, False)]
    return [json.loads(frame) for each in (*frames, typing) for frame in each], dialogue.upgrade()


def understood(contract, frame):
    (event,) = contract.dialogue(OPENING).receive(frame)
    if isinstance(event, Delivery):
        return event
    assert isinstance(event, Event)
    return event.kind, event.conversation_id


def test_they_ask_the_same(both):
    python, toml = map(asked, both)
    assert toml == python


def test_they_say_the_same(both):
    python, toml = map(said, both)
    assert toml == python


@pytest.mark.parametrize("frame", FRAMES)
def test_they_understand_the_same(both, frame):
    python, toml = (understood(contract, frame) for contract in both)
    assert toml == python


def test_they_have_the_same_features(both):
    python, toml = both
    for name in ("phases", "accounts", "rooms", "has_echo", "max_content", "history_cache_s", "is_greeted"):
        assert getattr(toml, name) == getattr(python, name), name
