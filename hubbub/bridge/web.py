"""The web form: our checks before Locust starts anything, and no request from another page's origin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Response, jsonify, request
from werkzeug.datastructures import MultiDict

from hubbub.bridge.options import own_options
from hubbub.errors import ConfigError, HubbubError
from hubbub.option_kinds import UNTIL_STOPPED
from hubbub.options import OPTION

logger = logging.getLogger(__name__)

LOCUST_FIELDS = ("user_count", "spawn_rate", "host", "run_time", "user_classes", "shape_class", "profile")
CHANGEABLE = ("user_count", "spawn_rate")
CHANGING_METHODS = ("POST", "PUT", "DELETE")


def guard_form(
    web_ui: Any, parsed: Any, prepare: Callable[[], None], resize: Callable[[int], None], is_running: Callable[[], bool]
) -> None:
    """Check every start from the web form, and every change of a run.

    `prepare` sets a run up from `parsed` options, `resize` makes what a run needs for another number of users; both
    raise HubbubError.
    """

    initial = parsed.duration
    is_starting = False

    def before_request() -> Response | None:
        nonlocal is_starting
        if request.method in CHANGING_METHODS and not _is_same_origin():
            return _refuse("this request came from another web page; it is not done.")
        if request.endpoint == "locust.swarm" and is_running():
            return _check_change(resize)
        if request.endpoint == "locust.swarm":
            if is_starting:
                return _refuse("a run is being started; wait for it.")
            is_starting = True
            try:
                return _check_form(web_ui.environment, parsed, initial, prepare)
            finally:
                is_starting = False
        return None

    web_ui.app.before_request(before_request)


def _is_same_origin() -> bool:
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _check_form(environment: Any, parsed: Any, initial: str, prepare: Callable[[], None]) -> Response | None:
    """Take the form's values as options; Locust gets what is its own, without the run time, which is our duration.

    Locust copies every option of the form over ours once more, as text, so ours must be gone by then.
    """
    form = MultiDict(request.form)
    if not form.get("host"):
        form.poplist("host")  # Locust would take an emptied host for one
    known = {option.name for option in own_options() if option.is_form_field}
    unknown = sorted(set(form) - known - set(LOCUST_FIELDS))
    if unknown:
        return _refuse(f"the form has no field {unknown[0]!r}.")
    before = dict(vars(parsed)), environment.host
    try:
        duration = _duration_of(form, parsed.duration, initial)
        _check_profile(form.pop("profile", ""), parsed)
        _take(form, known, parsed, environment)
        parsed.duration = duration
        prepare()
    except HubbubError as error:
        vars(parsed).update(before[0])
        environment.host = before[1]
        return _refuse(str(error))
    for name in known:
        form.poplist(name)
    if "spawn_rate" in form:
        form["spawn_rate"] = str(parsed.spawn_rate)  # a limit of calls may have lowered it
    request.form = form  # type: ignore[assignment]
    return None


def _check_change(resize: Callable[[int], None]) -> Response | None:
    """A run's number of users is changed: make their accounts first. Nothing else of a run can change."""
    form = MultiDict(request.form)
    try:
        users = OPTION["clients"].value(form.get("user_count", ""))
        resize(users)
    except HubbubError as error:
        return _refuse(str(error))
    request.form = MultiDict({name: form[name] for name in CHANGEABLE if name in form})  # type: ignore[assignment]
    return None


def _duration_of(form: MultiDict[str, str], now: str, initial: str) -> str:
    """How long the run is: the form has our field for it and Locust's. Raises ConfigError where they differ.

    A field that was not touched has the duration of `now`, or the one that the page began with.
    """
    run_time = form.pop("run_time", "").strip()
    duration = form.pop("duration", now).strip() or UNTIL_STOPPED
    if run_time and duration not in (run_time, now, initial, UNTIL_STOPPED):
        raise ConfigError(
            f"Run time is {run_time!r} and Duration is {duration!r}: they are the same; give one of them."
        )
    return run_time or duration


def _check_profile(name: str, parsed: Any) -> None:
    """A profile sets the values that the form begins with, so it is too late for one here."""
    if name and name not in (parsed.run_profile, parsed.profile):
        raise ConfigError(f"the profile {name!r} cannot be chosen here: start with hubbub ui --profile {name}.")


def _take(form: MultiDict[str, str], known: set[str], parsed: Any, environment: Any) -> None:
    for name in known & set(form):
        value, option = form[name], OPTION[name]
        is_new = option.folder and value != getattr(parsed, name)
        if is_new and option.choices is not None and value not in option.choices():
            raise ConfigError(
                f"{option.label} {value!r} cannot be chosen here: start with hubbub ui {option.flag} {value}."
            )
        setattr(parsed, name, value == "true" if isinstance(getattr(parsed, name), bool) else value)
    if "user_count" in form:
        parsed.num_users = form["user_count"]
    if "spawn_rate" in form:
        try:
            parsed.spawn_rate = float(form["spawn_rate"])
        except ValueError as error:
            raise ConfigError(f"spawn-rate must be a number above 0, not {form['spawn_rate']!r}.") from error
    if form.get("host"):
        parsed.host = environment.host = form["host"]


def _refuse(text: str) -> Response:
    """What the form shows when a start is refused."""
    logger.error("%s", text)
    return jsonify({"success": False, "message": text})
