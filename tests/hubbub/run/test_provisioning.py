"""Accounts and conversations are made before a run, and what goes wrong is one sentence."""

import json
import re

import pytest

from hubbub.client.accounts import Account
from hubbub.contracts import Call, Credentials, load_contract
from hubbub.errors import RunError
from hubbub.run.provisioning import Needs, Provision, Provisioner
from hubbub.serialization import from_plain, to_plain
from tests.twins.scheduler import START_US, FakeScheduler


class FakeBackend:
    """Answers like the default backend; `refuse` maps a path's end to the status it is refused with."""

    def __init__(self, refuse=None, known=()):
        self.refuse = refuse or {}
        self.users = dict(known)
        self.calls = []
        self.joins = []
        self.conversations = []

    def __call__(self, method, path, headers, body):
        name = path.rsplit("/", 1)[-1] or "conversations"
        self.calls.append(name)
        if name in self.refuse:
            return self.refuse[name], b'{"error":"no"}'
        data = json.loads(body) if body else {}
        if name == "signup":
            if data["email"] in self.users:
                return 409, b"{}"
            self.users[data["email"]] = data["password"]
        if name == "login" and self.users.get(data["email"]) != data["password"]:
            return 401, b"{}"
        if name in ("signup", "login"):
            number = list(self.users).index(data["email"]) + 1
            status = 201 if name == "signup" else 200
            return status, json.dumps({"token": f"t{number}", "user": {"id": number}}).encode()
        if name == "conversations":
            self.conversations.append(data["name"])
            return 201, json.dumps({"id": 100 + len(self.conversations)}).encode()
        if name == "join":
            self.joins.append((headers["Authorization"], int(re.search(r"/(\d+)/join", path)[1])))
        return 200, b"{}"


class Provisioning:
    """A provisioner whose `make` runs to its end, while time goes on."""

    def __init__(self, backend, configured=(), at_once=1, seconds=60.0, may_sign_up=True):
        self.scheduler = FakeScheduler()
        self.said = []
        self.provisioner = Provisioner(
            load_contract("sanctum"),
            backend,
            "r1",
            [Credentials(*each) for each in configured],
            self.scheduler,
            self.said.append,
            at_once,
            seconds,
            may_sign_up=may_sign_up,
        )

    def make(self, needs, conversation_id=None):
        return self.do(self.provisioner.make, needs, conversation_id)

    def do(self, function, *arguments):
        task = self.scheduler.spawn(function, *arguments)
        self.scheduler.run(task.ready)
        return task.get()

    @property
    def elapsed_s(self):
        return (self.scheduler.now_us() - START_US) / 1e6


def provisioner(backend, configured=(), **how):
    return Provisioning(backend, configured, **how)


def test_a_worker_gets_enough_accounts():
    assert Needs.of(clients=120, roamers=0, per_account=12, conversations=1).shared == 10
    assert Needs.of(clients=121, roamers=0, per_account=12, conversations=1).shared == 11
    assert Needs.of(clients=12, roamers=0, per_account=12, conversations=5).shared == 5


def test_accounts_are_whole_in_one_conversation_and_joined_to_it():
    backend = FakeBackend()
    provisions = provisioner(backend).make([Needs(2, 0, 1), Needs(4, 1, 2)])
    assert [account.conversations for account in provisions[0].shared] == [[0], [0]]
    assert [account.conversations for account in provisions[1].shared] == [[1], [2], [1], [2]]
    assert [account.conversations for account in provisions[1].own] == [[1, 2]]
    assert provisions[1].conversations == [(1, 102), (2, 103)]
    assert backend.conversations == ["perfws-r1-0", "perfws-r1-1", "perfws-r1-2"]
    assert len(backend.joins) == 2 + 4 + 2


def test_a_configured_account_logs_in_or_is_signed_up():
    backend = FakeBackend(known={"a@x.y": "right"})
    provision = provisioner(backend, [("a@x.y", "right"), ("b@x.y", "new")]).make([Needs(2, 0, 1)])[0]
    assert [account.email for account in provision.shared] == ["a@x.y", "b@x.y"]
    assert backend.calls.count("signup") == 1


def test_it_counts_who_logged_in_and_who_was_signed_up():
    provisioning = provisioner(FakeBackend(known={"a@x.y": "right"}), [("a@x.y", "right"), ("b@x.y", "new")])
    provisioning.make([Needs(4, 0, 1)])
    assert (provisioning.provisioner.logged_in, provisioning.provisioner.signed_up) == (1, 3)


def test_accounts_of_a_file_are_not_signed_up():
    backend = FakeBackend(known={"a@x.y": "right"})
    provisioning = provisioner(backend, [("a@x.y", "right"), ("typo@x.y", "right")], may_sign_up=False)
    with pytest.raises(RunError, match=r"account typo@x\.y could not log in: check .* \(--signup missing\)"):
        provisioning.make([Needs(2, 0, 1)])
    assert "signup" not in backend.calls


@pytest.mark.parametrize("may_sign_up", [True, False])
def test_a_login_that_fails_for_another_reason_is_no_sign_up(may_sign_up):
    backend = FakeBackend({"login": 503}, known={"a@x.y": "right"})
    provisioning = provisioner(backend, [("a@x.y", "right")], may_sign_up=may_sign_up)
    with pytest.raises(RunError, match=r"account a@x\.y could not log in: HTTP 503"):
        provisioning.make([Needs(1, 0, 1)])
    assert "signup" not in backend.calls


def test_too_few_accounts_are_told_before_anything_is_asked():
    backend = FakeBackend(known={"a@x.y": "right"})
    provisioning = provisioner(backend, [("a@x.y", "right")], may_sign_up=False)
    with pytest.raises(RunError, match=r"3 accounts are needed, and 1 were given: give more, .*--max-conns-per-user"):
        provisioning.make([Needs(2, 1, 1)])
    assert not backend.calls


def test_one_more_account_than_the_file_has_is_not_signed_up():
    backend = FakeBackend(known={"a@x.y": "right"})
    provisioning = provisioner(backend, [("a@x.y", "right")], may_sign_up=False)
    provisioning.make([Needs(1, 0, 1)])
    with pytest.raises(RunError, match="one more account is needed"):
        provisioning.do(provisioning.provisioner.one_more, 0, 101)


def test_an_existing_conversation_is_used_only_when_it_is_named():
    backend = FakeBackend()
    provision = provisioner(backend).make([Needs(1, 0, 1)], conversation_id=7)[0]
    assert provision.conversations == [(0, 7)]
    assert backend.conversations == []


def test_a_sign_up_is_tried_five_times_with_growing_pauses():
    provisioning = provisioner(FakeBackend({"signup": 500}))
    with pytest.raises(RunError, match="could not be signed up: HTTP 500"):
        provisioning.make([Needs(1, 0, 1)])
    assert provisioning.elapsed_s == pytest.approx(0.4 + 0.8 + 1.6 + 3.2)


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_accounts_are_made_so_many_at_a_time(at_once):
    backend = FakeBackend()
    provisioning = provisioner(lambda *call: (provisioning.scheduler.sleep(1), backend(*call))[1], at_once=at_once)
    provisions = provisioning.make([Needs(8, 0, 2)])
    assert len(provisions[0].shared) == len(backend.joins) == 8
    each = {1: 8, 4: 2, 100: 1}[at_once]
    assert provisioning.elapsed_s == each + {1: 2, 4: 1, 100: 1}[at_once] + each


def test_it_says_how_far_it_is():
    backend = FakeBackend()
    provisioning = provisioner(lambda *call: (provisioning.scheduler.sleep(1), backend(*call))[1])
    provisioning.make([Needs(6, 0, 1)])
    assert provisioning.said[:3] == [f"{done} of 6 accounts are made" for done in (2, 4, 6)]


def test_what_was_made_in_time_is_used_and_the_rest_is_named():
    backend = FakeBackend()
    provisioning = provisioner(lambda *call: (provisioning.scheduler.sleep(1), backend(*call))[1], seconds=12)
    (provision,) = provisioning.make([Needs(20, 0, 1)])
    made = len(provision.shared)
    assert 0 < made < 9
    assert provisioning.elapsed_s <= 12
    assert provisioning.provisioner.missing[0] == (
        "12 of 20 accounts could not be made: the time for it was over; see --prepare-timeout"
    )


def test_accounts_that_cannot_be_made_are_missing_and_named():
    backend = FakeBackend()

    def moody(method, path, headers, body):
        if b'"perfws-r1-3"' in body:
            return 500, b"oops"
        return backend(method, path, headers, body)

    provisioning = provisioner(moody)
    (provision,) = provisioning.make([Needs(6, 0, 2)])
    assert [account.index for account in provision.shared] == [0, 1, 2, 4, 5]
    assert provisioning.provisioner.missing == [
        "1 of 6 accounts could not be made: account perfws-r1-3@example.com could not be signed up: HTTP 500: oops"
    ]


def test_a_conversation_that_nobody_can_join_is_an_error():
    with pytest.raises(RunError, match=r"2 of 2 accounts could not be joined to their conversations: .* HTTP 404"):
        provisioner(FakeBackend({"join": 404})).make([Needs(2, 0, 1)], conversation_id=7)


def test_more_accounts_join_conversations_that_exist():
    backend = FakeBackend()
    provisioning = provisioner(backend)
    provisioning.make([Needs(2, 0, 2)])
    more = provisioning.do(provisioning.provisioner.more, [[1], [0, 1]], {0: 101, 1: 102}, 60)
    assert [(account.index, account.conversations) for account in more] == [(2, [1]), (3, [0, 1])]
    assert backend.joins[-3:] == [("Bearer t3", 102), ("Bearer t4", 101), ("Bearer t4", 102)]


def test_more_accounts_that_cannot_be_made_are_an_error():
    backend = FakeBackend()
    provisioning = provisioner(backend)
    provisioning.make([Needs(2, 0, 1)])
    backend.refuse["signup"] = 500
    with pytest.raises(RunError, match=r"1 of 1 accounts could not be made: .* HTTP 500"):
        provisioning.do(provisioning.provisioner.more, [[0]], {0: 101}, 60)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"token": 5, "user": {"id": 1}}, "POST /api/auth/signup: expected a text, got 5"),
        ({"token": "t", "user": {"id": None}}, "POST /api/auth/signup: expected an id .*, got None"),
        (
            {"token": "t", "user": {"id": 1 << 127}},
            r"expected an id \(a whole number of at most 64 bits\), got 170141183",
        ),
        ({"token": "t", "user": {"id": True}}, "expected an id .*, got True"),
        ({"token": "t", "user": {"id": "one"}}, "expected an id .*, got 'one'"),
        ({"token": "t"}, "expected 'user.id' in the backend's answer"),
        ([], r"expected 'token' in the backend's answer, got \[\]"),
        (None, "expected 'token' in the backend's answer, got None"),
    ],
)
def test_an_answer_of_the_wrong_type_is_one_sentence_at_once(answer, sentence):
    provisioning = provisioner(lambda *_: (201, json.dumps(answer).encode()))
    with pytest.raises(RunError, match=sentence):
        provisioning.make([Needs(3, 0, 1)])
    assert provisioning.elapsed_s == 0


def test_a_fault_of_a_contract_is_one_sentence_too(monkeypatch):
    provisioning = provisioner(FakeBackend())

    def sign_up(_credentials):
        yield Call("GET", "/health/ready")
        return 1 / 0

    monkeypatch.setattr(provisioning.provisioner._contract, "signup", sign_up)
    with pytest.raises(RunError, match=r"is not an answer that it has .*ZeroDivisionError"):
        provisioning.make([Needs(3, 0, 1)])


def test_rate_limits_are_named_with_the_way_out():
    with pytest.raises(RunError, match="give an accounts file"):
        provisioner(FakeBackend({"signup": 429})).make([Needs(1, 0, 1)])
    with pytest.raises(RunError, match="give an accounts file"):
        provisioner(FakeBackend({"login": 429}), [("a@x.y", "p")]).make([Needs(1, 0, 1)])


def test_wrong_credentials_of_an_existing_account_are_named():
    backend = FakeBackend(known={"a@x.y": "right"})
    with pytest.raises(RunError, match="its password is not the one given"):
        provisioner(backend, [("a@x.y", "wrong")]).make([Needs(1, 0, 1)])


def test_a_provision_travels_as_plain_values():
    provision = Provision([Account(0, "a", "p", [0], 5)], [], [(0, 9)])
    assert from_plain(Provision, to_plain(provision)) == provision
