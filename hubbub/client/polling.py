"""A connection without a WebSocket: it asks over HTTP for what is new, again and again (long polling)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hubbub.client.patience import Patience
from hubbub.clock import US_PER_SECOND, Scheduler
from hubbub.contracts import Call, HttpRequest
from hubbub.errors import BrokenContract, CallFailed, Closing, ConnectError, ContractError, Owner, Throttled, described
from hubbub.transport.base import FrameHandler, OnClosed
from hubbub.transport.frames import CloseCode

MOST_A_SECOND = 100
"""Polls of one connection: a backend that answers at once, with nothing, must not make a storm of it."""


class Polling(Protocol):
    """What is needed of a dialogue."""

    def poll(self) -> Call | None:
        """The call that asks for what is new."""


Arrival = Callable[[int, int], int]
"""When an answer can have arrived at the earliest, of a call that began and ended at two times."""


class PollingConnection:
    """Each answer's body is a unit for the handler. `open` it once; the poll that is under way is never cut."""

    def __init__(
        self,
        scheduler: Scheduler,
        request: HttpRequest,
        dialogue: Polling,
        handler: FrameHandler,
        on_closed: OnClosed,
        arrival: Arrival,
        number: int = 0,
    ) -> None:
        self._scheduler, self._request, self._dialogue = scheduler, request, dialogue
        self._handler, self._on_closed, self._arrival = handler, on_closed, arrival
        self._number = number
        self._second_us = self._polls = 0
        self._waiting: list[tuple[bytes, int, int]] = []
        self._is_paused = False
        self.is_open = True

    def open(self) -> None:
        """Poll for the first time. Raises ConnectError, Throttled and BrokenContract."""
        self._take(*self._poll())
        self._scheduler.spawn(self._go_on)

    def _poll(self) -> tuple[bytes, int, int]:
        """One answer, and when it came, surely and at the earliest."""
        call = self._dialogue.poll()
        if call is None:
            raise ContractError("there is nothing to poll")
        began_us = self._scheduler.now_us()
        status, body = self._request(call.method, call.path, call.headers(), call.body())
        now_us = self._scheduler.now_us()
        try:
            call.check(status, body)
        except Throttled:
            raise
        except CallFailed as error:
            raise ConnectError(error.reason, status) from error
        return body, now_us, self._arrival(began_us, now_us)

    def _go_on(self) -> None:
        patience = Patience(self._scheduler, self._number)
        while self.is_open:
            try:
                answer = self._poll()
            except Throttled as error:
                patience.wait(error)
                continue
            except ConnectError as error:
                owner = Owner.GENERATOR if error.is_ours else Owner.BACKEND
                self._end(Closing(int(CloseCode.ABNORMAL), str(error), owner, error.errno, error.is_ours))
                return
            except Exception as error:
                self._fail(error)
                return
            patience = Patience(self._scheduler, self._number)
            if self.is_open:
                try:
                    self._take(*answer)
                except Exception as error:
                    self._fail(error)
                    return
                self._slow_down()

    def _fail(self, error: Exception) -> None:
        """Whatever a contract raises ends its own connection, and is no fault of the backend's."""
        self._end(Closing(int(CloseCode.ABNORMAL), described(error), Owner.GENERATOR, is_our_fault=True))

    def _take(self, body: bytes, now_us: int, arrived_us: int) -> None:
        if self._is_paused:
            self._waiting.append((body, now_us, arrived_us))
        else:
            self._handler.on_message(body, now_us, arrived_us, None)

    def _slow_down(self) -> None:
        now_us = self._scheduler.now_us()
        if now_us - self._second_us >= US_PER_SECOND:
            self._second_us, self._polls = now_us, 0
        self._polls += 1
        if self._polls >= MOST_A_SECOND:
            self._scheduler.sleep((self._second_us + US_PER_SECOND - now_us) / US_PER_SECOND)
        while self._is_paused and self.is_open:
            self._scheduler.sleep(1 / MOST_A_SECOND)

    def _end(self, closing: Closing) -> None:
        if self.is_open:
            self.is_open = False
            self._on_closed(closing, self._scheduler.now_us())

    # -- as a WebSocket's connection ---------------------------------------------------------------------------------

    def send(self, data: str | bytes) -> bool:
        """There is nothing to send on. Raises BrokenContract."""
        raise BrokenContract("a connection that polls sends no frames: messages go over HTTP")

    def send_soon(self, data: str | bytes) -> None:
        self.send(data)

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        waiting, self._waiting = self._waiting, []
        for body, now_us, arrived_us in waiting:
            self._handler.on_message(body, now_us, arrived_us, None)

    def has_unread(self) -> bool:
        return bool(self._waiting)

    def close(self, code: int = 1000) -> None:
        """Poll no more. What the poll that is under way brings is not taken. Idempotent."""
        self._end(Closing(code, "closed by us", Owner.GENERATOR))
