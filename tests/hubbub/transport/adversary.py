"""A raw-socket server that plays a script against the client under test: it owes nothing to any WebSocket library."""

import socket
import struct
import threading
from dataclasses import dataclass, field

from hubbub.transport.handshake import accept_of
from tests.hubbub.transport.test_frames import frame

PATIENCE_S = 10


@dataclass
class Seen:
    """What the server saw of the client: frames as (opcode, payload), and whether the client closed its side."""

    frames: list = field(default_factory=list)
    has_ended: bool = False
    are_masked: bool = True

    @property
    def close_code(self):
        for opcode, payload in self.frames:
            if opcode == 8:
                return struct.unpack("!H", payload[:2])[0] if payload else 1005
        return None

    def payloads(self, opcode):
        return [payload for code, payload in self.frames if code == opcode]


class Adversary:
    """Serves one connection: the handshake, then `chunks`, each in a segment of its own, then reads until the end.

    With `closes` it answers the client's close frame and ends the connection, like a server that keeps the rules.
    """

    def __init__(self, chunks, closes=True, answer=None):
        self._chunks, self._closes, self._answer = chunks, closes, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/chat"
        self.seen = Seen()
        self.request = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def finish(self):
        """Wait for the end of the connection; returns what was seen."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the connection did not end"
        self._listener.close()
        return self.seen

    def _serve(self):
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            self._shake_hands(connection)
            for chunk in self._chunks:
                try:
                    connection.sendall(chunk)
                except OSError:
                    break  # the client has ended it already
            self._read(connection)

    def _shake_hands(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        self.request = request
        key = next(line[19:] for line in request.decode().split("\r\n") if line.startswith("Sec-WebSocket-Key: "))
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept_of(key)}")
        connection.sendall(self._answer or ("\r\n".join(lines) + "\r\n\r\n").encode())

    def _read(self, connection):
        data = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except ConnectionError:
                chunk = b""
            if not chunk:
                self.seen.has_ended = True
                return
            data = self._take(data + chunk)
            if self.seen.close_code is not None and self._closes:
                try:
                    connection.sendall(frame(8, struct.pack("!H", 1000)))
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # the client has gone already
                self._closes = False

    def _take(self, data):
        """Take the client's whole frames; returns the rest."""
        while len(data) >= 6:
            size, start = data[1] & 0x7F, 2
            if size == 126:
                size, start = struct.unpack("!H", data[2:4])[0], 4
            elif size == 127:
                size, start = struct.unpack("!Q", data[2:10])[0], 10
            self.seen.are_masked &= bool(data[1] & 0x80)
            if len(data) < start + 4 + size:
                break
            mask = data[start : start + 4]
            payload = bytes(byte ^ mask[n % 4] for n, byte in enumerate(data[start + 4 : start + 4 + size]))
            self.seen.frames.append((data[0] & 0x0F, payload))
            data = data[start + 4 + size :]
        return data
