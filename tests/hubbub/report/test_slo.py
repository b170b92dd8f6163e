"""Objectives: what may be written, how each kind is judged, and windows."""

from copy import deepcopy

import pytest

from hubbub.config import CONF, slo_texts
from hubbub.errors import ConfigError
from hubbub.report.slo import Watch, evaluate, parse_objectives


def only(text):
    (objective,) = parse_objectives([text])
    return objective


def test_an_objective_in_full():
    objective = only("response.p99_9<800 over 30s abort after 1m")
    assert (objective.figure, objective.operator, objective.limit) == ("response.p99_9", "<", 800)
    assert (objective.window_us, objective.is_aborting, objective.delay_us) == (30_000_000, True, 60_000_000)
    assert objective.quantile == 0.999
    assert objective.limit_text == "< 800 over 30s"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("response.p95 > 300", "slo must be like"),
        ("fast please", "slo must be like"),
        ("response.p97 < 3", "there is no figure 'response.p97'; response has count, min, p50"),
        ("weather.rain == 0", "there is no figure 'weather.rain'; there are connections, messages"),
        ("response.p95 < 3%", "response.p95 has no whole"),
        ("response.p95 < 3 over soon", "the slo's window must be a duration"),
        ("health.cpu_max < 1 over 30s", "health.cpu_max is a figure of the whole run"),
    ],
)
def test_what_cannot_be_an_objective_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        parse_objectives([text])


def test_a_later_one_takes_the_place_of_an_earlier_one_for_the_same_figure():
    objectives = parse_objectives([*slo_texts(""), "response.p95 < 100", "response.p95 < 50 over 10s"])
    assert [o.limit for o in objectives if o.figure == "response.p95"] == [100, 50]


def test_objectives_come_from_files_and_the_command_line():
    assert slo_texts("response.p50<9")[-1] == "response.p50<9"
    assert len(slo_texts("response.p50<9")) == len(slo_texts("")) + 1
    with pytest.raises(ConfigError, match="slo must be an objective such as"):
        slo_texts("../profiles/low")


@pytest.mark.parametrize("path", sorted((CONF / "slo").glob("*.toml")), ids=lambda path: path.stem)
def test_every_file_of_objectives_can_be_read(path):
    assert parse_objectives(slo_texts(path.stem))


def test_a_percentile_is_judged_as_a_share(outcome):
    for _ in range(5):
        outcome.timings.response.record(400_000)
    result = evaluate(only("response.p95 < 300"), outcome)
    assert (result.ok, result.share) == (True, pytest.approx(5 / 105))
    outcome.timings.response.record(400_000)
    assert evaluate(only("response.p95 < 300"), outcome).ok is False


def test_a_lost_delivery_is_beyond_every_limit(outcome):
    outcome.timings.response.censor(1_000, 10)
    assert evaluate(only("response.p95 < 300000"), outcome).ok is False


def test_a_percentage_is_of_what_was_tried(outcome):
    outcome.counts.indefinite = 1
    result = evaluate(only("messages.indefinite <= 10%"), outcome)
    assert (result.value, result.ok) == (10.0, True)


def test_counts_and_health_are_figures_too(outcome):
    assert evaluate(only("messages.sent == 10"), outcome).ok is True
    assert evaluate(only("health.cpu_max <= 0.05"), outcome).ok is False
    assert evaluate(only("errors.count == 0"), outcome).ok is True


def test_what_was_not_measured_is_neither_held_nor_broken(outcome):
    result = evaluate(only("join.p95 < 5"), outcome)
    assert (result.value, result.ok) == (None, None)


def later(outcome, response_us, is_clean=True):
    """The outcome a second later, with ten more deliveries."""
    outcome = deepcopy(outcome)
    for timings in (outcome.timings, outcome.clean) if is_clean else (outcome.timings,):
        for _ in range(10):
            timings.response.record(response_us)
    outcome.counts.delivered += 10
    return outcome


def test_a_window_sees_what_the_whole_run_hides(outcome):
    watch = Watch(parse_objectives(["response.p50 < 100 over 2s", "response.p50 < 100"]))
    assert watch.is_needed
    states = [outcome]
    for response_us in (20_000, 200_000, 200_000, 20_000, 20_000, 20_000):
        states.append(later(states[-1], response_us))
    for second, state in enumerate(states):
        assert watch.observe(second * 1_000_000, state) == ""
    windowed, whole = (result for _, result in watch.results(states[-1]))
    assert (windowed.ok, whole.ok) == (False, True)
    assert windowed.value == pytest.approx(200, rel=0.004)


def test_slowness_in_an_unclean_window_proves_nothing(outcome):
    watch = Watch(parse_objectives(["response.p50 < 100 over 1s"]))
    states = [outcome, later(outcome, 20_000)]
    states.append(later(states[-1], 200_000, is_clean=False))
    for second, state in enumerate(states):
        watch.observe(second * 1_000_000, state)
    assert watch.results(states[-1])[0][1].ok is None


def test_a_window_may_be_as_long_as_the_run_and_sees_its_first_second(outcome):
    watch = Watch(parse_objectives(["response.p50 < 10 over 1s"]))
    watch.observe(1_000_000, outcome)
    assert watch.results(outcome)[0][1].ok is False


def test_a_short_window_is_short_beside_a_long_one(outcome):
    watch = Watch(parse_objectives(["deliveries.delivered <= 35 over 2s", "deliveries.delivered <= 100000 over 1h"]))
    state = outcome
    for second in range(1, 100):
        state = later(state, 20_000)
        watch.observe(second * 1_000_000, state)
    short, _ = (result for _, result in watch.results(state))
    assert short.ok is False, "the first window holds the hundred deliveries before it"
    assert short.value == 120
    assert len(watch._past[2_000_000]) <= 3
    assert len(watch._past[3_600_000_000]) <= 61


def test_a_window_that_was_never_full_was_not_measured(outcome):
    watch = Watch(parse_objectives(["response.p50 < 100 over 1m"]))
    watch.observe(1_000_000, outcome)
    assert watch.results(outcome)[0][1].ok is None


def test_an_aborting_objective_ends_the_run_after_its_delay(outcome):
    watch = Watch(parse_objectives(["response.p95 < 10 abort after 3s"]))
    assert watch.observe(2_000_000, outcome) == ""
    assert watch.observe(3_000_000, outcome) == "response.p95 < 10 was broken after 3 s"


def test_other_objectives_need_no_watching():
    assert not Watch(parse_objectives(slo_texts(""))).is_needed
