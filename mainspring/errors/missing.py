"""What is not there, or is there no more."""

from mainspring.errors.root import MainspringError


class NotFound(MainspringError):
    """There is no such thing, or it belongs to another tenant."""

    code = "not_found"
    title = "There is no such thing"


class UnknownDeployment(NotFound):
    """No deployment has this name."""

    code = "unknown_deployment"
    title = "There is no deployment of that name"


class DeploymentRetired(NotFound):
    """The deployment was retired: it finishes what it had accepted and takes nothing new."""

    code = "deployment_retired"
    title = "The deployment was retired"


class UnknownJob(NotFound):
    """No job of this tenant has this id."""

    code = "unknown_job"
    title = "There is no job with that id"


class UnknownVersion(NotFound):
    """The deployment has no version of this number."""

    code = "unknown_version"
    title = "There is no such version"


class VersionRetired(NotFound):
    """The version answers nothing more; its successor does."""

    code = "version_retired"
    title = "The version was retired"


class UnknownRollout(NotFound):
    """There is no rollout with that id, or none is open."""

    code = "unknown_rollout"
    title = "There is no such rollout"


class UnknownPrompts(NotFound):
    """The deployment has no set of prompts of that name."""

    code = "unknown_prompts"
    title = "There is no such set of prompts"


class UnknownSession(NotFound):
    """This tenant has no conversation of that name with the deployment."""

    code = "unknown_session"
    title = "There is no such conversation"
