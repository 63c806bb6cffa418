"""From what a request says of its window to one resolved window, or a refusal.

What the request names holds as it is, or is refused. What it leaves to the model
gives way: to the limit on its tokens, and to the room that its prompt leaves in the
context.
"""

from fractions import Fraction

from z1ray.errors import UserError
from z1ray.window import NO_CAP, Window, WindowConfig

_BUDGET_KINDS = "a thinking budget is -1 (no cap), 0 (straight to the hint) or a token count"


def resolve(
    config: WindowConfig,
    hint: tuple[int, ...],
    budget: int | None = None,
    max_tokens: int | None = None,
    grace: float | None = None,
    room: int | None = None,
) -> Window:
    """Fill in a request's unset fields from its model's configuration.

    What the request names holds as it is, or is refused. What it leaves to the model gives way to the
    request's limit and to the room in the context: half of the tokens that the hint leaves, at most
    ``answer_tokens``, are for the answer, and the default budget, with its grace, shrinks to the rest. Where not
    even the hint and one token fit, the run may write what fits and is never cut.

    Args:
        config: The model's window settings.
        hint: Token ids of the chosen hint, tokenized without special tokens.
        budget: Thinking budget of the request; None takes the model's default.
        max_tokens: Total limit of the request; None is budget + grace + hint + ``answer_tokens``.
        grace: Share of the budget to go over it at most; None takes the model's.
        room: Tokens that the prompt leaves of the context, at least 1; None if it is not known.

    Raises:
        UserError: For a budget below -1 or over the model's maximum, a grace that is no
            share, and a limit or a room that leaves no answer token.
    """
    assert hint, "a hint has at least one token"
    grace = config.grace if grace is None else grace
    _check_request(config, config.default_budget if budget is None else budget, grace)
    _require_room(max_tokens, room)
    most = room if max_tokens is None else max_tokens
    # By its decimal digits: 0.29 of 100 is 29, where the nearest float makes it 28.
    share = Fraction(str(grace))
    if budget is None:
        budget = _default(config, most, len(hint), share)
        if budget == most:
            return Window(budget, hint, most)
    if budget == NO_CAP:
        return Window(budget, hint, max_tokens)
    grace_tokens = int(budget * share)
    if max_tokens is None:
        wanted = budget + grace_tokens + len(hint) + config.answer_tokens
        window = Window(budget, hint, wanted if room is None else min(wanted, room), grace_tokens)
    else:
        window = Window(budget, hint, max_tokens, grace_tokens)
    _require_answer(window, limited=max_tokens is not None)
    return window


def _default(config: WindowConfig, most: int | None, hint_tokens: int, grace: Fraction) -> int:
    """The model's default budget as far as ``most`` tokens hold it; ``most`` itself if they hold no hint."""
    if most is None or config.default_budget == NO_CAP:
        return config.default_budget
    left = most - hint_tokens
    if left <= 0 and (config.max_budget == NO_CAP or most <= config.max_budget):
        return most
    thinking = left - min(config.answer_tokens, (left + 1) // 2)
    return min(config.default_budget, max(0, int(thinking / (1 + grace))))


def _require_room(max_tokens: int | None, room: int | None) -> None:
    if max_tokens is not None and room is not None and max_tokens > room:
        problem = f"the prompt leaves {room} tokens of the model's context"
        raise UserError("max_tokens", max_tokens, problem, f"send max_tokens of {room} or less, or a shorter prompt")


def _require_answer(window: Window, *, limited: bool) -> None:
    """Refuse a window without a token to answer with; ``limited`` if that is due to the request's own limit."""
    assert window.max_tokens is not None
    before_answer = window.budget + window.grace_tokens + len(window.hint)
    if window.max_tokens > before_answer:
        return
    over = f", up to {window.grace_tokens} tokens of grace" if window.grace_tokens else ""
    if limited:
        raise UserError(
            "max_tokens",
            window.max_tokens,
            f"thinking_budget {window.budget}{over} and a hint of {len(window.hint)} tokens leave no token "
            "to answer with",
            f"send max_tokens of {before_answer + 1} or more, or a smaller thinking_budget",
        )
    fits = window.max_tokens - len(window.hint) - 1
    smaller = f"send {fits} or less" if fits >= 0 and not over else "send less"
    raise UserError(
        "thinking_budget",
        window.budget,
        f"with a hint of {len(window.hint)} tokens{over} and one to answer with, it is more than the "
        f"{window.max_tokens} tokens that the prompt leaves of the model's context",
        f"{smaller}, or a shorter prompt",
    )


def _check_request(config: WindowConfig, budget: int, grace: float) -> None:
    if budget < NO_CAP:
        raise UserError("thinking_budget", budget, _BUDGET_KINDS, "send -1 or more")
    if config.max_budget != NO_CAP and not 0 <= budget <= config.max_budget:
        problem = "this model does not run without a cap" if budget == NO_CAP else "it is over the model's maximum"
        raise UserError("thinking_budget", budget, problem, f"send 0 to {config.max_budget}")
    if not 0 <= grace <= 1:
        raise UserError("grace", grace, "it is a share of the thinking budget", "send 0 (exact) to 1")
