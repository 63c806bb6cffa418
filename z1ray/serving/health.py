"""Real chats over HTTP that an endpoint must pass before it counts as healthy."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from z1ray.engine.tokens import context_length, text_token_ids
from z1ray.errors import UserError
from z1ray.progress import say
from z1ray.prompts import chat_messages
from z1ray.resolve import resolve
from z1ray.serving.config import ServeConfig
from z1ray.serving.keys import read_keys
from z1ray.window import NO_CAP, Window, account

if TYPE_CHECKING:
    import openai

Chat = dict[str, Any]

LONG_QUESTION = "Explain step by step how binary search works, with an example."
SHORT_QUESTION = "What is 2+2? Answer with one number only."

_ANSWER_TOKENS = 32
_SHORT_TOKENS = 64


class CheckFailed(RuntimeError):
    """The endpoint runs but does not do what it promises."""


def client(address: str, api_keys: str) -> "openai.OpenAI":
    """An OpenAI client for an endpoint on this machine: no proxy in between, no retry that would hide a failure.

    Args:
        address: The base URL, without ``/v1``.
        api_keys: The source of the endpoint's keys; the client bears the first.
    """
    import openai

    http = openai.DefaultHttpxClient(trust_env=False)
    # The client insists on a key; an endpoint without keys does not look at it.
    key = next(iter(read_keys(api_keys).values()), "unused")
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, http_client=http)


def require_room(config: ServeConfig) -> None:
    """Refuse window settings under which a plain request could never fit the context of its model.

    Raises:
        UserError: Naming the setting and the context length.
    """
    for name, source in config.models.items():
        window, context = config.window_of(name), context_length(source, config.engine_of(name).max_model_len)
        section = f"serve.windows.{name}" if name in config.windows else "serve.window"
        hint = max((text_token_ids(source, text) for text in window.hints.values()), key=len)
        budgets = {f"{section}.default_budget": window.default_budget}
        budgets |= {f"{section}.efforts.{effort}": budget for effort, budget in window.efforts.items()}
        for field, budget in budgets.items():
            _require_fit(field, budget, resolve(window, hint, budget).max_tokens, name, context)
        check = config.check_budget
        if window.max_budget != NO_CAP and check > window.max_budget:
            problem = f"{name} takes budgets up to {window.max_budget} only"
            raise UserError("serve.check_budget", check, problem, f"set it from 1 to {window.max_budget}")
        _require_fit("serve.check_budget", check, check + len(hint) + _ANSWER_TOKENS, name, context)


def _require_fit(field: str, budget: int, max_tokens: int | None, model: str, context: int) -> None:
    if max_tokens is not None and max_tokens >= context:
        raise UserError(
            field,
            budget,
            f"with the hint and room to answer it takes {max_tokens} tokens, all of {model}'s context ({context})",
            f"set it to less than {context - max_tokens + budget}, leaving room for the prompt",
        )


def check_chats(config: ServeConfig, address: str) -> list[Chat]:
    """Have every model answer under a budget that cuts, and a question that needs none.

    Returns:
        One record per chat: model, request, text, thinking object, usage, seconds.

    Raises:
        CheckFailed: If a cap was not enforced exactly, or one was where none was asked for.
    """
    import openai

    chats = []
    with client(address, config.api_keys) as api:
        for name, source in config.models.items():
            for check in (_check_cut, _check_short):
                try:
                    chats.append(check(api, config, name, source))
                except openai.RateLimitError as error:
                    if error.code != "quota_exceeded":
                        raise
                    # Every replica has proven its cap already; the endpoint must not stay down for want of quota.
                    say(f"WARNING: {name} is not checked with a chat: {error}")
                    continue
                told = chats[-1]["thinking"]
                say(f"{name}: budget {told['budget']}, {told['thinking_tokens']} thinking tokens, cut: {told['cut']}")
    return chats


def _check_cut(api: "openai.OpenAI", config: ServeConfig, name: str, source: str) -> Chat:
    """A run that may not end before its budget must be cut there, token for token."""
    hint = text_token_ids(source, config.window_of(name).hint_text(None))
    window = Window(config.check_budget, hint, config.check_budget + len(hint) + _ANSWER_TOKENS)
    request = _request(config, name, LONG_QUESTION, window)
    # min_tokens keeps the model from ending early, so that only the window can shape the run.
    request["extra_body"]["min_tokens"] = window.budget
    chat, token_ids = _send(api, request)
    if tuple(token_ids[window.budget :][: len(hint)]) != hint:
        raise CheckFailed(
            f"{name}: thinking budget {window.budget} was to cut, but the tokens after it are not the hint"
        )
    _require_counts(chat, window, token_ids)
    return chat


def _check_short(api: "openai.OpenAI", config: ServeConfig, name: str, source: str) -> Chat:
    """A simple question, without a cap where the model may run without one."""
    settings = config.window_of(name)
    window = Window(NO_CAP, (), _SHORT_TOKENS)
    if settings.max_budget != NO_CAP:
        hint = text_token_ids(source, settings.hint_text(None))
        window = Window(min(settings.default_budget, _SHORT_TOKENS), hint, None)
    chat, token_ids = _send(api, _request(config, name, SHORT_QUESTION, window))
    _require_counts(chat, window, token_ids)
    return chat


def _require_counts(chat: Chat, window: Window, token_ids: list[int]) -> None:
    """Require that the counts in the answer are those of its tokens."""
    # Without grace, as here, no token that ends a line matters.
    counted = {"budget": window.budget, **asdict(account(window, token_ids, ()))}
    if {name: chat["thinking"].get(name) for name in counted} != counted:
        raise CheckFailed(f"{chat['model']}: the tokens count to {counted}, but the answer says {chat['thinking']}")


def _request(config: ServeConfig, name: str, question: str, window: Window) -> dict[str, Any]:
    limit = {} if window.max_tokens is None else {"max_tokens": window.max_tokens}
    return {
        "model": name,
        "messages": chat_messages(question, config.system_prompt),
        "temperature": 0.0,
        "extra_body": {"thinking_budget": window.budget, "grace": 0, "return_token_ids": True},
        **limit,
    }


def _send(api: "openai.OpenAI", request: dict[str, Any]) -> tuple[Chat, list[int]]:
    """The record of one chat, and its token ids."""
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
    return chat, choice["token_ids"]
