"""Who is looking at a vote, where the table of who may vote leaves something to say."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.patronage.models import PaidPeriod, Subscription
from membership.voting.keys import RoundKeys
from membership.voting.models import AT_OPENING
from membership.voting.voter import find_whether_voted, voter_of
from tests.conftest import NOW
from tests.factories.voting import cast, certify_vote, make_member, make_patron, open_vote


def test_who_became_a_patron_too_late_for_a_vote_of_earlier_ones_is_told_so(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    earlier = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, electorate=AT_OPENING)
    newcomer = make_patron(session, clock=clock)

    found = {who: voter_of(session, round_, who, keys=keys, at=clock.now()).refusal for who in (earlier, newcomer, None)}

    assert found == {earlier: "", newcomer: "not_on_roll", None: "stranger"}


def test_what_stands_in_the_way_of_a_payment_is_told_apart(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    """3-D Secure is told apart from an expired card, and a first payment from a later one."""
    since = clock.now() - timedelta(days=2)
    late, first = make_member(session, clock=clock), make_member(session, clock=clock)
    with transaction(session):
        session.add(owed(late, "past_due", "expired", past_due_since=since))
        session.add(owed(first, "incomplete", "authentication"))
        session.flush()
        paid = {"starts_at": since - timedelta(days=30), "ends_at": since, "subscription_id": f"sub_{late}"}
        session.add(PaidPeriod(member_id=late, source="subscription", reference="in_1", **paid))
    round_ = open_vote(session, keys=keys, clock=clock)

    told = []
    for member_id in (late, first):
        voter = voter_of(session, round_, member_id, keys=keys, at=clock.now())
        told.append((voter.standing.code, voter.standing.until, voter.trouble.attention if voter.trouble else None))

    assert told == [("grace", since + timedelta(days=14), "expired"), ("pending", None, "authentication")]


def owed(member_id: int, status: str, attention: str, **more: datetime) -> Subscription:
    began = NOW - timedelta(days=40)
    return Subscription(
        stripe_id=f"sub_{member_id}", member_id=member_id, status=status, attention=attention, created_at=began, **more
    )


def test_without_a_key_nobody_is_told_that_they_have_not_voted(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    elsewhere = RoundKeys(keys.directory.with_name("not mounted"))
    path = keys.directory / f"round-{round_.id}.key"

    def told(keys: RoundKeys) -> tuple[str, bool | None]:
        refusal = voter_of(session, round_, patron, keys=keys, at=clock.now()).refusal
        return refusal, find_whether_voted(session, round_, patron, keys=keys)

    assert (told(keys), told(elsewhere)) == (("", True), ("key_unreadable", None))
    path.unlink()
    assert told(keys) == ("key_lost", None)
    certified = certify_vote(session, round_, keys=keys, clock=clock)
    assert find_whether_voted(session, certified, patron, keys=keys) is None
