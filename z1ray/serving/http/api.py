"""The HTTP application: its endpoints, and the middleware in front of them.

It takes the place of Ray's own (``ray.serve.llm.ingress``), which would open the
API to scripts of every origin and has endpoints that know nothing of windows:
whatever generates tokens here does so under one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from z1ray.serving.http.guard import KeyGuard
from z1ray.serving.keys import NO_KEYS

if TYPE_CHECKING:
    from fastapi import FastAPI
    from ray.serve.llm.ingress import OpenAiIngress
    from starlette.responses import Response

Route = Callable[["FastAPI"], Callable[..., Any]]


def ingress_class(ingress: type["OpenAiIngress"], api_keys: str, max_body_mib: int) -> Any:
    """The class that Ray Serve runs behind its HTTP proxy.

    Args:
        ingress: Has a method for each endpoint.
        api_keys: The source of the keys that requests must bear; its replicas read it.
        max_body_mib: The longest request body in MiB.
    """
    from ray.serve.llm.ingress import make_fastapi_ingress

    return make_fastapi_ingress(ingress, endpoint_map=_endpoints(), app=web_app(api_keys, max_body_mib))


def web_app(api_keys: str, max_body_mib: int) -> "FastAPI":
    """The application without the endpoints of the ingress class: guard, request ids, errors, playground."""
    from fastapi import FastAPI

    from z1ray.serving.http.access import Access
    from z1ray.serving.http.bodies import StrictRoute
    from z1ray.serving.http.failures import handlers
    from z1ray.serving.http.limits import BodyLimit
    from z1ray.upstream import ray_llm

    app = FastAPI(
        lifespan=ray_llm.metrics_lifespan,
        exception_handlers=handlers(),  # type: ignore[arg-type]
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.router.route_class = StrictRoute
    # A request passes what was added last first: it gets an id, is measured and logged, shows its key, and is not
    # too long.
    app.add_middleware(BodyLimit, most_mib=max_body_mib)
    if api_keys != NO_KEYS:
        app.add_middleware(KeyGuard, source=api_keys)
    app.add_middleware(Access)
    ray_llm.add_metrics(app)
    ray_llm.add_request_ids(app)
    app.get("/playground", response_model=None)(_playground)
    return app


def _endpoints() -> dict[str, Route]:
    from z1ray.serving.http.cards import Card, Cards

    return {
        "models": lambda app: app.get("/v1/models", response_model=Cards),
        "model_data": lambda app: app.get("/v1/models/{model:path}", response_model=Card),
        "health": lambda app: app.get("/health", response_model=None),
        "completions": lambda app: app.post("/v1/completions"),
        "chat": lambda app: app.post("/v1/chat/completions"),
    }


async def _playground() -> "Response":
    from fastapi.responses import HTMLResponse

    from z1ray.serving.playground import page

    # The page has a policy of its own; these two a page cannot set.
    headers = {"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(page(), headers=headers)
