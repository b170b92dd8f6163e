"""The integer counts of a ledger: one slot per class of ACCOUNTING, added up by the master."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counts:
    """Counts of messages (first group), of due deliveries, of frames that arrived, each by its class, and of typing.

    `caught_up` is the part of `optional` whose messages were sent long after their time: an outage's backlog.
    `recovered` is the part of `delivered` that was sent while the connection was gone, or on its way when it ended,
    and that a later connection was given. `lost_unproven` is the part of `lost` that the generator itself may have
    caused, `indefinite_unproven` the part of `indefinite` whose connection it may have ended.
    """

    sent: int = 0
    unsent: int = 0
    confirmed: int = 0
    refused: int = 0
    throttled: int = 0
    vanished: int = 0
    indefinite: int = 0
    indefinite_unproven: int = 0

    due: int = 0
    lost: int = 0
    lost_unproven: int = 0
    excused: int = 0

    delivered: int = 0
    recovered: int = 0
    optional: int = 0
    caught_up: int = 0
    duplicated: int = 0
    leaked: int = 0
    corrupt: int = 0
    foreign: int = 0
    late: int = 0
    out_of_order: int = 0

    typing_sent: int = 0
    typing_due: int = 0
    typing_told: int = 0
    typing_stateless: int = 0
    typing_wrong: int = 0
    typing_excused: int = 0
    typing_stuck: int = 0

    @property
    def planned(self) -> int:
        """Messages that the senders' plans asked for."""
        return self.sent + self.unsent

    @property
    def pending(self) -> int:
        """Messages whose fate is not known yet; 0 once the ledger is finished."""
        decided = self.confirmed + self.refused + self.throttled + self.vanished + self.indefinite
        return self.sent - decided

    @property
    def expected(self) -> int:
        """Due deliveries that had their chance: due without the excused."""
        return self.due - self.excused

    @property
    def typing_missed(self) -> int:
        """Changes that members were to be told of, and were not; while the run goes on, those on their way, too."""
        return self.typing_due - self.typing_told - self.typing_stateless - self.typing_excused

    @property
    def received(self) -> int:
        """Every delivery frame that arrived, whatever its class."""
        return self.delivered + self.optional + self.duplicated + self.leaked + self.corrupt + self.foreign + self.late

    def add(self, other: Counts) -> None:
        """Add another ledger's counts to these."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def since(self, earlier: Counts) -> Counts:
        """What was counted after an earlier state of these counts."""
        return Counts(
            **{field.name: getattr(self, field.name) - getattr(earlier, field.name) for field in fields(self)}
        )
