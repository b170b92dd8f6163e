"""One message from one connection to another, and all that is said shown as it was taken."""

import gevent
import pytest

from hubbub.contracts import load_contract
from hubbub.errors import RunError
from hubbub.options import resolve
from hubbub.run.shown import Shown
from hubbub.run.tryout import Tryout, read_frames
from tests.twins.backend import MemoryBackend, MemoryWorld
from tests.twins.scheduler import FakeScheduler


class Tried:
    """A backend in memory, and what was shown of it."""

    def __init__(self, fault=lambda _: None, **options):
        self.lines, self.scheduler = [], FakeScheduler()
        self.backend = MemoryBackend(self.scheduler, fault)
        settings = resolve({"host": "http://memory", "clients": "2", "max_conns_per_user": "3"} | options)
        self.tryout = Tryout(settings, MemoryWorld(self.scheduler, self.backend), Shown(self.lines.append))

    def run(self):
        task = gevent.spawn(self.tryout.run)
        self.scheduler.run(task.ready)
        return task.get()

    @property
    def text(self):
        return "\n".join(self.lines)


def test_a_backend_that_fits_has_nothing_missing():
    tried = Tried()
    assert tried.run()
    assert tried.lines[-1] == "- everything that was looked for was seen"
    assert "-> POST /api/auth/signup" in tried.text
    assert '[1] -> {"type":"message"' in tried.text
    assert "      took it for: joined in" in tried.text
    assert "      took it for: delivery of 'hubbub try " in tried.text


def test_no_secret_is_shown():
    tried = Tried(header="X-Key:hunter2hunter2")
    tried.run()
    assert not any(word in tried.text for word in ("TestPass123", "token1", "ticket1", "hunter2"))
    assert '"password":"***"' in tried.text


def test_a_message_that_does_not_arrive_is_named_with_what_to_write():
    tried = Tried(fault=lambda _: "swallow")
    assert not tried.run()
    assert "- not seen: the message at the other connection; write a [[when]]" in tried.text
    assert "- the sender did not get its own message: write echo = false" in tried.text
    assert "- not seen: an acknowledgement" in tried.text


def test_connections_that_are_turned_away_are_counted():
    tried = Tried()
    connect, made = tried.backend.connect, []

    def limited(*how):
        connection = connect(*how)
        made.append(connection)
        if len(made) == 4:
            tried.scheduler.call_later(0.0001, lambda: connection.end(1008, "too many"))
        return connection

    tried.backend.connect = limited
    assert tried.run()
    assert "- connection 3 of one account was refused: run with --max-conns-per-user 2" in tried.text


def test_one_account_is_not_enough():
    tried = Tried()
    tried.backend.refuse["/auth/signup"] = 500
    with pytest.raises(RunError, match="could not be made"):
        tried.run()


def test_frames_of_a_file_are_read(tmp_path):
    lines = []
    (tmp_path / "frames.txt").write_text('2\n\n> 42["message"]\n42["message",{"text":"hi","room":"r"}]\n{"type":"x"}\n')
    read_frames(load_contract("socketio"), tmp_path / "frames.txt", Shown(lines.append))
    assert lines == [
        "<- 2",
        '      took it for: other (2); reply, because when[2] is = "2"',
        '> 42["message"]',
        '<- 42["message",{"text":"hi","room":"r"}]',
        "      took it for: delivery of 'hi' in 'r' by -1, because when[5] starts = \"42[\\\"message\\\",\"",
        '<- {"type":"x"}',
        "      took it for: other (x), because no `when` fits",
    ]
    with pytest.raises(RunError, match="cannot be read"):
        read_frames(load_contract("socketio"), tmp_path / "none", Shown(lines.append))
