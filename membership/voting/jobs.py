"""What voting draws from state, each minute or when woken."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from membership.jobs import Job, JobContext
from membership.outbox import Prepare
from membership.voting import services
from membership.voting.keys import RoundKeys


def jobs(context: JobContext, keys: RoundKeys) -> Sequence[Job]:
    """Return the repeatable jobs: closing comes before drawing the rolls, so that nobody joins a vote that is over."""

    def each(work: Callable[[Session, datetime], int]) -> Callable[[], int]:
        def run() -> int:
            with context.sessions() as session:
                return work(session, context.clock.now())

        return run

    def destroy_keys() -> int:
        with context.sessions() as session:
            return services.destroy_due_keys(session, keys=keys, clock=context.clock)

    return (
        Job("votes_open", each(lambda session, now: services.open_due_rounds(session, keys=keys, now=now))),
        Job("votes_close", each(lambda session, now: services.close_due_rounds(session, now=now))),
        Job("vote_rolls", each(lambda session, now: services.draw_rolls(session, now=now))),
        Job("vote_keys", destroy_keys),
        Job("votes_publish", each(lambda session, now: services.publish_due(session, now=now))),
    )


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature: none yet."""
    return {}
