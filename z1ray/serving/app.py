"""The Ray Serve application: one deployment per model behind one OpenAI-compatible ingress."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from z1ray.errors import UserError
from z1ray.serving.config import ServeConfig
from z1ray.serving.keys import read_keys
from z1ray.serving.replica.deployment import llm_settings
from z1ray.serving.serve_yaml import from_plain
from z1ray.serving.versions import engine_version, ingress_version

if TYPE_CHECKING:
    from ray.serve import Application


# It needs no accelerator: its next version can always start before the old one goes.
_INGRESS_SURGE_PERCENT = 100


def application(args: dict[str, Any]) -> "Application":
    """What a Ray Serve YAML names as ``import_path``: ``args`` is the ``serve`` section, as plain data.

    Raises:
        UserError: As reading the section and ``build_app`` do.
    """
    return build_app(from_plain(args))


def build_app(config: ServeConfig) -> "Application":
    """The application for all of ``config.models``; needs a connection to the cluster.

    Raises:
        UserError: If Ray's direct streaming is switched on, which would bypass the cap,
            if the keys cannot be read, or if they are in the job's runtime environment.
    """
    import ray
    from ray import serve
    from ray.serve.llm import LLMConfig, build_llm_deployment

    from z1ray.serving.http.api import ingress_class
    from z1ray.serving.http.cards import card
    from z1ray.serving.http.dispatch import WindowIngress
    from z1ray.upstream import ray_llm, ray_serve

    if ray_llm.streams_directly():
        raise UserError(
            "RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING",
            "1",
            "requests would go to the engine without their thinking budget",
            "unset this environment variable",
        )
    if config.quotas and config.quota_store is None:
        problem, remedy = "quotas need a book to be kept in", "name a file on storage that every node sees"
        raise UserError("serve.quota_store", None, problem, remedy)
    job_env = ray.get_runtime_context().runtime_env.get("env_vars", {})
    require_keys(config, job_env)
    settings = {name: llm_settings(name, source, config, job_env) for name, source in config.models.items()}
    models = {name: LLMConfig.model_validate(each) for name, each in settings.items()}
    engines = {name: build_llm_deployment(model) for name, model in models.items()}
    versions = {name: engine_version(settings[name], source) for name, source in config.models.items()}
    for name, engine in engines.items():
        ray_serve.set_version(engine, versions[name])
    options = WindowIngress.get_deployment_options(list(models.values()))
    options |= {"graceful_shutdown_timeout_s": config.drain_timeout_s, "max_surge_percent": _INGRESS_SURGE_PERCENT}
    ingress = serve.deployment(**options)(ingress_class(WindowIngress, config.api_keys, config.max_body_mib))
    app = ingress.bind(
        llm_deployments=engines,
        model_cards={name: card(name, config.models[name], model) for name, model in models.items()},
        windows={name: asdict(config.window_of(name)) for name in models},
    )
    ray_serve.set_version(app, ingress_version(config, versions))
    return app


def require_keys(config: ServeConfig, job_env: dict[str, str]) -> None:
    """Refuse keys that cannot be read here, or that Ray would write into the record of every deployment.

    Raises:
        UserError: As ``read_keys``, and for a variable of the job's own environment.
    """
    variable = config.api_keys.removeprefix("env:")
    if config.api_keys.startswith("env:") and variable in job_env:
        raise UserError(
            "serve.api_keys",
            config.api_keys,
            "the variable is in the job's runtime environment, which Ray keeps and shows in its dashboard",
            "set it where Ray is started on each node, or put the keys into a file (file:PATH)",
        )
    read_keys(config.api_keys)
