"""The checks of our own sums, run each night and when somebody asks."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.patronage import checks
from membership.patronage.models import MoneyCheckRun

log = structlog.get_logger()
EVERY = timedelta(hours=24)
KEPT_FOR = timedelta(days=90)


def check_money(session: Session, *, now: datetime) -> MoneyCheckRun:
    """Run every check, keep what it found and forget what is older than 90 days."""
    with transaction(session):
        run = MoneyCheckRun(at=now, findings=checks.findings(session, at=now))
        session.add(run)
        session.execute(delete(MoneyCheckRun).where(MoneyCheckRun.at < now - KEPT_FOR))
    if run.findings:
        log.error("money.check_failed", checks=sorted(run.findings))
    return run


def check_money_daily(session: Session, *, now: datetime) -> int:
    """Run the checks if they were not run for a day; return how many runs that made."""
    newest = session.scalar(select(MoneyCheckRun.at).order_by(MoneyCheckRun.at.desc()).limit(1))
    if newest is not None and newest > now - EVERY:
        return 0
    check_money(session, now=now)
    return 1
