"""The web form is checked before Locust starts anything."""

from types import SimpleNamespace

import pytest
from flask import Flask, jsonify, request

from hubbub.bridge.web import guard_form
from hubbub.errors import ConfigError


class Form:
    """A form of one page: `post` it; `seen` is what Locust was given."""

    def __init__(self):
        self.app = Flask(__name__)
        self.parsed = SimpleNamespace(
            duration="until-stopped",
            canary=False,
            message_interval="5s",
            num_users=1,
            spawn_rate=1.0,
            host="http://old",
            run_profile="smoke",
            contract="sanctum",
            shape="none",
            profile=None,
        )
        self.environment = SimpleNamespace(host="http://old")
        self.problem = ""
        self.seen = None
        self.prepare_hook = lambda: None
        web_ui = SimpleNamespace(app=self.app, environment=self.environment)
        self.is_running, self.sizes = False, []
        guard_form(web_ui, self.parsed, self.prepare, self.resize, lambda: self.is_running)

        @self.app.route("/swarm", methods=["POST"], endpoint="locust.swarm")
        def swarm():
            self.seen = dict(request.form)
            return jsonify({"success": True})

    def prepare(self):
        hook, self.prepare_hook = self.prepare_hook, lambda: None
        hook()
        if self.problem:
            raise ConfigError(self.problem)

    def resize(self, clients):
        if self.problem:
            raise ConfigError(self.problem)
        self.sizes.append(clients)

    def post(self, headers=None, **form):
        answer = self.app.test_client().post("/swarm", data=form, headers=headers).get_json()
        return "" if answer["success"] else answer["message"]


@pytest.fixture
def form():
    return Form()


def test_our_fields_are_options_and_locust_sees_only_its_own(form):
    assert form.post(user_count="6", spawn_rate="5", message_interval="1s", canary="true", host="http://new") == ""
    parsed = form.parsed
    assert (parsed.num_users, parsed.spawn_rate, parsed.message_interval) == ("6", 5.0, "1s")
    assert (parsed.canary, parsed.host, form.environment.host) == (True, "http://new", "http://new")
    assert set(form.seen) == {"user_count", "spawn_rate", "host"}


@pytest.mark.parametrize(
    ("fields", "duration"),
    [
        ({"run_time": "6s"}, "6s"),
        ({"run_time": "6s", "duration": "until-stopped"}, "6s"),
        ({"duration": "7s"}, "7s"),
        ({"duration": ""}, "until-stopped"),
        ({}, "until-stopped"),
    ],
)
def test_run_time_and_duration_are_one(form, fields, duration):
    assert form.post(**fields) == ""
    assert form.parsed.duration == duration
    assert "run_time" not in form.seen


def test_two_different_durations_are_refused(form):
    assert "they are the same; give one of them" in form.post(run_time="6s", duration="7s")


def test_an_emptied_host_leaves_the_old_one(form):
    assert form.post(host="") == ""
    assert form.environment.host == "http://old"
    assert "host" not in form.seen


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"run_dir": "/etc"}, "the form has no field 'run_dir'"),
        ({"spawn_rate": "fast"}, "spawn-rate must be a number above 0"),
        ({"profile": "soak"}, "the profile 'soak' cannot be chosen here"),
    ],
)
def test_what_cannot_be_taken_is_one_sentence(form, fields, sentence):
    assert sentence in form.post(**fields)
    assert form.seen is None


def test_a_refused_start_changes_nothing(form):
    form.problem = "no backend answers."
    assert form.post(user_count="9", host="http://new", message_interval="1s") == "no backend answers."
    assert (form.parsed.num_users, form.parsed.message_interval, form.environment.host) == (1, "5s", "http://old")


def test_a_second_start_waits_for_the_first_one_to_be_checked(form):
    answers = []

    def prepare():
        answers.append(form.post(user_count="8"))

    form.prepare_hook = prepare
    assert form.post(user_count="9") == ""
    assert answers == ["a run is being started; wait for it."]
    assert form.parsed.num_users == "9"


def test_another_page_may_start_nothing(form):
    assert "another web page" in form.post(headers={"Origin": "http://evil.example"})
    assert form.post(headers={"Origin": "http://localhost"}) == ""
    assert form.post(profile="smoke") == ""


def test_a_run_is_given_another_number_of_users_and_nothing_else(form):
    form.is_running = True
    assert form.post(user_count="60", spawn_rate="5", message_interval="1s", host="http://other") == ""
    assert form.sizes == [60]
    assert form.seen == {"user_count": "60", "spawn_rate": "5"}
    assert (form.parsed.message_interval, form.environment.host) == ("5s", "http://old")


@pytest.mark.parametrize("count", ["", "0", "-1", "many", "1.5"])
def test_a_number_of_users_that_is_none_is_refused(form, count):
    form.is_running = True
    assert "clients must be a whole number" in form.post(user_count=count)
    assert (form.sizes, form.seen) == ([], None)


def test_what_cannot_be_made_for_more_users_is_said(form):
    form.is_running = True
    form.problem = "2 of 3 accounts could not be made."
    assert form.post(user_count="60") == form.problem
    assert form.seen is None


@pytest.mark.parametrize(("field", "value"), [("contract", "antigravity:x"), ("shape", "/srv/evil.py")])
def test_a_page_cannot_name_what_would_be_run(form, field, value):
    assert f"{field} {value!r} cannot be chosen here: start with hubbub ui --{field} {value}" in form.post(
        **{field: value}
    )
    assert form.post(contract="minimal") == ""
