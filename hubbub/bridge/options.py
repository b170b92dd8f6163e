"""Our options in Locust's command line and web form, and the settings of a run from them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from hubbub.clock import parse_duration_us
from hubbub.errors import ConfigError, HubbubError
from hubbub.exit_code import ExitCode
from hubbub.option_kinds import UNTIL_STOPPED
from hubbub.option_rows import Option
from hubbub.options import OPTION, OPTIONS, Settings, defaults, profile_options, resolve
from hubbub.run.terminal import say
from hubbub.suite import HOME, SOURCES

LAUNCHER_ONLY = ("workers",)
"""Options of `python -m hubbub` that a Locust process does not take: it is told its role by Locust's own flags."""

LOCUSTS_OWN = {"clients": "num_users", "spawn_rate": "spawn_rate", "host": "host"}
"""Our options that Locust has already, and what it calls them."""


GIVEN = "hubbub_given"
"""Where the texts of each option are kept while the command line is read."""


class Suggestions(list[str]):
    """The choices that Locust's form offers. Every value is taken, so that a wrong one gets our sentence."""

    def __contains__(self, _value: object) -> bool:
        return True


class Repeatable(argparse.Action):
    """Takes an option each time that it is given: several times only where it means several."""

    def __call__(self, _parser: Any, namespace: Any, text: Any, _flag: str | None = None) -> None:
        texts = vars(namespace).setdefault(GIVEN, {}).setdefault(self.dest, [])
        texts.append(text)
        try:
            setattr(namespace, self.dest, OPTION[self.dest].joined(texts))
        except ConfigError as error:
            fail(error)


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
        texts |= profile_options(profile_in(sys.argv[1:]))
    except ConfigError as error:
        fail(error)
    group = parser.add_argument_group("Hubbub")
    for option in own_options():
        choices = Suggestions(option.choices() if option.choices is not None else ())
        if option.name == "shape":
            choices += [name for name in shapes if name not in list(choices)]
        _add(group, option, texts[option.name], choices)
    parser.set_defaults(num_users=int(texts["clients"]), spawn_rate=float(texts["spawn_rate"]), hubbub_sources=parser)


def _add(group: Any, option: Option, default: str, choices: list[str]) -> None:
    """Locust shows a group's options in its form only if the action says so."""
    keywords: dict[str, Any] = {"env_var": option.environment_variable, "help": option.help, "default": default}
    if option.is_switch:
        keywords |= {"action": "store_true", "default": option.value(default)}
    else:
        keywords |= {"type": str, "metavar": option.metavar, "action": Repeatable}
        if choices:
            keywords["choices"] = choices
    action = group.add_argument(option.flag, **keywords)
    action.include_in_web_ui = option.is_form_field
    action.is_secret = option.is_secret
    action.is_required = action.is_multiple = False


def texts_of(options: Any) -> dict[str, str]:
    """The option texts in Locust's parsed options."""
    texts = {option.name: str(getattr(options, option.name)) for option in own_options()}
    for name, locusts in LOCUSTS_OWN.items():
        value = getattr(options, locusts)
        texts[name] = f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
    return texts


def give_home_back() -> None:
    """The launcher hides the home folder from Locust's command line; kinds of clients may want to see it."""
    home = os.environ.pop(HOME, None)
    if home is not None:
        os.environ["HOME"] = home
        if not home:
            del os.environ["HOME"]


def take_over(options: Any) -> None:
    """Make Locust's own options ours, once, before they are checked.

    Our environment variable, and then the profile, beat a file such as locust.conf, which is only there for plain
    `locust`. Locust's -t becomes our duration: Locust counts it from before spawning, and ends without a drain.
    """
    profile = profile_options(options.run_profile)
    for name, locusts in LOCUSTS_OWN.items():
        text = os.environ.get(OPTION[name].environment_variable) or profile.get(name)
        if text and (getattr(options, locusts) is None or locusts in _weakly_set(options)):
            setattr(options, locusts, text)
    named = _named(options)
    options.hubbub_sources = json.loads(os.environ[SOURCES]) if SOURCES in os.environ else named
    vars(options).pop(GIVEN, None)
    if options.run_time:
        duration, ours = f"{options.run_time}s", options.duration
        if named.get("duration") == "command line" and not _is_same_time(ours, duration):
            raise ConfigError(f"run-time ({duration}) and duration ({ours}) are one thing: give one of them.")
        options.duration = duration
        options.run_time = None


def _is_same_time(one: str, other: str) -> bool:
    return parse_duration_us(one, "duration") == parse_duration_us(other, "run-time")


def _named(options: Any) -> dict[str, str]:
    """Who set which option in Locust's own command line: that, an environment variable, or a file."""
    places, weak = {}, _weakly_set(options)
    for source, settings in options.hubbub_sources.get_source_to_settings_dict().items():
        kind, _, path = source.partition("|")
        for key, (action, _) in settings.items():
            if action is not None and kind in ("environment_variables", "config_file"):
                places[action.dest] = f"environment {key}" if kind == "environment_variables" else path
    ours = {option.name: LOCUSTS_OWN.get(option.name, option.name) for option in OPTIONS}
    return {
        name: places.get(dest, "command line")
        for name, dest in ours.items()
        if dest in places
        or (hasattr(options, dest) and dest not in weak and getattr(options, dest) not in (None, "", False))
    }


def _weakly_set(options: Any) -> set[str]:
    """What neither Locust's command line nor its environment variables set: what comes from a file or a default.

    A value that was given in another spelling, such as `-u100`, is listed as a default, too, and is none.
    """
    weak = set()
    for source, settings in options.hubbub_sources.get_source_to_settings_dict().items():
        for action, _ in settings.values():
            if action is None:
                continue
            is_default = source.startswith("defaults") and getattr(options, action.dest) == action.default
            if is_default or source.startswith("config_file"):
                weak.add(action.dest)
    return weak


def settings_of(options: Any, workers: int, shapes: Iterable[str]) -> Settings:
    """The checked settings of a run with so many workers (0: one process). Raises ConfigError."""
    return resolve(texts_of(options), workers, shapes, options.hubbub_sources)
