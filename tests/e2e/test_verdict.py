"""What makes a run's verdict, through the whole command: objectives, the canary, the journal."""

import json
import os
import signal

import pytest

from tests.support import members, wait_until

pytestmark = pytest.mark.e2e
RUN = ("--clients", 12, "--conversations", 2, "--message-interval", "200ms", "--duration", "4s")


@pytest.fixture
def journal(tmp_path):
    """The run's journal, as a list of events."""
    return lambda: [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]


def test_an_objective_that_does_not_hold_fails_the_run(hubbub, start_backend, summary):
    backend = start_backend("--fault", "delay=1:60ms", "--settled-after", "0")
    run = hubbub("perf-ws", "--host", backend.origin, "--slo", "response.p50<30\njoin.p50<5000", *RUN)
    assert run.code() == 1, run.text
    held = {slo["name"]: slo for slo in summary()["slo"]}
    assert held["response.p50"]["result"] == "broken"
    assert held["response.p50"]["value"] >= 60
    assert held["response.p50"]["low"] >= 60, "a delay that the backend makes is in the low end, too"
    assert held["join.p50"]["result"] == "holds"
    assert held["deliveries.lost"]["result"] == "holds"
    assert "response.p50 < 30 is broken" in run.text


@pytest.mark.parametrize("workers", [0, 2])
def test_an_aborting_objective_ends_the_run_early(hubbub, start_backend, summary, workers):
    backend = start_backend("--fault", "delay=1:60ms", "--settled-after", "0")
    slo = "response.p50 < 30 over 1s abort after 2s"
    options = ("--clients", 12, "--conversations", 2, "--message-interval", "200ms", "--duration", "10m")
    run = hubbub("perf-ws", "--host", backend.origin, "--workers", workers, "--slo", slo, *options)
    assert run.code() == 1, run.text
    assert summary()["run"]["duration_s"] < 60
    texts = [reason["text"] for reason in summary()["verdict"]["reasons"]]
    assert any(text.startswith("the run was ended early: response.p50 < 30 over 1s was broken after") for text in texts)


@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.essential), 2])
def test_the_canary_is_one_more_receiver_counted_apart(hubbub, start_backend, summary, workers):
    backend = start_backend("--fault", "delay=1:40ms", "--settled-after", "0")
    run = hubbub("perf-ws", "--host", backend.origin, "--workers", workers, "--canary", *RUN)
    run.passes()
    result = summary()
    assert result["canary"]["received"] == result["messages"]["sent"] / 2
    assert result["canary"]["delivery_ms"]["min"] >= 40
    assert result["deliveries"]["received"] == result["messages"]["sent"] * 6
    assert result["connections"]["attempted"] == 12
    assert "canary" in run.text


def test_no_client_of_ours_uses_a_proxy_of_the_environment(hubbub, start_backend, summary):
    """Nobody listens at this one; a real one would be given the passwords."""
    backend = start_backend()
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    run = hubbub("perf-ws", "--host", backend.origin, "--canary", *RUN, env=proxy | {"NO_PROXY": "", "no_proxy": ""})
    run.passes()
    assert summary()["canary"]["received"] > 0


def test_the_journal_tells_the_run_from_its_beginning_to_its_end(hubbub, start_backend, journal, summary):
    backend = start_backend("--fault", "duplicate=1/3", "--settled-after", "0")
    run = hubbub("perf-ws", "--host", backend.origin, "--preflight", "off", *RUN)
    assert run.code() == 1, run.text
    events = journal()
    assert (events[0]["event"], events[-1]["event"]) == ("begin", "end")
    assert events[-1]["verdict"] == summary()["verdict"]
    reports = [event for event in events if event["event"] == "report"]
    assert reports[-1]["counts"]["delivered"] == summary()["deliveries"]["delivered"]
    found = [event for event in events if event["event"] == "finding"]
    assert [finding["kind"] for finding in found] == ["duplicated"] * 3
    assert all(finding["before"] for finding in found)


def test_only_the_closed_model_waits_for_a_slow_backend(hubbub, start_backend, summary, tmp_path):
    backend = start_backend("--fault", "delay=1:300ms", "--settled-after", "0")
    sent = {}
    for model in ("open", "closed"):
        run = hubbub("perf-ws", "--host", backend.origin, "--model", model, *RUN, "--run-dir", tmp_path / model)
        run.passes()
        result = json.loads((tmp_path / model / "summary.json").read_text())
        assert result["run"]["model"] == model
        sent[model] = result["messages"]["planned"]
        assert result["messages"]["unsent"] == 0
    assert sent["open"] == 12 * 20
    assert sent["closed"] <= 12 * 9, "a client cannot send more than one message in 500 ms"


def test_a_bad_objective_is_one_sentence(hubbub):
    run = hubbub("perf-ws", "--clients", 2, "--slo", "response.px<3")
    assert run.code() == 2
    assert "slo: there is no figure 'response.px'" in run.text
    assert "Traceback" not in run.text


def test_a_stopped_generator_is_to_blame_for_its_disconnects(hubbub, start_backend, summary):
    backend = start_backend()
    run = hubbub("perf-ws", "--host", backend.origin, "--clients", 4, "--message-interval", "1s", "--duration", "16s")
    run.wait_for("clients are ready; sending")
    (locust,) = members(run.process.pid, "-m locust")
    os.kill(locust, signal.SIGSTOP)
    wait_until(lambda: backend.metric("backend_connections") == 0, what="the backend's patience with it ends")
    os.kill(locust, signal.SIGCONT)
    assert run.code() == 3, run.text
    result = summary()
    assert result["connections"]["dropped"] == result["generator"]["dropped"] == 4
    classes = [error["class"] for error in result["errors"]]
    assert classes
    assert all(name.startswith("generator: ") for name in classes)
    texts = [reason["text"] for reason in result["verdict"]["reasons"]]
    assert any(text.startswith("connections.dropped <= 1% is open: it is ") for text in texts)


def test_an_address_that_is_not_ours_is_one_sentence(hubbub, start_backend):
    backend = start_backend()
    options = ("--clients", 2, "--duration", "1s", "--source-addresses", "127.0.0.2,203.0.113.9")
    run = hubbub("perf-ws", "--host", backend.origin, *options)
    assert run.code() == 2, run.text
    assert "source-addresses must be addresses of this machine; 203.0.113.9 is none." in run.text
    assert "Traceback" not in run.text


def test_without_receive_stamps_a_run_still_passes(hubbub, start_backend, summary):
    backend = start_backend()
    run = hubbub("perf-ws", "--host", backend.origin, "--receive-stamps", "off", *RUN)
    run.passes()
    result = summary()
    assert result["health"]["clock_bound_us"] is None
    for series in ("response", "delivery", "room_complete"):
        assert result["latency_ms"][series]["low"]["count"] == result["latency_ms"][series]["count"] > 0


def test_what_a_slow_reader_of_our_own_loses_is_lost_and_explained(hubbub, start_backend, summary):
    backend = start_backend()
    mix = ("--mix", "Chatter=11,SlowReader=1", "--clients", 12, "--message-size", 10_000)
    run = hubbub("perf-ws", "--host", backend.origin, *mix, "--message-interval", "40ms", "--duration", "8s")
    assert run.code() == 3, run.text  # its receive window was closed, by our own doing
    result = summary()
    deliveries = result["deliveries"]
    assert deliveries["lost"] == result["generator"]["lost"] > 0
    assert deliveries["due"] == deliveries["delivered"] + deliveries["lost"] + deliveries["excused"]
    assert deliveries["due"] - deliveries["lost"] > 11 * result["messages"]["sent"], "the others lost nothing"
    lost = [finding for finding in result["evidence"] if finding["kind"] == "lost"]
    assert all("a slow reader of our own" in finding["explanation"] for finding in lost)
