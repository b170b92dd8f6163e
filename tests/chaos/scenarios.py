"""The faults, as a table: each has a name, what is done, and the exit codes that may come of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.case import Case

WORKER, MASTER, LOCUST = "--worker ", "--master ", "-m locust"
JUDGED, CUT, NEVER = {1, 3}, {3}, {2}
IDENTITY = {"token": "t", "user": {"id": 1}}
CHAOS_LOCUSTFILE = str(Path(__file__).with_name("locustfile.py"))


@dataclass
class Scenario:
    """`strike` is what is done to a case. `ends`: the fault ends the run, which is over soon after it."""

    name: str
    strike: Callable[[Case], None]
    codes: set[int]
    ends: bool = False
    workers: tuple[int, ...] = (0, 2)
    options: dict = field(default_factory=dict)
    tracebacks: int = 0
    may_lack_files: bool = False


def in_the_middle(do):
    def strike(case):
        case.until_it_sends()
        do(case)

    return strike


def kill(number, part):
    return in_the_middle(lambda case: case.send(number, part))


def signal_main(number):
    return in_the_middle(lambda case: case.send(number, main_of(case)))


def signal_launcher(number):
    return in_the_middle(lambda case: os.kill(case.run.pid, number))


def stand_still(part_of, seconds):
    return in_the_middle(lambda case: case.stop_for(part_of(case), seconds))


def a_worker(_case):
    return WORKER


def the_launcher(_case):
    return "hubbub perf-ws"


def kill_all_workers(case):
    for pid in case.processes(WORKER):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def main_of(case):
    return MASTER if case.processes(MASTER) else LOCUST


def interrupts(times, is_early=False):
    def strike(case):
        if is_early:
            case.pause(0.0, 5.0)
        else:
            case.until_it_sends()
        for number in range(times):
            if number:
                case.pause(0.05, 0.8)
            case.interrupt()

    return strike


def restart_backend(case):
    case.backend.kill()
    case.backend.wait()
    case.pause(0.2, 1.0)
    case.start_backend(case.backend_port)


def freeze_backend(case):
    os.kill(case.backend.pid, signal.SIGSTOP)
    case.pause(1.0, 3.0)
    os.kill(case.backend.pid, signal.SIGCONT)


def fill_disk(case):
    with suppress(OSError), (case.run_folder.parent / "filler").open("ab") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()


def make_read_only(case):
    """What is opened from now on is on a read-only mount; what is open stays as it is."""
    folder = str(case.run_folder)
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    for _ in range(100):  # it is busy while a file of it is open for writing
        if not subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=False, capture_output=True).returncode:
            return
        time.sleep(0.02)
    raise RuntimeError("the run folder could not be made read-only")


def nothing(case):
    case.wait_for("nothing is done here", 0.1)


def before_the_run(number):
    def strike(case):
        ends_s = time.monotonic() + 20
        while not case.processes(WORKER) and time.monotonic() < ends_s:
            time.sleep(0.02)
        case.pause(0.0, 0.8)
        case.send(number, WORKER)

    return strike


def hostile(name, path, answer, codes=NEVER, ends=True):
    return Scenario(f"http {name}", nothing, codes, ends=ends, options={"answers": {path: answer}})


def flood(name, frames):
    def strike(case):
        case.until_it_sends()
        case.proxy.is_flooding.set()

    return Scenario(f"flood of {name}", strike, JUDGED, options={"flood": frames})


def raising(place, error):
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        CHAOS_LOCUSTFILE,
        "--headless",
        "--mix",
        "Chaotic=1",
        "--users",
        "6",
    ]
    environment = {"CHAOS_PLACE": place, "CHAOS_RAISE": error}
    options = {"command": command, "environment": environment, "clients": None}
    codes = {0, 3} if place == "on_stop" else CUT
    return Scenario(f"{error} in {place}", nothing, codes, workers=(0,), options=options, tracebacks=1)


def answer(status, body):
    return status, json.dumps(body)


SCENARIOS = [
    Scenario("worker killed", kill(signal.SIGKILL, WORKER), CUT, workers=(2,)),
    Scenario("worker told to stop", kill(signal.SIGTERM, WORKER), CUT, workers=(2,)),
    Scenario("all workers killed", in_the_middle(kill_all_workers), CUT, ends=True, workers=(2,)),
    Scenario("the only worker killed", in_the_middle(kill_all_workers), CUT, ends=True, workers=(1,)),
    Scenario("worker killed before the run", before_the_run(signal.SIGKILL), {2, 3}, ends=True, workers=(2,)),
    Scenario("main process killed", signal_main(signal.SIGKILL), CUT, ends=True),
    Scenario(
        "main process told to stop",
        signal_main(signal.SIGTERM),
        JUDGED,
        ends=True,
    ),
    Scenario("launcher told to stop", signal_launcher(signal.SIGTERM), JUDGED, ends=True),
    Scenario("launcher killed", signal_launcher(signal.SIGKILL), {-9}, ends=True),
    Scenario("worker stands still for 3 s", stand_still(a_worker, 3), {0, 1, 3}, workers=(2,)),
    Scenario("worker stands still for 10 s", stand_still(a_worker, 10), JUDGED, workers=(2,)),
    Scenario("main process stands still for 3 s", stand_still(main_of, 3), {0, 1, 3}),
    Scenario("main process stands still for 10 s", stand_still(main_of, 10), JUDGED),
    Scenario("launcher stands still for 10 s", stand_still(the_launcher, 10), {0, 3}),
    Scenario("Ctrl-C", interrupts(1), CUT | {1}, ends=True),
    Scenario("Ctrl-C twice", interrupts(2), CUT | {1}, ends=True),
    Scenario("Ctrl-C three times", interrupts(3), CUT | {1}, ends=True),
    Scenario("Ctrl-C early", interrupts(1, is_early=True), {1, 2, 3, -2}, ends=True),
    Scenario("Ctrl-C early, twice", interrupts(2, is_early=True), {1, 2, 3, -2}, ends=True),
    Scenario("backend killed", in_the_middle(lambda case: case.backend.kill()), JUDGED),
    Scenario("backend restarted", in_the_middle(restart_backend), JUDGED),
    Scenario("backend frozen", in_the_middle(freeze_backend), {0, 1, 3}),
    Scenario("link cut", in_the_middle(lambda case: case.proxy.cut()), JUDGED),
    Scenario("link reset", in_the_middle(lambda case: case.proxy.cut(is_reset=True)), JUDGED),
    Scenario("link held", in_the_middle(lambda case: case.proxy.is_held.set()), JUDGED),
    Scenario("run folder deleted", in_the_middle(lambda case: case.remove_folder()), CUT, may_lack_files=True),
    Scenario("disk full", in_the_middle(fill_disk), CUT, options={"is_small_disk": True}, may_lack_files=True),
    Scenario("run folder read-only", in_the_middle(make_read_only), CUT, may_lack_files=True),
    Scenario("few files", nothing, NEVER, ends=True, options={"prefix": ("prlimit", "--nofile=40:40")}),
    Scenario("few ports", nothing, {2, 3}, options={"has_few_ports": True, "clients": "30"}),
    hostile("sign-up of the wrong type", "signup", answer(201, {"token": "t", "user": {"id": None}})),
    hostile("sign-up with an id of 128 bits", "signup", answer(201, {"token": "t", "user": {"id": 1 << 127}})),
    hostile("sign-up that is a list", "signup", answer(201, [1])),
    hostile("sign-up that is no HTTP", "signup", "junk"),
    hostile("sign-up that drips", "signup", "drip", ends=False),
    hostile("sign-up without end", "signup", "endless"),
    hostile("conversation of the wrong type", "/conversations/", answer(201, {"id": "x"})),
    hostile("ticket of the wrong type", "ws/ticket", answer(200, {"ticket": 5})),
    hostile("ticket that drips", "ws/ticket", "drip"),
    hostile("ticket without end", "ws/ticket", "endless"),
    hostile("history of the wrong type", "/messages?", answer(200, [{"id": None}]), CUT, ends=False),
    hostile("history that drips", "/messages?", "drip", CUT, ends=False),
    hostile("history without end", "/messages?", "endless", CUT, ends=False),
    flood("empty fragments", b"\x01\x00" + b"\x00\x00" * 8_000),
    flood("pings", b"\x89\x00" * 8_000),
    flood("untagged frames", b"\x81\x02{}" * 8_000),
    flood("frames of a megabyte", b"\x81\x7f" + (1 << 20).to_bytes(8, "big") + b"x" * (1 << 20)),
    *(
        raising(place, error)
        for place in ("on_start", "step", "on_stop")
        for error in ("Exception", "SystemExit", "KeyboardInterrupt", "GreenletExit", "StopUser", "Timeout")
    ),
]
