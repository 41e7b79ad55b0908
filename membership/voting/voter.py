"""Who is looking at an open vote: may they vote, have they, and with which ballot. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from membership.patronage.account import needs_its_payer
from membership.patronage.entitlement import Standing
from membership.patronage.models import Subscription
from membership.patronage.queries import live_subscriptions_of, standing_of
from membership.voting import queries
from membership.voting.keys import KeyLost, KeyUnreadable, RoundKeys
from membership.voting.models import AT_OPENING, Round
from membership.voting.receipts import grouped, receipt, voter_tag

STRANGER = Standing(False, "stranger")
# What may come of a payment that its payer can mend.
ABOUT_A_PAYMENT = frozenset({"grace", "pending", "payment_failed"})


@dataclass(frozen=True)
class Voter:
    """What somebody is in one vote; tag and number exist for whoever is on its roll while the key is there."""

    standing: Standing
    on_roll: bool = False
    tag: bytes | None = None
    number: str = ""
    ticked: frozenset[int] = frozenset()
    key_trouble: str = ""  # key_lost, key_unreadable
    is_too_late: bool = False  # no patron at the opening of a vote of those who were
    trouble: Subscription | None = None  # whose payment needs its payer

    @property
    def may_vote(self) -> bool:
        """Whether a ballot would be taken now, or as soon as the roll is drawn."""
        return not self.refusal

    @property
    def has_voted(self) -> bool:
        """Whether a ballot of theirs is in the box."""
        return bool(self.ticked)

    @property
    def refusal(self) -> str:
        """The code of why no ballot would be taken; empty if one would."""
        if not self.standing.may_vote:
            return self.standing.code
        return "not_on_roll" if self.is_too_late else self.key_trouble


def voter_of(
    session: Session, round_: Round, member_id: int | None, *, keys: RoundKeys, at: datetime, with_ballot: bool = True
) -> Voter:
    """Return what this member, or a stranger, is in this vote; what they ticked is read unless told not to."""
    if member_id is None:
        return Voter(STRANGER)
    standing = standing_of(session, member_id, at=at)
    trouble = _trouble_of(session, member_id) if standing.code in ABOUT_A_PAYMENT else None
    on_roll = queries.is_on_roll(session, round_id=round_.id, member_id=member_id)
    is_too_late = round_.electorate == AT_OPENING and not on_roll
    try:
        key = keys.read(round_.id)
    except KeyLost:
        return Voter(standing, on_roll, key_trouble="key_lost", is_too_late=is_too_late, trouble=trouble)
    except KeyUnreadable:
        return Voter(standing, on_roll, key_trouble="key_unreadable", is_too_late=is_too_late, trouble=trouble)
    if not on_roll:
        return Voter(standing, is_too_late=is_too_late, trouble=trouble)
    tag = voter_tag(key, member_id)
    ticked = queries.ballot_of(session, round_id=round_.id, tag=tag) if with_ballot else frozenset()
    return Voter(standing, True, tag, grouped(receipt(key, member_id)), ticked, trouble=trouble)


def find_whether_voted(session: Session, round_: Round, member_id: int | None, *, keys: RoundKeys) -> bool | None:
    """Return whether this member's ballot is, or was, in the box; None where that can't be told: its key can't be read."""
    if member_id is None:
        return False
    if round_.box_check and round_.box_check.confirmed_at and round_.box_check.key_lost:
        return None
    try:
        return queries.has_voted(session, round_, member_id, keys)
    except (KeyLost, KeyUnreadable):
        return None


def _trouble_of(session: Session, member_id: int) -> Subscription | None:
    return next((row for row in live_subscriptions_of(session, member_id) if needs_its_payer(row)), None)
