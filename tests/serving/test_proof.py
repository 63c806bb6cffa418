"""An engine that does not enforce the cap: its replica must never take a request."""

from pathlib import Path

import pytest

from tests.serving.conftest import TINY, Served
from z1ray.serving.replica.deployment import llm_settings

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

APP = "unproven"


def test_an_engine_without_the_enforcer_does_not_become_healthy(served: Served, tiny_model: Path) -> None:
    """An engine ignores arguments that nobody asked for: without the proof every budget would be taken and dropped."""
    from ray import serve
    from ray.serve.llm import LLMConfig, build_llm_deployment
    from ray.serve.schema import ApplicationStatus

    settings = llm_settings(TINY, str(tiny_model), served.config, {})
    del settings["engine_kwargs"]["logits_processors"]
    settings["deployment_config"]["max_constructor_retry_count"] = 1
    app = build_llm_deployment(LLMConfig.model_validate(settings))
    try:
        with pytest.raises(RuntimeError, match=APP):
            serve.run(app, name=APP, route_prefix=None)
        state = serve.status().applications[APP]
        assert state.status == ApplicationStatus.DEPLOY_FAILED
        (deployment,) = state.deployments.values()
        assert "RUNNING" not in deployment.replica_states
        assert "CapUnproven: thinking budget 2 was to cut the first run" in deployment.message
    finally:
        serve.delete(APP)
