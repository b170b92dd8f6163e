"""Whether a run found exactly the faults that the embedded backend made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

Summary = Mapping[str, Any]


def identities(summary: Summary) -> list[str]:
    """What does not add up; nothing in any run."""
    messages, deliveries = summary["messages"], summary["deliveries"]
    decided = ("confirmed", "refused", "throttled", "vanished", "indefinite")
    classes = ("delivered", "optional", "duplicated", "leaked", "corrupt", "foreign", "late")
    sums = {
        "planned": (messages["planned"], messages["sent"] + messages["unsent"]),
        "sent": (messages["sent"], sum(messages[name] for name in decided)),
        "due": (deliveries["due"], deliveries["delivered"] + deliveries["lost"] + deliveries["excused"]),
        "expected": (deliveries["expected"], deliveries["delivered"] + deliveries["lost"]),
        "received": (deliveries["received"], sum(deliveries[name] for name in classes)),
    }
    for section, names in (
        ("messages", ("planned", *decided)),
        ("deliveries", ("due", "delivered", "lost", "excused", "optional", "duplicated", "late", "out_of_order")),
    ):
        for name in names:
            of_each = sum(conversation[section][name] for conversation in summary["conversations"])
            sums[f"{name} of all conversations"] = (summary[section][name], of_each)
    return [f"{name} is {found} and its parts are {parts}" for name, (found, parts) in sums.items() if found != parts]


def differences(summary: Summary, truth: Mapping[str, int], members: int) -> list[str]:
    """Where the figures of a run differ from the truth, in conversations of `members` that no client leaves."""
    made = Counter(truth)
    messages, deliveries, history = summary["messages"], summary["deliveries"], summary["history"]
    silent = made["swallow"] + made["undelivered"]
    pairs = {
        "duplicated": (deliveries["duplicated"], made["duplicate"]),
        "out_of_order": (deliveries["out_of_order"], made["reorder"]),
        "leaked": (deliveries["leaked"], made["leak"]),
        "corrupt": (deliveries["corrupt"], made["corrupt"]),
        "lost": (deliveries["lost"], made["drop"] + made["corrupt"] + members * silent),
        "late": (deliveries["late"], 0),
        "foreign": (deliveries["foreign"], 0),
        "vanished": (messages["vanished"], made["swallow"]),
        "refused": (messages["refused"], made["refuse"]),
        "throttled": (messages["throttled"], made["throttle"]),
        "stored": (history["stored"], messages["confirmed"] - made["unstored"]),
        "delivered and not stored": (history["delivered_not_stored"], made["unstored"]),
        "stored and not delivered": (history["stored_not_delivered"], made["undelivered"]),
        "stored twice": (history["stored_twice"], 0),
    }
    wrong = [
        f"{name}: {found} found, {expected} made" for name, (found, expected) in pairs.items() if found != expected
    ]
    return identities(summary) + wrong
