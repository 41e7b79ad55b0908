"""Who is looking at an open vote: may they vote, have they, and with which ballot. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from membership.patronage.entitlement import Standing
from membership.patronage.queries import standing_of
from membership.voting import queries
from membership.voting.keys import KeyLost, RoundKeys
from membership.voting.models import Round
from membership.voting.receipts import grouped, receipt, voter_tag

STRANGER = Standing(False, "stranger")


@dataclass(frozen=True)
class Voter:
    """What somebody is in one vote; tag and number exist for whoever is on its roll while the key is there."""

    standing: Standing
    on_roll: bool = False
    tag: bytes | None = None
    number: str = ""
    ticked: frozenset[int] = frozenset()
    key_lost: bool = False

    @property
    def may_vote(self) -> bool:
        """Whether a ballot would be taken now, the roll aside."""
        return self.standing.may_vote and not self.key_lost

    @property
    def has_voted(self) -> bool:
        """Whether a ballot of theirs is in the box."""
        return bool(self.ticked)

    @property
    def refusal(self) -> str:
        """The code of why no ballot would be taken; empty if one would."""
        if self.may_vote:
            return ""
        return "key_lost" if self.standing.may_vote else self.standing.code


def voter_of(session: Session, round_: Round, member_id: int | None, *, keys: RoundKeys, at: datetime) -> Voter:
    """Return what this member, or a stranger, is in this vote."""
    if member_id is None:
        return Voter(STRANGER)
    standing = standing_of(session, member_id, at=at)
    try:
        key = keys.read(round_.id)
    except KeyLost:
        return Voter(standing, key_lost=True)
    if not queries.is_on_roll(session, round_id=round_.id, member_id=member_id):
        return Voter(standing)
    tag = voter_tag(key, member_id)
    ticked = queries.ballot_of(session, round_id=round_.id, tag=tag)
    return Voter(standing, on_roll=True, tag=tag, number=grouped(receipt(key, member_id)), ticked=ticked)
