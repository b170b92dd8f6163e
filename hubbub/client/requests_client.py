"""HTTP with the requests library, where a second opinion counts more than speed: provisioning, reading back, canary."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from hubbub.contracts import HttpRequest
from hubbub.errors import ConnectError
from hubbub.options import Settings


def requests_client(host: str, headers: Mapping[str, str], ca: str, insecure: bool, timeout_s: float) -> HttpRequest:
    """HTTP calls to an origin that owe nothing to the client of the hot path.

    No redirects, and no proxy from the environment: it would be given the accounts' passwords. `ca` is a PEM file,
    empty for the system's authorities.
    """
    session = requests.Session()
    session.headers.update(headers)
    session.trust_env = False
    session.verify = False if insecure else ca or True

    def request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            answer = session.request(
                method, host + path, headers=dict(headers), data=body, timeout=timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            raise ConnectError(type(error).__name__) from error
        return answer.status_code, answer.content

    return request


def client_of(settings: Settings) -> HttpRequest:
    """The same, as a run's settings say."""
    timeout_s = settings.connect_timeout_us / 1e6
    return requests_client(settings.host, settings.headers, settings.ca, settings.insecure, timeout_s)
