"""Locust's own ways in: plain `locust`, and its web UI over HTTP as a script uses it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.support import ROOT, WebUi, free_port, wait_until

pytestmark = pytest.mark.e2e
LOCUST = (sys.executable, "-m", "locust")


def results_in(text):
    return Path(re.search(r"Results: (\S+)", text)[1])


@pytest.mark.essential
def test_plain_locust_runs_against_the_embedded_backend(start):
    run = start(*LOCUST, "--headless", "-u", 24, "-t", "4s", "--message-interval", "1s")
    run.passes()
    assert "no host given; the embedded backend runs on http://127.0.0.1:" in run.text
    assert "Ramping to 24 users at a rate of 50.00 per second" in run.text, "locust.conf brings the spawn rate"
    summary = json.loads((results_in(run.text) / "summary.json").read_text())
    assert summary["messages"]["sent"] == 24 * 4
    assert summary["deliveries"]["delivered"] == 24 * 24 * 4


def test_command_line_beats_profile_beats_locust_conf(start, tmp_path):
    for arguments, rate in (([], "12.00"), (["-r", "6"], "6.00")):
        run = start(*LOCUST, "--headless", "--run-profile", "smoke", "-t", "2s", *arguments)
        run.passes()
        assert f"Ramping to 12 users at a rate of {rate} per second" in run.text


def test_named_user_classes_take_the_place_of_the_mix(start):
    run = start(*LOCUST, "--headless", "-u", 6, "-t", "2s", "--message-interval", "1s", "Chatter", "Lurker")
    run.passes()
    assert '"Chatter": 3, "Lurker": 3' in run.text
    recorded = json.loads((results_in(run.text) / "config.json").read_text())["mix"]
    assert recorded == {"Chatter": 1.0, "Lurker": 1.0}


def test_bad_input_is_one_sentence(start):
    run = start(*LOCUST, "--headless", "-u", 2, "-t", "2s", "--message-interval", "0")
    assert run.code() == 2
    assert "message-interval must be at least 1 ms" in run.text
    assert "Traceback" not in run.text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--tags", "smoke"), "tags are not supported: choose the user classes with --mix"),
        (("--exclude-tags", "slow"), "tags are not supported"),
        (("--exit-code-on-error", "0"), "exit-code-on-error is not supported: the exit code is the verdict's"),
    ],
)
def test_flags_that_a_run_cannot_follow_are_refused(start, flags, sentence):
    run = start(*LOCUST, "--headless", "-u", 2, "-t", "2s", *flags)
    assert run.code() == 2
    assert sentence in run.text
    assert "Traceback" not in run.text


OWN_FILES = {
    "the load shape Steps is not supported": """
from locust import LoadTestShape
class Steps(LoadTestShape):
    def tick(self):
        return None
""",
    "the user class Visitor is not supported: it must be made from hubbub.ChatUser": """
from locust import User, task
class Visitor(User):
    @task
    def look(self):
        pass
""",
    "the user class Talker has a task of its own (talk): override step() instead": """
from locust import task
from users import all_users
class Talker(all_users()["Chatter"]):
    @task
    def talk(self):
        pass
""",
}


@pytest.mark.parametrize("sentence", OWN_FILES)
def test_what_a_locustfile_cannot_bring_is_refused(start, tmp_path, sentence):
    file = tmp_path / "own_locustfile.py"
    ours = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom locustfile import *\nimport locustfile\n"
    file.write_text(ours + "globals().update(vars(locustfile))\n" + OWN_FILES[sentence])
    run = start(*LOCUST, "-f", file, "--headless", "-u", 2, "-t", "2s")
    assert run.code() == 2
    assert sentence in run.text
    assert "Traceback" not in run.text


def test_a_locustfile_may_bring_a_curve_of_its_own(start):
    file = ROOT / "examples" / "locustfile.py"
    run = start(
        *LOCUST, "-f", file, "--headless", "-u", 4, "-t", "2s", "--message-interval", "500ms", "--shape", "twice"
    )
    run.passes()
    assert "hubbub: shape twice" in run.text


def test_with_json_standard_output_is_locusts_alone(tmp_path):
    command = [*LOCUST, "--headless", "-u", "2", "-t", "1s", "--message-interval", "500ms", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert {row["name"] for row in json.loads(done.stdout)} >= {"ticket", "join", "response", "delivery"}
    assert "Verdict: PASS" in done.stderr
    assert "No run time limit set" not in done.stderr


def test_autoquit_ends_the_web_ui_with_the_verdicts_exit_code(start):
    port = free_port()
    flags = ("--autostart", "--autoquit", "1", "--web-port", port, "--web-host", "127.0.0.1")
    run = start(*LOCUST, "-u", 2, "-t", "1s", "--message-interval", "500ms", *flags)
    assert run.code() == 0, run.text
    assert "Verdict: PASS" in run.text


def test_autoquit_after_a_run_that_could_not_be_made_is_2(start):
    port = free_port()
    flags = ("--autostart", "--autoquit", "0", "--web-port", port, "--web-host", "127.0.0.1", "-t", "1s", "-u", 2)
    run = start(*LOCUST, *flags, "--conversation-id", "999999", "--conversations", "1")
    assert run.code() == 2, run.text


def test_the_locust_conf_of_another_project_steers_nothing(start, tmp_path):
    (tmp_path / "locust.conf").write_text("host = http://127.0.0.1:9\ntags = smoke\n")
    (tmp_path / "locustfile.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "conf").mkdir()
    flags = ("--clients", 2, "--duration", "1s", "--message-interval", "500ms")
    run = start(sys.executable, "-m", "hubbub", "perf-ws", *flags, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    run.passes()
    assert "no host given; the embedded backend runs on" in run.text
    assert results_in(run.text).parent == tmp_path / "runs"


@pytest.fixture
def web_ui(hubbub):
    return WebUi(hubbub("ui", "--web-port", free_port()))


@pytest.mark.essential
def test_each_start_is_a_new_run_with_a_fresh_ledger(web_ui):
    for count in (1, 2):
        assert web_ui.swarm().json()["success"]
        web_ui.program.wait_for(rf"(?s)(clients are ready; sending.*){{{count}}}")
        wait_until(lambda: web_ui.state() == "running")
        wait_until(lambda: "connect" in requests.get(f"{web_ui.origin}/stats/requests", timeout=10).text)
        assert web_ui.stop().json()["success"]
        assert len(web_ui.runs()) == count
    first, second = (json.loads((Path(run) / "summary.json").read_text()) for run in web_ui.runs())
    assert first["run"]["id"] != second["run"]["id"]
    for summary in (first, second):
        assert summary["connections"]["attempted"] == 6
        assert summary["deliveries"]["lost"] == 0
        assert summary["messages"]["sent"] == summary["messages"]["confirmed"]


@pytest.mark.essential
def test_a_run_may_be_given_more_users_and_fewer(web_ui):
    assert web_ui.swarm(user_count=20, max_conns_per_user=4).json()["success"]
    web_ui.program.wait_for("clients are ready; sending")
    for count in (40, 30):
        assert web_ui.swarm(user_count=count).json()["success"]
        wait_until(lambda count=count: web_ui.users() == count)
    web_ui.stop()
    wait_until(web_ui.runs)
    summary = json.loads((Path(web_ui.runs()[0]) / "summary.json").read_text())
    assert (summary["clients"]["asked"], summary["clients"]["ready"], summary["clients"]["lost"]) == (40, 40, 0)
    assert summary["errors"] == []
    assert summary["deliveries"]["lost"] == 0
    assert "Traceback" not in web_ui.program.text


def test_a_run_with_a_duration_ends_by_itself(web_ui):
    assert web_ui.swarm(duration="2s").json()["success"]
    wait_until(web_ui.runs)
    summary = json.loads((Path(web_ui.runs()[0]) / "summary.json").read_text())
    assert summary["verdict"]["result"] != "FAIL"
    assert summary["messages"]["sent"] == 6 * 10


def test_a_shape_chosen_in_the_form_is_the_one_that_runs(web_ui):
    assert web_ui.swarm(shape="steps", duration="2s", user_count=10).json()["success"]
    web_ui.program.wait_for("shape steps")
    wait_until(web_ui.runs)
    assert web_ui.swarm(shape="none", duration="1s").json()["success"]
    wait_until(lambda: len(web_ui.runs()) == 2)
    assert web_ui.program.text.count("hubbub: shape steps") == 1


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"message_interval": "5x"}, "message-interval must be a duration"),
        ({"user_count": "0"}, "clients must be a whole number"),
        ({"host": "localhost:1"}, "host must be an origin"),
        ({"host": "http://127.0.0.1:9"}, "no backend answers"),
        ({"shape": "ramp"}, "needs a duration"),
        ({"accounts": "/etc/passwd"}, "the form has no field 'accounts'"),
    ],
)
def test_bad_values_in_the_form_are_refused_with_a_sentence(web_ui, form, sentence):
    answer = web_ui.swarm(**form).json()
    assert not answer["success"]
    assert sentence in answer["message"]
    assert web_ui.swarm(duration="1s").json()["success"], "the next start is not spoilt"


def test_another_web_page_cannot_start_a_test(web_ui):
    answer = web_ui.swarm(headers={"Origin": "https://evil.example"}).json()
    assert not answer["success"]
    assert "another web page" in answer["message"]


def test_a_taken_port_is_one_sentence(web_ui, hubbub):
    again = hubbub("ui", "--web-port", web_ui.origin.rsplit(":", 1)[1])
    assert again.code() == 2
    assert "web-port must be a free port" in again.text


def test_ctrl_c_ends_the_web_ui_with_what_was_measured(web_ui):
    web_ui.swarm()
    web_ui.program.wait_for("clients are ready; sending")
    web_ui.program.signal()
    assert web_ui.program.code() == 3, web_ui.program.text
    assert web_ui.runs()
