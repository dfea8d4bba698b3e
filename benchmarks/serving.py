"""The server under load: latency at half of what it can do, what it does at twice that, memory.

A server process, and a second process that asks it on loopback, open loop: requests are sent at
their time whether or not earlier ones have been answered. Every answer is compared with what
`headstart predict` says of the same file.

1. one request at a time: the latency of an idle server;
2. as many at once as keep it busy: its saturated throughput;
3. open loop at half of that: the 95th percentile must stay under three times the first;
4. open loop at twice that: it must shed load with 503, and answer as before a second later;
5. many requests: resident memory must stay flat.

    python benchmarks/serving.py MODEL.onnx IMAGES --requests 20000
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import ROOT, commit, machine, parser, resident_mb, versions

sys.path.insert(0, str(ROOT / "src"))


class Client:
    """Sends requests over connections that are kept."""

    def __init__(self, port: int, bodies: list[bytes], wanted: list[dict[str, float]]) -> None:
        self.port, self.bodies, self.wanted = port, bodies, wanted
        self.idle: list[tuple] = []
        self.wrong = self.failed = 0

    async def ask(self, number: int) -> tuple[int, float]:
        """Returns status and seconds of one request; status 0 where the connection broke."""
        index = number % len(self.bodies)
        body = self.bodies[index]
        begun = time.perf_counter()
        try:
            if self.idle:
                reader, writer = self.idle.pop()
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(
                b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            lines = head.decode().lower().split("\r\n")
            length = next(line for line in lines if line.startswith("content-length"))
            content = await reader.readexactly(int(length.partition(":")[2]))
            if "connection: close" in lines:
                writer.close()
            else:
                self.idle.append((reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            self.failed += 1
            return 0, time.perf_counter() - begun
        seconds = time.perf_counter() - begun
        if status == 200:
            found = json.loads(content)["predictions"][0]["probabilities"]
            known = self.wanted[index]
            self.wrong += any(abs(found[name] - known[name]) > 1e-4 for name in known)
        return status, seconds

    async def closed(self, at_once: int, total: int) -> tuple[float, list[tuple[int, float]]]:
        """Keeps some requests under way; returns seconds and answers."""
        numbers = iter(range(total))

        async def worker() -> list[tuple[int, float]]:
            return [await self.ask(number) for number in numbers]

        begun = time.perf_counter()
        found = await asyncio.gather(*(worker() for _ in range(at_once)))
        return time.perf_counter() - begun, [each for part in found for each in part]

    async def open(self, rate: float, seconds: float) -> list[tuple[int, float]]:
        """Sends requests at a rate, whatever comes back."""
        begun, tasks = time.perf_counter(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(self.ask(number)))
        return await asyncio.gather(*tasks)


def p95(answers: list[tuple[int, float]]) -> float:
    values = sorted(seconds for status, seconds in answers if status == 200)
    return 1e3 * values[round(0.95 * (len(values) - 1))]


async def measure(client: Client, pid: int, args) -> None:
    await client.closed(4, 100)  # warm
    _, single = await client.closed(1, 200)
    alone = 1e3 * statistics.median(seconds for _, seconds in single)
    seconds, busy = await client.closed(32, args.saturate)
    top = len(busy) / seconds
    print(f"| one at a time | {1 / alone * 1e3:.0f} | {alone:.1f} | {p95(single):.1f} | 0 |")
    print(f"| 32 at once | {top:.0f} | {statistics.median(s for _, s in busy) * 1e3:.1f} | "
          f"{p95(busy):.1f} | {sum(s == 503 for s, _ in busy)} |")  # fmt: skip
    for share in (0.5, 2.0):
        found = await client.open(share * top, args.seconds)
        shed = sum(status == 503 for status, _ in found)
        median = 1e3 * statistics.median(s for status, s in found if status == 200)
        print(f"| open loop, {share:g} of that | {share * top:.0f} asked | {median:.1f} | "
              f"{p95(found):.1f} | {shed} of {len(found)} |")  # fmt: skip
        if share == 0.5:
            half = p95(found)
    await asyncio.sleep(1.0)
    _, after = await client.closed(1, 50)
    print(f"| a second later, one at a time | | "
          f"{1e3 * statistics.median(s for _, s in after):.1f} | {p95(after):.1f} | "
          f"{sum(s == 503 for s, _ in after)} |")  # fmt: skip
    memory = [resident_mb(pid)]
    for _ in range(4):
        await client.closed(16, args.requests // 4)
        memory.append(resident_mb(pid))
    print(f"\np95 at half load is {half / alone:.2f} times the latency of one request (goal 3).")
    shown = ", ".join(f"{each:.0f}" for each in memory)
    print(
        f"Resident memory before and after each quarter of {args.requests:,} requests: {shown} MB."
    )
    print(f"Wrong answers: {client.wrong}; broken connections: {client.failed}.")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("model", type=Path)
    options.add_argument("images", type=Path, help="folder, searched through")
    options.add_argument("--requests", type=int, default=20_000)
    options.add_argument("--saturate", type=int, default=1_000)
    options.add_argument("--seconds", type=float, default=10.0, help="of each open loop")
    options.add_argument("--port", type=int, default=8765)
    args = options.parse_args()

    from headstart.deploy.runtime import OnnxPredictor

    kinds = {".jpg", ".jpeg", ".png"}
    files = [p for p in sorted(args.images.rglob("*")) if p.suffix.lower() in kinds][:64]
    model = OnnxPredictor(args.model)
    rows = model.predict_proba(files)
    wanted = [dict(zip(model.classes_.tolist(), row.tolist(), strict=True)) for row in rows]
    del model
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "HEADSTART_API_KEY": ""}
    words = [args.python, "-m", "headstart", "serve", args.model, "--port", args.port]
    server = subprocess.Popen(
        [str(word) for word in words], env=environment, stderr=subprocess.DEVNULL
    )
    client = Client(args.port, [file.read_bytes() for file in files], wanted)
    try:
        for _ in range(200):
            time.sleep(0.1)
            with contextlib.suppress(OSError):
                asyncio.run(client.closed(1, 1))
            if not client.failed:
                break
            client.failed = 0
        client.idle.clear()
        print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
        print(
            "| load | requests/s | median ms | p95 ms | told to come back |\n|---|---|---|---|---|"
        )
        asyncio.run(measure(client, server.pid, args))
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
