"""Thousands of spoilt images against a running server: clear answers, no 500, no leak.

Images of every common format are made, then cut, bent, overwritten and glued together at random,
and sent raw or in forms. Every answer must be 200 or a 4xx with one sentence, and the server's
memory must not grow.

    headstart serve MODEL.onnx --port 8124 &
    python benchmarks/fuzz_server.py --port 8124 --cases 5000 --pid $!
"""

from __future__ import annotations

import http.client
import io
import json
import random
import sys
import uuid
from collections import Counter

import numpy as np
from common import parser, resident_mb
from PIL import Image

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "ICO")


def pictures(seed: int) -> list[bytes]:
    rng = np.random.default_rng(seed)
    found = []
    for number, kind in enumerate(FORMATS * 3):
        size = (8, 40, 300)[number % 3]
        pixels = rng.integers(0, 256, (size, size, 3), np.uint8)
        stream = io.BytesIO()
        image = Image.fromarray(pixels)
        if number % 2 and kind in ("PNG", "GIF", "TIFF"):
            image = image.convert("P")
        image.save(stream, kind)
        found.append(stream.getvalue())
    return found


def spoil(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    body = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        way = rng.randrange(6)
        at = rng.randrange(len(body)) if body else 0
        if way == 0:
            del body[at:]
        elif way == 1 and body:
            body[at] = rng.randrange(256)
        elif way == 2:
            body[at : at + rng.randint(1, 64)] = rng.randbytes(rng.randint(0, 64))
        elif way == 3:
            body = body[: rng.randrange(60)] + body[at:]
        elif way == 4:
            body += rng.choice(others)[: rng.randint(1, 5000)]
        else:  # headers hold sizes: the first bytes are the dangerous ones
            for place in range(min(len(body), 40)):
                if rng.random() < 0.1:
                    body[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(body)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--port", type=int, default=8124)
    options.add_argument("--cases", type=int, default=5000)
    options.add_argument("--pid", type=int, help="of the server, to watch its memory")
    args = options.parse_args()
    rng = random.Random(args.seed)
    whole = pictures(args.seed)
    statuses: Counter[int] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", args.port, timeout=30)
    before = 0.0
    for number in range(args.cases):
        body = spoil(rng.choice(whole), whole, rng)
        headers = {"Content-Type": "application/octet-stream"}
        if number % 3 == 0:
            mark = uuid.uuid4().hex
            name = rng.choice(("a.jpg", "../../x", "ä\u202e.png", "", "a" * 300))
            head = (
                f'--{mark}\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
            )
            body = head.encode() + body + f"\r\n--{mark}--\r\n".encode()
            if number % 9 == 0:
                body = spoil(body, whole, rng)
            headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        try:
            connection.request("POST", "/predict", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            statuses[0] += 1
            continue
        statuses[answer.status] += 1
        value = json.loads(content)
        if answer.status != 200 and not value.get("error"):
            sys.exit(f"case {number}: {answer.status} without a sentence")
        if number == args.cases // 5 and args.pid:
            before = resident_mb(args.pid)
    shown = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
    print(f"{args.cases:,} cases: {shown}")
    if args.pid:
        print(
            f"resident memory after a fifth {before:.0f} MB, in the end {resident_mb(args.pid):.0f}"
        )
    bad = sum(count for status, count in statuses.items() if status == 0 or status >= 500)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
