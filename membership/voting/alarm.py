"""Reading whether money that came back since a vote was counted could have changed its result."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from membership.patronage.entitlement import REFUNDED, counts_at_check
from membership.patronage.models import PaidPeriod
from membership.voting import queries
from membership.voting.explanation import Points, points, shows_numbers
from membership.voting.models import Count, RollEntry, Round, Voiding
from membership.voting.tally import FAIR_SHARE, Result

LOOKED_BACK = timedelta(days=180)  # card companies let payers dispute for four months


@dataclass(frozen=True)
class Alarm:
    """Patrons of one vote whose money came back after the box was checked, against what the result was decided by.

    All who could vote: staff know whose money came back and when, so a number that rises only with voters' would say who voted.
    """

    round: Round
    reversed: int
    margin: Points | None  # None where the count is not told in numbers


def alarms(session: Session, *, at: datetime) -> list[Alarm]:
    """Return the votes of the last months whose result could have been another without money that came back since."""
    counted = (
        select(Round)
        .join(Count, Count.round_id == Round.id)
        .outerjoin(Voiding, Voiding.round_id == Round.id)
        .where(Count.counted_at > at - LOOKED_BACK, Voiding.voided_at.is_(None))
    )
    found = (find_alarm(session, round_, at=at) for round_ in session.scalars(counted.order_by(Round.id)).all())
    return [alarm for alarm in found if alarm]


def find_alarm(session: Session, round_: Round, *, at: datetime) -> Alarm | None:
    """Return what there is to be said of one counted vote, None if its result stands whatever came back."""
    result = queries.result_of(round_)
    margin = smallest_margin(result)
    many = len(_reversed_since(session, round_, at=at))
    if margin is None or not many:
        return None
    if not shows_numbers(result):  # that it speaks from so many on would tell the margin
        return Alarm(round_, many, None)
    return Alarm(round_, many, points(margin, result.unit)) if many * result.unit >= margin else None


def smallest_margin(result: Result) -> int | None:
    """Return by how little, in 1/unit, the result was decided; None if nothing won.

    Without ballots that add up to less than this the same topics win. By most ticks only the last seat decides who is in; by fair
    share each seat changes what the next ones weigh. Who has nobody beside it needs its own ticks.
    """
    margins = [step.scores[step.winner] if step.margin is None else step.margin for step in result.steps if step.winner is not None]
    return min(margins if result.rule == FAIR_SHARE else margins[-1:], default=None)


def _reversed_since(session: Session, round_: Round, *, at: datetime) -> set[int]:
    """Return who could vote and lost, after the check, all that they had paid for the time of this vote."""
    assert round_.opening
    assert round_.box_check
    checked_at = round_.box_check.confirmed_at
    assert checked_at
    opened_at = round_.opening.opened_at
    lost = (
        select(PaidPeriod.member_id)
        .join(RollEntry, RollEntry.member_id == PaidPeriod.member_id)
        .where(RollEntry.round_id == round_.id, PaidPeriod.starts_at <= checked_at, PaidPeriod.ends_at > opened_at)
        .where(or_(PaidPeriod.reversed_at > checked_at, PaidPeriod.disputed_at > checked_at))
    )
    periods: dict[int, list[PaidPeriod]] = {}
    for period in session.scalars(select(PaidPeriod).where(PaidPeriod.member_id.in_(lost), PaidPeriod.starts_at <= checked_at)):
        periods.setdefault(period.member_id, []).append(period)

    def reason(member_id: int, at: datetime) -> str | None:
        # Subscriptions say something only of who had paid nothing for the time of this vote.
        return counts_at_check(periods[member_id], (), at=at, since=opened_at)

    return {one for one in periods if reason(one, checked_at) is None and reason(one, at) == REFUNDED}
