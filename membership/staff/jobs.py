"""What the desk has done each day: the audit trail is walked and its head logged."""

from collections.abc import Sequence

from membership.audit_check import check_daily
from membership.jobs import Job, JobContext


def jobs(context: JobContext) -> Sequence[Job]:
    """Return the repeatable jobs."""

    def check_audit() -> int:
        with context.sessions() as session:
            return check_daily(session, session.info["audit_keys"], now=context.clock.now())

    return (Job("audit_check", check_audit),)
