"""The newsroom's numbers: each person counted once, money of the last year, turnout."""

from datetime import timedelta

from sqlalchemy.orm import Session

from membership.db import transaction
from membership.patronage.models import PaidPeriod, Payment
from membership.patronage.people import SOURCES
from membership.patronage.services import ensure_plan
from membership.staff.figures import Figures, VoteFigures, figures
from membership.voting.models import RollEntry
from membership.voting.queries import Turnout
from tests.conftest import NOW
from tests.factories.accounts import make_staff
from tests.factories.credits import make_published_vote, make_voters

NOBODY = dict.fromkeys((*SOURCES, "uncovered"), 0)


def test_an_empty_newsroom_has_zeros(session: Session) -> None:
    assert figures(session, at=NOW) == Figures(0, NOBODY, 0, 0, None, ())


def test_each_patron_is_counted_once_under_what_lasts_longest_and_staff_are_not(session: Session) -> None:
    both, once, over, reversed_ = make_voters(session, 4)
    staff = make_staff(session)
    with transaction(session):
        session.add_all(
            [
                period(both, "bank", days=10),
                period(both, "free_seat", days=40),
                period(once, "once", days=10),
                period(over, "bank", days=-1),
                period(reversed_, "once", days=10, reversed_at=NOW),
                period(staff.id, "free_seat", days=10),
            ],
        )

    seen = figures(session, at=NOW)

    assert (seen.patrons, seen.by_source) == (2, NOBODY | {"once": 1, "free_seat": 1})


def test_money_is_that_of_the_last_year(session: Session) -> None:
    ensure_plan(
        session,
        key="reader",
        name="Reader",
        currency="eur",
        minimums={"month": 300, "year": 3000, "once": 300},
        presets={"month": (300, 500, 1000), "year": (3000, 5000, 10000), "once": (1000, 2000, 5000)},
        now=NOW,
    )
    with transaction(session):
        session.add_all([payment("ch_1", days_ago=1), payment("ch_2", days_ago=364), payment("ch_3", days_ago=366)])

    seen = figures(session, at=NOW)

    assert (seen.gross_minor, seen.net_minor, seen.currency) == (1000, 934, "eur")


def test_what_went_back_stands_beside_what_was_paid(session: Session) -> None:
    moved = {
        "refund": (-700, 1),
        "refund_failure": (200, 2),
        "dispute": (-500, 3),
        "dispute_reversal": (500, 4),
        "charge": (900, 5),
    }
    with transaction(session):
        session.add_all(payment(kind, kind=kind, amount=amount, days_ago=days) for kind, (amount, days) in moved.items())
        session.add(payment("long ago", kind="refund", amount=-400, days_ago=366))
        session.add(payment("lost", kind="dispute", amount=-300, days_ago=6))

    seen = figures(session, at=NOW)

    assert (seen.given_back_minor, seen.disputed_minor, seen.gross_minor) == (500, 300, 900)


def test_a_published_vote_shows_its_turnout(session: Session) -> None:
    vote = make_published_vote(session)
    with transaction(session):
        session.add_all(RollEntry(round_id=vote.round_id, member_id=member) for member in vote.voters)

    assert figures(session, at=NOW).votes == (VoteFigures("The March vote", NOW, Turnout(26, 25, is_rounded=False)),)


def period(member_id: int, source: str, *, days: int, **more: object) -> PaidPeriod:
    """A paid period from 30 days ago to so many days from now."""
    starts_at, ends_at = NOW - timedelta(days=30), NOW + timedelta(days=days)
    return PaidPeriod(
        member_id=member_id, source=source, reference=f"{source}-{member_id}", starts_at=starts_at, ends_at=ends_at, **more
    )


def payment(reference: str, *, days_ago: int, kind: str = "charge", amount: int = 500) -> Payment:
    """€5, of which the card company took 33 cents; or another movement."""
    return Payment(
        kind=kind,
        source="stripe",
        reference=reference,
        amount_minor=amount,
        fee_minor=33,
        net_minor=amount - 33,
        currency="eur",
        occurred_at=NOW - timedelta(days=days_ago),
    )
