"""Each kind of option takes its values, and refuses others with one sentence that names the option."""

import os

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from hubbub import option_kinds as kinds
from hubbub.errors import ConfigError

KINDS = {
    "whole": kinds.whole(1),
    "duration": kinds.duration(1_000),
    "length": kinds.length_of_run,
    "rate": kinds.rate,
    "origin": kinds.origin,
    "file": kinds.file,
    "pids": kinds.pids,
    "mix": kinds.mix,
    "size": kinds.size,
    "switch": kinds.on_off,
    "bytes": kinds.amount_of_bytes,
    "tokens": kinds.tokens,
    "headers": kinds.headers,
    "optional": kinds.optional(kinds.whole(1)),
}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("whole", "12", 12),
        ("size", "120", (120, 120)),
        ("bytes", "65536", 65_536),
        ("bytes", "64 KiB", 65_536),
        ("bytes", "16MB", 16_000_000),
        ("tokens", "v1.chat,v2.chat, v1.chat", "v1.chat, v2.chat"),
        ("tokens", "", ""),
        ("size", " 100 - 9000 ", (100, 9_000)),
        ("duration", "1m30s", 90_000_000),
        ("length", "5s", 5_000_000),
        ("length", "until-stopped", None),
        ("rate", "0.5", 0.5),
        ("origin", "https://chat.example/", "https://chat.example"),
        ("origin", "", ""),
        ("origin", "HTTPS://Chat.Example:443//", "https://chat.example:443"),
        ("origin", "ws://localhost:8375/base/", "http://localhost:8375/base"),
        ("origin", "WSS://[::1]:8375", "https://[::1]:8375"),
        ("file", "", ""),
        ("file", __file__, __file__),
        ("pids", f"{os.getpid()}, {os.getppid()}", (os.getpid(), os.getppid())),
        ("pids", "", ()),
        ("mix", "Chatter=8, Lurker=2,Roamer=0", {"Chatter": 8.0, "Lurker": 2.0}),
        ("mix", "Chatter", {"Chatter": 1.0}),
        ("headers", "Origin: https://x\n\nX-A:b", {"Origin": "https://x", "X-A": "b"}),
        ("headers", "X-A: 1\nx-a: 2\r\nX.B!: ", {"X-A": "1, 2", "X.B!": ""}),
        ("headers", "Cookie: a=1\nCookie: b=2", {"Cookie": "a=1; b=2"}),
        ("headers", "Host: chat.internal", {"Host": "chat.internal"}),
        ("optional", "", None),
        ("optional", "3", 3),
    ],
)
def test_good_values(kind, text, value):
    assert KINDS[kind](text, "the-option") == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("whole", "0"),
        ("whole", "1.5"),
        ("whole", ""),
        ("size", "0"),
        ("size", "9000-100"),
        ("size", "100-"),
        ("size", "-100"),
        ("size", "100-200-300"),
        ("size", "many"),
        ("duration", "999us"),
        ("duration", "0.5ms"),
        ("length", "0s"),
        ("rate", "0"),
        ("rate", "inf"),
        ("rate", "fast"),
        ("origin", "chat.example"),
        ("origin", "ftp://chat.example"),
        ("origin", "http://a:b@chat.example"),
        ("origin", "http://chat.example?x=1"),
        ("origin", "http://chat.example:port"),
        ("origin", "http://chat.example:99999"),
        ("origin", "http://chat.example:0"),
        ("origin", "http://chat example"),
        ("origin", "http:///path"),
        ("origin", "localhost:8375"),
        ("file", "/no/such/file"),
        ("pids", "1000000000"),
        ("pids", "none"),
        ("mix", "Chatter=-1"),
        ("mix", "Chatter=0"),
        ("mix", "Chatter=many"),
        ("mix", "Chatter=nan"),
        ("mix", "Chatter=inf"),
        ("mix", "Chatter=1,Lurker,Chatter=2"),
        ("mix", "=1"),
        ("headers", "no colon"),
        ("headers", "bad name: x"),
        ("headers", ": x"),
        ("headers", "X-Name: 名前"),
        ("headers", "X-A: a\x00b"),
        ("headers", "Host: a\nhost: b"),
        ("headers", "Connection: close"),
        ("headers", "sec-websocket-key: x"),
        ("switch", "maybe"),
        ("bytes", "0"),
        ("bytes", "2GiB"),
        ("bytes", "16 apples"),
        ("bytes", "-1"),
        ("tokens", "v1 chat"),
        ("tokens", "v1;x"),
        ("switch", "2"),
    ],
)
def test_bad_values_get_one_sentence_with_the_options_name(kind, text):
    with pytest.raises(ConfigError, match=r"^the-option must (not )?(be|have|name) [^\n]*\.$"):
        KINDS[kind](text, "the-option")


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=30))
def test_no_text_raises_anything_else(kind, text):
    try:
        KINDS[kind](text, "the-option")
    except ConfigError as error:
        assert "\n" not in str(error).replace(repr(text), "")


@pytest.mark.parametrize(("text", "value"), [("on", True), ("YES", True), ("1", True), ("off", False), ("", False)])
def test_switches(text, value):
    assert kinds.on_off(text, "x") is value
    assert kinds.text(text, "x") == text


def test_a_password_in_an_origin_is_never_shown():
    for text in (
        "http://user:hunter2@host",
        "user:hunter2@host",
        "https://user:hunter2@host:99999/x",
        "http://a:hunter2/x@host",
        "http:/a:hunter2@h",
    ):
        with pytest.raises(ConfigError) as refused:
            kinds.origin(text, "host")
        assert "hunter2" not in str(refused.value)


def test_a_header_without_a_colon_is_not_shown():
    with pytest.raises(ConfigError, match="a line has no colon") as refused:
        kinds.headers("Authorization Bearer hunter2", "header")
    assert "hunter2" not in str(refused.value)


def test_a_host_without_a_scheme_gets_a_hint():
    with pytest.raises(ConfigError, match=r"\(is it http://chat\.example\?\)"):
        kinds.origin("chat.example", "host")


def test_a_limit_is_a_number_in_a_time():
    assert kinds.limit("", "x") is None
    assert kinds.limit("100/1m", "x") == pytest.approx(100 / 60)
    assert kinds.limit("10 / 500ms", "x") == 20


@pytest.mark.parametrize("text", ["100", "/1m", "0/1m", "a/1m", "1/soon", "-1/1m", "1.5/1m", "1/0s", "1/0"])
def test_anything_else_is_no_limit(text):
    with pytest.raises(ConfigError, match="x must be"):
        kinds.limit(text, "x")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("ours", "other"):
        issued = authority.issue_cert(f"{name}@example.com")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
    (folder / "empty.pem").write_text("nothing of the kind")
    return folder


def test_a_file_of_authorities_has_some(certificates):
    assert kinds.authorities(str(certificates / "ca.pem"), "ca") == str(certificates / "ca.pem")
    assert kinds.authorities("", "ca") == ""
    for name in ("empty.pem", "ours.key"):
        with pytest.raises(ConfigError, match=rf"ca must be a PEM file with certificates; .*{name}' has none"):
            kinds.authorities(str(certificates / name), "ca")


@pytest.mark.parametrize(
    ("cert", "key", "sentence"),
    [
        ("ours.pem", "other.key", "the key is that of another one"),
        ("ours.pem", "", "ours.pem' is none"),
        ("empty.pem", "ours.key", "empty.pem' is none"),
    ],
)
def test_a_client_certificate_has_its_key(certificates, cert, key, sentence):
    kinds.check_certificate(str(certificates / "ours.pem"), str(certificates / "ours.key"))
    with pytest.raises(ConfigError, match=sentence):
        kinds.check_certificate(str(certificates / cert), str(certificates / key) if key else "")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("all", kinds.Resolve()),
        ("first", kinds.Resolve(is_first=True)),
        ("Chat.Test:443:10.0.0.7,10.0.0.8", kinds.Resolve(told={"chat.test:443": ["10.0.0.7", "10.0.0.8"]})),
        ("+chat.test:80:[::1]\nfirst", kinds.Resolve(is_first=True, told={"chat.test:80": ["::1"]})),
        ("*:443:fe80::1%eth0", kinds.Resolve(told={"*:443": ["fe80::1%eth0"]})),
        ("[2001:DB8::1]:443:10.0.0.7", kinds.Resolve(told={"2001:db8::1:443": ["10.0.0.7"]})),
    ],
)
def test_names_may_be_told_as_curl_has_them(text, value):
    assert kinds.resolutions(text, "resolve") == value


@pytest.mark.parametrize(
    "text",
    ["last", "chat:443", "chat:443:", "chat:0:10.0.0.1", "chat:99999:::1", "chat:443:other.test", "a:1:::1\nA:1:::1"],
)
def test_what_is_no_resolution_gets_one_sentence(text):
    with pytest.raises(ConfigError, match=r"^resolve must (be all, first, or|name each) [^\n]*\.$"):
        kinds.resolutions(text, "resolve")


def test_an_address_may_have_a_zone():
    assert kinds.origin("http://[FE80::1%25eth0]:8375", "host") == "http://[fe80::1%25eth0]:8375"
    assert kinds.origin("http://[fe80::1%eth0]:8375/", "host") == "http://[fe80::1%25eth0]:8375"


def test_settings_of_a_contract_have_the_types_of_toml():
    text = "echo=false\nmax-content = 500\nroom=perf-$run\nwait=1.5\nlist=[1]\nquoted='a b'"
    assert kinds.assignments(text, "contract-set") == {
        "echo": False,
        "max_content": 500,
        "room": "perf-$run",
        "wait": 1.5,
        "list": "[1]",
        "quoted": "a b",
    }


@pytest.mark.parametrize("text", ["echo", "=1", "a b=1", "1=2"])
def test_what_sets_nothing_is_one_sentence(text):
    with pytest.raises(ConfigError, match=r"^contract-set must be KEY=VALUE, such as echo=false, not .*\.$"):
        kinds.assignments(text, "contract-set")


@pytest.mark.parametrize(
    ("text", "value"), [("17", 17), ("0x1", "0x1"), ("!a:b", "!a:b"), ("007", "007"), ("9" * 30, "9" * 30)]
)
def test_a_backends_id_is_a_number_or_a_name(text, value):
    assert kinds.backend_id(text, "conversation-id") == value


@pytest.mark.parametrize("text", ["0", "a b", "\x00"])
def test_what_is_no_id_is_one_sentence(text):
    with pytest.raises(ConfigError, match="conversation-id must be a whole number of at least 1, or a name"):
        kinds.backend_id(text, "conversation-id")


def test_several_origins_are_given_with_commas():
    assert kinds.origins("WSS://A.test/x/, ws://b.test:81", "websocket-host") == "https://a.test/x,http://b.test:81"
    assert kinds.origins("", "websocket-host") == ""
    with pytest.raises(ConfigError, match="host must be one origin"):
        kinds.origin("http://a.test,http://b.test", "host")
