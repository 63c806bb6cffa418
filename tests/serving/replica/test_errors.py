"""Errors that a replica answers with, in OpenAI's shape."""

from z1ray.errors import UserError
from z1ray.serving.replica.errors import LOST_REPLICA, client_error, in_event, refusal


def test_a_refusal_is_an_error_in_openais_shape() -> None:
    """Field, value and remedy in one message, the field again where clients look for it."""
    error = refusal(UserError("hint", "cod", "unknown", "use code"))
    assert error["param"] == "hint"
    assert error["code"] == 400
    assert error["message"] == "hint = 'cod': unknown; use code"


def test_a_clients_mistake_passes_and_a_fault_of_the_engine_is_a_lost_replica() -> None:
    """Its own words would tell a client of tensors and sockets; what the client can do is try again."""
    mistake = {"message": "too long", "type": "BadRequestError", "param": "prompt", "code": 400}
    assert client_error(mistake) == mistake
    assert client_error({**mistake, "code": 500}) == LOST_REPLICA


def test_errors_are_found_in_a_stream() -> None:
    """VLLM sends them as events between chunks, and a chunk may speak of errors."""
    event = 'data: {"error": {"message": "too long", "type": "t", "param": null, "code": 400}}'
    found = in_event(event)
    assert found is not None
    assert found["code"] == 400
    assert in_event('data: {"choices": [{"text": "{\\"error\\": 1}"}]}') is None
    assert in_event("data: [DONE]") is None
