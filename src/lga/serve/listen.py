"""Serves the application on a port: uvicorn, with time limits of our own."""

import asyncio
import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lga.errors import LGAError
from lga.serve.settings import ServeConfig

HEAD_SECONDS = 10.0
"""How long a client may take to send a request's head."""
HEAD_BYTES = 16 * 1024
IDLE_SECONDS = 15
CLOSING_SECONDS = 20
"""How long requests that are being answered are waited for at the end."""


class HurriedProtocol(H11Protocol):
    """HTTP/1.1 for clients that finish a request's head in time; uvicorn itself would wait for ever."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Start the clock."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a head is complete; start it when another one begins."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


def open_port(config: ServeConfig) -> socket.socket:
    """Take the port; done first, so that a port in use is noticed before the backbone is loaded.

    Raises:
        LGAError: there is no such address, or the port is taken.
    """
    try:
        addresses = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = addresses[0]
        port = socket.socket(family, kind, protocol)
        try:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port.bind(address)
        except OSError:
            port.close()
            raise
    except OSError as error:
        raise LGAError(
            f"{config.host}:{config.port}: cannot listen there ({error.strerror}); choose another --port or --host"
        ) from error
    return port


def address_of(port: socket.socket) -> str:
    """Where a server on this port is found."""
    host, number = port.getsockname()[:2]
    return f"http://{f'[{host}]' if ip_address(host).version == 6 else host}:{number}"


def make_server(app: ASGIApp, config: ServeConfig) -> uvicorn.Server:
    """Uvicorn with this server's limits."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=HurriedProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=config.connections,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=CLOSING_SECONDS,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
    )


def listen(app: ASGIApp, port: socket.socket, config: ServeConfig, *, ready: Callable[[], None]) -> None:
    """Answer until somebody presses Ctrl-C or ends the process; what is being answered then is finished first."""
    server = make_server(app, config)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        port.listen()
        ready()
        server.run(sockets=[port])
    except KeyboardInterrupt:  # uvicorn has shut down by now, and passes the signal on
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
