"""From certified ballots to a result: the same for the count, a recount and whoever checks it."""

from collections import Counter

from sqlalchemy.orm import Session

from membership.errors import Conflict
from membership.voting import lots, queries
from membership.voting.models import Round
from membership.voting.tally import FAIR_SHARE, PLAIN, Result, tally


def count_ballots(session: Session, round_: Round, *, rule: str | None = None) -> Result:
    """Count the certified ballots of a closed vote by its rule, or by another one to see what would have come of it.

    A topic that was withdrawn while the vote was open is left out; a ballot that ticked nothing else is counted, for nobody.
    """
    if round_.opening is None or round_.closing is None:
        raise Conflict("This vote has not been counted yet.")
    slugs = {entry.topic.slug for entry in round_.standing_topics}
    drawn = {slug: lots.lot(round_.opening.seed, round_.closing.roll_sha256, slug) for slug in slugs}
    ballots = Counter[frozenset[str]]()
    for ticked, many in queries.certified_ballots(session, round_.id).items():
        ballots[ticked - (set(round_.titles) - slugs)] += many
    return tally(ballots, topics=slugs, seats=round_.seats, rule=rule or round_.rule, lots=drawn)


def recount(session: Session, round_: Round) -> bool:
    """Return whether counting the certified ballots again gives exactly the frozen result."""
    return queries.result_of(round_) == count_ballots(session, round_)  # in this order: of a shut box nothing is counted


def winners_by_rule(session: Session, round_: Round) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return who won by the vote's own rule, then who would have by the other one; where one seat is filled both are one."""
    result = queries.result_of(round_)
    own = (result.rule, result.winners)
    if result.seats == 1:
        return (own,)
    if result.rule == FAIR_SHARE:
        return own, (PLAIN, result.plain_winners)
    return own, (FAIR_SHARE, count_ballots(session, round_, rule=FAIR_SHARE).winners)
