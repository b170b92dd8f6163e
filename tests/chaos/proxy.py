"""A proxy between a run and its backend that cuts, resets, holds, floods, and answers in the backend's place."""

import socket
import struct
import threading
from contextlib import suppress

CHUNK = 1 << 16
CLOSE = b"\r\nConnection: close\r\n"
"""So that the next call comes on a connection of its own, and is looked at."""


class Proxy:
    """Listens on `port` of loopback. `answers` has what is answered to a path instead of asking the backend.

    `flood` is what every connection that was upgraded is sent for ever, from `start_flood` on.
    """

    def __init__(self, backend_port, answers=None, flood=b""):
        self.answers, self.flood = answers or {}, flood
        self.backend_port = backend_port
        self.is_held, self.is_flooding, self.is_over = threading.Event(), threading.Event(), threading.Event()
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.is_over.is_set():
            with suppress(OSError):
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with suppress(OSError):
            first = client.recv(CHUNK)
            path = first.split(b" ", 2)[1].decode() if b" " in first else ""
            answer = next((text for part, text in self.answers.items() if part in path), None)
            if answer is not None:
                self.answer(client, answer)
                return
            backend = socket.create_connection(("127.0.0.1", self.backend_port))
            self.pairs.append((client, backend))
            if self.answers and b"Upgrade: websocket" not in first:
                first = first.replace(b"Connection: keep-alive\r\n", b"").replace(b"\r\n", CLOSE, 1)
            backend.sendall(first)
            threading.Thread(target=self.pump, args=(client, backend, False), daemon=True).start()
            self.pump(backend, client, b"Upgrade: websocket" in first and bool(self.flood))

    def answer(self, client, answer):
        """`answer` is (status, body), or "drip", "endless" or "junk"."""
        if answer == "junk":
            client.sendall(b"what do you want?\r\n\r\n")
        elif answer in ("drip", "endless"):
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            while not self.is_over.is_set():
                client.sendall(b" " * (1 if answer == "drip" else CHUNK))
                if answer == "drip":
                    self.is_over.wait(0.2)
        else:
            status, body = answer
            client.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        client.close()

    def pump(self, source, target, is_flooded):
        with suppress(OSError):
            while data := source.recv(CHUNK):
                while self.is_held.is_set() and not self.is_over.is_set():
                    self.is_over.wait(0.05)
                target.sendall(data)
                while is_flooded and self.is_flooding.is_set() and not self.is_over.is_set():
                    target.sendall(self.flood)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self, is_reset=False):
        """End every connection, as a cable or a load balancer does."""
        for pair in self.pairs:
            for each in pair:
                with suppress(OSError):
                    if is_reset:
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        each.close()
                    else:
                        each.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()

    def close(self):
        self.is_over.set()
        self.listener.close()
        self.cut()
