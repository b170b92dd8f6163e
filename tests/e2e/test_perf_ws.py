"""The main job, as a user types it."""

import json
import os
import signal
import sys

import pytest

from tests.support import family_of, members, wait_until

pytestmark = pytest.mark.e2e
FAST = ("--duration", "4s", "--message-interval", "500ms", "--drain-quiet", "500ms")


ALONE = ("--preflight", "off")
"""The backend counts the messages of the load, and no other."""


def classic(text):
    """The six classic lines, in order, as numbers."""
    names = ("Attempted", "Successful", "Failed", "Sent", "Received", "Errors")
    lines = [line for line in text.splitlines() if line.startswith(("Connections ", "Messages ", "Total "))]
    assert [line.split()[1].rstrip(":") for line in lines] == list(names), text
    return [int(line.split()[-1]) for line in lines]


def test_everything_is_counted_and_equals_what_the_backend_wrote(hubbub, start_backend, summary, tmp_path):
    backend = start_backend()
    run = hubbub("perf-ws", "--host", backend.origin, "--clients", 120, *FAST, *ALONE)
    run.passes()
    assert classic(run.text) == [120, 120, 0, 960, 960 * 120, 0]
    result = summary()
    assert result["verdict"]["exit_code"] == run.code()
    assert result["deliveries"]["received"] == backend.metric("backend_deliveries_queued_total")
    assert result["deliveries"]["expected"] == result["deliveries"]["delivered"] == 960 * 120
    assert result["messages"]["sent"] == backend.metric("backend_messages_taken_total") == 960
    assert result["messages"]["confirmed"] == 960
    assert result["latency_ms"]["response"]["count"] == 960 * 120
    assert backend.metric("backend_frames_dropped_total") == 0
    assert backend.metric("backend_connections") == 0
    run_folder = tmp_path / "run"
    history = (run_folder / "locust_stats_history.csv").read_text().splitlines()
    assert any(",connect," in line for line in history)
    table = (run_folder / "locust_stats.csv").read_text()
    assert "WS,connect,120,0," in table
    assert f"WS,response,{960 * 120},0," in table
    assert f"WS,delivery,{960 * 120},0," in table
    assert result["latency_ms"]["login"] is None, "the preparation has logged in"
    requests_alone = sum(result["latency_ms"][phase]["count"] for phase in ("conversation", "ticket"))
    assert f",Aggregated,{requests_alone + 120 + 120},0," in table, "deliveries are no part of Locust's totals"
    assert json.loads((run_folder / "config.json").read_text())["clients"] == 120


@pytest.mark.parametrize(("options", "is_shown"), [((), False), (("--locust-tables",), True)])
def test_ci_reads_its_own_files_and_people_one_report(hubbub, tmp_path, options, is_shown):
    page = tmp_path / "page.md"
    run = hubbub("perf-ws", "--clients", 2, "--duration", "1s", *options, env={"GITHUB_STEP_SUMMARY": str(page)})
    assert run.code() in (0, 3), run.text
    result = json.loads((tmp_path / "run" / "summary.json").read_text())["verdict"]["result"]
    assert page.read_text() == (tmp_path / "run" / "summary.md").read_text()
    assert f"Hubbub: {result}" in page.read_text().splitlines()[0]
    assert (tmp_path / "run" / "junit.xml").read_text().count("<testcase ") > 10
    assert ("Aggregated" in run.text) is is_shown


@pytest.mark.essential
def test_without_a_host_the_embedded_backend_is_used(hubbub, summary):
    run = hubbub("perf-ws", "--clients", 24, *FAST)
    run.passes()
    origin = run.wait_for(r"embedded backend runs on (http://\S+)")[1]
    assert classic(run.text) == [24, 24, 0, 192, 192 * 24, 0]
    assert summary()["run"]["host"] == origin
    assert not family_of(run.process.pid)


def test_conversations_divide_the_clients(hubbub, start_backend, summary):
    backend = start_backend()
    run = hubbub("perf-ws", "--host", backend.origin, "--clients", 120, "--conversations", 10, *FAST, *ALONE)
    run.passes()
    assert classic(run.text) == [120, 120, 0, 960, 960 * 12, 0]
    assert summary()["deliveries"]["received"] == backend.metric("backend_deliveries_queued_total")


@pytest.mark.essential
def test_two_workers_lose_nothing(hubbub, start_backend, summary):
    backend = start_backend()
    run = hubbub("perf-ws", "--host", backend.origin, "--clients", 120, "--workers", 2, *FAST, *ALONE)
    run.passes()
    assert classic(run.text) == [120, 120, 0, 960, 960 * 60, 0]
    assert summary()["deliveries"]["received"] == backend.metric("backend_deliveries_queued_total")
    assert summary()["run"]["workers"] == 2
    assert summary()["latency_ms"]["connect"]["count"] == 120


def test_a_swarm_has_two_workers_unless_told_otherwise(hubbub, summary):
    run = hubbub("swarm", "--clients", 24, *FAST)
    run.passes()
    assert summary()["run"]["workers"] == 2


def test_the_thirteenth_connection_of_an_account_fails(hubbub, start_backend, summary):
    backend = start_backend("--max-conns-per-user", "12")
    run = hubbub(
        "perf-ws", "--host", backend.origin, "--clients", 13, "--max-conns-per-user", 13, "--ready-timeout", "1s", *FAST
    )
    assert run.code() == 1, run.text
    connections = summary()["connections"]
    assert connections["attempted"] == connections["succeeded"] + connections["failed"]
    assert connections["succeeded"] == connections["ready"] == 12
    assert connections["failed"] >= 1
    assert summary()["errors"][0]["class"] == "connect: user connection limit reached"


def test_another_contract_needs_no_change_but_its_name(hubbub, start, summary):
    backend = start(sys.executable, "-m", "bench.server", "--port", "0")
    origin = backend.wait_for(r"ready on (http://\S+)")[1]
    run = hubbub("perf-ws", "--host", origin, "--contract", "minimal", "--clients", 20, *FAST)
    run.passes()
    assert classic(run.text) == [20, 20, 0, 160, 160 * 19, 0]
    assert summary()["deliveries"]["expected"] == 160 * 19


def test_a_mix_of_users_accounts_for_every_delivery(hubbub, summary):
    mix = "Chatter=2,Lurker=1,Roamer=1"
    run = hubbub("perf-ws", "--clients", 16, "--conversations", 2, "--mix", mix, *FAST)
    run.passes()
    deliveries, messages = summary()["deliveries"], summary()["messages"]
    assert messages["sent"] == messages["confirmed"] == 12 * 8
    assert deliveries["due"] == deliveries["delivered"] + deliveries["lost"] + deliveries["excused"]
    assert deliveries["delivered"] > 0
    assert not (deliveries["duplicated"] or deliveries["leaked"] or deliveries["corrupt"] or deliveries["lost"])


def test_a_shape_scales_to_the_clients_and_ends_with_the_duration(hubbub, summary):
    run = hubbub("perf-ws", "--clients", 20, "--shape", "steps", *FAST)
    assert run.code() in (0, 3), run.text
    assert "stage 5: 3.2s to 4s, 20 clients" in run.text
    assert summary()["connections"]["ready"] == 20
    deliveries = summary()["deliveries"]
    assert deliveries["lost"] == 0
    assert deliveries["delivered"] > 0


# -- the end of a run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_what_was_measured(hubbub, summary, workers, number):
    run = hubbub("perf-ws", "--clients", 24, "--workers", workers, "--duration", "10m", "--message-interval", "200ms")
    run.wait_for("clients are ready; sending")
    assert len(family_of(run.process.pid)) == 2 + workers
    run.signal(number)
    assert run.code() == 3, run.text
    result = summary()
    assert result["verdict"]["result"] == "INCONCLUSIVE"
    assert "the run was interrupted" in [reason["text"] for reason in result["verdict"]["reasons"]]
    assert result["deliveries"]["lost"] == 0
    assert result["messages"]["sent"] == result["messages"]["confirmed"]
    assert classic(run.text)[:3] == [24, 24, 0]
    assert not family_of(run.process.pid)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupt_while_locust_is_loading_ends_quietly(hubbub, workers):
    run = hubbub("perf-ws", "--clients", 24, "--workers", workers, "--duration", "10m")
    wait_until(lambda: members(run.process.pid, "locustfile.py"))
    run.signal()
    assert run.code() in (2, 3), run.text
    assert "Traceback" not in run.text
    assert not family_of(run.process.pid)


@pytest.mark.essential
def test_a_second_interrupt_does_not_wait_for_the_drain(hubbub, summary):
    run = hubbub("perf-ws", "--clients", 12, "--duration", "10m", "--drain-quiet", "5m", "--drain-timeout", "5m")
    run.wait_for("clients are ready; sending")
    run.signal()
    run.wait_for("press Ctrl-C again to stop immediately")
    run.signal()
    assert run.code() == 3, run.text
    assert summary()["connections"]["succeeded"] == 12


def test_an_interrupt_while_users_get_ready_leaves_no_process(hubbub):
    run = hubbub("perf-ws", "--clients", 200, "--spawn-rate", 5, "--duration", "10m")
    run.wait_for("Ramping to 200 users")
    run.signal()
    assert run.code() == 3, run.text
    assert not family_of(run.process.pid)


@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.essential), 2])
def test_a_backend_that_is_killed_is_a_failure_and_no_hang(hubbub, start_backend, summary, workers):
    backend = start_backend()
    run = hubbub(
        "perf-ws",
        "--host",
        backend.origin,
        "--clients",
        24,
        "--workers",
        workers,
        "--duration",
        "8s",
        "--message-interval",
        "200ms",
    )
    run.wait_for("clients are ready; sending")
    wait_until(lambda: backend.metric("backend_messages_taken_total") > 50)
    backend.program.process.kill()
    assert run.code() == 1, run.text
    result = summary()
    assert result["connections"]["dropped"] == 24
    assert result["verdict"]["result"] == "FAIL"
    deliveries = result["deliveries"]
    assert deliveries["due"] == deliveries["delivered"] + deliveries["lost"] + deliveries["excused"]


def swarm_of_24(hubbub, start_backend, duration):
    backend = start_backend()
    options = {"host": backend.origin, "clients": 24, "workers": 2, "duration": duration, "message-interval": "1s"}
    run = hubbub("perf-ws", *(text for name, value in options.items() for text in (f"--{name}", value)))
    run.wait_for("clients are ready; sending")
    return run


def check_identities(summary):
    messages, deliveries = summary["messages"], summary["deliveries"]
    decided = ("confirmed", "refused", "throttled", "vanished", "indefinite", "pending")
    assert messages["sent"] == sum(messages[name] for name in decided)
    assert messages["planned"] == messages["sent"] + messages["unsent"]
    assert deliveries["due"] == deliveries["delivered"] + deliveries["lost"] + deliveries["excused"]


@pytest.mark.essential
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=str)
def test_a_worker_that_goes_is_lost_and_the_other_goes_on(hubbub, start_backend, summary, number):
    run = swarm_of_24(hubbub, start_backend, "12s")
    os.kill(members(run.process.pid, "--worker")[0], number)
    assert run.code() == 3, run.text
    assert "Traceback" not in run.text
    found = summary()
    assert len(found["health"]["lost_workers"]) == 1
    assert found["clients"] | {"applied": 0} == {"asked": 24, "ready": 24, "lost": 12, "applied": 0}
    assert found["messages"]["planned"] == 288
    assert max(each["messages"]["sent"] for each in found["conversations"]) == 144
    check_identities(found)


@pytest.mark.essential
def test_a_master_that_is_killed_leaves_a_report_and_no_process(hubbub, start_backend, summary, tmp_path):
    run = swarm_of_24(hubbub, start_backend, "10m")
    wait_until((tmp_path / "run" / "checkpoint-1.json").exists)
    os.kill(members(run.process.pid, "--master ")[0], signal.SIGKILL)
    assert run.code() == 3, run.text
    assert "the run was cut off" in run.text
    assert members(run.process.pid, "--worker") == []
    check_identities(summary())


# -- bad input --------------------------------------------------------------------------------------------------------


def test_no_backend_is_one_sentence(hubbub):
    run = hubbub("perf-ws", "--host", "http://127.0.0.1:9", "--clients", 2)
    assert run.code() == 2
    assert "no backend answers at the host" in run.text
    assert "Traceback" not in run.text


def test_a_backend_that_limits_sign_ups_is_one_sentence(hubbub, start_backend):
    run = hubbub("perf-ws", "--host", start_backend("--rate-limits").origin, "--clients", 60)
    assert run.code() == 2
    assert "give an accounts file (--accounts) or switch the backend's limits off" in run.text
    assert "Traceback" not in run.text


def test_wrong_credentials_are_one_sentence(hubbub, start_backend, tmp_path):
    backend = start_backend()
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("email,password\nada@example.com,TestPass123!@#\n")
    ours = ("--host", backend.origin, "--clients", 2, "--accounts", accounts, "--signup", "missing")
    hubbub("perf-ws", *ours, *FAST).passes()
    accounts.write_text("email,password\nada@example.com,OtherPass123!@#\n")
    again = hubbub("perf-ws", *ours, "--run-dir", tmp_path / "b")
    assert again.code() == 2
    assert "its password is not the one given" in again.text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--clients", "0"], "clients must be"),
        (["--clients", "100000"], "open files, and the limit is"),
        (["--message-size", "9"], "message-size must be at least 70"),
        (["--mix", "Nobody=1"], "there is no user class 'Nobody'"),
        (["--shape", "steps", "--spawn-rate", "1", "--duration", "10s"], "stage 1 .* needs a spawn rate"),
        (["--run-dir", "/proc/nowhere"], "run-dir must be a folder that can be written"),
    ],
)
def test_bad_options_are_one_sentence_and_start_nothing(hubbub, arguments, sentence):
    run = hubbub("perf-ws", *arguments)
    assert run.code() == 2
    run.wait_for(sentence)
    assert "Traceback" not in run.text


def test_results_are_never_written_over_others(hubbub, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").touch()
    run = hubbub("perf-ws", "--clients", "1")
    assert run.code() == 2
    assert "run-dir must be empty or absent" in run.text
