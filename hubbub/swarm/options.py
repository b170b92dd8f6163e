"""Our options in Locust's command line and web form, and the settings of a run from them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from typing import Any

from hubbub.config import OPTION, OPTIONS, Option, Settings, defaults, load_profile, resolve
from hubbub.errors import ConfigError, HubbubError
from hubbub.exit_code import ExitCode
from hubbub.swarm.terminal import say

UNTIL_STOPPED = "until-stopped"
LAUNCHER_ONLY = ("workers",)
"""Options of `python -m hubbub` that a Locust process does not take: it is told its role by Locust's own flags."""


def fail(error: HubbubError) -> None:
    """Print an error's sentence and end the process with 2."""
    say(str(error))
    raise SystemExit(ExitCode.IMPOSSIBLE)


def profile_in(arguments: list[str]) -> str:
    """The profile that the command line or the environment names. It has to be known before the options are made."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    option = OPTION["run_profile"]
    finder.add_argument(option.flag, default=os.environ.get(option.environment_variable, ""))
    return str(finder.parse_known_args(arguments)[0].run_profile)


def own_options() -> list[Option]:
    """The options that Locust does not have already."""
    return [option for option in OPTIONS if not option.locust_flag and option.name not in LAUNCHER_ONLY]


def register(parser: Any, shapes: Iterable[str]) -> None:
    """Add the options to Locust's command line, with the profile's values as their defaults.

    `shapes` are the load shapes that the locustfile knows.
    """
    texts = defaults() | {"duration": UNTIL_STOPPED}
    try:
        name = profile_in(sys.argv[1:])
        profile = load_profile(name) if name else {}
    except ConfigError as error:
        fail(error)
    texts |= profile
    group = parser.add_argument_group("Hubbub")
    for option in own_options():
        more = shapes if option.name == "shape" else ()
        choices = [*option.choices, *(name for name in more if name not in option.choices)]
        _add(group, option, texts[option.name], choices)
    parser.set_defaults(num_users=int(texts["clients"]), spawn_rate=float(texts["spawn_rate"]), hubbub_sources=parser)


def _add(group: Any, option: Option, default: str, choices: list[str]) -> None:
    """Locust shows a group's options in its form only if the action says so."""
    keywords: dict[str, Any] = {"env_var": option.environment_variable, "help": option.help, "default": default}
    if option.is_switch:
        keywords |= {"action": "store_true", "default": default.lower() == "true"}
    else:
        keywords |= {"type": str, "metavar": option.metavar}
        if choices:
            keywords["choices"] = choices
    action = group.add_argument(option.flag, **keywords)
    action.include_in_web_ui = option.is_form_field
    action.is_secret = option.is_secret
    action.is_required = action.is_multiple = False


def texts_of(options: Any) -> dict[str, str]:
    """The option texts in Locust's parsed options."""
    texts = {option.name: str(getattr(options, option.name)) for option in own_options()}
    texts["clients"] = "" if options.num_users is None else str(options.num_users)
    texts["spawn_rate"] = "" if options.spawn_rate is None else f"{options.spawn_rate:g}"
    texts["host"] = options.host or ""
    return texts


def let_profile_beat_config_file(options: Any) -> None:
    """A profile's spawn rate beats the one of locust.conf, which is only there for plain `locust`."""
    parser = options.hubbub_sources
    del options.hubbub_sources
    profile = load_profile(options.run_profile) if options.run_profile else {}
    for source, values in parser.get_source_to_settings_dict().items():
        if source.startswith("config_file") and "spawn-rate" in values and "spawn_rate" in profile:
            options.spawn_rate = float(profile["spawn_rate"])


def take_over_run_time(options: Any) -> None:
    """Make Locust's -t our duration: Locust counts it from before spawning, and ends without a drain."""
    if options.run_time:
        options.duration = f"{options.run_time}s"
        options.run_time = None


def settings_of(options: Any, workers: int, shapes: Iterable[str]) -> Settings:
    """The checked settings of a run with so many workers (0: one process). Raises ConfigError."""
    return resolve(texts_of(options), workers, shapes)
