"""How many voters pay with a card that pays for another voter too: a number for the counter, and never who."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.patronage.models import Payment
from membership.voting.models import RollEntry


@dataclass(frozen=True)
class SharedCards:
    """Cards that paid for more than one of those who could vote, and for how many people in all. Families share."""

    cards: int
    people: int


def shared_cards(session: Session, round_id: int) -> SharedCards:
    """Count the shared cards among everybody on a vote's roll.

    Not among those who sent a ballot: of the one family that shares a card, that would say whether it voted.
    """
    of_a_card = (
        select(Payment.card_fingerprint, Payment.member_id)
        .distinct()
        .join(RollEntry, RollEntry.member_id == Payment.member_id)
        .where(RollEntry.round_id == round_id, Payment.card_fingerprint != "")
        .subquery()
    )
    holders = select(of_a_card.c.card_fingerprint).group_by(of_a_card.c.card_fingerprint).having(func.count() > 1).subquery()
    people = select(func.count(of_a_card.c.member_id.distinct())).where(of_a_card.c.card_fingerprint.in_(select(holders)))
    cards = session.scalar(select(func.count()).select_from(holders)) or 0
    return SharedCards(cards, session.scalar(people) or 0)
