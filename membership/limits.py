"""Limits on what strangers may do how often, counted in the database, so that they hold for every process."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Index, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership.db import Base, BigId, is_postgresql, transaction

KEPT = timedelta(days=1)


class LimitedAct(Base):
    """Somebody did something that is limited; who is a keyed hash of a member, a network or an address, or a browser's hash."""

    __tablename__ = "limited_act"
    __table_args__ = (Index(None, "act", "who", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    act: Mapped[str]
    who: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(index=True)


def keyed(secret_key: str, kind: str, text: str) -> bytes:
    """Return what stands for a text (of kind "address", "network", "member") in a limit: without our key nobody finds the text."""
    return hmac.digest(secret_key.encode(), f"{kind}\0{text}".encode(), hashlib.sha256)


def count_act(session: Session, *, act: str, most: Mapping[bytes, int], within: timedelta, now: datetime) -> datetime | None:
    """Count one act of each actor in the caller's transaction, which must commit for it to last; return None if each may.

    most maps an actor to how often it may within this time (KEPT at most). If any has done it too often already, nothing is counted
    and the instant is returned from which it may again: trying on makes nobody wait longer.
    """
    actors = sorted(most)
    _make_others_wait(session, act, actors)
    refused_until = [at for actor in actors if (at := _may_again_at(session, act, actor, most[actor], within, now))]
    if refused_until:
        return max(refused_until)
    session.add_all(LimitedAct(act=act, who=actor, at=now) for actor in actors)
    session.flush()
    return None


def forget_acts(session: Session, *, now: datetime) -> int:
    """Delete what no limit looks at any more; safe to repeat. Return how many were deleted."""
    with transaction(session):
        old = delete(LimitedAct).where(LimitedAct.at < now - KEPT)
        return len(session.execute(old.returning(LimitedAct.id)).all())


def _make_others_wait(session: Session, act: str, actors: list[bytes]) -> None:
    # There may be no row yet to lock. In one order, or two who share two actors wait for each other; SQLite has one writer anyway.
    if is_postgresql(session):
        for actor in actors:
            session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{act} {actor.hex()}", 0))))


def _may_again_at(session: Session, act: str, actor: bytes, most: int, within: timedelta, now: datetime) -> datetime | None:
    """Return when the last of the acts that fill the limit falls out of it; None while there is room."""
    if most < 1:
        return now + within
    recent = select(LimitedAct.at).where(LimitedAct.act == act, LimitedAct.who == actor, LimitedAct.at > now - within)
    filling = session.scalar(recent.order_by(LimitedAct.at.desc()).offset(most - 1).limit(1))
    return filling + within if filling else None
