"""A contract from TOML makes its calls and frames, and knows what comes back."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.contracts import Credentials, Delivery, Event, EventKind, Identity, Opening, Phase, load_contract, perform
from hubbub.contracts.declarative import FIRST_JOIN, Declarative
from hubbub.contracts.templates import Template
from hubbub.errors import CallFailed, ConfigError, ContractError
from users.chatter import Chatter
from users.poster import Poster

TEXT = """
echo = false
separator = "\\n"
max_content = 500
history_cache_s = 3

[health]
get = "/up"

[[login]]
get = "/csrf"
set = {csrf = "value"}

[[login]]
post = "/login"
form = {user = "$email", pass = "$password", csrf = "$csrf"}
headers = {X-Tenant = "$tenant"}
token = "data.jwt"
user = "data.id"

[signup]
post = "/users"
json = {mail = "$email", name = "$username", secret = "$password"}

[create]
post = "/rooms"
json = {name = "$name"}
room = "room.id"

[member]
put = "/rooms/$room/members/$user"

[part]
delete = "/rooms/$room/members/$user"

[ticket]
post = "/tickets"
ticket = "t"

[history]
get = "/rooms/$room/messages?page=$page&size=$limit"
items = "messages"
id = "id"
text = "body.text"

[post]
post = "/rooms/$room/messages"
json = {text = "$content"}
accepts = [202]

[open]
path = "/ws?ticket=$ticket.url"
headers = {Authorization = "Bearer $token"}
subprotocol = "v1.chat"
send = ["hello $email", "again"]

[join]
send = '{"op":"join","room":$room.json,"id":$number}'

[leave]
send = '{"op":"leave","room":$room.json}'

[message]
send = '{"op":"say","room":$room.json,"text":$content.json,"id":$number}'

[typing]
start = '{"op":"typing","room":$room.json}'
stop = '{"op":"quiet","room":$room.json}'

[read]
send = "read $room"

[heartbeat]
every = "25s"
send = "beat"

[[when]]
where = {op = "welcome"}
means = "connected"

[[when]]
where = {op = "ok"}
means = "confirmed"
number = "id"

[[when]]
where = {op = "no"}
means = "refused"
number = "id"
says = "why"

[[when]]
where = {op = "in"}
means = "joined"
room = "room"

[[when]]
where = {op = "said"}
means = "delivery"
room = "room"
sender = "by"
text = "text"
"""
CREDENTIALS = Credentials("a@x.y", "p w", "ann", {"tenant": "acme"})


def made(text=TEXT):
    return Declarative("mine", tomllib.loads(text))


@pytest.fixture
def contract():
    return made()


@pytest.fixture
def dialogue(contract):
    return contract.dialogue(Opening(CREDENTIALS, Identity("j.w.t", 5), "a b", 3, "r1"))


class Backend:
    """Answers in turn, and keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    def __call__(self, method, path, headers, body):
        self.calls.append((f"{method} {path}", headers, body))
        status, answer = self.answers.pop(0)
        return status, json.dumps(answer).encode()


def test_what_it_has_follows_from_its_tables(contract):
    assert contract.phases == (Phase.LOGIN, Phase.CONVERSATION, Phase.TICKET, Phase.CONNECT, Phase.JOIN)
    assert (contract.accounts, contract.rooms, contract.has_echo, contract.separator) == (
        "signup",
        "call",
        False,
        b"\n",
    )
    assert (contract.max_content, contract.history_cache_s, contract.heartbeat_s) == (500, 3, 25.0)
    assert str(contract.health()) == "GET /up"
    little = made(
        '[open]\npath="/"\naccepted="upgrade"\n[message]\nsend="$content"\n[[when]]\nmeans="delivery"\ntext=""'
    )
    assert little.phases == (Phase.CONNECT,)
    assert (little.accounts, little.rooms, little.is_greeted, little.has_echo) == ("any", "name", False, True)
    assert little.conversation_name("ab", 3) == "perfws-ab-3"
    nothing = (little.signup(CREDENTIALS), little.create_conversation(Identity(""), "x"), little.ticket(Identity("")))
    assert nothing == (None, None, None)
    assert little.history(Identity(""), "x", 1, 0) is None


def test_a_login_of_two_steps(contract):
    backend = Backend((200, {"value": "c1"}), (200, {"data": {"jwt": "t", "id": "u1"}}))
    assert perform(contract.login(CREDENTIALS), backend) == Identity("t", "u1", {"tenant": "acme"})
    (first, _, _), (second, headers, body) = backend.calls
    assert (first, second) == ("GET /csrf", "POST /login")
    assert body == b"user=a%40x.y&pass=p+w&csrf=c1"
    assert headers["X-Tenant"] == "acme"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_sign_up_without_a_token_is_followed_by_a_login(contract):
    backend = Backend((201, {"id": 1}), (200, {"value": "c"}), (200, {"data": {"jwt": "t", "id": 9}}))
    assert perform(contract.signup(CREDENTIALS), backend) == Identity("t", 9, {"tenant": "acme"})
    assert json.loads(backend.calls[0][2]) == {"mail": "a@x.y", "name": "ann", "secret": "p w"}


def test_a_token_of_the_file_needs_no_login():
    contract = made('accounts="given"\n[open]\npath="/"\n[message]\nsend="x"\n[[when]]\nis="x"')
    columns = {"token": "t9", "user": "u"}
    assert perform(contract.login(Credentials("a@x.y", "p", columns=columns)), None) == Identity("t9", "u", columns)


def test_calls_as_an_account(contract):
    identity = Identity("t", "u1")
    backend = Backend((201, {"room": {"id": "r9"}}), (204, None), (200, None), (200, {"t": "k"}), (202, None))
    assert perform(contract.create_conversation(identity, "perf"), backend) == "r9"
    assert perform(contract.join_conversation(identity, "r9"), backend) is None
    assert perform(contract.leave_conversation(identity, "r9"), backend) is None
    assert perform(contract.ticket(identity), backend) == "k"
    assert perform(contract.post_message(identity, "r9", "hi"), backend) is None
    assert [call[0] for call in backend.calls] == [
        "POST /rooms",
        "PUT /rooms/r9/members/u1",
        "DELETE /rooms/r9/members/u1",
        "POST /tickets",
        "POST /rooms/r9/messages",
    ]
    assert {call[1]["Authorization"] for call in backend.calls} == {"Bearer t"}
    with pytest.raises(CallFailed, match="HTTP 200"):
        perform(contract.post_message(identity, "r9", "hi"), Backend((200, None)))


def test_a_history_is_read_page_by_page(contract):
    backend = Backend((200, {"messages": [{"id": 7, "body": {"text": "hi"}}]}), (200, {"messages": {}}))
    assert perform(contract.history(Identity("t"), "r", 100, 200), backend) == [(7, "hi")]
    assert backend.calls[0][0] == "GET /rooms/r/messages?page=3&size=100"
    with pytest.raises(ContractError, match="expected a list of messages"):
        perform(contract.history(Identity("t"), "r", 100, 0), backend)


@pytest.mark.parametrize("answer", [{}, {"data": {"jwt": 5, "id": 1}}, {"data": {"jwt": "t", "id": None}}, [], None])
def test_an_answer_of_another_kind_is_one_sentence(contract, answer):
    with pytest.raises(ContractError, match="POST /login: expected"):
        perform(contract.login(CREDENTIALS), Backend((200, {"value": "c"}), (200, answer)))


def test_a_variable_that_no_column_has_is_named(contract):
    with pytest.raises(ContractError, match=r"there is no \$tenant here; there are csrf, email"):
        perform(contract.login(Credentials("a@x.y", "p")), Backend((200, {"value": "c"})))


def test_frames_of_a_connection(dialogue):
    upgrade = dialogue.upgrade()
    assert upgrade.path == "/ws?ticket=a%20b"
    assert upgrade.headers == {"Authorization": "Bearer j.w.t", "Sec-WebSocket-Protocol": "v1.chat"}
    assert dialogue.start() == ["hello a@x.y", "again"]
    assert dialogue.post("r1", 'a "b"', 7) == ['{"op":"say","room":"r1","text":"a \\"b\\"","id":7}']
    assert dialogue.typing(4, True) == ['{"op":"typing","room":4}']
    assert dialogue.typing(4, False) == ['{"op":"quiet","room":4}']
    assert (dialogue.leave("x"), dialogue.read("x")) == (['{"op":"leave","room":"x"}'], ["read x"])
    assert dialogue.heartbeat() == ["beat"]


def test_an_acknowledgement_of_a_join_confirms_it(dialogue):
    assert dialogue.enter("r1") == [f'{{"op":"join","room":"r1","id":{FIRST_JOIN}}}']
    assert dialogue.receive(b'{"op":"ok","id":%d}' % FIRST_JOIN) == [Event(EventKind.JOINED, "r1")]
    assert dialogue.receive(b'{"op":"ok","id":3}') == [Event(EventKind.CONFIRMED, number=3)]
    refused = dialogue.receive(b'{"op":"no","id":%d,"why":"full"}' % FIRST_JOIN)
    assert refused == [Event(EventKind.FAILED, "r1", text="full")]
    assert dialogue.receive(b'{"op":"no","id":4,"why":"long"}') == [Event(EventKind.REFUSED, number=4, text="long")]


def test_a_join_is_ours_however_its_room_is_written(dialogue):
    dialogue.enter(17)
    assert dialogue.receive(b'{"op":"in","room":"17"}') == [Event(EventKind.JOINED, 17)]
    assert dialogue.receive(b'{"op":"in"}') == [Event(EventKind.JOINED, 17)]
    assert dialogue.receive(b'{"op":"in","room":"18"}') == [Event(EventKind.JOINED, "18")]


def test_a_delivery_is_one(dialogue):
    assert dialogue.receive(b'{"op":"said","room":1,"by":"ada","text":"hi"}') == [Delivery(1, "ada", "hi")]


@given(st.binary())
def test_no_frame_makes_it_raise(payload):
    made().dialogue(Opening(CREDENTIALS)).receive(payload)


def test_settings_may_be_changed_for_a_run(tmp_path):
    (tmp_path / "mine.toml").write_text(TEXT)
    assert load_contract(str(tmp_path / "mine.toml"), changes={"echo": True}).has_echo
    with pytest.raises(ConfigError, match=r"echo must be true or false, not \"x\""):
        load_contract(str(tmp_path / "mine.toml"), changes={"echo": "x"})
    with pytest.raises(ConfigError, match="the contract 'mine' has no setting 'ecko'; it has name, echo"):
        load_contract(str(tmp_path / "mine.toml"), changes={"ecko": True})
    with pytest.raises(ConfigError, match="has one type of delivery"):
        load_contract(str(tmp_path / "mine.toml"), "x")


def test_the_acknowledgement_of_a_leave_joins_nothing(dialogue, contract):
    contract._frames["leave", "send"] = [Template('{"op":"leave","id":$number}')]
    dialogue.enter("r1")
    (leave,) = dialogue.leave("r1")
    (join,) = dialogue.enter("r2")
    left, joined = json.loads(leave)["id"], json.loads(join)["id"]
    assert left != joined
    assert dialogue.receive(b'{"op":"ok","id":%d}' % left) == [Event(EventKind.CONFIRMED, number=left)]
    assert dialogue.receive(b'{"op":"ok","id":%d}' % joined) == [Event(EventKind.JOINED, "r2")]
    for n in range(1_000):
        dialogue.enter(f"r{n}")
    assert len(dialogue._joins) == 100


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('send = "beat"', 'send = "$beat"', r"contract mine: \[heartbeat\] has \$beat, and there is no such variable"),
        ('json = {text = "$content"}', 'json = {text = "$contents"}', r"\[post\] has \$contents"),
        ('csrf = "$csrf"', 'csrf = "$crsf"', r"\[login\] has \$crsf, .* \$csrf, \$email"),
        ('path = "/ws?ticket=$ticket.url"', 'path = "/ws?t=$tickets"', r"\[open\] has \$tickets"),
    ],
)
def test_a_variable_that_nothing_has_is_told_before_a_run(old, new, said):
    assert TEXT.count(old) == 1
    made().check_variables({"tenant"})
    with pytest.raises(ConfigError, match=said):
        made(TEXT.replace(old, new)).check_variables({"tenant"})


def test_something_kept_of_an_answer_must_be_there(contract):
    with pytest.raises(ContractError, match="GET /csrf: expected 'value' in the backend's answer"):
        perform(contract.login(CREDENTIALS), Backend((200, {"form": 1})))


def test_a_history_of_small_pages_is_read_by_their_number():
    contract = made(TEXT.replace('items = "messages"', 'items = "messages"\nsize = 50'))
    backend = Backend((200, {"messages": []}))
    perform(contract.history(Identity("t"), "r", 100, 150), backend)
    assert backend.calls[0][0] == "GET /rooms/r/messages?page=4&size=50"


def test_errors_do_not_show_what_may_be_a_token(contract):
    backend = Backend((200, {"value": "c"}), (200, {"sessionToken": "SECRETSECRETSECRET"}))
    with pytest.raises(ContractError) as failed:
        perform(contract.login(CREDENTIALS), backend)
    assert "SECRETSECRET" not in str(failed.value)
    assert "sessionToken" in str(failed.value)


def test_hyphens_are_underscores_in_the_keys_of_the_grammar(tmp_path):
    (tmp_path / "mine.toml").write_text(
        TEXT.replace('where = {op = "welcome"}', 'json-from = 0\nwhere = {op = "welcome"}')
    )
    contract = load_contract(str(tmp_path / "mine.toml"))
    assert contract.table["when"][0]["json_from"] == 0
    assert contract.table["login"][1]["headers"] == {"X-Tenant": "$tenant"}


def test_a_contract_without_messages_as_frames_says_so():
    assert made().sends_frames
    assert not load_contract("mattermost").sends_frames
    assert Chatter.needs(load_contract("mattermost")) == "messages over the WebSocket (try --mix Poster=1)"
    assert Poster.needs(load_contract("mattermost")) == ""
