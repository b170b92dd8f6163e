"""Options: one table of them, and how a run's settings are resolved and checked.

Owns the names, defaults, help and checks of every option. Knows nothing of Locust: `hubbub.swarm` and
`hubbub.__main__` build their command lines from OPTIONS, so flag, environment variable, profile key and form field
share one name. What is given on the command line beats the environment, that beats the profile, that the default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubbub.clock import parse_duration_us
from hubbub.errors import ConfigError
from hubbub.suite import SUITE

CONF = SUITE / "conf"
LOGINS = ("account", "client")
MODELS = ("open", "closed")
ARRIVALS = ("constant", "poisson")
RECONCILE = ("sample", "all", "none")
ON_OR_OFF = ("on", "off")


def names_in(folder: Path, pattern: str) -> tuple[str, ...]:
    """What lies in a folder is there: the names of its files, without those that begin with an underscore."""
    return tuple(sorted(path.stem for path in folder.glob(pattern) if not path.stem.startswith("_")))


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `default` is the text a user would type; `""` means not set.

    `locust_flag` names Locust's own flag where Locust has the option already. `is_form_field` puts it into the web
    form (file paths and secrets stay out: the form has no login).
    """

    name: str
    default: str
    help: str
    metavar: str = "N"
    locust_flag: str = ""
    is_form_field: bool = True
    is_switch: bool = False
    is_secret: bool = False
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def environment_variable(self) -> str:
        return "HUBBUB_" + self.name.upper()


def _path(name: str, help: str, metavar: str = "FILE", default: str = "") -> Option:
    return Option(name, default, help, metavar, is_form_field=False)


OPTIONS: tuple[Option, ...] = (
    Option("clients", "120", "how many clients (connections) chat at once", locust_flag="--users"),
    Option("spawn_rate", "50", "how many clients start per second", "RATE", locust_flag="--spawn-rate"),
    Option("duration", "30s", "how long messages are sent, once every client is ready", "TIME"),
    Option("host", "", "the backend's origin, http://... or https://...; none: the embedded backend", "URL", "--host"),
    Option("max_conns_per_user", "12", "connections that one account may hold"),
    Option("conversations", "", "conversations that the clients are spread over (default: one per worker, at least 1)"),
    Option("message_interval", "5s", "time between two messages of one client", "TIME"),
    Option("model", "open", "keep to a plan, or wait for each message and think", "MODEL", choices=MODELS),
    Option("arrivals", "constant", "how the open model's messages come", "HOW", choices=ARRIVALS),
    Option("message_size", "120", "length of a message in characters, its tag included"),
    Option("workers", "0", "worker processes; 0 runs everything in one process", is_form_field=False),
    _path("run_profile", "a profile of conf/profiles", "NAME"),
    Option(
        "shape",
        "none",
        "how the number of clients changes over time",
        "NAME",
        choices=("none", *names_in(SUITE / "shapes", "*.py")),
    ),
    Option("mix", "Chatter=1", "user classes and their weights, such as Chatter=8,Lurker=2", "NAME=WEIGHT,..."),
    Option(
        *("contract", "sanctum", "how the backend is spoken to", "NAME"),
        choices=names_in(CONF / "contracts", "*.toml"),
    ),
    Option("conversation_id", "", "use this existing conversation instead of making new ones", "ID"),
    Option("logins", "account", "log in once per account or once per client", choices=LOGINS, metavar="WHO"),
    _path("accounts", "CSV file with the columns email,password"),
    Option("account_email", "", "e-mail of one configured account", "EMAIL", is_form_field=False),
    Option("account_password", "", "its password", "SECRET", is_form_field=False, is_secret=True),
    Option("warmup", "0s", "leaves the first part of the run out of the time figures, never of the counts", "TIME"),
    Option("header", "", "extra header for HTTP and the WebSocket upgrade; several: one per line", "NAME:VALUE"),
    _path("ca", "PEM file with the certificate authority to trust"),
    Option("insecure", "", "do not check the backend's certificate", is_switch=True),
    Option("deflate", "", "offer permessage-deflate (RFC 7692)", is_switch=True),
    Option("source_addresses", "", "local addresses to connect from, such as 127.0.0.2-127.0.0.9", "ADDRESSES"),
    Option("connect_timeout", "10s", "longest wait for an HTTP answer, and for connection and upgrade", "TIME"),
    Option("join_timeout", "10s", "longest wait for a confirmed join", "TIME"),
    Option("ready_timeout", "30s", "longest wait, after spawning, for every client to be ready", "TIME"),
    Option("drain_quiet", "2s", "the drain ends when nothing new arrived for this long", "TIME"),
    Option("drain_timeout", "15s", "the drain ends after this long at the latest", "TIME"),
    Option("slo", "", "objective such as 'response.p95<300'; several: one per line, or a file of conf/slo", "SLO"),
    Option("canary", "", "let an independent client listen, and show its times beside ours", is_switch=True),
    Option("reconcile", "sample", "conversations to compare with their history", "WHICH", choices=RECONCILE),
    Option("receive_stamps", "on", "ask the kernel when frames arrived (Linux)", choices=ON_OR_OFF, metavar="HOW"),
    _path(
        "backend_pid", "processes of a backend on this machine, whose waits for a core are taken off its times", "PID"
    ),
    Option("seed", "1", "seed of everything random"),
    _path("run_dir", "folder for the results, empty or absent (default: runs/<UTC time>-<profile>)", "DIR"),
)
OPTION = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective, checked options of one run. Times are microseconds, sizes characters."""

    clients: int
    spawn_rate: float
    duration_us: int | None
    host: str
    max_conns_per_user: int
    conversations: int
    message_interval_us: int
    model: str
    arrivals: str
    message_size: int
    workers: int
    run_profile: str
    shape: str
    mix: dict[str, float]
    contract: str
    conversation_id: int | None
    logins: str
    accounts: str
    account_email: str
    account_password: str
    warmup_us: int
    headers: dict[str, str]
    ca: str
    insecure: bool
    deflate: bool
    source_addresses: str
    connect_timeout_us: int
    join_timeout_us: int
    ready_timeout_us: int
    drain_quiet_us: int
    drain_timeout_us: int
    slo: str
    canary: bool
    reconcile: str
    receive_stamps: bool
    backend_pids: tuple[int, ...]
    seed: int
    run_dir: str

    @property
    def profile(self) -> str:
        return self.run_profile or "default"

    def to_dict(self, masked: bool = False) -> dict[str, Any]:
        """As plain values, ready for JSON or msgpack; `masked` hides secrets."""
        values = asdict(self)
        if masked:
            values["account_password"] = "***" if self.account_password else ""
            values["headers"] = {name: "***" if _is_secret_header(name) else v for name, v in self.headers.items()}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """The reverse of to_dict, for a worker that gets its settings from the master."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})


def _is_secret_header(name: str) -> bool:
    return name.lower() in ("authorization", "cookie", "proxy-authorization") or "key" in name.lower()


def defaults() -> dict[str, str]:
    """Every option's default, as text."""
    return {option.name: option.default for option in OPTIONS}


def profile_names() -> list[str]:
    """The profiles that conf/profiles holds."""
    return list(names_in(CONF / "profiles", "*.toml"))


def load_profile(name: str) -> dict[str, str]:
    """The options that a profile of conf/profiles sets, as text. Raises ConfigError."""
    path = CONF / "profiles" / f"{name}.toml"
    if name not in profile_names():
        raise ConfigError(f"profile must be one of {', '.join(profile_names())}, not {name!r}.")
    return read_options(path)


def slo_texts(given: str) -> list[str]:
    """The objectives that `--slo` asks for, as texts: those of a file of conf/slo, default or named, and then others.

    Raises ConfigError.
    """
    lines = [line.strip() for line in given.splitlines() if line.strip()]
    files = [line for line in lines if not any(sign in line for sign in "<=>")]
    texts: list[str] = []
    for name in files or ["default"]:
        names = names_in(CONF / "slo", "*.toml")
        if name not in names:
            raise ConfigError(
                f"slo must be an objective such as 'response.p95<300' or one of {', '.join(names)}, not {name!r}."
            )
        path = CONF / "slo" / f"{name}.toml"
        values = read_toml(path)
        check_keys(values, ("objectives",), path)
        texts += [str(text) for text in values.get("objectives", [])]
    return texts + [line for line in lines if line not in files]


def read_options(path: Path) -> dict[str, str]:
    """Read a TOML file of options. Raises ConfigError for a bad file or a key that does not exist."""
    values = read_toml(path)
    check_keys(values, OPTION, path)
    return {name: str(value) for name, value in values.items()}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises ConfigError when it is not there or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error


def check_keys(values: Iterable[str], known: Iterable[str], path: Path) -> None:
    """Raise ConfigError if `values` has a key that is not `known`."""
    names = sorted(known)
    for name in values:
        if name not in names:
            raise ConfigError(f"{path.name}: there is no key {name!r}; the keys are {', '.join(names)}.")


def resolve(given: Mapping[str, str], workers: int | None = None, shapes: Iterable[str] = ()) -> Settings:
    """Turn option texts into checked Settings. Raises ConfigError with one sentence.

    `given` holds what the user set (an empty text means not set); the profile it names fills in next, then the
    defaults. `workers` is the number of workers that really take part, where it is known. `shapes` are
    those that a locustfile brings besides those of the folder.
    """
    texts = defaults()
    name = given.get("run_profile", "")
    texts |= load_profile(name) if name else {}
    texts |= {key: value for key, value in given.items() if value != ""}
    if workers is not None:
        texts["workers"] = str(workers)
    return _check(_parse(texts, shapes))


def _parse(texts: Mapping[str, str], shapes: Iterable[str]) -> Settings:
    def whole(name: str, minimum: int) -> int:
        return _number(texts[name], name, minimum)

    def duration(name: str, minimum_us: int) -> int:
        return _duration(texts[name], name, minimum_us)

    return Settings(
        clients=whole("clients", 1),
        spawn_rate=_rate(texts["spawn_rate"]),
        duration_us=None if texts["duration"] == "until-stopped" else duration("duration", 1),
        host=_host(texts["host"]),
        max_conns_per_user=whole("max_conns_per_user", 1),
        conversations=whole("conversations", 1) if texts["conversations"] else max(1, whole("workers", 0)),
        message_interval_us=duration("message_interval", 1_000),
        model=_choice(texts, "model"),
        arrivals=_choice(texts, "arrivals"),
        message_size=whole("message_size", 1),
        workers=whole("workers", 0),
        run_profile=texts["run_profile"],
        shape=_choice(texts, "shape", shapes),
        mix=_mix(texts["mix"]),
        contract=_choice(texts, "contract"),
        conversation_id=whole("conversation_id", 1) if texts["conversation_id"] else None,
        logins=_choice(texts, "logins"),
        accounts=texts["accounts"],
        account_email=texts["account_email"],
        account_password=texts["account_password"],
        warmup_us=duration("warmup", 0),
        headers=_headers(texts["header"]),
        ca=texts["ca"],
        insecure=_is_on(texts["insecure"]),
        deflate=_is_on(texts["deflate"]),
        source_addresses=texts["source_addresses"],
        connect_timeout_us=duration("connect_timeout", 1),
        join_timeout_us=duration("join_timeout", 1),
        ready_timeout_us=duration("ready_timeout", 1),
        drain_quiet_us=duration("drain_quiet", 0),
        drain_timeout_us=duration("drain_timeout", 0),
        slo=texts["slo"],
        canary=_is_on(texts["canary"]),
        reconcile=_choice(texts, "reconcile"),
        receive_stamps=_choice(texts, "receive_stamps") == "on",
        backend_pids=_pids(texts["backend_pid"]),
        seed=whole("seed", 0),
        run_dir=texts["run_dir"],
    )


def _check(settings: Settings) -> Settings:
    """Check what concerns more than one option."""
    if settings.conversations > settings.clients:
        raise ConfigError(
            f"conversations must be at most the number of clients ({settings.clients}), not {settings.conversations}."
        )
    if settings.conversations < settings.workers and settings.conversation_id is None:
        raise ConfigError(
            f"conversations must be at least the number of workers ({settings.workers}), not "
            f"{settings.conversations}: a conversation is whole on one worker. Ask for more, or for fewer workers."
        )
    if settings.conversation_id is not None and settings.workers > 1:
        raise ConfigError(
            "conversation-id names one conversation, and it is whole on one worker: use at most 1 worker."
        )
    if settings.workers > settings.clients:
        raise ConfigError(
            f"workers must be at most the number of clients ({settings.clients}), not {settings.workers}."
        )
    if settings.duration_us is not None and settings.warmup_us >= settings.duration_us:
        raise ConfigError("warmup must be shorter than the duration, or nothing is left to measure.")
    if settings.duration_us is None and settings.shape != "none":
        raise ConfigError(f"shape {settings.shape} needs a duration: give one, such as --duration 5m.")
    if bool(settings.account_email) != bool(settings.account_password):
        raise ConfigError("account-email and account-password go together: give both or neither.")
    for name, file in (("ca", settings.ca), ("accounts", settings.accounts)):
        if file and not Path(file).is_file():
            raise ConfigError(f"{name} must be a readable file; there is none at {file!r}.")
    return settings


def _number(text: str, name: str, minimum: int) -> int:
    label = name.replace("_", "-")
    try:
        value = int(text)
    except ValueError as error:
        raise ConfigError(f"{label} must be a whole number of at least {minimum}, not {text!r}.") from error
    if value < minimum:
        raise ConfigError(f"{label} must be a whole number of at least {minimum}, not {value}.")
    return value


def _pids(text: str) -> tuple[int, ...]:
    pids = tuple(_number(part.strip(), "backend_pid", 1) for part in text.split(",") if part.strip())
    for pid in pids:
        if not Path(f"/proc/{pid}").is_dir():
            raise ConfigError(f"backend-pid must be processes of this machine (Linux); there is no process {pid}.")
    return pids


def _is_on(text: str) -> bool:
    return text.lower() in ("1", "true", "yes", "on")


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise ConfigError(f"spawn-rate must be a number above 0 (clients per second), not {text!r}.")
    return value


def _duration(text: str, name: str, minimum_us: int) -> int:
    label = name.replace("_", "-")
    value = parse_duration_us(text, label)
    if value < minimum_us:
        raise ConfigError(f"{label} must be at least {minimum_us / 1_000:g} ms, not {text!r}.")
    return value


def _host(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_origin = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_origin = False
    if not is_origin or parts.query or parts.fragment or parts.username:
        raise ConfigError(
            f"host must be an origin such as http://localhost:8375 or https://chat.example, not {text!r}."
        )
    return text.rstrip("/")


def _choice(texts: Mapping[str, str], name: str, more: Iterable[str] = ()) -> str:
    choices = sorted({*OPTION[name].choices, *more}, key=lambda choice: (choice != "none", choice))
    if texts[name] not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {texts[name]!r}.")
    return texts[name]


def _mix(text: str) -> dict[str, float]:
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition("=")
        try:
            mix[name.strip()] = float(weight or "1")
        except ValueError:
            mix[name.strip()] = -1.0
    if not all(mix) or min(mix.values()) < 0 or sum(mix.values()) <= 0:
        raise ConfigError(f"mix must be user classes with weights such as Chatter=8,Lurker=2, not {text!r}.")
    return {name: weight for name, weight in mix.items() if weight > 0}


def _headers(text: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        name, colon, value = line.partition(":")
        if not colon or not name.strip().replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"header must be NAME:VALUE, such as Origin:https://chat.example, not {line!r}.")
        headers[name.strip()] = value.strip()
    return headers
