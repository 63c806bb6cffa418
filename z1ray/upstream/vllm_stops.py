"""vLLM's detokenizer: stop strings that sleep until a request's text has come so far. Checked with vLLM 0.29.

vLLM looks for stop strings where it turns tokens into text, in the process of its
server, from a request's first token on; its ``min_tokens`` would put that off, but
forbids a run to end as well. Relies on ``IncrementalDetokenizer.from_new_request``,
and on ``update``, ``stop``, ``min_tokens``, ``token_ids`` and ``output_text`` of what it
makes. Only a process that calls ``sleep_until`` is changed: a replica, not an engine of a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vllm.v1.engine.detokenizer import IncrementalDetokenizer

Wake = Callable[[Sequence[int]], bool]


def sleep_until(wake_of: Callable[[Mapping[str, Any] | None], Wake | None]) -> None:
    """From now on, have the requests of this process look for their stop strings only after they were woken.

    Args:
        wake_of: From a request's ``extra_args`` to what tells of its tokens whether the strings wake; None if
            they never slept.
    """
    make = IncrementalDetokenizer.from_new_request.__func__  # type: ignore[attr-defined]

    def from_new_request(cls: type, tokenizer: Any, request: Any) -> Any:
        made = make(cls, tokenizer, request)
        wake = wake_of(request.sampling_params.extra_args)
        if wake is not None and getattr(made, "stop", None):
            _Sleeper(made, wake)
        return made

    IncrementalDetokenizer.from_new_request = classmethod(from_new_request)  # type: ignore[assignment,method-assign]


class _Sleeper:
    """Takes the place of a detokenizer's ``update``, and of its stop strings.

    Attributes:
        start: First character in which a stop string may begin; None while they sleep.
    """

    def __init__(self, made: Any, wake: Wake) -> None:
        self._made, self._wake = made, wake
        self._stops: Sequence[str] = made.stop
        self._update = made.update
        self.start: int | None = None
        made.stop = []
        made.update = self.update

    def update(self, new_token_ids: Sequence[int], stop_terminated: bool) -> str | None:
        """Add tokens one by one; the stop string that has ended the run, if one has."""
        made = self._made
        for left, token in enumerate(new_token_ids, 1 - len(new_token_ids)):
            self._update([token], stop_terminated and left == 0)
            if self.start is None or made.num_output_tokens() <= made.min_tokens:
                if self._wake(made.token_ids):
                    self.start = len(made.output_text)
            elif (stop := first_stop(made.output_text, self._stops, self.start)) is not None:
                at, text = stop
                made.output_text = made.output_text[: at + len(text) * made.include_stop_str_in_output]
                return text
        return None


def first_stop(text: str, stops: Sequence[str], start: int) -> tuple[int, str] | None:
    """Where the first stop string lies at or after ``start``, and which it is."""
    found = [(at, stop) for stop in stops if (at := text.find(stop, start)) >= 0]
    return min(found, default=None)
