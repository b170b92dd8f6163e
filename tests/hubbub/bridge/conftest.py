"""A Locust environment with its local runner, in this process."""

import argparse

import pytest
from locust.env import Environment
from locust.event import Events

from users.chatter import Chatter
from users.lurker import Lurker


@pytest.fixture
def parsed():
    """Locust's own options that we look at, as they are without flags."""
    return argparse.Namespace(
        hubbub_sources={},
        tags=None,
        exclude_tags=None,
        exit_code_on_error=1,
        json=False,
        autoquit=-1,
        user_classes=[],
        class_picker=False,
        expect_workers=1,
        headless=True,
        host=None,
        num_users=1,
        spawn_rate=1.0,
        run_time=None,
        profile=None,
    )


@pytest.fixture
def environment(parsed):
    environment = Environment(
        user_classes=[Chatter, Lurker],
        events=Events(),
        parsed_options=parsed,
        available_user_classes={"Chatter": Chatter, "Lurker": Lurker},
    )
    environment.create_local_runner()
    environment.web_ui = None
    weights = {kind: kind.weight for kind in (Chatter, Lurker)}
    yield environment
    environment.runner.quit()
    for kind, weight in weights.items():
        kind.weight = weight
