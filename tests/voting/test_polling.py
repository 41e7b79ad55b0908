"""The short way to a ballot opens to nobody whom the long one would refuse."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from membership.accounts.models import StaffRole
from membership.clock import FixedClock
from membership.db import transaction
from membership.patronage.models import PaidPeriod
from membership.voting.keys import RoundKeys
from membership.voting.polling import find_polling, polling_of
from membership.voting.receipts import voter_tag
from membership.voting.voter import voter_of
from tests.factories.voting import make_member, make_patron, open_vote


def test_a_patron_on_the_roll_is_asked_nothing_more(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron, round_ = make_patron(session, clock=clock), open_vote(session, keys=keys, clock=clock)

    found = find_polling(session, round_.slug, patron, keys=keys, at=clock.now())

    assert found == polling_of(round_, voter_tag(keys.read(round_.id), patron))


def test_a_stranger_another_vote_and_a_lost_key_are_looked_at_more_closely(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron, round_ = make_patron(session, clock=clock), open_vote(session, keys=keys, clock=clock)
    reader, late = make_member(session, clock=clock), make_patron(session, clock=clock)  # neither is on the roll

    asked = [(round_.slug, None), (round_.slug, reader), (round_.slug, late), ("another", patron)]
    assert [find_polling(session, slug, who, keys=keys, at=clock.now()) for slug, who in asked] == [None] * 4
    keys.destroy(round_.id)
    assert find_polling(session, round_.slug, patron, keys=keys, at=clock.now()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"ends_at": timedelta(hours=1)},
        {"starts_at": timedelta(hours=3)},
        {"reversed_at": timedelta(hours=1)},
        {"disputed_at": timedelta(hours=1)},
        {},  # nothing of that: they work here now
    ],
    ids=lambda change: next(iter(change), "staff"),
)
def test_who_is_no_patron_any_more_is_looked_at_more_closely(
    session: Session, clock: FixedClock, keys: RoundKeys, change: dict[str, timedelta]
) -> None:
    patron, round_ = make_patron(session, clock=clock), open_vote(session, keys=keys, clock=clock)
    with transaction(session):
        if change:
            session.execute(update(PaidPeriod).values({name: clock.now() + later for name, later in change.items()}))
        else:
            session.add(StaffRole(member_id=patron, role="editor", granted_at=clock.now()))
    clock.instant += timedelta(hours=2)

    assert not voter_of(session, round_, patron, keys=keys, at=clock.now()).may_vote
    assert find_polling(session, round_.slug, patron, keys=keys, at=clock.now()) is None
