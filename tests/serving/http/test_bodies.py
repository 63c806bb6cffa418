"""What is no JSON, or makes a validator stumble, is refused before an engine sees it."""

import json
import pickle
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError, WrapValidator

from z1ray.serving.http.bodies import read_json, readable


@pytest.mark.parametrize("value", [{"a": [1, -2.5, 1e300, None, True, "\u65e5\ud83d\ude42"]}, 10**30, "text", []])
def test_json_is_read_as_it_is(value: Any) -> None:
    """Escaped or not; a strict reader that loses a character or a digit would be worse than a lax one."""
    text = json.dumps(value, ensure_ascii=True)
    assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"temperature": NaN}',
        b'{"temperature": -Infinity}',
        b'{"temperature": 1e999}',
        b'{"prompt": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
    ids=range(10),
)
def test_what_python_takes_beyond_json_is_refused(raw: bytes) -> None:
    """A temperature that is no number ends up in the sampler of a whole batch; half a character breaks a tokenizer."""
    with pytest.raises(json.JSONDecodeError):
        read_json(raw)


@pytest.mark.parametrize("effort", ["high", "deep", "", 5, ["low"]])
@pytest.mark.parametrize("chat", [True, False])
def test_an_effort_of_any_name_reaches_the_replica(effort: Any, chat: bool) -> None:
    """A model's own efforts are read there; vLLM's chats would refuse what is not in their list."""
    from z1ray.upstream.ray_llm import ChatCompletionRequest, CompletionRequest

    kind: Any = ChatCompletionRequest if chat else CompletionRequest
    asked = {"messages": [{"role": "user", "content": "hi"}]} if chat else {"prompt": "hi"}
    body: Any = TypeAdapter(Annotated[kind, WrapValidator(readable)])
    request = pickle.loads(pickle.dumps(body.validate_python({"model": "m", **asked, "reasoning_effort": effort})))
    assert request.model_dump(exclude_unset=True, warnings=False)["reasoning_effort"] == effort


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", 5),
        ("messages", None),
        ("messages", [{"role": "user", "content": [5]}]),
        ("messages", [{"role": "user", "content": [{"type": "text", "text": 5}]}]),
        ("messages", [{"role": "assistant", "tool_calls": 5}]),
        ("structured_outputs", "yes"),
        ("stream_options", {"include_usage": True}),
        ("top_logprobs", 3),
    ],
)
def test_a_validator_that_stumbles_refuses_by_name(field: str, value: Any) -> None:
    """Validators of vLLM raise what FastAPI answers with 500: a type error, or an error that pydantic passes by."""
    from z1ray.upstream.ray_llm import ChatCompletionRequest

    body = TypeAdapter(Annotated[ChatCompletionRequest, WrapValidator(readable)])
    good = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
    assert body.validate_python(good).max_tokens == 3
    with pytest.raises(ValidationError) as caught:
        body.validate_python({**good, field: value})
    (error,) = caught.value.errors()
    assert error["ctx"]["error"].parameter == field
