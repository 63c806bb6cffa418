"""Real chats over HTTP that an endpoint must pass before it counts as healthy."""

import time
from typing import TYPE_CHECKING, Any

from z1ray.engine.tokens import context_length, text_token_ids
from z1ray.errors import UserError
from z1ray.progress import say
from z1ray.prompts import chat_messages
from z1ray.serving.accounting import measure
from z1ray.serving.config import ServeConfig
from z1ray.window import NO_CAP, Window

if TYPE_CHECKING:
    import openai

Chat = dict[str, Any]

LONG_QUESTION = "Explain step by step how binary search works, with an example."
SHORT_QUESTION = "What is 2+2? Answer with one number only."

_ANSWER_TOKENS = 32
_UNCAPPED_TOKENS = 64


class CheckFailed(RuntimeError):
    """The endpoint runs but does not do what it promises."""


def client(address: str) -> "openai.OpenAI":
    """An OpenAI client for an endpoint on this machine: no proxy in between, no retry that would hide a failure."""
    import openai

    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, http_client=http)


def require_room(config: ServeConfig) -> None:
    """Refuse window settings whose default request could never fit the context of a model.

    Raises:
        UserError: Naming the setting and the context length.
    """
    window = config.window
    for name, source in config.models.items():
        hint = max(len(text_token_ids(source, text)) for text in window.hints.values())
        context = context_length(source, config.engine.max_model_len)
        for field, budget, answer in (
            ("serve.window.default_budget", window.default_budget, window.answer_tokens),
            ("serve.check_budget", config.check_budget, _ANSWER_TOKENS),
        ):
            if budget != NO_CAP and budget + hint + answer >= context:
                raise UserError(
                    field,
                    budget,
                    f"with a hint of {hint} tokens and {answer} to answer it fills all of {name}'s context ({context})",
                    f"set it to less than {context - hint - answer}, leaving room for the prompt",
                )


def check_chats(config: ServeConfig, address: str) -> list[Chat]:
    """Have every model answer under a budget that cuts and under none.

    Returns:
        One record per chat: model, request, text, thinking object, usage, seconds.

    Raises:
        CheckFailed: If a cap was not enforced exactly, or one was where none was asked for.
    """
    chats = []
    with client(address) as api:
        for name, source in config.models.items():
            for check in (_check_cut, _check_uncapped):
                chats.append(check(api, config, name, source))
                told = chats[-1]["thinking"]
                say(f"{name}: budget {told['budget']}, {told['thinking_tokens']} thinking tokens, cut: {told['cut']}")
    return chats


def _check_cut(api: "openai.OpenAI", config: ServeConfig, name: str, source: str) -> Chat:
    """A run that may not end before its budget must be cut there, token for token."""
    hint = text_token_ids(source, config.window.hint_text(None))
    window = Window(config.check_budget, hint, config.check_budget + len(hint) + _ANSWER_TOKENS)
    request = _request(config, name, LONG_QUESTION, window)
    # min_tokens keeps the model from ending early, so that only the window can shape the run.
    request["extra_body"] |= {"min_tokens": window.budget, "return_token_ids": True}
    chat, token_ids = _send(api, request)
    counts = measure(window, token_ids)
    wanted = {"budget": window.budget, "thinking_tokens": window.budget, "hint_tokens": len(hint), "cut": True}
    if not counts.cut or chat["thinking"] != {**wanted, "answer_tokens": counts.answer_tokens}:
        raise CheckFailed(f"{name}: thinking budget {window.budget} was to cut, but the answer says {chat['thinking']}")
    return chat


def _check_uncapped(api: "openai.OpenAI", config: ServeConfig, name: str, source: str) -> Chat:
    chat, _ = _send(api, _request(config, name, SHORT_QUESTION, Window(NO_CAP, (), _UNCAPPED_TOKENS)))
    if chat["thinking"]["cut"] or chat["thinking"]["thinking_tokens"] != chat["usage"]["completion_tokens"]:
        raise CheckFailed(f"{name}: no cap was asked for, but the answer says {chat['thinking']}")
    return chat


def _request(config: ServeConfig, name: str, question: str, window: Window) -> dict[str, Any]:
    return {
        "model": name,
        "messages": chat_messages(question, config.system_prompt),
        "temperature": 0.0,
        "max_tokens": window.max_tokens,
        "extra_body": {"thinking_budget": window.budget},
    }


def _send(api: "openai.OpenAI", request: dict[str, Any]) -> tuple[Chat, list[int]]:
    """The record of one chat, and its token ids if the request asked for them."""
    began = time.monotonic()
    answer = api.chat.completions.create(**request).model_dump()
    choice = answer["choices"][0]
    chat = {
        "model": request["model"],
        "request": request,
        "text": choice["message"]["content"],
        "finish_reason": choice["finish_reason"],
        "thinking": choice["thinking"],
        "usage": answer["usage"],
        "seconds": round(time.monotonic() - began, 3),
    }
    return chat, choice.get("token_ids") or []
