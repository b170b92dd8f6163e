"""A client is stopped by Locust wherever it waits, and at once."""

from types import SimpleNamespace

import gevent
import pytest
from locust.user.task import (
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    filter_tasks_by_tags,
)

from hubbub.bridge.user import ChatUser
from tests.twins.run import MemoryRun
from users.chatter import Chatter


@pytest.fixture
def user():
    user = Chatter(SimpleNamespace())
    user._state = LOCUST_STATE_RUNNING
    return user


def test_while_it_waits_locust_may_kill_it(user):
    states = []
    user.interruptibly(lambda: states.append(user._state))
    assert (states, user._state) == ([LOCUST_STATE_WAITING], LOCUST_STATE_RUNNING)


def test_a_user_that_is_to_stop_does_not_wait(user):
    user._state = LOCUST_STATE_STOPPING
    with pytest.raises(gevent.GreenletExit):
        user.interruptibly(lambda: None)


def test_it_has_a_task_that_locust_asks_for_and_nobody_runs(caplog):
    filter_tasks_by_tags(Chatter, None, None)
    assert caplog.records == []
    assert ([task.__name__ for task in Chatter.tasks], ChatUser.abstract) == (["no_task"], True)
    assert Chatter.tasks[0](None) is None


def test_a_user_that_is_stopped_leaves(tmp_path):
    run = MemoryRun(tmp_path / "run", clients="2", duration="20s", message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_000_000)
    user = run.users[0]
    run.stop(0)
    run.scheduler.advance(1)
    assert user.session is None
    assert len(run.backend.connections) == 1
    run.to_the_end()


@pytest.mark.parametrize("is_forced", [True, False])
def test_locust_may_stop_it_gracefully_or_not(tmp_path, is_forced):
    run = MemoryRun(tmp_path / "run", clients="2", duration="20s", message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_000_000)
    run.scheduler.spawn(run.users[0].stop, is_forced)
    run.scheduler.advance(1)
    assert (run.users[0].greenlet.dead, run.users[1].greenlet.dead) == (True, False)
    assert run.to_the_end()["clients"] == {"asked": 2, "ready": 2, "lost": 0, "applied": 1.0}
