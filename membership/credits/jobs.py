"""What credits draws from state, each minute or when woken."""

from collections.abc import Mapping, Sequence

from membership.jobs import Job, JobContext
from membership.outbox import Prepare


def jobs(context: JobContext) -> Sequence[Job]:
    """Return the repeatable jobs."""
    return ()


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""
    return {}
