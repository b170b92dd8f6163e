"""Chat servers that are not ours, each on free ports of the loopback interface, with its data in its own folder."""

import base64
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from tests.support import Program, free_port, wait_until

HERE = Path(__file__).resolve().parent
START_S = 60
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class Server:
    """A program that listens on `port`. `count` is how it says what it has sent and taken, where it does."""

    def __init__(self, command, folder, port, env=None, user=None):
        self.port, self.origin, self.at_end = port, f"http://127.0.0.1:{port}", lambda: None
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user and os.geteuid() == 0 else []
        self.program = Program([*drop, *map(str, command)], folder, env=env, cwd=folder)
        try:
            wait_until(self._listens, START_S, f"{command[0]} on port {port}")
        except BaseException:
            self.end()
            raise

    def _listens(self):
        assert self.program.process.poll() is None, self.program.text
        try:
            return bool(requests.get(self.origin, timeout=2).status_code)
        except requests.RequestException as error:
            return "Connection aborted" in str(error) or "BadStatusLine" in str(error)

    def end(self):
        self.program.end()
        self.at_end()


def socketio(folder, *options):
    """Node's Socket.IO; `GET /` says what it counted."""
    port = free_port()
    return Server(["node", HERE / "socketio_server.mjs", f"--port={port}", *options], folder, port)


def actioncable(folder, *options):
    """ActionCable without the rest of Rails; `GET /` says what it counted."""
    port = free_port()
    return Server(["ruby", HERE / "actioncable_server.rb", port, *options], folder, port)


def redis(folder):
    """Redis, which carries the messages between nodes."""
    port = free_port()
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return Server(command, folder, port)


def nats(folder):
    """nats-server; its monitoring port says what it counted."""
    port, monitoring = free_port(), free_port()
    (folder / "nats.conf").write_text(
        f'listen: "127.0.0.1:{free_port()}"\nhttp: "127.0.0.1:{monitoring}"\n'
        f'websocket {{ listen: "127.0.0.1:{port}", no_tls: true }}\n'
    )
    server = Server(["nats-server", "-c", folder / "nats.conf"], folder, port)
    server.count = lambda: requests.get(f"http://127.0.0.1:{monitoring}/varz", timeout=5).json()
    return server


def centrifugo(folder):
    """Centrifugo, which keeps what is published for a minute; its API counts, and ends connections (`call`)."""
    port = free_port()
    (folder / "config.json").write_text(
        json.dumps(
            {
                "client": {"insecure": True, "allowed_origins": ["*"]},
                "http_api": {"insecure": True},
                "http_server": {"port": port, "address": "127.0.0.1"},
                "channel": {
                    "without_namespace": {
                        **dict.fromkeys(("allow_publish_for_client", "allow_subscribe_for_client"), True),
                        "history_size": 1000,
                        "history_ttl": "1m",
                        "force_recovery": True,
                    }
                },
            }
        )
    )
    server = Server([os.environ.get("CENTRIFUGO", "centrifugo"), "-c", folder / "config.json"], folder, port)
    server.call = lambda method, **body: requests.post(f"{server.origin}/api/{method}", json=body, timeout=5).json()
    return server


SYNAPSE = """
server_name: localhost
signing_key_path: {folder}/signing.key
log_config: {folder}/log.yaml
media_store_path: {folder}/media
listeners:
  - {{port: {port}, type: http, bind_addresses: ["127.0.0.1"], resources: [{{names: [client]}}]}}
database: {{name: sqlite3, args: {{database: {folder}/homeserver.db}}}}
macaroon_secret_key: only-for-tests
report_stats: false
enable_registration: true
enable_registration_without_verification: true
bcrypt_rounds: 4
trusted_key_servers: []
federation_domain_whitelist: []
presence: {{enabled: false}}
rc_message: &r {{per_second: 100000, burst_count: 100000}}
rc_registration: *r
rc_login: {{address: *r, account: *r, failed_attempts: *r}}
rc_joins: {{local: *r, remote: *r}}
rc_joins_per_room: *r
rc_room_creation: *r
"""


def synapse(folder, port=None):
    """Synapse, Matrix's server, on SQLite; started again in the same folder it has the same accounts and rooms."""
    port = port or free_port()
    (folder / "homeserver.yaml").write_text(SYNAPSE.format(folder=folder, port=port))
    (folder / "log.yaml").write_text("version: 1\n")
    if not (folder / "signing.key").exists():
        seed = base64.b64encode(os.urandom(32)).decode().rstrip("=")
        (folder / "signing.key").write_text(f"ed25519 a_test {seed}\n")
    python = os.environ.get("SYNAPSE_PYTHON", sys.executable)
    return Server([python, "-m", "synapse.app.homeserver", "-c", folder / "homeserver.yaml"], folder, port)


def mosquitto(folder):
    """Mosquitto, with a plain listener for its own command-line client, which counts what it hears."""
    port, plain = free_port(), free_port()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\nlistener {plain} 127.0.0.1\n"
        "max_queued_messages 0\n"
    )
    server = Server(["mosquitto", "-c", folder / "mosquitto.conf"], folder, port)
    server.plain = plain
    return server


def prosody(folder):
    """Prosody with group chat and anonymous logins."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="hubbub-prosody-"))  # which another user can reach
    data = folder / "data"
    data.mkdir()
    (folder / "prosody.cfg.lua").write_text(
        f"""
        daemonize = false
        data_path = "{data}"
        c2s_ports = {{ {free_port()} }}  c2s_direct_tls_ports = {{ }}  https_ports = {{ }}
        interfaces = {{ "127.0.0.1" }}
        http_ports = {{ {port} }}  http_interfaces = {{ "127.0.0.1" }}
        modules_enabled = {{ "saslauth"; "websocket"; "presence"; "message"; "iq"; "ping" }}
        modules_disabled = {{ "s2s"; "tls"; "limits" }}
        consider_websocket_secure = true
        authentication = "anonymous"
        log = {{ info = "*console" }}
        VirtualHost "localhost"
        Component "conference.localhost" "muc"
          muc_room_locking = false
        """
    )
    user = pwd.getpwnam("prosody")
    for path in (folder, data, folder / "prosody.cfg.lua"):
        shutil.chown(path, user.pw_uid, user.pw_gid)
    return Server(["prosody", "--config", folder / "prosody.cfg.lua"], folder, port, user="prosody")


def rabbitmq(folder):
    """RabbitMQ with STOMP over WebSocket, and over TCP for a client that counts."""
    port, plain = free_port(), free_port()
    (folder / "plugins").write_text("[rabbitmq_web_stomp].")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{free_port()}\nweb_stomp.tcp.port = {port}\nweb_stomp.tcp.ip = 127.0.0.1\n"
        f"stomp.listeners.tcp.1 = 127.0.0.1:{plain}\n"
    )
    environment = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"hubbub{port}@localhost",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(folder / "db"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    server = Server([RABBITMQ], folder, port, environment)
    mapper = ["epmd", "-port", environment["ERL_EPMD_PORT"], "-kill"]  # which Erlang leaves behind as a daemon
    server.at_end = lambda: wait_until(
        lambda: b"Killed" in subprocess.run(mapper, capture_output=True, check=False).stdout, 20
    )
    server.plain = plain
    return server


class MqttListener:
    """Mosquitto's own client, which hears all that is published under a topic; `count` ends it."""

    def __init__(self, port, topic, folder):
        self.output = (folder / "heard.txt").open("w+")
        command = [
            "stdbuf",
            "-oL",
            "mosquitto_sub",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-t",
            topic,
            "-q",
            "1",
            "-F",
            "%t",
            "-d",
        ]
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT)
        wait_until(lambda: "SUBACK" in Path(self.output.name).read_text(), what="mosquitto_sub")

    def count(self, expected):
        """How many it heard, once it heard as many as expected, or in vain waited for that."""
        try:
            wait_until(lambda: self._heard() >= expected, 10)
        finally:
            self.process.kill()
            self.process.wait()
            self.output.close()
        return self._heard()

    def _heard(self):
        lines = Path(self.output.name).read_text().splitlines()
        return sum(line.startswith("perfws/") for line in lines)
