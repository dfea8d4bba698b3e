"""`Decoders`: processes that decode for the server, and are ended when an image takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np

from headstart.deploy.decoding import Seen, put_frame, take_frame
from headstart.errors import ImageError
from headstart.images.detect import detector_content
from headstart.images.preprocess import Preprocess

__all__ = ["DecodeFault", "Decoders", "Stopped", "TooSlow"]

# An image that takes longer makes room for others: they are decoded beside it.
_QUICK_SECONDS = 0.5
# So many slow ones at once; each is bounded by its deadline.
_SLOW = 4
# Where the machine is crowded, the deadline's processor time may take so much longer by the clock.
_CROWDED = 3
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from headstart.deploy.decoding import decode_given; decode_given()"
)
# One thread, and memory that is kept from one image to the next: to ask the system for that of
# every image anew takes a quarter of the time.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
}
_log = logging.getLogger("uvicorn.error")


class TooSlow(ImageError):
    """An image took longer to decode than the deadline."""


class Stopped(Exception):
    """The server is stopping."""


class DecodeFault(Exception):
    """Decoding raised what it never should.

    Args:
        kind: Name of the exception's type.
        place: `room/module.py:line`.
    """

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(f"{kind} at {place}")
        self.kind, self.place = kind, place


class _Process:
    """One process of `deploy.decoding`; its methods wait, so they are called in threads."""

    def __init__(self, settings: dict[str, Any], detector: bytes) -> None:
        # A fresh program, never a fork of one with threads; it finds what this one would find.
        self.child = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ENVIRONMENT,
            process_group=0 if os.name == "posix" else None,  # Ctrl+C is for the server
        )
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self._questions, self._answers = self.child.stdin, self.child.stdout
        self._settings, self._detector = settings, detector
        self.late = False

    def greet(self) -> None:
        """Waits until it is ready.

        Raises:
            EOFError: If it ended instead.
            OSError: Likewise.
        """
        for pipe in (self._questions, self._answers):
            _widen(pipe.fileno())
        put_frame(self._questions, self._settings, self._detector)
        take_frame(self._answers)

    def ask(self, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Has one image decoded.

        Raises:
            EOFError: If the process ended instead.
            OSError: Likewise.
        """
        put_frame(self._questions, {}, data)
        return take_frame(self._answers)

    def kill(self, late: bool = False) -> None:
        """Ends it at once, whatever it does; whoever waits for it gets an `EOFError`."""
        self.late = self.late or late
        with contextlib.suppress(OSError):
            self.child.kill()

    def bury(self) -> int:
        """Waits until it is gone; returns its exit status."""
        self.child.kill()
        status = self.child.wait()
        for pipe in (self._questions, self._answers):
            with contextlib.suppress(OSError):  # what it did not read
                pipe.close()
        return status


class Decoders:
    """A small pool of processes, kept warm.

    Images are decoded `count` at a time. One that takes longer than half a second gives its place
    to the next and goes on beside, so that a few slow ones never hold up the others; at its
    deadline its process is ended and replaced.

    Args:
        preprocess: How images are fitted.
        tta: V, views of an image.
        pixels: Larger images are refused by their header.
        seconds: Of processor time that decoding one image may take.
        count: Images that are decoded at once.

    Attributes:
        stopping: Whether nothing is decoded any more.
    """

    def __init__(
        self, preprocess: Preprocess, tta: int, *, pixels: int, seconds: float, count: int
    ) -> None:
        faces = preprocess.faces
        self._detector = detector_content(faces.detector, faces.fingerprint) if faces else b""
        self._settings = {
            "preprocess": asdict(preprocess), "tta": tta, "pixels": pixels, "seconds": seconds,
        }  # fmt: skip
        self._seconds, self._count = seconds, count
        self._most = count + max(_SLOW, count)
        self._spare = self._most - count
        self._quick = asyncio.Semaphore(count)
        self._idle: asyncio.LifoQueue[_Process | None] = asyncio.LifoQueue()
        self._all: set[_Process] = set()
        self._growing: set[asyncio.Task[None]] = set()
        self._waiting: dict[object, float] = {}
        self._threads = ThreadPoolExecutor(self._most + 1, "decode")
        self.stopping = False

    @property
    def delay(self) -> float:
        """Seconds that the image which waits longest has waited for its turn."""
        return time.monotonic() - min(self._waiting.values()) if self._waiting else 0.0

    async def start(self) -> None:
        """Starts the processes and waits until they are ready.

        Raises:
            EOFError: If one ends instead.
            OSError: If none can be started.
        """
        # One more than work at once, so that there is a fresh one when one is ended.
        await asyncio.gather(*(self._add() for _ in range(self._count + 1)))

    def cut(self) -> None:
        """Ends what is being decoded, and refuses what comes: the server is stopping."""
        self.stopping = True
        for each in self._all:
            each.kill()
        self._idle.put_nowait(None)  # whoever waits for one is told

    async def stop(self) -> None:
        """Ends all processes."""
        self.cut()
        for task in self._growing:
            task.cancel()
        await asyncio.gather(*self._growing, return_exceptions=True)
        await asyncio.gather(*(self._in_thread(each.bury) for each in self._all))
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def decode(self, data: bytes) -> list[Seen]:
        """Returns what is to be named of one image, in `seen_of`'s words.

        Raises:
            ImageError: If it cannot be read, shows no face where one is wanted, makes its decoder
                crash, or takes longer than the deadline (`TooSlow`).
            Stopped: If the server is stopping.
            DecodeFault: If that is our own mistake.
        """
        async with self._turn(), self._process() as process:
            deadline = asyncio.get_running_loop().call_later(
                _CROWDED * self._seconds, process.kill, True
            )
            try:
                head, content = await self._in_thread(process.ask, data)
            finally:
                deadline.cancel()
        if "fault" in head:
            raise DecodeFault(head["fault"], head["place"])
        if "error" in head:
            raise ImageError(head["error"])
        inputs = np.frombuffer(content, np.uint8).reshape(head["shape"])
        inputs = np.broadcast_to(inputs, (len(inputs), head["views"], *inputs.shape[2:]))
        return list(zip(np.asarray(head["boxes"], np.float32), inputs, strict=True))

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Waits for a place among the quick ones; it is given up when this one is slow."""
        ticket, slow = object(), False
        timer: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        self._waiting[ticket] = time.monotonic()
        try:
            await self._quick.acquire()
        finally:
            del self._waiting[ticket]

        def step_aside() -> None:
            nonlocal slow, timer
            if self._spare < 1:  # as soon as another slow one has ended
                timer = loop.call_later(_QUICK_SECONDS, step_aside)
                return
            slow, self._spare = True, self._spare - 1
            self._quick.release()
            if self._idle.empty() and len(self._all) + len(self._growing) < self._most:
                self._grow()

        timer = loop.call_later(_QUICK_SECONDS, step_aside)
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            if slow:
                self._spare += 1
            else:
                self._quick.release()

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[_Process]:
        """Lends a process; one that ended, or was left at work, is replaced."""
        process = await self._take()
        try:
            yield process
        except (EOFError, OSError):
            self._drop(process)
            raise self._obituary(process, await self._in_thread(process.bury)) from None
        except BaseException:  # whoever asked has gone, but not what was asked
            self._drop(process)
            asyncio.get_running_loop().run_in_executor(self._threads, process.bury)
            raise
        self._idle.put_nowait(process)

    async def _take(self) -> _Process:
        """Returns an idle process that lives: the system may have ended one for its memory."""
        while True:
            process = await self._idle.get()
            if process is None or self.stopping:
                self._idle.put_nowait(None)
                raise Stopped
            if process.child.poll() is None:
                return process
            self._drop(process)
            await self._in_thread(process.bury)

    def _obituary(self, process: _Process, status: int) -> Exception:
        if self.stopping:
            return Stopped()
        if process.late or status == -getattr(signal, "SIGPROF", 0):
            return TooSlow(
                f"decoding it took longer than {self._seconds:g} seconds, which is the limit here: "
                f"send it smaller, as a plain JPEG or PNG"
            )
        return ImageError(f"it cannot be decoded: its decoder crashed (status {status})")

    def _drop(self, process: _Process) -> None:
        self._all.discard(process)
        if not self.stopping:
            self._grow()

    def _grow(self) -> None:
        task = asyncio.get_running_loop().create_task(self._add_surely())
        self._growing.add(task)
        task.add_done_callback(self._growing.discard)

    async def _add_surely(self) -> None:
        """Starts another process; where that fails (no memory, say), tries again."""
        pause = 0.1
        while not self.stopping:
            try:
                return await self._add()
            except (EOFError, OSError) as error:
                _log.warning("a decoding process could not be started (%r): trying again", error)
                await asyncio.sleep(pause)
                pause = min(10.0, 2 * pause)

    async def _add(self) -> None:
        process = _Process(self._settings, self._detector)
        self._all.add(process)
        try:
            await self._in_thread(process.greet)
        except BaseException:
            self._all.discard(process)
            process.kill()
            await self._in_thread(process.bury)
            raise
        self._idle.put_nowait(process)

    async def _in_thread(self, work: Any, *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)


def _widen(pipe: int) -> None:
    """Makes a pipe hold a whole image where the system lets it, for fewer turns."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
