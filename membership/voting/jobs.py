"""What voting draws from state, each minute or when woken."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from membership.jobs import Job, JobContext
from membership.outbox import Prepare
from membership.voting import round_letters, services, topic_letters
from membership.voting.certificates import Site
from membership.voting.keys import RoundKeys
from membership.voting.signing import CertificateSigner


def jobs(context: JobContext, keys: RoundKeys, signer: CertificateSigner) -> Sequence[Job]:
    """Return the repeatable jobs: closing comes before drawing the rolls, so that nobody joins a vote that is over."""

    clock, site = context.clock, Site.of(context.settings)

    def each(work: Callable[[Session], int]) -> Callable[[], int]:
        def run() -> int:
            with context.sessions() as session:
                return work(session)

        return run

    return (
        # Before the close: from then on nothing can be taken back.
        Job("closed_ballots", each(lambda session: services.withdraw_closed(session, keys=keys, clock=clock))),
        Job("votes_open", each(lambda session: services.open_due_rounds(session, keys=keys, clock=clock))),
        Job("votes_close", each(lambda session: services.close_due_rounds(session, clock=clock))),
        Job("vote_rolls", each(lambda session: services.draw_rolls(session, clock=clock))),
        Job("ballots_shuffle", each(lambda session: services.shuffle_due(session, clock=clock))),
        Job("vote_keys", each(lambda session: services.destroy_due_keys(session, keys=keys, clock=clock))),
        Job("votes_publish", each(lambda session: services.publish_due(session, now=clock.now()))),
        Job("certificates", each(lambda session: services.issue_due(session, signer=signer, site=site, now=clock.now()))),
        Job("topic_index", each(services.index_topics)),
        Job("vote_notices", each(lambda session: services.write_notices(session, now=clock.now()))),
    )


def letters(context: JobContext, keys: RoundKeys) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""
    return {**round_letters.letters(context, keys), **topic_letters.letters(context)}
