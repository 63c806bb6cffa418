"""One chat request to a server, with retries; what it refuses is told in its own words."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from z1ray.errors import UserError
from z1ray.evaluation.endpoints import EndpointConfig
from z1ray.evaluation.http.requests import Json

if TYPE_CHECKING:
    import openai

_NO_ANSWER_YET = frozenset({408, 409, 429})
_KEPT = "run the same command again: what is answered is kept"


class Client:
    """A connection to one endpoint.

    It retries as OpenAI's client does: after 408, 409, 429, 5xx and lost connections.

    Args:
        name: The endpoint's name, for errors.
        endpoint: Its settings.
        retries: Times that a request is sent again.

    Raises:
        UserError: If the key's source does not hold one.
    """

    def __init__(self, name: str, endpoint: EndpointConfig, retries: int) -> None:
        import openai

        self._name, self._endpoint, self._retries = name, endpoint, retries
        self._key = endpoint.key(name)
        self._api = openai.AsyncOpenAI(
            base_url=endpoint.url,
            # The client would take a key of OpenAI's from the environment; a server without keys looks at none.
            api_key=self._key or "unused",
            max_retries=retries,
            timeout=openai.Timeout(endpoint.timeout_s, connect=10.0),
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()

    async def reach(self) -> None:
        """Have the server show that it is there and takes the key.

        Raises:
            UserError: If it does not.
        """
        import openai

        try:
            await self._api.models.list()
        except openai.APIError as error:
            # A server may lack the list of models; it is there all the same.
            if getattr(error, "status_code", None) not in {400, 404, 405, 501}:
                raise self._failed("GET /models", error) from None

    async def chat(self, request: str, body: Json) -> Any:
        """Send one chat request and wait for its answer.

        Args:
            request: Its id, for errors.
            body: Its JSON.

        Returns:
            The server's JSON; its text where that is none.

        Raises:
            UserError: If the server refuses the request, or gives no answer however often it is asked.
        """
        import openai

        chats = self._api.chat.completions.with_raw_response
        try:
            answer = await chats.create(model=body["model"], messages=body["messages"], extra_body=body)
        except openai.APIError as error:
            raise self._failed(request, error) from None
        try:
            return json.loads(answer.text)
        except json.JSONDecodeError:
            return answer.text

    def _failed(self, request: str, error: "openai.APIError") -> UserError:
        import openai

        if not isinstance(error, openai.APIStatusError):
            cause = error.__cause__ or error
            return self._silent(request, f"{type(cause).__name__}: {cause}")
        status, said = error.status_code, self._said(error)
        if status >= 500 or status in _NO_ANSWER_YET:
            return self._silent(request, f"{status}: {said}")
        field, url = f"evaluate.endpoints.{self._name}", self._endpoint.url
        remedy = "correct what it names, then " + _KEPT
        if status in {401, 403}:
            field, remedy = f"{field}.api_key", "put a key of this server into that source, then " + _KEPT
        return UserError(field, request, f"the server at {url} refused the request: {status}: {said}", remedy)

    def _silent(self, request: str, last: str) -> UserError:
        return UserError(
            f"evaluate.endpoints.{self._name}",
            request,
            f"the server at {self._endpoint.url} gave no answer, asked {self._retries + 1} times; the last time {last}",
            "once it is well, " + _KEPT,
        )

    def _said(self, error: "openai.APIStatusError") -> str:
        """The server's words, cut short, and without the key that some servers repeat."""
        body: Any = error.body
        said = body.get("message") if isinstance(body, Mapping) else None
        text = str(said or error.response.text)[:500].strip()
        return text.replace(self._key, "***") if self._key else text
