"""What patronage draws from state, each minute or when woken."""

from collections.abc import Mapping, Sequence

from membership.jobs import Job, JobContext
from membership.outbox import Prepare
from membership.patronage.gateway import Gateway


def jobs(context: JobContext, gateway: Gateway) -> Sequence[Job]:
    """Return the repeatable jobs."""
    return ()


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""
    return {}
