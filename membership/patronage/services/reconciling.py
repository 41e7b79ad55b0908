"""Our projection compared with Stripe's truth, each night and when somebody asks; shown, or mended too (DESIGN §4.9)."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from membership import audit
from membership.db import transaction
from membership.errors import Conflict, Refusal
from membership.patronage.drift import Difference
from membership.patronage.gateway import Gateway
from membership.patronage.models import ReconcileRun
from membership.patronage.services.comparing import compare, targets

log = structlog.get_logger()
Now = Callable[[], datetime]

NIGHTLY, WEEKLY = timedelta(hours=24), timedelta(days=7)
# Looked at twice, so that nothing falls between two nights.
OVERLAP = timedelta(days=2)
# Stripe keeps events for thirty days.
EVENTS_LAST = timedelta(days=29)
DEAD_AFTER = timedelta(minutes=10)
MOST_KEPT = 1000
TOLD_EVERY = 20


def request_reconcile(
    session: Session, *, is_applied: bool, since: datetime | None, requested_by: int | None, now: datetime
) -> int:
    """Ask for a comparison, which the job carries out; return its id. Raises Conflict while another one is under way."""
    with transaction(session):
        if session.scalar(select(ReconcileRun.id).where(ReconcileRun.finished_at.is_(None)).limit(1)):
            raise Conflict("A comparison is under way already.")
        run = ReconcileRun(is_applied=is_applied, since=since, requested_by=requested_by, requested_at=now, drift=[])
        session.add(run)
        session.flush()
        if requested_by is not None:
            audit.record(
                session,
                act="reconcile.asked",
                subject=("reconcile_run", run.id),
                actor_id=requested_by,
                now=now,
                applied=is_applied,
            )
    return run.id


def request_nightly(session: Session, *, now: datetime) -> bool:
    """Ask for the nightly comparison if its time has come: by what happened since the last, once a week of everything."""
    with suppress(Conflict):
        last, last_whole = _last_good(session), _last_good(session, whole=True)
        if last is not None and last > now - NIGHTLY:
            return False
        is_whole = last is None or last_whole is None or last_whole < now - WEEKLY
        since = None if is_whole or last is None else max(last - OVERLAP, now - EVENTS_LAST)
        request_reconcile(session, is_applied=True, since=since, requested_by=None, now=now)
        return True
    return False


def carry_out_reconcile(
    session: Session, gateway: Gateway, *, now: Now, progress: Callable[[int, int], None] = lambda _checked, _total: None
) -> ReconcileRun | None:
    """Carry out the comparison that was asked for, or that somebody's crash left; None if there is none."""
    run = _take(session, now())
    if run is None:
        return None
    found: list[Difference] = []
    error = ""
    try:
        wanted = targets(session, gateway, run.since)
        for checked, target in enumerate(wanted, start=1):
            found += compare(session, gateway, target, is_applied=run.is_applied, now=now())
            if checked % TOLD_EVERY == 0 or checked == len(wanted):
                _tell(session, run.id, checked, len(wanted), now())
                progress(checked, len(wanted))
    except Refusal as refused:
        error = refused.message
    with transaction(session):
        kept = [difference.as_dict() for difference in found[:MOST_KEPT]]
        done = update(ReconcileRun).where(ReconcileRun.id == run.id)
        session.execute(done.values(finished_at=now(), drift=kept, error=error))
    if found or error:
        log.warning("reconcile.found", run=run.id, differences=len(found), applied=run.is_applied, error=error)
    return session.get_one(ReconcileRun, run.id, populate_existing=True)


def _take(session: Session, now: datetime) -> ReconcileRun | None:
    with transaction(session):
        free = or_(ReconcileRun.seen_alive_at.is_(None), ReconcileRun.seen_alive_at < now - DEAD_AFTER)
        waiting = select(ReconcileRun.id).where(ReconcileRun.finished_at.is_(None), free).order_by(ReconcileRun.id).limit(1)
        run_id = session.scalar(waiting)
        taken = update(ReconcileRun).where(ReconcileRun.id == run_id, free).values(started_at=now, seen_alive_at=now)
        if run_id is None or session.execute(taken.returning(ReconcileRun.id)).first() is None:
            return None
        return session.get_one(ReconcileRun, run_id, populate_existing=True)


def _tell(session: Session, run_id: int, checked: int, total: int, now: datetime) -> None:
    with transaction(session):
        alive = update(ReconcileRun).where(ReconcileRun.id == run_id)
        session.execute(alive.values(checked=checked, total=total, seen_alive_at=now))


def _last_good(session: Session, *, whole: bool = False) -> datetime | None:
    good = select(ReconcileRun.started_at).where(
        ReconcileRun.finished_at.is_not(None), ReconcileRun.error == "", ReconcileRun.is_applied
    )
    if whole:
        good = good.where(ReconcileRun.since.is_(None))
    return session.scalar(good.order_by(ReconcileRun.started_at.desc()).limit(1))
