"""Accounts and conversations are made before a run, and what goes wrong is one sentence."""

import json
import re

import pytest

from hubbub.client.accounts import Account
from hubbub.contracts import load_contract
from hubbub.errors import ConnectError, RunError
from hubbub.run.provisioning import Needs, Provision, Provisioner
from hubbub.serialization import from_plain, to_plain


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


def provisioner(backend, configured=(), sleeps=None):
    sleep = (sleeps if sleeps is not None else []).append
    return Provisioner(load_contract("sanctum"), backend, "r1", configured, sleep, lambda text: None)


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


def test_an_existing_conversation_is_used_only_when_it_is_named():
    backend = FakeBackend()
    provision = provisioner(backend).make([Needs(1, 0, 1)], conversation_id=7)[0]
    assert provision.conversations == [(0, 7)]
    assert backend.conversations == []


def test_a_sign_up_is_tried_five_times_with_growing_pauses():
    sleeps = []
    with pytest.raises(RunError, match="could not be signed up: HTTP 500"):
        provisioner(FakeBackend({"signup": 500}), sleeps=sleeps).make([Needs(1, 0, 1)])
    assert sleeps == sorted(sleeps)
    assert len(sleeps) == 4


def test_rate_limits_are_named_with_the_way_out():
    with pytest.raises(RunError, match="give an accounts file"):
        provisioner(FakeBackend({"signup": 429})).make([Needs(1, 0, 1)])
    with pytest.raises(RunError, match="give an accounts file"):
        provisioner(FakeBackend({"login": 429}), [("a@x.y", "p")]).make([Needs(1, 0, 1)])


def test_wrong_credentials_of_an_existing_account_are_named():
    backend = FakeBackend(known={"a@x.y": "right"})
    with pytest.raises(RunError, match="its password is not the one given"):
        provisioner(backend, [("a@x.y", "wrong")]).make([Needs(1, 0, 1)])


def test_no_backend_is_one_sentence():
    def nobody(*_call):
        raise ConnectError("ConnectionError")

    with pytest.raises(RunError, match="no backend answers"):
        provisioner(nobody).check_backend()


def test_a_provision_travels_as_serialization():
    provision = Provision([Account(0, "a", "p", [0], 5)], [], [(0, 9)])
    assert from_plain(Provision, to_plain(provision)) == provision
