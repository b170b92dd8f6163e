"""The canary's connection to a backend without a WebSocket: a thread polls, and `recv` gives what it brings."""

from __future__ import annotations

import queue
import threading
import time
from typing import Protocol

import websocket

from hubbub.contracts import Call, HttpRequest
from hubbub.errors import ContractError, Throttled

MOST_WAITING = 1_000
PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After a limit of the backend: what it asks for, within bounds."""


class Polling(Protocol):
    """What is needed of a dialogue."""

    def poll(self) -> Call | None:
        """The call that asks for what is new."""


class Polls:
    """As much of websocket-client's connection as the canary uses. A poll that is under way at its end is let be."""

    def __init__(self, dialogue: Polling, request: HttpRequest, timeout_s: float) -> None:
        self._dialogue, self._request = dialogue, request
        self._timeout_s = timeout_s
        self._is_open = True
        self._answers: queue.Queue[bytes | Exception] = queue.Queue(MOST_WAITING)
        self._answers.put(self._poll())
        threading.Thread(target=self._go_on, daemon=True).start()

    def _poll(self) -> bytes:
        call = self._dialogue.poll()
        if call is None:
            raise ContractError("there is nothing to poll")
        while True:
            try:
                status, body = self._request(call.method, call.path, call.headers(), call.body())
                call.check(status, body)
            except Throttled as error:
                time.sleep(min(max(error.retry_after_s or PAUSE_S, PAUSE_S), LONGEST_PAUSE_S))
            else:
                return body

    def _go_on(self) -> None:
        while self._is_open:
            self._answers.join()  # the next poll asks for what comes after the last answer, once that was read
            try:
                self._answers.put(self._poll())
            except Exception as error:
                self._answers.put(error)
                return

    def settimeout(self, seconds: float) -> None:
        """How long `recv` waits."""
        self._timeout_s = seconds

    def recv(self) -> bytes:
        """The next answer. Raises WebSocketTimeoutException where none comes in time, and what ended the polls."""
        try:
            answer = self._answers.get(timeout=self._timeout_s)
        except queue.Empty as error:
            raise websocket.WebSocketTimeoutException from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def taken(self) -> None:
        """What `recv` gave was read: what comes after it may be asked for."""
        self._answers.task_done()

    def close(self) -> None:
        """Poll no more."""
        self._is_open = False
