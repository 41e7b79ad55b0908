"""From certified ballots to a result: the same for the count, a recount and whoever checks it."""

from sqlalchemy.orm import Session

from membership.errors import Conflict
from membership.voting import lots, queries
from membership.voting.models import Round
from membership.voting.tally import Result, tally


def count_ballots(session: Session, round_: Round) -> Result:
    """Count the certified ballots of a closed vote."""
    if round_.opening is None or round_.closing is None:
        raise Conflict("This vote has not been counted yet.")
    slugs = [entry.topic.slug for entry in round_.topics]
    drawn = {slug: lots.lot(round_.opening.seed, round_.closing.roll_sha256, slug) for slug in slugs}
    ballots = queries.certified_ballots(session, round_.id)
    return tally(ballots, topics=slugs, seats=round_.seats, rule=round_.rule, lots=drawn)


def recount(session: Session, round_: Round) -> bool:
    """Return whether counting the certified ballots again gives exactly the frozen result."""
    return count_ballots(session, round_) == queries.result_of(round_)
