"""What the canary is told travels as one line."""

import json
from dataclasses import fields

from hubbub.canary.task import Task


def task(**more):
    values = {
        "host": "http://x",
        "websocket_origin": "ws://x",
        "contract": "sanctum",
        "delivery_type": "",
        "contract_settings": {},
        "email": "a@x.y",
        "password": "p",
        "username": "",
        "columns": {},
        "conversation_id": 4,
        "run_number": 7,
        "headers": {"Origin": "x"},
        "upgrade_headers": {"Origin": "x"},
        "cert": "",
        "key": "",
        "ca": "",
        "ca_mode": "replace",
        "resolve": {"is_first": False, "told": {}},
        "insecure": False,
        "timeout_s": 2.0,
    }
    return Task(**(values | more))


def test_a_task_is_one_line_with_every_field():
    line = task().to_json()
    assert "\n" not in line
    assert Task(**json.loads(line)) == task()
    assert set(json.loads(line)) == {each.name for each in fields(Task)}
