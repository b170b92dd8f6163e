"""HTTP with the requests library, where a second opinion counts more than speed: provisioning and reading back."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from hubbub.accounts import Request
from hubbub.config import Settings
from hubbub.errors import ConnectError


def independent_http(settings: Settings, host: str) -> Request:
    """HTTP calls to an origin that owe nothing to the client of the hot path: no proxy, no redirects."""
    session = requests.Session()
    session.headers.update(settings.headers)
    session.trust_env = False
    session.verify = False if settings.insecure else settings.ca or True

    def request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            answer = session.request(
                method,
                host + path,
                headers=dict(headers),
                data=body,
                timeout=settings.connect_timeout_us / 1e6,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ConnectError(type(error).__name__) from error
        return answer.status_code, answer.content

    return request
