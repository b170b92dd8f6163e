"""What a run is held against: the objectives of its settings, as far as they fit what it asked for."""

from __future__ import annotations

from hubbub.options import Settings
from hubbub.profiles import slo_texts
from hubbub.report import Watch, parse_objectives
from hubbub.report.figures import SERIES

OF_MESSAGES = {"messages", "send_lag", "post"} | {series.name for series in SERIES if series.is_delivery}


def watch_of(settings: Settings, chatting_share: float) -> Watch:
    """The objectives of a run in which such a share of the clients sends messages. Raises ConfigError.

    A run that asks for no messages is judged on its connections: times and shares of messages are no part of the
    default objectives then. Objectives that were named are all judged.
    """
    objectives = parse_objectives(slo_texts(settings.slo))
    if not chatting_share and not settings.slo:
        objectives = [each for each in objectives if each.section not in OF_MESSAGES]
    return Watch(objectives)
