"""The Jobs API of the cluster whose address was given."""

import os
from typing import TYPE_CHECKING

from z1ray.connect import ADDRESS_VARIABLES
from z1ray.errors import UserError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


def connect(address: str) -> "JobSubmissionClient":
    """Connect to a cluster's Jobs API: to the one named, whatever Ray's variables name in the environment.

    Ray would follow those, and a demo on a head of its own be submitted to production.

    Args:
        address: URL of the cluster's dashboard.

    Raises:
        UserError: If it is no URL, nothing of Ray answers there, or not to this side's token.
    """
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient
    from requests import RequestException

    if not address.startswith(("http://", "https://")):
        raise UserError("--address", address, "it is no URL", "pass the dashboard's, e.g. http://head:8265")
    for name in ADDRESS_VARIABLES:
        os.environ.pop(name, None)
    try:
        return JobSubmissionClient(address)
    except AuthenticationError as error:
        problem = f"the cluster does not take this side's token: {str(error).splitlines()[0]}"
        remedy = "export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as the cluster has them; ray get-auth-token prints them"
        raise UserError("--address", address, problem, remedy) from error
    except (OSError, RuntimeError, RequestException) as error:
        remedy = "check the URL, that the head runs, and the tunnel if there is one (ray dashboard cluster.yaml)"
        raise UserError("--address", address, f"no Jobs API answers there: {error}", remedy) from error
