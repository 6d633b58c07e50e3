"""Servers that answer a byte at a time, or do not go on: what time-outs of silence never end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HEADERS = b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000
BODY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "headers": (b"", HEADERS),
    "body": (BODY, b" " * 5000),
    "chunks": (CHUNKS, b"1\r\n \r\n" * 1000),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500),
}
"""By what drips: what is sent at once, and what a byte at a time."""


@contextmanager
def dripping(kind: str, pause: float = 0.02) -> Iterator[str]:
    """The address of a server that answers every request so, with ``pause`` seconds a byte."""
    at_once, drips = DRIPS[kind]
    over = threading.Event()

    def answer(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            caller.recv(65536)
            caller.sendall(at_once)
            for place in range(len(drips)):
                if over.wait(pause):
                    return
                caller.sendall(drips[place : place + 1])

    def listen() -> None:
        with suppress(OSError):
            while True:
                caller, _ = server.accept()
                threading.Thread(target=answer, args=(caller,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
