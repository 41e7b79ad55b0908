"""What the desk has done each day: the audit trail is walked and its head logged."""

from collections.abc import Sequence

from membership.audit import derive_key
from membership.audit_check import check_daily
from membership.jobs import Job, JobContext


def jobs(context: JobContext) -> Sequence[Job]:
    """Return the repeatable jobs."""
    keys = [derive_key(secret) for secret in context.settings.audit_secrets]

    def check_audit() -> int:
        with context.sessions() as session:
            return check_daily(session, keys, now=context.clock.now())

    return (Job("audit_check", check_audit),)
