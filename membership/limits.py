"""Limits on what strangers may do how often, counted in the database, so that they hold for every process."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Index, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership.db import Base, BigId, transaction

KEPT = timedelta(days=1)


class LimitedAct(Base):
    """Somebody did something that is limited; who is a hash of a browser or, keyed, of a network, never an address."""

    __tablename__ = "limited_act"
    __table_args__ = (Index(None, "act", "who", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    act: Mapped[str]
    who: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(index=True)


def count_act(session: Session, *, act: str, who: Iterable[bytes], most: int, within: timedelta, now: datetime) -> bool:
    """Count one act of each of these in the caller's transaction; return False if any of them did it too often (KEPT at most)."""
    # Sorted, and written before they are counted: racers see each other.
    actors = sorted(set(who))
    session.add_all(LimitedAct(act=act, who=actor, at=now) for actor in actors)
    session.flush()
    recent = select(func.count()).select_from(LimitedAct).where(LimitedAct.act == act, LimitedAct.at > now - within)
    return all((session.scalar(recent.where(LimitedAct.who == actor)) or 0) <= most for actor in actors)


def forget_acts(session: Session, *, now: datetime) -> int:
    """Delete what no limit looks at any more; safe to repeat. Return how many were deleted."""
    with transaction(session):
        old = delete(LimitedAct).where(LimitedAct.at < now - KEPT)
        return len(session.execute(old.returning(LimitedAct.id)).all())
