"""Every contract that is shipped, against the real server: our counts are the server's, or an independent client's."""

import socket
import sys
import threading
from types import SimpleNamespace

import pytest
import requests
import websocket

from tests.backends import servers
from tests.backends.conftest import CLIENTS, LONGER, LONGER_SENT, SENT, assert_all_arrived_once
from tests.support import wait_until

pytestmark = pytest.mark.servers

# -- Socket.IO --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("has_echo", [True, False])
def test_socketio_is_counted_as_it_counts(server, exact, has_echo, workers):
    backend = server(servers.socketio, *([] if has_echo else ["--no-echo"]))
    options = ["--workers", workers, "--contract-set", f"echo={str(has_echo).lower()}"]
    found = exact(backend, "socketio", *options, has_echo=has_echo, rooms=max(1, workers))
    counted = requests.get(backend.origin, timeout=5).json()
    assert (counted["messages"], counted["deliveries"]) == (SENT, found["deliveries"]["due"])
    assert counted["connections"] == CLIENTS


@pytest.mark.parametrize("has_echo", [True, False])
def test_socketio_in_msgpack_is_counted_as_it_counts(server, exact, has_echo):
    backend = server(servers.socketio, "--msgpack", *([] if has_echo else ["--no-echo"]))
    options = ["--contract-set", f"echo={str(has_echo).lower()}"]
    found = exact(backend, "socketio_msgpack", *options, has_echo=has_echo)
    counted = requests.get(backend.origin, timeout=5).json()
    assert (counted["messages"], counted["deliveries"]) == (SENT, found["deliveries"]["due"])


@pytest.mark.parametrize("workers", [0, 2])
def test_two_nodes_of_socketio_reach_each_others_clients(server, exact, workers):
    port = server(servers.redis).port
    nodes = [server(servers.socketio, f"--redis={port}") for _ in range(2)]
    hosts = ",".join(node.origin for node in nodes)
    found = exact(SimpleNamespace(origin=hosts), "socketio", "--workers", workers, rooms=max(1, workers))
    assert found["addresses"] == {node.origin.removeprefix("http://"): CLIENTS // 2 for node in nodes}
    counted = [requests.get(node.origin, timeout=5).json() for node in nodes]
    assert sum(each["messages"] for each in counted) == SENT


def test_socketio_is_held_by_pings_and_heard_by_the_canary(server, exact):
    found = exact(server(servers.socketio), "socketio", "--canary")
    assert found["connections"]["dropped"] == 0
    assert found["canary"]["received"] == SENT


def test_what_socketio_kept_for_lost_connections_is_due(server, hubbub, summary):
    backend = server(servers.socketio, "--recover")

    def counted():
        return requests.get(backend.origin, timeout=5).json()

    run = hubbub("perf-ws", "--host", backend.origin, "--contract", "socketio", *LONGER)
    wait_until(lambda: counted()["messages"] >= SENT // 2, 60)
    requests.get(f"{backend.origin}/cut", timeout=5)
    assert run.code() == 1, run.text  # a connection that drops is an objective that is broken
    found = summary()
    assert found["connections"]["dropped"] == counted()["recovered"] == CLIENTS // 2
    assert_all_arrived_once(found, LONGER_SENT)
    assert found["deliveries"]["recovered"] > 0
    assert counted()["messages"] == LONGER_SENT


def test_what_is_not_kept_for_lost_connections_is_excused(server, hubbub, summary):
    backend = server(servers.socketio)
    run = hubbub("perf-ws", "--host", backend.origin, "--contract", "socketio", *LONGER)
    wait_until(lambda: requests.get(backend.origin, timeout=5).json()["messages"] >= SENT // 2, 60)
    requests.get(f"{backend.origin}/cut", timeout=5)
    assert run.code() == 1, run.text
    deliveries = summary()["deliveries"]
    assert (deliveries["recovered"], deliveries["lost"]) == (0, 0)
    assert deliveries["due"] == deliveries["delivered"] + deliveries["excused"] < LONGER_SENT * CLIENTS


def test_a_refused_connection_says_why(server, hubbub, tmp_path):
    (tmp_path / "accounts.csv").write_text("email,password\nbanned@x.y,p\n")
    backend = server(servers.socketio)
    options = ("--clients", 2, "--duration", "1s", "--accounts", tmp_path / "accounts.csv")
    run = hubbub("perf-ws", "--host", backend.origin, "--contract", "socketio", *options)
    assert run.code() == 2
    assert "not allowed" in run.text


# -- ActionCable ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("has_echo", [True, False])
def test_actioncable_is_counted_as_it_counts(server, exact, has_echo, workers):
    backend = server(servers.actioncable, *([] if has_echo else ["--no-echo"]))
    options = ["--workers", workers, "--contract-set", f"echo={str(has_echo).lower()}"]
    found = exact(backend, "actioncable", *options, has_echo=has_echo, rooms=max(1, workers))
    counted = requests.get(backend.origin, timeout=5).json()
    assert (counted["messages"], counted["deliveries"]) == (SENT, found["deliveries"]["due"])


# -- NATS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_echo", [True, False])
def test_nats_is_counted_as_it_counts(server, exact, has_echo):
    backend = server(servers.nats)
    found = exact(backend, "nats", "--contract-set", f"echo={str(has_echo).lower()}", has_echo=has_echo)
    counted = backend.count()
    assert (counted["in_msgs"], counted["out_msgs"]) == (SENT, found["deliveries"]["due"])


# -- MQTT -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "has_echo"), [("qos=0", True), ("qos=1", True), ("echo=false", False)])
def test_mqtt_is_counted_as_its_own_client_counts(server, exact, tmp_path, setting, has_echo):
    backend = server(servers.mosquitto)
    listener = servers.MqttListener(backend.plain, "perfws/#", tmp_path)
    exact(backend, "mqtt", "--contract-set", setting, has_echo=has_echo)
    assert listener.count(SENT) == SENT


# -- STOMP ------------------------------------------------------------------------------------------------------------


class StompListener:
    """Hears a topic over plain TCP, and counts."""

    def __init__(self, port, destination):
        self.heard = 0
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.sendall(b"CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0")
        self.socket.sendall(f"SUBSCRIBE\nid:1\ndestination:{destination}\nreceipt:r\n\n\0".encode())
        self.rest = b""
        self.ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self.ready.wait(10)

    def _read(self):
        while data := self.socket.recv(65536):
            *frames, self.rest = (self.rest + data).split(b"\0")
            for frame in frames:
                self.heard += frame.lstrip().startswith(b"MESSAGE")
                if frame.lstrip().startswith(b"RECEIPT"):
                    self.ready.set()


def test_stomp_is_counted_as_another_client_counts(server, exact):
    backend = server(servers.rabbitmq)
    listener = StompListener(backend.plain, "/topic/perfws.#")
    exact(backend, "stomp")
    wait_until(lambda: listener.heard >= SENT, 10)
    assert listener.heard == SENT


# -- XMPP -------------------------------------------------------------------------------------------------------------


class XmppListener:
    """Another client in a room, on websocket-client; it counts the messages that it hears."""

    def __init__(self, port, room):
        self.heard = 0
        self.link = websocket.create_connection(
            f"ws://127.0.0.1:{port}/xmpp-websocket", subprotocols=["xmpp"], timeout=10
        )
        start = '<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>'
        self._say(start, "features")
        self._say('<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS"/>', "success")
        self._say(start, "features")
        self._say(
            '<iq xmlns="jabber:client" type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>', "<iq"
        )
        muc = "http://jabber.org/protocol/muc"
        self._say(f'<presence xmlns="jabber:client" to="{room}/ear"><x xmlns="{muc}"/></presence>', "110")
        threading.Thread(target=self._read, daemon=True).start()

    def _say(self, text, until):
        self.link.send(text)
        while until not in self.link.recv():
            continue

    def _read(self):
        while True:
            try:
                self.heard += "<body>" in self.link.recv()
            except (websocket.WebSocketException, OSError):
                return


def test_xmpp_is_counted_as_another_client_counts(server, exact):
    backend, room = server(servers.prosody), "perf@conference.localhost"
    listener = XmppListener(backend.port, room)
    exact(backend, "xmpp", "--conversation-id", room)
    wait_until(lambda: listener.heard >= SENT, 10)
    assert listener.heard == SENT


# -- what a shipped contract must bear --------------------------------------------------------------------------------


def test_a_host_that_speaks_something_else_is_one_sentence(server, hubbub):
    backend = server(servers.nats)
    run = hubbub("perf-ws", "--host", backend.origin, "--contract", "stomp", "--clients", 2, "--connect-timeout", "1s")
    assert run.code() == 2
    assert "preflight: no connection gets ready" in run.text
    assert "Traceback" not in run.text


def test_trying_a_contract_shows_what_it_takes_frames_for(server, start):
    backend = server(servers.socketio)
    command = ("try", "--contract", "socketio", "--host", backend.origin, "--max-conns-per-user", 2)
    run = start(sys.executable, "-m", "hubbub", *command)
    assert run.code() == 0, run.text
    assert "took it for: delivery of 'hubbub try" in run.text
    assert "because when[5] starts" in run.text
    assert "- no history: what is not delivered cannot be looked up; write [history]" in run.text
