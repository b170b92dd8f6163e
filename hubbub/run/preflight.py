"""Before any load: do two connections of one conversation hear each other at all?

A run against a backend that cannot deliver a single message ends in seconds, with the exact reason. One message that
reaches the other connection is enough to go on, so that a backend which loses some is measured and not turned away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hubbub.client.accounts import Account
from hubbub.client.context import WorkerContext
from hubbub.client.events import UNREADABLE
from hubbub.client.history import ReadBack
from hubbub.client.session import Session
from hubbub.client.slots import Slot
from hubbub.clock import US_PER_SECOND
from hubbub.contracts import Contract, Id, load_contract
from hubbub.errors import Owner, PhaseFailed, RunError
from hubbub.health import Lateness
from hubbub.ledger import Ledger, Message
from hubbub.options import Settings
from hubbub.run.provisioning import Provision
from hubbub.run.world import World

PATIENCE_US = 5 * US_PER_SECOND
"""For a connection to be ready, and for a message to arrive: ten times what the default objective allows."""

TRIES = 3
"""Messages, and attempts to get ready: a backend that fails now and then is not hopeless."""

TRY_AGAIN_S = 0.5
RESEND_US = US_PER_SECOND
POLL_S = 0.01

NONE_DELIVERED = "the backend confirmed each message, and delivered none"
OTHER_RUN = 0xFFFFFFFF
"""Our messages are another run's to the ledgers of the load and to the histories that are read back."""


class Preflight:
    """`check` it once. `provision` has the accounts and the conversation, `user_ids` the backend's ids of all."""

    def __init__(
        self, settings: Settings, world: World, run_number: int, provision: Provision, user_ids: Sequence[Id]
    ) -> None:
        self._settings = settings
        self._world = world
        self._scheduler = world.scheduler
        self._contract: Contract = load_contract(settings.contract, settings.delivery_type, settings.contract_settings)
        self._index, self._backend_id = provision.conversations[0]
        accounts = [each for each in provision.shared + provision.own if self._index in each.conversations]
        self._accounts: list[Account] = (accounts * 2)[:2]
        self._transport = world.transport(settings, settings.seed)
        self._http = world.http(settings, self._contract.poll_s)
        self._ledger = Ledger(run_number ^ OTHER_RUN, self._contract, user_ids)
        self._ledger.add_conversation(
            *(self._index, self._backend_id), {each.index for each in accounts}, self._contract.has_echo
        )
        self._lateness = Lateness(world.scheduler, None, self._transport.look)
        self._context = WorkerContext(
            settings=settings,
            contract=self._contract,
            ledger=self._ledger,
            scheduler=world.scheduler,
            transport=self._transport,
            http=self._http.request,
            lateness=self._lateness,
            on_phase=lambda *_: None,
            conversation_ids={self._index: self._backend_id},
            https=self._http.each,
            polls=self._http.polls,
        )
        self._context.know(accounts)

    def check(self) -> None:
        """Raises RunError with the reason where the backend is hopeless."""
        can_hold_two = self._accounts[0] is not self._accounts[1] or self._settings.max_conns_per_user > 1
        accounts = self._accounts if can_hold_two else self._accounts[:1]
        sessions = [Session(self._context, Slot(n, account, self._index, n)) for n, account in enumerate(accounts)]
        self._lateness.loop.start()
        try:
            for session in sessions:
                self._get_ready(session)
            if self._settings.clients > 1 and can_hold_two:
                self._chat(*sessions)
        finally:
            for session in sessions:
                session.close()
            self._lateness.loop.stop()
            self._transport.close()
            self._http.close()

    def _get_ready(self, session: Session) -> None:
        """A connection that is ready, within a few attempts."""
        ends_us = self._scheduler.now_us() + PATIENCE_US
        for attempt in range(1, TRIES + 1):
            try:
                session.establish()
                return
            except PhaseFailed as error:
                if attempt == TRIES or self._scheduler.now_us() > ends_us:
                    raise RunError(f"preflight: no connection gets ready ({error}).") from error
                self._scheduler.sleep(TRY_AGAIN_S)

    def _chat(self, sender: Session, other: Session) -> None:
        """Send until one message reaches the other connection; the last one has all the patience."""
        sent: list[Message] = []
        for attempt in range(1, TRIES + 1):
            for session in (sender, other):
                if not session.can_send:
                    self._get_ready(session)
            say = sender.send if self._contract.sends_frames else sender.post
            message = say(self._scheduler.now_us(), " Is anyone there?")
            if message is not None:
                sent.append(message)
            wait_us = PATIENCE_US if attempt == TRIES else RESEND_US
            if self._wait(wait_us, lambda: any(_has(other, each) for each in sent)):
                return
        raise RunError(f"preflight: {self._why(sender, sent) if sent else 'no message could be sent'}.")

    def _wait(self, wait_us: int, has_arrived: Callable[[], bool]) -> bool:
        ends_us = self._scheduler.now_us() + wait_us
        while not has_arrived():
            if self._scheduler.now_us() > ends_us:
                return False
            self._scheduler.sleep(POLL_S)
        return True

    def _why(self, sender: Session, sent: Sequence[Message]) -> str:
        """Why no message reached the other connection."""
        for kind, error in self._context.phase_stats.errors.items():
            if error.failure.owner is Owner.CONFIGURATION or kind == UNREADABLE:
                return f"{kind}: {error.sample}"
        if self._ledger.counts.corrupt:
            return f"what was delivered was cut or changed, or names another room than {self._backend_id!r}"
        return self._why_not_there(sender, sent)

    def _why_not_there(self, sender: Session, sent: Sequence[Message]) -> str:
        seconds = PATIENCE_US // US_PER_SECOND
        tagged = self._ledger.frame_types.tagged()
        has_type = "delivery_type" in self._contract.settings
        if tagged:
            name = tagged[0][0]
            return (
                f"messages arrive in frames of type {name}, which the contract does not take for deliveries: "
                f"{f'give --delivery-type {name}' if has_type else 'look at what it takes for one (hubbub try)'}"
            )
        unseen = self._ledger.unseen()
        refused = self._context.refusals.most()
        if refused is not None:
            return f"the backend refused {refused[1]} of {self._ledger.counts.sent} messages: {refused[0]}"
        if not unseen:
            has_echo = any(_has(sender, message) for message in sent)
            what = "each message reached its sender, and not the other connection" if has_echo else NONE_DELIVERED
            return f"{what} within {seconds} s"
        reading = ReadBack(self._context, self._world.requests(self._settings), "sample", lambda _: None)
        reading.run()
        reading.close()
        found = reading.history
        if found.stored_not_delivered:
            return f"stored (found in the history), and reached nobody within {seconds} s: it does not fan out"
        if found.not_stored:
            return f"neither stored (the history lacks it) nor delivered within {seconds} s: no message is taken"
        return f"reached nobody within {seconds} s; whether it was stored is not known ({reading.problem})"


def _has(session: Session, message: Message) -> bool:
    """Whether a message has reached a session's present connection."""
    subscription = session.receiver.subscription if session.receiver is not None else None
    return subscription is not None and subscription.has(message)
