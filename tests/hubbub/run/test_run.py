"""Whole runs in memory: every state of a run, and every fault found to the unit."""

import itertools
import json
import re
import shutil

import pytest
from locust.exception import StopUser

from hubbub.errors import RunError
from hubbub.run.deadlines import deadline_s
from hubbub.run.states import State
from tests.twins.scheduler import START_US
from users.chatter import Chatter
from users.lurker import Lurker
from users.roamer import Roamer
from users.slow_reader import SlowReader


def reasons(summary):
    return [reason["text"] for reason in summary["verdict"]["reasons"]]


def test_a_run_of_100_clients_with_faults_in_the_middle(make):
    fault = {350: "swallow", 400: "lose one", 401: "duplicate"}.get
    summary = make(clients="100", duration="10s", message_interval="2s", fault=fault).go()
    messages, deliveries = summary["messages"], summary["deliveries"]
    assert summary["verdict"]["result"] == "FAIL"
    assert (messages["sent"], messages["vanished"], messages["pending"]) == (500, 1, 0)
    assert (deliveries["due"], deliveries["lost"], deliveries["duplicated"]) == (50_000, 101, 1)
    assert deliveries["delivered"] == 50_000 - 101
    assert summary["load"] == {"seconds": 10, "deviating": []}


@pytest.mark.parametrize(
    ("fault", "section", "figure", "count"),
    [
        ("swallow", "messages", "vanished", 1),
        ("refuse", "messages", "refused", 1),
        ("throttle", "messages", "throttled", 1),
        ("not delivered", "deliveries", "lost", 12),
        ("lose one", "deliveries", "lost", 1),
        ("duplicate", "deliveries", "duplicated", 1),
        ("corrupt", "deliveries", "corrupt", 12),
        ("late", "deliveries", "late", 0),
        ("drop", "connections", "dropped", 1),
        ("not stored", "history", "delivered_not_stored", 1),
    ],
)
def test_each_fault_is_counted_exactly(make, fault, section, figure, count):
    run = make(message_interval="1s", fault={30: fault}.get)
    assert run.go()[section][figure] == count


def test_a_run_without_faults_passes_and_leaves_nothing_open(make):
    run = make(message_interval="1s")
    summary = run.go()
    assert (summary["verdict"]["result"], run.run.exit_code) == ("PASS", 0)
    assert (summary["messages"]["sent"], summary["deliveries"]["delivered"]) == (60, 720)
    assert not run.backend.connections
    assert all(transport.is_closed for transport in run.world.transports)
    assert "Verdict: PASS" in run.run.console
    assert run.recorder.is_over
    assert run.recorder.folder == run.run.path


def test_workers_share_the_clients_and_their_reports_add_up(make):
    summary = make(workers=3, clients="12", conversations="3", message_interval="1s").go()
    assert (summary["run"]["workers"], summary["messages"]["sent"]) == (3, 60)
    assert summary["deliveries"]["delivered"] == 60 * 4
    assert [each["messages"]["sent"] for each in summary["conversations"]] == [20, 20, 20]


def test_a_lost_worker_is_named_and_the_others_go_on(make):
    run = make(workers=2, clients="12", message_interval="1s", duration="10s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 3_000_000)
    run.workers.lost.add("w1")
    summary = run.to_the_end()
    assert summary["health"]["lost_workers"] == ["w1"]
    assert summary["verdict"]["result"] == "INCONCLUSIVE"
    assert "worker w1 was lost in second 4" in reasons(summary)[0]
    assert run.run.elapsed_us > 10_000_000
    assert summary["conversations"][0]["messages"]["sent"] == 60


def test_when_all_workers_are_lost_the_run_is_over(make):
    run = make(workers=2, clients="12", message_interval="1s", duration="60s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 3_000_000)
    run.workers.lost |= {"w0", "w1"}
    summary = run.to_the_end()
    assert (run.run.exit_code, summary["health"]["lost_workers"]) == (3, ["w0", "w1"])
    assert run.run.elapsed_us < 4_000_000


def test_workers_that_are_lost_before_a_report_measured_nothing(make):
    run = make(workers=1)
    run.run.begin()
    run.workers.lost.add("w0")
    run.until(lambda: run.is_over)
    assert run.run.exit_code == 2
    assert run.run.console == "hubbub: all 1 workers were lost; nothing was measured."


def test_a_worker_that_falls_silent_is_lost_at_the_deadline(make, monkeypatch):
    run = make(workers=2, clients="12", message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 4_900_000)
    monkeypatch.setattr(run, "_report", lambda _name, _values: None)
    before_us = run.scheduler.now_us()
    summary = run.to_the_end()
    assert summary["health"]["lost_workers"] == ["w0", "w1"]
    longest_s = deadline_s(State.DRAIN, run.settings)
    assert longest_s <= (run.scheduler.now_us() - before_us) / 1e6 < longest_s + 2


def test_clients_that_never_get_ready_do_not_hold_the_run(make):
    run = make(message_interval="1s", ready_timeout="5s")
    run.run.begin()
    run.backend.refuse["/ws/ticket"] = 503
    run.spawn(12)
    summary = run.to_the_end()
    assert (summary["connections"]["ready"], summary["messages"]["sent"]) == (0, 0)
    assert summary["verdict"]["result"] == "FAIL"
    assert any(error["class"] == "ticket: HTTP 503" for error in summary["errors"])


def test_an_interrupted_run_is_judged_on_what_it_has(make):
    run = make(message_interval="1s", duration="60s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 3_000_000)
    run.run.stop("the run was interrupted")
    summary = run.to_the_end()
    assert summary["verdict"]["result"] == "INCONCLUSIVE"
    assert "the run was interrupted" in reasons(summary)[0]
    assert 30 <= summary["messages"]["sent"] <= 48


def test_a_run_that_is_stopped_from_outside_says_so(make):
    run = make(message_interval="1s", duration="60s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_000_000)
    run.run.stop()
    assert "the run was stopped before its end" in reasons(run.to_the_end())[0]


def test_a_hurried_end_does_not_wait_for_the_drain(make):
    run = make(message_interval="1s", duration="60s", drain_quiet="40s", drain_timeout="50s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_000_000)
    run.run.stop("the run was interrupted")
    run.scheduler.advance(0.5)
    assert not run.is_over
    before_us = run.scheduler.now_us()
    run.run.hurry()
    run.to_the_end()
    assert run.scheduler.now_us() - before_us < 5_000_000


def test_a_second_end_waits_for_the_first(make):
    run = make(message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 1_000_000)
    codes = []
    for _ in range(2):
        run.scheduler.spawn(lambda: (run.run.end(), codes.append(run.run.exit_code)))
    run.until(lambda: len(codes) == 2)
    assert codes == [3, 3]


def test_a_run_that_is_interrupted_early_measured_nothing(make):
    run = make()
    run.backend.request = lambda *_: run.scheduler.sleep(3_600)
    run.scheduler.spawn(run.begin)
    run.scheduler.advance(1)
    run.run.stop("the run was interrupted")
    run.until(lambda: run.is_over)
    assert run.run.exit_code == 2
    assert run.run.console == "hubbub: the run was interrupted; nothing was measured."
    assert run.users == []


def test_preparing_has_a_deadline(make):
    run = make(prepare_timeout="7s")
    run.backend.request = lambda *_: run.scheduler.sleep(3_600)
    run.scheduler.spawn(run.begin)
    run.until(lambda: run.is_over)
    assert (run.run.exit_code, run.scheduler.now_us()) == (2, START_US + 9_000_000)
    assert "preparing took longer than 7s" in run.run.console


@pytest.mark.parametrize("error", [ZeroDivisionError("one over nothing"), SystemExit(5), KeyError("id")], ids=repr)
def test_any_exception_while_preparing_is_one_sentence(make, error):
    run = make()

    def fail(*_):
        raise error

    run.backend.request = fail
    assert not run.run.begin()
    run.until(lambda: run.is_over)
    assert run.run.exit_code == 2
    assert type(error).__name__ in run.run.console
    assert "(test_run.py, line" in run.run.console
    assert "\n" not in run.run.console


def test_an_exception_in_the_middle_is_judged_with_what_there_is(make, monkeypatch):
    run = make(message_interval="1s", duration="60s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 3_000_000)

    def fail(_elapsed_us):
        raise ZeroDivisionError("one over nothing")

    monkeypatch.setattr(run.run.aggregator, "observe", fail)
    summary = run.to_the_end()
    assert summary["verdict"]["result"] == "INCONCLUSIVE"
    assert "the run failed: ZeroDivisionError: one over nothing" in reasons(summary)[0]
    assert summary["messages"]["sent"] >= 36


def test_a_disk_that_fails_costs_the_files_and_not_the_report(make):
    run = make(message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_000_000)
    shutil.rmtree(run.run.path)
    run.until(lambda: run.is_over)
    assert run.run.exit_code == 3
    assert "Messages Sent: 60" in run.run.console
    assert "not all results could be written: summary.json: No such file or directory" in run.run.console


def test_it_says_at_the_beginning_when_it_ends_at_the_latest(make, capsys):
    make(duration="5s").go()
    assert re.search(r"this run ends by \d\d:\d\d:\d\d UTC at the latest", capsys.readouterr().err)


def test_an_objective_with_abort_ends_the_run(make):
    run = make(
        message_interval="1s",
        duration="60s",
        slo="connections.dropped==0 abort",
        fault={30: "drop"}.get,
    )
    summary = run.go()
    assert summary["verdict"]["result"] == "FAIL"
    assert run.run.elapsed_us < 30_000_000


def test_without_a_host_nothing_is_made(make):
    run = make(host="")
    assert not run.run.begin()
    run.until(lambda: run.is_over)
    assert (run.run.exit_code, run.run.console) == (2, "hubbub: there is no backend to test: give --host.")


def test_a_worker_that_cannot_take_part_makes_the_run_impossible(make, monkeypatch):
    run = make()

    def refuse(_clients, _settings):
        raise RunError("12 clients need more open files.")

    monkeypatch.setattr(run.world, "check_room_for", refuse)
    run.begin()
    run.until(lambda: run.is_over)
    assert (run.run.exit_code, run.run.console) == (2, "hubbub: 12 clients need more open files.")
    assert not (run.run.path / "summary.json").exists()


@pytest.mark.parametrize("options", [{"model": "closed"}, {"arrivals": "poisson"}], ids=str)
def test_the_other_load_models_deliver_everything(make, options):
    summary = make(message_interval="500ms", **options).go()
    assert summary["verdict"]["result"] == "PASS"
    assert summary["deliveries"]["delivered"] == 12 * summary["messages"]["sent"] > 500


def test_every_kind_of_client_takes_part(make):
    run = make(kinds=(Chatter, Lurker, Roamer, SlowReader), clients="12", conversations="2", message_interval="200ms")
    summary = run.go()
    deliveries = summary["deliveries"]
    assert deliveries["lost"] == 0
    assert deliveries["due"] == deliveries["delivered"] + deliveries["excused"]
    assert deliveries["optional"] > 0
    assert any(path.endswith("limit=50&offset=0") for _, path in run.backend.calls)


def test_the_first_messages_may_be_left_out_of_the_times(make):
    summary = make(message_interval="1s", warmup="2s").go()
    assert summary["messages"]["sent"] == 60
    assert summary["latency_ms"]["send_lag"]["count"] == 36


def test_a_connection_that_is_dropped_is_made_again(make):
    run = make(message_interval="1s", duration="20s", fault={30: "drop"}.get)
    summary = run.go()
    assert (summary["connections"]["dropped"], summary["connections"]["attempted"]) == (1, 13)
    assert summary["latency_ms"]["reconnect"]["count"] == 1


def test_a_client_that_is_stopped_is_due_nothing_more(make):
    run = make(message_interval="1s", duration="20s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 10_000_000)
    run.stop(0)
    summary = run.to_the_end()
    assert summary["deliveries"]["lost"] == 0
    assert 12 * 11 * 20 < summary["deliveries"]["due"] < 12 * 12 * 20


def test_an_exception_of_a_user_class_is_an_error_of_the_generator(make):
    class Broken(Chatter):
        def say(self):
            raise ZeroDivisionError("one over nothing")

    run = make(kinds=(Broken,), clients="2", message_interval="1s")
    summary = run.go()
    assert summary["errors"][0]["class"] == "generator: user class Broken in step: ZeroDivisionError"
    assert summary["errors"][0]["count"] >= 2
    assert summary["clients"]["lost"] == 2
    lost = "2 of 2 clients were lost: 2 x user class Broken in step: ZeroDivisionError"
    assert lost in reasons(summary)


def test_a_third_of_the_clients_never_joins(make):
    numbers = itertools.count()

    class Broken(Chatter):
        number = None

        def on_start(self):
            self.number = next(numbers) if self.number is None else self.number
            if self.number % 3 == 0:
                raise ValueError("no")

    summary = make(kinds=(Broken,), clients="24", message_interval="1s", duration="12s").go()
    assert summary["clients"] == {"asked": 24, "ready": 16, "lost": 8, "applied": 0.6667}
    assert (summary["messages"]["planned"], summary["messages"]["unsent"]) == (288, 96)
    assert summary["verdict"]["result"] == "INCONCLUSIVE"
    assert "16 of 24 clients chatted: 8 x user class Broken in on_start: ValueError" in reasons(summary)


def test_clients_that_end_in_the_middle_are_lost_and_replaced(make):
    class Mortal(Chatter):
        has_died = False

        def say(self):
            if self.client < 3 and self.plan.sent == 4 and not self.has_died:
                self.has_died = True
                raise StopUser
            super().say()

    summary = make(kinds=(Mortal,), clients="24", message_interval="1s", duration="12s").go()
    clients, messages = summary["clients"], summary["messages"]
    assert (clients["asked"], clients["ready"], clients["lost"]) == (24, 24, 3)
    assert (messages["planned"], messages["sent"] + messages["unsent"]) == (288, 288)
    assert 3 <= messages["unsent"] <= 9
    assert "3 of 24 clients were lost: 3 x user class Mortal in step: StopUser" in reasons(summary)
    assert summary["deliveries"]["lost"] == 0


def test_what_a_lost_worker_was_asked_for_is_missing(make):
    run = make(workers=2, clients="24", message_interval="1s", duration="12s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 6_000_000)
    run.workers.lost.add("w1")
    summary = run.to_the_end()
    clients, messages = summary["clients"], summary["messages"]
    assert (clients["asked"], clients["ready"], clients["lost"]) == (24, 24, 12)
    assert messages["planned"] == 288
    assert messages["sent"] == 288 - messages["unsent"]
    assert 72 <= messages["unsent"] <= 96
    assert 0.7 < clients["applied"] < 0.8
    decided = ("confirmed", "refused", "throttled", "vanished", "indefinite", "pending")
    assert messages["sent"] == sum(messages[name] for name in decided)
    assert "12 of 24 clients were lost: 12 x their worker was lost" in reasons(summary)


def test_a_worker_that_is_lost_before_it_hears_of_the_window(make):
    run = make(workers=2, clients="24", message_interval="1s", duration="12s")
    run.begin()
    run.until(lambda: run.run.aggregator.ready == 24)
    run.workers.lost.add("w1")
    summary = run.to_the_end()
    assert (summary["messages"]["planned"], summary["messages"]["unsent"]) == (288, 144)
    assert summary["clients"] == {"asked": 24, "ready": 24, "lost": 12, "applied": 0.5}


def test_clients_that_no_worker_ever_had_are_missing(make):
    run = make(clients="10", message_interval="1s", duration="12s", ready_timeout="1s")
    run.run.begin()
    run.spawn(6)
    summary = run.to_the_end()
    assert summary["clients"] == {"asked": 10, "ready": 6, "lost": 4, "applied": 0.6}
    assert (summary["messages"]["planned"], summary["messages"]["unsent"]) == (120, 48)
    assert "6 of 10 clients chatted: 4 x never started" in reasons(summary)


@pytest.mark.parametrize("workers", [0, 2])
def test_more_clients_get_accounts_and_plan_from_their_own_start(make, workers):
    run = make(workers=workers, clients="24", message_interval="1s", duration="20s", max_conns_per_user="4")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 10_000_000)
    task = run.scheduler.spawn(run.edit, 60)
    run.until(task.ready)
    summary = run.to_the_end()
    assert summary["clients"] == {"asked": 60, "ready": 60, "lost": 0, "applied": 1.0}
    assert (summary["messages"]["planned"], summary["messages"]["unsent"]) == (24 * 20 + 36 * 10, 0)
    assert summary["deliveries"]["lost"] == summary["deliveries"]["leaked"] == 0
    assert summary["latency_ms"]["send_lag"]["max"] < 100
    assert summary["errors"] == []


def test_a_change_that_is_changed_at_once_was_asked_for(make):
    run = make(clients="12", message_interval="1s", duration="10s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 5_000_000)
    for count in (20, 12):
        task = run.scheduler.spawn(run.edit, count)
        run.until(task.ready)
    assert run.to_the_end()["clients"]["asked"] == 20


def test_fewer_clients_plan_no_more(make):
    run = make(clients="12", message_interval="1s", duration="20s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 10_000_000)
    run.edit(8)
    summary = run.to_the_end()
    assert summary["clients"] == {"asked": 12, "ready": 12, "lost": 0, "applied": 1.0}
    assert 12 * 10 + 8 * 10 <= summary["messages"]["planned"] <= 12 * 10 + 8 * 10 + 4
    assert summary["messages"]["unsent"] <= 1


def test_roamers_get_accounts_of_their_own(make):
    run = make(kinds=(Chatter, Roamer), clients="8", conversations="2", message_interval="1s", duration="20s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 5_000_000)
    task = run.scheduler.spawn(run.edit, 16)
    run.until(task.ready)
    summary = run.to_the_end()
    assert (summary["clients"]["ready"], summary["clients"]["lost"], summary["errors"]) == (16, 0, [])


def test_accounts_that_cannot_be_made_are_no_reason_to_end(make):
    run = make(clients="12", message_interval="1s", duration="20s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 5_000_000)
    run.backend.refuse["signup"] = 429
    refused = []

    def resize():
        try:
            run.run.resize(60)
        except RunError as error:
            refused.append(str(error))

    task = run.scheduler.spawn(resize)
    run.until(task.ready)
    assert "give an accounts file" in refused[0]
    summary = run.to_the_end()
    assert (summary["clients"]["asked"], summary["verdict"]["result"]) == (12, "PASS")


def test_a_run_that_is_over_is_not_changed(make):
    run = make(message_interval="1s")
    run.go()
    with pytest.raises(RunError, match="while they start or chat"):
        run.run.resize(60)


def test_what_is_asked_for_may_change(make):
    run = make(message_interval="1s", duration="10s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 4_000_000)
    run.asked_for = 10
    run.stop(0)
    run.stop(1)
    summary = run.to_the_end()
    assert summary["clients"] == {"asked": 12, "ready": 12, "lost": 0, "applied": 1.0}
    lines = [json.loads(line) for line in (run.run.path / "journal.jsonl").read_text().splitlines()]
    assert [(line["clients"], line["second"]) for line in lines if line["event"] == "asked"] == [(12, 0), (10, 4)]
    assert summary["verdict"]["result"] == "PASS"


def test_the_journal_tells_the_run_from_beginning_to_end(make):
    run = make(message_interval="1s", fault={7: "lose one"}.get)
    run.go()
    lines = [json.loads(line) for line in (run.run.path / "journal.jsonl").read_text().splitlines()]
    kinds = [line["event"] for line in lines]
    assert (kinds[0], kinds[-1], kinds.count("finding")) == ("begin", "end", 1)
    assert json.loads((run.run.path / "config.json").read_text())["clients"] == 12


def test_messages_in_frames_of_another_type_are_a_doubt(make):
    run = make(message_interval="1s")
    run.backend.delivery_type = "room_message"
    summary = run.go()
    assert (summary["messages"]["confirmed"], summary["deliveries"]["lost"]) == (60, 720)
    assert summary["frames"]["room_message"] == {"count": 720, "tagged": 720}
    verdict = summary["verdict"]
    assert verdict["result"] == "INCONCLUSIVE"
    assert verdict["reasons"][0]["text"] == (
        "720 frames of type room_message carry this run's tags: does the contract's delivery type fit? "
        "(--delivery-type room_message)"
    )


def test_an_older_version_is_measured_with_its_delivery_type(make):
    run = make(message_interval="1s", delivery_type="room_message")
    run.backend.delivery_type = "room_message"
    summary = run.go()
    assert (summary["deliveries"]["delivered"], summary["verdict"]["result"]) == (720, "PASS")


def test_who_is_back_when_the_window_closes_is_counted(make):
    run = make(duration="6s", message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 1_500_000)
    lost = sorted(run.backend.connections, key=id)[:5]
    tickets, run.backend.refuse = run.backend.refuse, {"/ws/ticket": 503}
    for connection in lost:
        connection.end(1006, "gone")
    run.until(lambda: run.run.elapsed_us > 3_500_000)
    run.backend.refuse = tickets
    summary = run.to_the_end()
    connections = summary["connections"]
    assert connections["dropped"] == 5
    assert connections["ready_at_end"] + connections["never_back"] == 12
    assert summary["latency_ms"]["reconnect"]["count"] == 5 - connections["never_back"]
