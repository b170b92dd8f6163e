"""Before a run: what can be told is told, and each worker gets what it needs."""

import pytest

from hubbub.errors import ConfigError, RunError
from hubbub.options import resolve
from hubbub.run.preparation import Preparation, check_possible, spread
from tests.twins.backend import MemoryBackend, MemoryWorld
from tests.twins.scheduler import FakeScheduler
from users.chatter import Chatter
from users.roamer import Roamer


@pytest.fixture
def world():
    scheduler = FakeScheduler()
    return MemoryWorld(scheduler, MemoryBackend(scheduler))


def prepare(world, kinds=(Chatter,), workers=("a", "b"), **options):
    settings = resolve({"host": "http://memory", "clients": "24"} | options, len(workers))
    preparation = Preparation("0badcafe", settings, workers, world)
    return preparation, preparation.assignments(kinds)


def test_every_worker_gets_accounts_and_conversations_of_its_own(world):
    _, assignments = prepare(world)
    assert [each.worker for each in assignments] == ["a", "b"]
    assert [each.ordinal for each in assignments] == [0, 1]
    indexes = [account.index for each in assignments for account in each.provision.shared]
    assert len(indexes) == len(set(indexes)) == 2
    assert [index for each in assignments for index, _ in each.provision.conversations] == [0, 1]
    assert all(each.user_ids == assignments[0].user_ids for each in assignments)
    assert {each.run_number for each in assignments} == {0x0BADCAFE}


def test_clients_that_roam_have_accounts_of_their_own(world):
    _, assignments = prepare(world, kinds=(Chatter, Roamer), workers=("a",), conversations="2")
    own = assignments[0].provision.own
    assert len(own) == 13
    assert all(account.conversations == [0, 1] for account in own)


def test_the_canary_is_one_more_member(world):
    preparation, _ = prepare(world, canary="true")
    task = preparation.canary
    assert (task.websocket_origin, task.run_number) == ("ws://memory", 0x0BADCAFE)
    assert len(world.backend.members[task.conversation_id]) == 2


def test_configured_accounts_log_in(world, tmp_path):
    world.backend.users |= {"one@x.y": 501, "two@x.y": 502}
    path = tmp_path / "accounts.csv"
    path.write_text("email,password\none@x.y,p\n")
    _, assignments = prepare(world, workers=("a",), accounts=str(path), account_email="two@x.y", account_password="p")
    assert [account.user_id for account in assignments[0].provision.shared] == [501, 502]


def test_without_a_host_there_is_nothing_to_prepare(world):
    with pytest.raises(RunError, match="give --host"):
        Preparation("r", resolve({}), ["a"], world)


def test_a_backend_that_is_gone_is_one_sentence(world):
    world.backend.is_up = False
    with pytest.raises(RunError, match="no backend answers"):
        prepare(world)
    with pytest.raises(RunError, match="no backend answers"):
        check_possible(resolve({"host": "http://memory"}), world)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"message_size": "10"}, "message-size"),
        ({"slo": "response.q95<3"}, "there is no figure"),
        ({"run_dir": "/dev/null"}, "run-dir"),
    ],
)
def test_what_cannot_be_run_is_told_before(world, options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check_possible(resolve(options), world)


def test_parts_are_as_equal_as_can_be():
    assert spread(7, 3) == [3, 2, 2]
    assert spread(2, 2) == [1, 1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "2 accounts log in or sign up; then 24 clients start with 72 calls in 0.48 s (--request-limit starts"),
        ({"request_limit": "90/1m"}, "24 clients start with 72 calls in 48 s, which keeps to 90 a minute"),
    ],
)
def test_what_a_start_asks_of_the_backend_is_said(world, capsys, options, said):
    prepare(world, **options)
    assert said in capsys.readouterr().err
