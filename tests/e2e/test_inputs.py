"""Inputs as people write them: taken as they were meant, or one sentence and exit code 2."""

import json
import ssl
import sys
import threading

import pytest
import trustme
from gevent import monkey

pytestmark = pytest.mark.e2e
new_socket = monkey.get_original("socket", "socket")
SMALL = ("--clients", 4, "--duration", "1s", "--message-interval", "500ms", "--drain-quiet", "300ms")


@pytest.fixture
def judged(hubbub, start_backend, summary, tmp_path):
    """Run against a backend; returns the exit code, the text, and config.json if there is one."""

    def judged(*options, env=None, backend_options=()):
        backend = start_backend(*backend_options)
        run = hubbub("perf-ws", "--host", backend.origin, *SMALL, *options, env=env)
        code = run.code()
        path = tmp_path / "run" / "config.json"
        return code, run.text, json.loads(path.read_text()) if path.exists() else None

    return judged


def is_done(code):
    """The run was made and found no fault; on a busy machine it may not know."""
    return code in (0, 3)


def refused(run, sentence):
    code, text, config = run
    assert code == 2
    assert sentence in text
    assert "Traceback" not in text
    assert config is None


# -- options ----------------------------------------------------------------------------------------------------------


def test_headers_may_be_repeated_and_their_values_stay_ours(judged):
    code, text, config = judged("--header", "X-A: 1", "--header", "X-Auth-Token: hunter2", "--header", "Origin: x")
    assert is_done(code), text
    assert config["headers"] == {"X-A": "***", "X-Auth-Token": "***", "Origin": "x"}
    assert "hunter2" not in text
    assert config["sources"]["header"] == "command line"


def test_no_variable_of_locust_and_no_file_of_the_home_folder_steers(hubbub, summary, tmp_path):
    (tmp_path / ".locust.conf").write_text("users = 99\nspawn-rate = 1\n")
    env = {"LOCUST_HOST": "http://127.0.0.1:1", "LOCUST_TAGS": "smoke", "HOME": str(tmp_path)}
    run = hubbub("perf-ws", *SMALL, env=env)
    assert is_done(run.code()), run.text
    assert "no host given; the embedded backend runs on" in run.text
    assert summary()["clients"]["asked"] == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--header", "X-Name: 名前"],
            "visible ASCII letters only: the value of X-Name has '名', '前'",
        ),
        (["--header", "Connection: close"], "header must not be Connection: the client sets it itself"),
        (["--seed", "1", "--seed", "2"], "seed was given 2 times (1, 2): give it once"),
        (["--message-size", "300000"], "message-size must be at most 10000"),
        (["--slo", "response.p95 < 300 days"], "what follows the limit (days)"),
        (["--mix", "Poster", "--contract", "minimal"], "mix: Poster needs messages over HTTP"),
        (["--mix", "Chatter=1,Chatter=2"], "mix must name each user class once"),
        (["--subprotocol", "v1", "--header", "Sec-WebSocket-Protocol: v2"], "are one thing: give one of them"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(judged, options, sentence):
    refused(judged(*options), sentence)


@pytest.mark.parametrize(
    "options",
    [
        ["--header", "Host: chat.internal"],
        ["--subprotocol", "v1.chat,v2.chat"],
        ["--slo", "connections.ready >= 2", "--slo", "health.clean_ratio >= 0"],
        ["--slo", "response.p99.9 < 30s, deliveries.lost == 0"],
        ["--mix", "Lurker=1"],
    ],
)
def test_what_is_meant_is_done(judged, options):
    code, text, _ = judged(*options)
    assert is_done(code), text
    assert "nothing was tested" not in text


def test_texts_are_trimmed_and_unquoted(hubbub, start_backend, tmp_path):
    origin = start_backend().origin
    env = {"HUBBUB_HOST": f'"{origin.upper().replace("HTTP", "HTTP")}/"\r'}
    run = hubbub("perf-ws", *SMALL[2:], "--clients", " 4 ", env=env)
    assert is_done(run.code()), run.text
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["hosts"] == origin
    assert config["sources"]["host"] == "environment HUBBUB_HOST"


def test_a_password_in_the_host_is_never_printed(hubbub):
    run = hubbub("perf-ws", "--host", "http://user:hunter2@127.0.0.1:1", *SMALL)
    assert run.code() == 2
    assert "hunter2" not in run.text


def test_a_profile_of_ones_own_has_lists_and_hyphens(judged, tmp_path):
    path = tmp_path / "ours.toml"
    path.write_bytes(b'\xef\xbb\xbfspawn-rate = 20\r\nslo = ["deliveries.lost == 0", "connections.ready == 4"]\r\n')
    code, text, config = judged("--profile", path)
    assert is_done(code), text
    assert (config["spawn_rate"], config["slo"]) == (20.0, "deliveries.lost == 0\nconnections.ready == 4")
    assert config["sources"]["slo"] == f"profile {path}"


# -- accounts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def accounts(tmp_path):
    def accounts(content):
        path = tmp_path / "accounts.csv"
        path.write_bytes(content.encode("utf-8-sig"))
        return path

    return accounts


PASSWORD = "TestPass123!@#"


def test_a_spreadsheets_file_is_read_and_signed_up_if_asked(judged, accounts, summary):
    path = accounts(f"E-Mail;Password\r\na@x.yz;{PASSWORD}\r\n\r\n")
    code, text, _ = judged("--accounts", path, "--signup", "missing")
    assert is_done(code), text
    assert "accounts: 0 logged in, 1 signed up" in text
    assert summary()["run"]["accounts"] == {"logged_in": 0, "signed_up": 1}


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        (f"email,password\na@x.yz,{PASSWORD}\n", [], "account a@x.yz could not log in"),
        (
            f"email,password\na@x.yz,{PASSWORD}\n",
            ["--max-conns-per-user", "2"],
            "2 accounts are needed, and 1 were given",
        ),
        (f"a@x.yz,{PASSWORD}\n", [], "it has no names of columns: its first line is an e-mail"),
        (f"email,password\na@x.yz,\nb@x.yz,{PASSWORD}\n", [], "line 2, column 2: the password is missing"),
    ],
)
def test_accounts_that_will_not_do_are_one_sentence(judged, accounts, content, options, sentence):
    run = judged("--accounts", accounts(content), *options)
    refused(run, sentence)
    assert PASSWORD not in run[1]


# -- TLS --------------------------------------------------------------------------------------------------------------


def serve_tls(certificate):
    """A port that does handshakes and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = new_socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def serve():
        while True:
            try:
                context.wrap_socket(listener.accept()[0], server_side=True).close()
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.mark.parametrize(
    ("name", "knows_authority", "sentence"),
    [("localhost", False, "of an issuer that is not known (--ca FILE"), ("elsewhere", True, "for another name (check")],
)
def test_a_certificate_that_is_not_trusted_is_named(hubbub, tmp_path, name, knows_authority, sentence):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serve_tls(authority.issue_cert(name)) as listener:
        trust = ["--ca", tmp_path / "ca.pem"] if knows_authority else []
        run = hubbub("perf-ws", "--host", f"https://localhost:{listener.getsockname()[1]}", *trust, *SMALL)
        assert run.code() == 2
    assert f"no TLS connection to the host is made: certificate not trusted: {sentence}" in run.text


# -- plain locust -----------------------------------------------------------------------------------------------------


def test_plain_locust_takes_the_same_texts(start, start_backend, tmp_path):
    origin, folder = start_backend().origin, tmp_path / "run"
    locust = [sys.executable, "-m", "locust", "--headless", "-u", "4", "-t", "1s", "-H", origin]
    run = start(*locust, "--message-interval", "500ms", "--header", "A: 1", "--header", "B: 2", "--run-dir", folder)
    assert is_done(run.code()), run.text
    config = json.loads((folder / "config.json").read_text())
    assert set(config["headers"]) == {"A", "B"}
    assert config["sources"]["clients"] == "command line"
    run = start(*locust, "--duration", "5s")
    assert run.code() == 2
    assert "run-time (1s) and duration (5s) are one thing: give one of them" in run.text


# -- names and addresses ----------------------------------------------------------------------------------------------


def told(backend, *addresses):
    """A host that no resolver knows, and what says where it is."""
    port = backend.origin.rpartition(":")[2]
    return "--host", f"http://Chat.Invalid:{port}", "--resolve", f"chat.invalid:{port}:{','.join(addresses)}"


def test_a_name_is_where_it_is_told_to_be_for_all_clients(hubbub, start_backend, summary):
    backend = start_backend("--host", "0.0.0.0")
    run = hubbub("perf-ws", *told(backend, "127.0.0.2", "127.0.0.3"), *SMALL, "--canary")
    assert is_done(run.code()), run.text
    port = backend.origin.rpartition(":")[2]
    assert summary()["addresses"] == {f"127.0.0.2:{port}": 2, f"127.0.0.3:{port}": 2}
    assert f"connections: 2 to 127.0.0.2:{port}, 2 to 127.0.0.3:{port}" in run.text
    assert summary()["canary"]["received"] == summary()["messages"]["sent"]


def test_an_address_that_does_not_answer_is_passed_over(hubbub, start_backend, summary):
    backend = start_backend()
    run = hubbub("perf-ws", *told(backend, "[::1]", "127.0.0.1"), *SMALL)
    assert is_done(run.code()), run.text
    assert list(summary()["addresses"].values()) == [4]
    assert summary()["connections"]["failed"] == 0


def test_without_a_port_for_each_client_a_run_is_refused(start, tmp_path):
    namespace = "ip link set lo up && echo '32768 32777' >/proc/sys/net/ipv4/ip_local_port_range && exec \"$@\""
    command = (sys.executable, "-m", "hubbub", "perf-ws", "--clients", 30, "--run-dir", tmp_path / "run")
    run = start("unshare", "--user", "--map-root-user", "--net", "sh", "-c", namespace, "sh", *command)
    assert run.code() == 2
    assert "30 clients need 60 local ports (one each, and some for HTTP), and there are 10" in run.text
    assert "--source-addresses" in run.text


def test_a_shape_may_be_a_file(hubbub, summary, tmp_path):
    (tmp_path / "flat.py").write_text(
        "from hubbub import join_stages\n\n\n"
        "def flat(peak, duration_us):\n"
        "    return join_stages('flat', duration_us, [(1, 1, 1)], peak)\n"
    )
    small = ("--clients", 4, "--duration", "3s", "--message-interval", "500ms")
    run = hubbub("perf-ws", *small, "--shape", tmp_path / "flat.py")
    assert is_done(run.code()), run.text
    assert "shape flat" in run.text
    assert summary()["messages"]["sent"] > 0


def test_the_websocket_may_be_on_other_hosts(hubbub, start_backend, summary):
    port = start_backend("--host", "0.0.0.0").origin.rpartition(":")[2]
    hosts = f"ws://127.0.0.2:{port}/,http://127.0.0.3:{port}"
    run = hubbub("perf-ws", "--host", f"http://127.0.0.1:{port}", "--websocket-host", hosts, *SMALL, "--canary")
    assert is_done(run.code()), run.text
    assert summary()["addresses"] == {f"127.0.0.2:{port}": 2, f"127.0.0.3:{port}": 2}
    assert summary()["canary"]["received"] == summary()["messages"]["sent"]
