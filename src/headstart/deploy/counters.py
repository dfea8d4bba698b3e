"""What `/metrics` tells of a server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["Counters"]


class Counters:
    """What `/metrics` tells."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "headstart_requests", "Requests by path and status.", ["path", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "headstart_request_seconds", "Time to answer.", ["path"], registry=self.registry
        )
        self.images = Counter("headstart_images", "Images answered.", registry=self.registry)
        self.batches = Histogram(
            "headstart_batch_images", "Images computed together.", registry=self.registry,
            buckets=(1, 2, 4, 8, 16),
        )  # fmt: skip
        self.waiting = Gauge(
            "headstart_waiting_images", "Images under way.", registry=self.registry
        )
