from __future__ import annotations

from prometheus_client import generate_latest

from headstart.deploy.counters import Counters


def test_two_servers_count_apart():
    one, other = Counters(), Counters()
    one.requests.labels("/predict", "200").inc()
    one.images.inc(3)
    one.batches.observe(2)
    text = generate_latest(one.registry).decode()
    assert 'headstart_requests_total{path="/predict",status="200"} 1.0' in text
    assert "headstart_images_total 3.0" in text
    assert "headstart_images_total 0.0" in generate_latest(other.registry).decode()
