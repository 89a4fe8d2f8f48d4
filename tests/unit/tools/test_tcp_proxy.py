"""The proxy of the table of faults: what passes, what is late, what is lost, and what it does to connections."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.tcp_proxy import DEAF, REFUSED, SILENT, WELL, Flow, Link, TcpProxy, trickle
from tests.support.waiting import until


class Echo:
    """Answers with what it was sent, and keeps it."""

    def __init__(self) -> None:
        self.heard = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            try:
                while chunk := client.recv(1 << 16):
                    self.heard += chunk
                    client.sendall(chunk)
            except OSError:
                return

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[TcpProxy]:
    made = TcpProxy(echo.port)
    yield made
    made.close()


@pytest.fixture
def client(proxy: TcpProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as made:
        yield made


def said(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return heard(client, len(words))


def heard(client: socket.socket, count: int) -> bytes:
    answer = b""
    while len(answer) < count and (chunk := client.recv(count - len(answer))):
        answer += chunk
    return answer


def ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_all_passes_as_it_is(client: socket.socket) -> None:
    words = bytes(range(256)) * 1000
    assert said(client, words) == words


def test_what_is_held_comes_later(proxy: TcpProxy, client: socket.socket, echo: Echo) -> None:
    assert said(client, b"before") == b"before"
    proxy.behave(SILENT)
    client.sendall(b"held")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)
    assert echo.heard == b"before"
    proxy.behave(WELL)
    client.settimeout(60)
    assert heard(client, 4) == b"held"


def test_lost_answers_are_those_of_what_was_done(proxy: TcpProxy, client: socket.socket, echo: Echo) -> None:
    proxy.behave(DEAF)
    client.sendall(b"done")
    assert until(lambda: any(each.spoiled for each in proxy._connections)), "the answer has come to the proxy"
    assert echo.heard == b"done"
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)
    proxy.behave(WELL)
    client.settimeout(60)
    assert ended(client), "what came next would be taken for the answer"


def test_a_refusal_ends_what_stands_and_what_comes(proxy: TcpProxy, client: socket.socket) -> None:
    assert said(client, b"x") == b"x"
    proxy.behave(REFUSED)
    assert ended(client)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as other:
        assert ended(other)
    proxy.behave(WELL)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as third:
        assert said(third, b"y") == b"y"


def test_answers_are_delayed_until_the_link_is_well(proxy: TcpProxy, client: socket.socket) -> None:
    proxy.behave(Link(answers=Flow(delay_s=(0.3, 0.4))))
    began = time.monotonic()
    assert said(client, b"late") == b"late"
    assert time.monotonic() - began >= 0.3
    proxy.behave(Link(answers=Flow(delay_s=(600.0, 600.0))))
    client.sendall(b"at once")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)
    proxy.behave(WELL)
    client.settimeout(60)
    assert heard(client, 7) == b"at once"


def test_a_trickle_takes_its_time(proxy: TcpProxy, client: socket.socket) -> None:
    proxy.behave(trickle(1000.0))
    began = time.monotonic()
    assert said(client, b"x" * 400) == b"x" * 400
    assert time.monotonic() - began >= 0.3


def test_a_service_that_is_not_there_ends_the_connection(proxy: TcpProxy, echo: Echo) -> None:
    gone = TcpProxy(1)
    with socket.create_connection(("127.0.0.1", gone.port), timeout=60) as client:
        assert ended(client)
    gone.close()
