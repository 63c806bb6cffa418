"""Ports are free, and stay so until their server starts."""

import socket

from z1ray.ports import free_port


def listen(port: int) -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_the_preferred_one_if_nobody_listens_there_else_the_next():
    taken = free_port()
    with listen(taken):
        assert free_port(taken) != taken
        free = free_port()
        assert free_port(taken, free) == free
    assert free_port(taken) == taken


def test_any_other_is_none_that_linux_or_ray_hands_out_by_itself():
    with socket.socket() as asks_for_any:
        asks_for_any.bind(("127.0.0.1", 0))
        handed_out = asks_for_any.getsockname()[1]
    assert all(20_000 <= free_port() < 32_768 <= handed_out for _ in range(100))
