"""What the canary is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """Where to listen, as whom, and for which run."""

    host: str
    websocket_origin: str
    contract: str
    delivery_type: str
    contract_settings: dict[str, Any]
    email: str
    password: str
    username: str
    columns: dict[str, str]
    conversation_id: str | int
    run_number: int
    headers: dict[str, str]
    upgrade_headers: dict[str, str]
    cert: str
    key: str
    ca: str
    ca_mode: str
    resolve: dict[str, Any]
    insecure: bool
    timeout_s: float

    def to_json(self) -> str:
        return json.dumps(asdict(self))
