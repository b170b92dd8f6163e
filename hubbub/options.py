"""Every option, once: a row of `Settings` is its name, kind, default, help and where it can be given.

What is given on the command line beats the environment, that beats the profile, that beats the default. Nothing here
knows Locust: the launcher and the bridge build their command lines, variables and form fields from OPTIONS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hubbub import option_kinds as kinds
from hubbub.errors import ConfigError
from hubbub.option_rows import Option, choice, path, row, switch, time
from hubbub.profiles import load_profile
from hubbub.suite import CONF, SUITE, names_in


def _shape_names() -> tuple[str, ...]:
    return ("none", *names_in(SUITE / "shapes", "*.py"))


def _contract_names() -> tuple[str, ...]:
    return tuple(sorted({name for kind in ("*.toml", "*.py") for name in names_in(CONF / "contracts", kind)}))


CALLS_OF_A_CLIENT = 3
"""While it starts: it becomes a member, gets a ticket, and asks for the upgrade."""

SECRET_WORDS = ("pass", "secret", "token", "key")
"""How the name of a setting shows that its value is a secret."""

MESSAGE_TEXTS = WORDS, MULTIBYTE = "words", "multibyte"

_ONE_OR_MORE, _ANY_NUMBER = kinds.whole(1), kinds.whole(0)


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective, checked options of one run. Times are microseconds, sizes characters.

    A new option is one more row. Its attribute says the unit of its value where the option's name does not.
    """

    clients: int = row(
        *("clients", _ONE_OR_MORE, "120", "how many clients (connections) chat at once"), locust_flag="--users"
    )
    spawn_rate: float = row(
        *("spawn_rate", kinds.rate, "50", "how many clients start per second", "RATE"), locust_flag="--spawn-rate"
    )
    duration_us: int | None = row(
        "duration", kinds.length_of_run, "30s", "how long messages are sent, once every client is ready", "TIME"
    )
    hosts: str = row(
        *("host", kinds.origins, ""),
        *(
            "the backend's origin, http://... or https://..., or several of one backend, with commas, over which the "
            "clients are spread; none: the embedded backend",
            "URL,...",
        ),
        locust_flag="--host",
        joins=",",
    )
    websocket_hosts: str = row(
        *("websocket_host", kinds.origins, ""),
        *("origins of the WebSocket, with commas, over which the clients are spread (default: --host)", "URL,..."),
        joins=",",
    )
    max_conns_per_user: int = row("max_conns_per_user", _ONE_OR_MORE, "12", "connections that one account may hold")
    conversations: int = row(
        *("conversations", kinds.optional(_ONE_OR_MORE), ""),
        "conversations that the clients are spread over (default: one per worker, at least 1)",
    )
    message_interval_us: int = time("message_interval", "5s", "time between two messages of one client", 1_000)
    model: str = choice(
        "model", ("open", "closed"), "open", "keep to a plan, or wait for each message and think", "MODEL"
    )
    arrivals: str = choice("arrivals", ("constant", "poisson"), "constant", "how the open model's messages come", "HOW")
    catch_up_rate: float = row(
        *(
            "catch_up_rate",
            kinds.rate,
            "10",
            "messages a second that each sender catches up after an outage, or twice its plan's",
            "RATE",
        )
    )
    message_size: tuple[int, int] = row(
        *("message_size", kinds.size, "120", "length of a message in characters, its tag included; or from-to"),
    )
    message_text: str = choice(
        "message_text", MESSAGE_TEXTS, WORDS, "what messages say: words, or letters that are easily spoiled", "WHAT"
    )
    workers: int = row(
        *("workers", _ANY_NUMBER, "0", "worker processes; 0 runs everything in one process"), is_form_field=False
    )
    run_profile: str = row(
        "run_profile", kinds.text, "", "a profile of conf/profiles", "NAME", is_form_field=False, folder="conf/profiles"
    )
    shape: str = row(
        *("shape", kinds.text, "none", "how the number of clients changes over time", "NAME"),
        choices=_shape_names,
        folder="shapes",
        suffix=".py",
    )
    mix: dict[str, float] = row(
        *("mix", kinds.mix, "Chatter=1", "user classes and their weights, such as Chatter=8,Lurker=2"),
        "NAME=WEIGHT,...",
        joins=",",
    )
    contract: str = row(
        *("contract", kinds.text, "sanctum", "how the backend is spoken to: a name, a file, or MODULE:CLASS", "NAME"),
        choices=_contract_names,
        folder="conf/contracts",
        also=kinds.is_class,
    )
    contract_settings: dict[str, bool | int | float | str] = row(
        *("contract_set", kinds.assignments, ""),
        *(
            "settings of the contract instead of its file's, such as echo=false; may be given several times",
            "KEY=VALUE",
        ),
        joins="\n",
        is_form_field=False,
    )
    delivery_type: str = row(
        *("delivery_type", kinds.text, ""),
        *("type of the frames that deliver messages, several with commas (default: the contract's)", "TYPE,..."),
        joins=",",
    )
    conversation_id: str | int | None = row(
        *("conversation_id", kinds.optional(kinds.backend_id), ""),
        *("use this existing conversation instead of making new ones", "ID"),
    )
    logins: str = choice(
        "logins", ("account", "client"), "account", "log in once per account or once per client", "WHO"
    )
    accounts: str = path(
        *("accounts", kinds.file, "CSV file with the columns email,password, or its name in conf/accounts"),
        folder="conf/accounts",
        suffix=".csv",
    )
    signup: str = row(
        *("signup", kinds.text, ""),
        *("sign up accounts that are missing, or never (default: never with --accounts, else missing)", "WHEN"),
        choices=lambda: ("", "missing", "never"),
    )
    account_email: str = row(
        "account_email", kinds.text, "", "e-mail of one configured account", "EMAIL", is_form_field=False
    )
    account_password: str = row(
        "account_password", kinds.text, "", "its password", "SECRET", is_form_field=False, is_secret=True
    )
    account_fallback_password: str = row(
        *("account_fallback_password", kinds.text, "", "tried where the password is not taken", "SECRET"),
        is_form_field=False,
        is_secret=True,
    )
    warmup_us: int = time(
        "warmup", "0s", "leaves the first part of the run out of the time figures, never of the counts", 0
    )
    headers: dict[str, str] = row(
        *("header", kinds.headers, "", "extra header for HTTP and the WebSocket upgrade; may be given several times"),
        "NAME:VALUE",
        joins="\n",
    )
    subprotocol: str = row(
        *("subprotocol", kinds.tokens, "", "WebSocket subprotocols to offer, with commas", "NAME,..."), joins=","
    )
    max_message_bytes: int = row(
        *("max_message_size", kinds.amount_of_bytes, "16MiB", "longest message that is taken from the backend", "BYTES")
    )
    ca: str = path("ca", kinds.authorities, "PEM file with the certificate authorities to trust")
    ca_mode: str = choice(
        *("ca_mode", ("replace", "add"), "replace"),
        *("whether --ca is trusted instead of this machine's authorities, or besides them", "HOW"),
    )
    cert: str = path("cert", kinds.file, "PEM file with a client certificate, and with its key unless --key has that")
    key: str = path("key", kinds.file, "PEM file with the key of the client certificate, without a passphrase")
    insecure: bool = switch("insecure", "do not check the backend's certificate")
    deflate: bool = switch("deflate", "offer permessage-deflate (RFC 7692)")
    resolve: kinds.Resolve = row(
        *("resolve", kinds.resolutions, "all"),
        "addresses of a name to connect to: all in turn, first, or HOST:PORT:ADDRESS (may be given several times)",
        *("HOW",),
        joins="\n",
    )
    dns_ttl_us: int = time("dns_ttl", "5m", "how long the addresses of a name are taken from memory", 0)
    source_addresses: str = row(
        *("source_addresses", kinds.text, "", "local addresses to connect from, such as 127.0.0.2-127.0.0.9"),
        "ADDRESSES",
        joins=",",
    )
    connect_timeout_us: int = time(
        "connect_timeout", "10s", "longest wait for an HTTP answer, and for connection and upgrade"
    )
    join_timeout_us: int = time("join_timeout", "10s", "longest wait for a confirmed join")
    prepare_timeout_us: int = time("prepare_timeout", "5m", "longest time to make accounts and conversations")
    prepare_concurrency: int = row(
        "prepare_concurrency", _ONE_OR_MORE, "16", "accounts and conversations that are made at the same time"
    )
    request_limit: float | None = row(
        *("request_limit", kinds.limit, ""),
        *("calls that the backend allows one address, such as 100/1m: clients start no faster", "N/TIME"),
    )
    ready_timeout_us: int = time("ready_timeout", "30s", "longest wait, after spawning, for every client to be ready")
    master_timeout_us: int = time("master_timeout", "3s", "a worker that does not hear of its master for so long stops")
    drain_quiet_us: int = time("drain_quiet", "2s", "the drain ends when nothing new arrived for this long", 0)
    drain_timeout_us: int = time("drain_timeout", "15s", "the drain ends after this long at the latest", 0)
    slo: str = row(
        *("slo", kinds.text, ""),
        *("objective such as 'response.p95<300', or a file of conf/slo; may be given several times", "SLO"),
        joins="\n",
    )
    quiet: bool = switch("quiet", "write no line about how the run goes on", is_form_field=False)
    locust_tables: bool = switch("locust_tables", "print Locust's own tables at the end, too", is_form_field=False)
    canary: bool = switch("canary", "let an independent client listen, and show its times beside ours")
    preflight: bool = row(
        *("preflight", kinds.on_off, "on", "before any load, let two connections send each other a message", "HOW"),
        choices=lambda: ("on", "off"),
    )
    reconcile: str = choice(
        "reconcile", ("sample", "all", "none"), "sample", "conversations to compare with their history", "WHICH"
    )
    receive_stamps: bool = row(
        *("receive_stamps", kinds.on_off, "on", "ask the kernel when frames arrived (Linux)", "HOW"),
        choices=lambda: ("on", "off"),
    )
    backend_pids: tuple[int, ...] = row(
        *("backend_pid", kinds.pids, ""),
        *("processes of a backend on this machine, whose waits for a core are taken off its times", "PID"),
        is_form_field=False,
        joins=",",
    )
    seed: int = row("seed", _ANY_NUMBER, "1", "seed of everything random")
    run_dir: str = path(
        "run_dir",
        kinds.text,
        "folder for the results, empty or absent (default: runs/<UTC time>-<profile>)",
        "DIR",
    )

    sources: dict[str, str] = field(default_factory=dict)
    """Who set which option, for those that are not at their default: `command line`, `environment HUBBUB_CLIENTS`."""

    @property
    def may_sign_up(self) -> bool:
        """Whether accounts that the backend does not know are made there: those of a file only if it is asked for."""
        return self.signup == "missing" or (not self.signup and not self.accounts)

    @property
    def origins(self) -> list[str]:
        """The backend's origins."""
        return self.hosts.split(",")

    @property
    def host(self) -> str:
        """The backend's origin for all that is not a client's own; empty where there is none yet."""
        return self.origins[0]

    def chat_origin(self, place: int = 0) -> str:
        """Where the WebSocket of a client goes, by the client's place."""
        origins = self.websocket_hosts.split(",") if self.websocket_hosts else self.origins
        return origins[place % len(origins)]

    @property
    def upgrade_headers(self) -> dict[str, str]:
        """The headers of the WebSocket's upgrade."""
        offered = {"Sec-WebSocket-Protocol": self.subprotocol} if self.subprotocol else {}
        return self.headers | offered

    @property
    def http_headers(self) -> dict[str, str]:
        """The headers of all other calls."""
        return {name: value for name, value in self.headers.items() if not name.lower().startswith("sec-websocket-")}

    @property
    def profile(self) -> str:
        return Path(self.run_profile).stem or "default"

    def masked(self) -> dict[str, Any]:
        """As plain values for a file that others may read: secrets are hidden."""
        values = asdict(self)
        for secret in ("account_password", "account_fallback_password"):
            values[secret] = "***" if values[secret] else ""
        values["contract_settings"] = {
            name: "***" if any(word in name for word in SECRET_WORDS) else value
            for name, value in self.contract_settings.items()
        }
        values["headers"] = {name: value if _is_shown(name) else "***" for name, value in self.headers.items()}
        return values


def _is_shown(header: str) -> bool:
    """Whether the value of a header is no secret. Of all others the names alone are written down."""
    return header.lower() in ("origin", "user-agent", "host") or header.lower().startswith("accept")


ROWS: dict[str, Option] = {each.name: each.metadata["option"] for each in fields(Settings) if each.metadata}
"""The option of each attribute of Settings."""

OPTIONS = tuple(ROWS.values())
OPTION = {option.name: option for option in OPTIONS}
NAMES = {option.name: option.joins for option in OPTIONS}
"""What a profile may set, and what stands between the parts of an option that means several."""


def defaults() -> dict[str, str]:
    """Every option's default, as text."""
    return {option.name: option.default for option in OPTIONS}


def profile_options(name: str) -> dict[str, str]:
    """What a profile sets, as texts; nothing for an empty name. Raises ConfigError."""
    return load_profile(name, NAMES) if name else {}


def resolve(
    given: Mapping[str, str],
    workers: int | None = None,
    shapes: Iterable[str] = (),
    sources: Mapping[str, str] | None = None,
) -> Settings:
    """Turn option texts into checked Settings. Raises ConfigError with one sentence.

    `given` holds what the user set (an empty text means not set); the profile it names fills in next, then the
    defaults. `workers` is the number of workers that really take part, where it is known. `shapes` are
    those that a locustfile brings besides those of the folder. `sources` says who gave what.
    """
    given = {key: text for key, text in ((key, OPTION[key].cleaned(text)) for key, text in given.items()) if text}
    profile = profile_options(given.get("run_profile", ""))
    texts = defaults() | profile | given
    if workers is not None:
        texts["workers"] = str(workers)
    more = {"shape": shapes}
    values = {
        attribute: option.value(texts[option.name], more.get(option.name, ())) for attribute, option in ROWS.items()
    }
    values["conversations"] = values["conversations"] or max(1, values["workers"])
    if values["request_limit"] is not None:
        values["spawn_rate"] = min(values["spawn_rate"], values["request_limit"] / CALLS_OF_A_CLIENT)
    of_profile = dict.fromkeys(profile, f"profile {given.get('run_profile', '')}")
    settings = Settings(**values, sources=of_profile | dict(sources or {}))
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
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
    if settings.key and not settings.cert:
        raise ConfigError("key belongs to a client certificate: give --cert, too.")
    if settings.cert:
        kinds.check_certificate(settings.cert, settings.key)
    if not settings.may_sign_up and not settings.accounts and not settings.account_email:
        raise ConfigError("signup never needs accounts that are there: give --accounts.")
    if settings.subprotocol and any(name.lower() == "sec-websocket-protocol" for name in settings.headers):
        raise ConfigError("subprotocol and header Sec-WebSocket-Protocol are one thing: give one of them.")
    if bool(settings.account_email) != bool(settings.account_password):
        raise ConfigError("account-email and account-password go together: give both or neither.")
