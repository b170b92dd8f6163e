"""Bring docker-compose.yml up for real, run a test through its web UI, and check what it wrote.

    python deploy/compose_check.py [FOLDER]     FOLDER is one that `hubbub init` made; without it this checkout

Exits with 0 when the run passed, 1 when it did not, and 0 with a sentence where no Docker engine is to be had.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
PROJECT = "hubbub-compose-check"
WEB_PORT = "18089"
CLIENTS, MESSAGES_EACH = 24, 5
PATIENCE_S = 180


def compose_command() -> list[str] | None:
    """docker-compose, or docker's own compose; None where there is none, or no engine answers."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        return None
    for command in (["docker-compose"], [docker, "compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "version"], capture_output=True, check=False).returncode
        ):
            return [*command, "-p", PROJECT]
    return None


def build() -> None:
    """Build the image. BASE and CA_FILE, from the environment, are for networks that reach no image registry."""
    command = ["docker", "build", "--tag", "hubbub", "--network", "host"]
    if os.environ.get("BASE"):
        command += ["--build-arg", f"BASE={os.environ['BASE']}"]
    if os.environ.get("CA_FILE"):
        command += ["--secret", f"id=ca,src={os.environ['CA_FILE']}"]
    if (ROOT / ".env").exists():  # which compose reads, and docker does not
        source = (ROOT / ".env").read_text(encoding="utf-8").partition("HUBBUB_SOURCE=")[2].split("\n")[0]
        command += ["--build-arg", f"SOURCE={source}"]
    subprocess.run([*command, str(ROOT)], check=True, env=os.environ | {"DOCKER_BUILDKIT": "1"})


def call(path: str, form: dict[str, str] | None = None) -> str:
    """A request to the web UI."""
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    with urllib.request.urlopen(f"http://127.0.0.1:{WEB_PORT}{path}", data, timeout=30) as answer:
        return answer.read().decode()


def wait_for(what: str, condition) -> None:  # type: ignore[no-untyped-def]
    """Poll until `condition()` is true. Raises SystemExit when it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (OSError, ValueError, urllib.error.URLError):
            pass  # not up yet
        time.sleep(0.5)
    raise SystemExit(f"compose-check: {what} did not happen within {PATIENCE_S} s")


def check(compose: list[str]) -> dict[str, object]:
    """Run a test with two workers and return its summary."""
    environment = os.environ | {"WEB_PORT": WEB_PORT, "WORKERS": "2"}
    subprocess.run([*compose, "up", "-d", "--no-build", "--scale", "worker=2"], check=True, cwd=ROOT, env=environment)
    wait_for("two workers connecting", lambda: len(json.loads(call("/stats/requests"))["workers"]) == 2)
    form = {"user_count": str(CLIENTS), "spawn_rate": "24", "duration": f"{MESSAGES_EACH}s", "message_interval": "1s"}
    print("compose-check: start:", call("/swarm", form).strip())
    read = [*compose, "exec", "-T", "master", "sh", "-c", "cat /results/*/summary.json"]

    def results() -> str:
        return subprocess.run(read, capture_output=True, text=True, check=False, cwd=ROOT, env=environment).stdout

    wait_for("a summary in the results volume", lambda: json.loads(results()))
    return dict(json.loads(results()))


def main() -> int:
    compose = compose_command()
    if compose is None:
        print("compose-check: no Docker engine with compose here; nothing was checked.")
        return 0
    build()
    try:
        summary = check(compose)
    finally:
        subprocess.run([*compose, "logs", "--no-color", "--tail", "30"], check=False, cwd=ROOT)
        subprocess.run([*compose, "down", "--volumes", "--timeout", "5"], check=False, cwd=ROOT)
    print(json.dumps({name: summary[name] for name in ("verdict", "connections", "messages", "deliveries")}, indent=2))
    expected = CLIENTS * MESSAGES_EACH * CLIENTS // 2
    is_right = summary["verdict"]["result"] == "PASS" and summary["deliveries"]["delivered"] == expected  # type: ignore[index]
    print(f"compose-check: {'passed' if is_right else 'FAILED'}; {expected} deliveries were expected")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
