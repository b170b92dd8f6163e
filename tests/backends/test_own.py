"""A backend as a team writes its own, from TOML alone: the file that docs/contracts-toml.md shows."""

import re
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS, MESSAGES = 12, 4
SMALL = ("--clients", CLIENTS, "--duration", "2s", "--message-interval", "500ms", "--preflight", "off")
pytestmark = pytest.mark.e2e


@pytest.fixture
def origin(start):
    program = start(sys.executable, ROOT / "tests" / "backends" / "own_server.py")
    return f"http://127.0.0.1:{program.wait_for(r'^([0-9]+)$')[1]}"


@pytest.fixture
def contract(tmp_path):
    """The example of the documentation."""
    page = (ROOT / "docs" / "contracts-toml.md").read_text()
    path = tmp_path / "ours.toml"
    path.write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    return path


@pytest.mark.parametrize("workers", [1, 2])
def test_the_example_of_the_docs_is_exact(hubbub, summary, origin, contract, workers):
    run = hubbub("perf-ws", "--host", origin, "--contract", contract, *SMALL, "--workers", workers, "--canary")
    assert run.code() in (0, 3), run.text
    messages, deliveries = summary()["messages"], summary()["deliveries"]
    sent, due = CLIENTS * MESSAGES, CLIENTS * MESSAGES * CLIENTS // workers
    assert messages | {"sent": sent, "confirmed": sent} == messages, run.text
    assert deliveries | {"due": due, "delivered": due, "received": due, "lost": 0, "leaked": 0} == deliveries
    assert summary()["errors"] == []
    assert summary()["history"]["stored"] == sent
    counted = requests.get(f"{origin}/counts", timeout=5).json()
    assert (counted["messages"], counted["deliveries"]) == (sent, due + summary()["canary"]["received"])


def test_without_the_answer_to_its_ping_connections_are_closed(hubbub, summary, origin, contract):
    contract.write_text(contract.read_text().replace('"event":"pong"', '"event":"pang"'))
    run = hubbub(
        "perf-ws", "--host", origin, "--contract", contract, "--clients", 2, "--duration", "5s", "--preflight", "off"
    )
    assert run.code() == 1, run.text
    assert summary()["connections"]["dropped"] > 0
    assert "dropped: 4008" in run.text


def test_trying_it_names_what_is_missing(start, origin, contract):
    text = contract.read_text()
    contract.write_text(text.replace('where = {event = "said"}', 'where = {event = "sayd"}'))
    command = (sys.executable, "-m", "hubbub", "try", "--contract", contract, "--host", origin)
    run = start(*command, "--max-conns-per-user", 2, "--ready-timeout", "2s")
    assert run.code() == 1, run.text
    assert "not seen: the message at the other connection; write a [[when]]" in run.text
    assert "took it for: other (said), because no `when` fits" in run.text
    assert "eyJ" not in run.text


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('means = "confirmed"\nnumber = "id"', 'means = "confirmed"\nnumber = "nr"', "the message's number at 'nr'"),
        ('room = "room"', 'room = "data.by"', "the delivery names room"),
    ],
)
def test_trying_it_compares_what_came_with_what_was_sent(start, origin, contract, old, new, sentence):
    assert old in contract.read_text()
    contract.write_text(contract.read_text().replace(old, new))
    command = (sys.executable, "-m", "hubbub", "try", "--contract", contract, "--host", origin)
    run = start(*command, "--max-conns-per-user", 2, "--ready-timeout", "2s")
    assert run.code() == 1, run.text
    assert sentence in run.text


def test_a_mistake_in_the_file_is_one_sentence(hubbub, contract):
    contract.write_text(contract.read_text().replace('means = "delivery"', 'means = "deliver"'))
    run = hubbub("perf-ws", "--host", "http://127.0.0.1:1", "--contract", contract, *SMALL)
    assert run.code() == 2
    assert re.search(r"ours.toml, line [0-9]+: means must be one of delivery, connected", run.text)
    assert "Traceback" not in run.text
