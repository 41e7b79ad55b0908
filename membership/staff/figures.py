"""Reading the newsroom's numbers: sums only, never a person."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.patronage import queries as patronage
from membership.patronage import receipts
from membership.patronage.models import PaidPeriod
from membership.patronage.people import SOURCES
from membership.voting import queries as voting
from membership.voting.queries import Turnout

YEAR = timedelta(days=365)
UNCOVERED = "uncovered"  # may vote without a paid period: a first payment under way, or days of grace


@dataclass(frozen=True)
class VoteFigures:
    """How many took part in one published vote."""

    name: str
    published_at: datetime
    turnout: Turnout


@dataclass(frozen=True)
class Figures:
    """The numbers of one instant."""

    patrons: int
    by_source: dict[str, int]
    gross_minor: int
    net_minor: int
    currency: str | None  # None before there is anything to buy
    votes: tuple[VoteFigures, ...]
    given_back_minor: int = 0
    disputed_minor: int = 0  # taken back by payers' banks, and not won


def figures(session: Session, *, at: datetime, language: str = "en") -> Figures:
    """Return the numbers at this instant; money of the 365 days before it."""
    patrons = patronage.patron_ids(session, at=at)
    gross, net = patronage.money_totals(session, since=at - YEAR, until=at)
    given_back, disputed = receipts.money_back(session, since=at - YEAR, until=at)
    plan = patronage.find_default_plan(session)
    rounds = voting.published_rounds(session, limit=12)
    turnouts = voting.turnouts(session, rounds, at=at)
    return Figures(
        patrons=len(patrons),
        by_source=_by_source(session, patrons, at=at),
        gross_minor=gross,
        net_minor=net,
        currency=plan.currency if plan else None,
        votes=tuple(
            VoteFigures(round_.name_in(language), round_.publication.published_at, turnouts[round_.id])
            for round_ in rounds
            if round_.publication
        ),
        given_back_minor=given_back,
        disputed_minor=disputed,
    )


def _by_source(session: Session, patrons: list[int], *, at: datetime) -> dict[str, int]:
    """Count each patron once, under the paid period that lasts longest."""
    covering = select(PaidPeriod.member_id, PaidPeriod.source).where(
        PaidPeriod.starts_at <= at,
        PaidPeriod.ends_at > at,
        PaidPeriod.reversed_at.is_(None) | (PaidPeriod.reversed_at > at),
        PaidPeriod.disputed_at.is_(None) | (PaidPeriod.disputed_at > at),
    )
    periods = session.execute(covering.order_by(PaidPeriod.ends_at, PaidPeriod.id))
    source_of = {period.member_id: period.source for period in periods}
    counted = Counter(source_of.get(member_id, UNCOVERED) for member_id in patrons)
    return {source: counted[source] for source in (*SOURCES, UNCOVERED)}
