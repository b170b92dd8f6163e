"""What of Locust's own command line a run cannot do: refused with a sentence, instead of ignored or worse."""

from __future__ import annotations

import logging
import sys
from typing import Any

from hubbub.bridge.user import ChatUser, no_task
from hubbub.errors import ConfigError

DEFAULT_EXIT_CODE_ON_ERROR = 1


def check_flags(environment: Any) -> None:
    """Raise ConfigError for flags, user classes and shapes of Locust that a run cannot take part with."""
    parsed = environment.parsed_options
    hosts = [each for each in sys.argv[1:] if each in ("-H", "--host") or each.startswith("--host=")]
    if len(hosts) > 1:  # Locust would take the last one
        raise ConfigError(f"host was given {len(hosts)} times: give several with commas, --host A,B.")
    if parsed.tags or parsed.exclude_tags:
        raise ConfigError("tags are not supported: choose the user classes with --mix.")
    if parsed.exit_code_on_error != DEFAULT_EXIT_CODE_ON_ERROR:
        raise ConfigError("exit-code-on-error is not supported: the exit code is the verdict's (0, 1, 2 or 3).")
    if environment.shape_class is not None:
        name = type(environment.shape_class).__name__
        raise ConfigError(f"the load shape {name} is not supported: put a curve into shapes/, and name it by --shape.")
    for name, user_class in environment.available_user_classes.items():
        _check_user_class(name, user_class)


def _check_user_class(name: str, user_class: Any) -> None:
    if not issubclass(user_class, ChatUser):
        raise ConfigError(f"the user class {name} is not supported: it must be made from hubbub.ChatUser.")
    own = [getattr(task, "__name__", "tasks") for task in user_class.tasks if task is not no_task]
    if own:
        raise ConfigError(f"the user class {name} has a task of its own ({own[0]}): override step() instead.")


def keep_quiet_about_run_time() -> None:
    """Locust says that there is no run time limit, because ours is not its own."""
    logging.getLogger("locust.main").addFilter(lambda record: "No run time limit set" not in record.getMessage())
