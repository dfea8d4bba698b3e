"""`Connection` and `Door`: HTTP connections that nobody can hold open for nothing.

uvicorn waits for headers for ever, and its event loop takes connections until the system has no
file descriptors left. Here a connection has a deadline whenever no request of it is under way, and
where as many are open as fit, the one that has waited longest without a request makes room.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Connection", "Door", "most_connections"]

# Half-sent headers of each may take 64 KB, so more connections would be a way to fill memory.
_MOST = 1000
# What is accepted in a few turns of the event loop before anything is closed, the pipes of
# decoding processes, and what a request may open.
_RESERVE = 96
# Bodies in parts smaller than this are refused, after so many: each part costs as much as a page.
_PART_BYTES, _PARTS = 32, 2048
_LINGER = 1.0
_log = logging.getLogger("uvicorn.error")


def most_connections() -> int:
    """Returns how many connections may be open: less than the system's limit of open files."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        taken = len(os.listdir("/dev/fd"))
    except (ImportError, OSError):  # no such limit, or no way to count
        return _MOST // 2
    if limit == resource.RLIM_INFINITY:
        return _MOST
    return max(8, min(_MOST, limit - taken - _RESERVE))


class Door:
    """Knows which connections are open, and closes the right one when there are too many.

    Args:
        most: Connections that may be open.
        seconds: In which a request's headers must arrive.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self.open: set[Connection] = set()
        # Oldest first: those that never sent a whole request, and those between two.
        self._half: dict[Connection, None] = {}
        self._idle: dict[Connection, None] = {}
        self._told = float("-inf")

    def enter(self, connection: Connection) -> None:
        """Lets one in; where that is one too many, the oldest that waits is closed."""
        while len(self.open) >= self.most:
            self._say()
            oldest = next(iter(self._half), None) or next(iter(self._idle), None)
            if oldest is None:
                connection.refuse(503, "too many connections are open: come back in a second")
                return
            self.leave(oldest)
            oldest.transport.abort()
        self.open.add(connection)

    def rest(self, connection: Connection, served: bool) -> None:
        """Notes that a connection waits for a request."""
        if connection in self.open:
            (self._idle if served else self._half).setdefault(connection)

    def work(self, connection: Connection) -> None:
        """Notes that a request is under way."""
        self._half.pop(connection, None)
        self._idle.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """Forgets a connection."""
        self.open.discard(connection)
        self.work(connection)

    def _say(self) -> None:
        if time.monotonic() > self._told + 60:
            self._told = time.monotonic()
            _log.warning(
                "%d connections are open, as many as fit: those without a request are closed, "
                "the oldest first", self.most,
            )  # fmt: skip


class _Http(h11.Connection):
    """HTTP/1.1, and no bodies in crumbs."""

    def __init__(self, longest: int) -> None:
        super().__init__(h11.SERVER, longest)
        self._parts = self._bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._parts += 1
            self._bytes += len(event.data)
            if self._parts > _PARTS and self._bytes < _PART_BYTES * self._parts:
                raise h11.RemoteProtocolError("send the body in larger parts")
        elif isinstance(event, h11.Request):
            self._parts = self._bytes = 0
        return event


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with deadlines.

    Args:
        given: What uvicorn gives its protocols.
        door: What counts them.
        named: As `given`.
    """

    def __init__(self, *given: Any, door: Door, **named: Any) -> None:
        super().__init__(*given, **named)
        self.conn = _Http(self.config.h11_max_incomplete_event_size or 1 << 16)
        self._door = door
        self._late: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._door.enter(self)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets everything."""
        for timer in (self._late, self._stuck):
            if timer is not None:
                timer.cancel()
        self._late = self._stuck = None
        self._door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what came; late or not is decided by whole requests, not by single bytes."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Begins to wait for the next request."""
        super().on_response_complete()
        self._look()

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that was silent, also one that does not take its last answer."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(_LINGER, self.transport.abort)

    def pause_writing(self) -> None:
        """Begins to wait for a client that does not read its answer."""
        super().pause_writing()
        self._stuck = self.loop.call_later(self._door.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Goes on to write."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP; uvicorn's own breaks where a request is under way."""
        self.refuse(400, "this is not HTTP as it should be, or a body in very many tiny parts")

    def refuse(self, status: int, summary: str) -> None:
        """Answers with one sentence and closes, whatever the state of the conversation.

        Args:
            status: Of HTTP.
            summary: What is wrong and what to do.
        """
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            content = json.dumps({"error": summary}).encode()
            self.transport.write(
                f"HTTP/1.1 {status} \r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
                + content
            )
        self.transport.close()
        self.loop.call_later(_LINGER, self.transport.abort)

    def cut(self) -> None:
        """Ends what waits for the client: the server is stopping."""
        cycle = self.cycle
        if cycle is None or cycle.response_started:
            self.transport.abort()

    def _look(self) -> None:
        """Sets or takes back the deadline."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._door.work(self)
            self._forgive()
            return
        self._door.rest(self, served=cycle is not None)
        between = cycle is not None and self.conn.their_state is h11.IDLE
        if between and not self.conn.trailing_data[0]:
            self._forgive()  # silence between two requests has a clock of its own
        elif self._late is None:
            self._late = self.loop.call_later(self._door.seconds, self._end)

    def _forgive(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self.refuse(408, f"no whole request arrived within {self._door.seconds:g} seconds")
