"""Names that teams use already, and the file .env under the environment."""

import pytest

from hubbub.errors import ConfigError
from hubbub.options import OPTION
from hubbub.synonyms import SYNONYMS, environment_text, read_dotenv


@pytest.mark.parametrize(
    ("name", "variable", "value", "text"),
    [
        ("clients", "CLIENTS", "24", "24"),
        ("duration", "DURATION", "30", "30s"),
        ("duration", "DURATION", "1m30s", "1m30s"),
        ("max_conns_per_user", "MAX_CONNS_PER_USER", "5", "5"),
        ("spawn_rate", "WORKER_START_STAGGER_SEC", "0.05", "20"),
        ("spawn_rate", "WORKER_START_STAGGER_SEC", "0", ""),
        ("host", "PLAYWRIGHT_API_URL", "http://localhost:8375/api", "http://localhost:8375"),
        ("host", "VITE_API_URL", "https://chat.example/api/", "https://chat.example"),
        ("account_email", "E2E_EMAIL", "a@x.y", "a@x.y"),
        ("account_fallback_password", "PERF_WS_FALLBACK_PASSWORD", "p", "p"),
    ],
)
def test_a_synonym_is_the_option(name, variable, value, text):
    assert environment_text(name, {variable: value}) == (text, variable)


def test_the_first_name_that_is_set_counts():
    environment = {"PERF_WS_EMAIL": "", "PERF_EMAIL": "b", "E2E_EMAIL": "c"}
    assert environment_text("account_email", environment) == ("b", "PERF_EMAIL")
    own = environment | {"HUBBUB_ACCOUNT_EMAIL": "a"}
    assert environment_text("account_email", own) == ("a", "HUBBUB_ACCOUNT_EMAIL")
    assert environment_text("account_email", {}) == ("", "")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("host", '"http://localhost:8375"\r', "http://localhost:8375"),
        ("clients", " ' 24 ' ", "24"),
        ("clients", "\r\n", ""),
        ("header", "X-A: '", "X-A: '"),
        ("account_password", '"quoted" \r\n', '"quoted" '),
    ],
)
def test_blanks_line_ends_and_quotes_around_a_text_are_left_out(name, value, text):
    assert environment_text(name, {OPTION[name].environment_variable: value})[0] == text


@pytest.mark.parametrize("text", ["fast", "-1", "inf", "nan"])
def test_seconds_between_clients_are_checked(text):
    with pytest.raises(ConfigError, match="WORKER_START_STAGGER_SEC must be seconds between two clients"):
        environment_text("spawn_rate", {"WORKER_START_STAGGER_SEC": text})


def test_every_synonym_is_of_an_option_and_of_one_only():
    variables = [variable for each in SYNONYMS.values() for variable in each]
    assert set(SYNONYMS) <= set(OPTION)
    assert len(variables) == len(set(variables))


DOTENV = """\ufeff# ours
export CLIENTS=24
HUBBUB_DURATION = "5s" # short
PERF_WS_PASSWORD='a # b'
MESSAGE=hello
HOST_IS_NOT_OURS=1
no line at all
"""


def test_the_file_has_our_names_and_those_of_teams(tmp_path):
    (tmp_path / ".env").write_text(DOTENV.replace("\n", "\r\n"), encoding="utf-8", newline="")
    assert read_dotenv(tmp_path) == {"CLIENTS": "24", "HUBBUB_DURATION": "5s", "PERF_WS_PASSWORD": "a # b"}


def test_without_a_file_it_says_nothing(tmp_path):
    assert read_dotenv(tmp_path) == {}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"A=" + b"x" * (1 << 20)])
def test_a_file_that_is_none_is_one_sentence(tmp_path, content):
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigError, match=r"\.env (cannot be read|must be a file)"):
        read_dotenv(tmp_path)


@pytest.mark.parametrize("text", ["localhost:8375", "/api", "ftp://x", "http:///api", "wss://user:hunter2@host/api"])
def test_an_address_without_a_scheme_names_its_variable(text):
    with pytest.raises(ConfigError, match="VITE_API_URL must be an address") as refused:
        environment_text("host", {"VITE_API_URL": text})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "environment", "said"),
    [
        ("clients", {"CLIENTS": "5", "HUBBUB_CLIENTS": "7"}, "HUBBUB_CLIENTS and CLIENTS"),
        ("duration", {"DURATION": "30", "HUBBUB_DURATION": "1m"}, "HUBBUB_DURATION and DURATION"),
    ],
)
def test_two_names_that_differ_are_both_named(name, environment, said):
    with pytest.raises(ConfigError, match=f"^{said} are one thing, and differ: set one of them"):
        environment_text(name, environment)


def test_two_names_that_agree_are_one():
    assert environment_text("duration", {"DURATION": "30", "HUBBUB_DURATION": "30s"}) == ("30s", "HUBBUB_DURATION")
    assert environment_text("clients", {"CLIENTS": " 5 ", "HUBBUB_CLIENTS": "5"}) == ("5", "HUBBUB_CLIENTS")
