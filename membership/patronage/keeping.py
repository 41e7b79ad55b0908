"""What staff see of how true we are to Stripe: comparisons, checks, the switch."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.patronage.models import MoneyCheckRun, ReconcileRun, StripeClosure
from membership.patronage.queries import find_stripe_closure

SHOWN_RUNS, SHOWN_DIFFERENCES = 10, 200


@dataclass(frozen=True)
class Keeping:
    """The newest runs first; drifted is the newest finished one, whose differences are shown."""

    runs: tuple[ReconcileRun, ...]
    check: MoneyCheckRun | None
    closure: StripeClosure | None

    @property
    def under_way(self) -> ReconcileRun | None:
        """The run that is not finished."""
        return next((run for run in self.runs if run.finished_at is None), None)

    @property
    def newest(self) -> ReconcileRun | None:
        """The newest run that is finished."""
        return next((run for run in self.runs if run.finished_at is not None), None)

    @property
    def needs_somebody(self) -> bool:
        """Whether the newest comparison failed or left differences unmended, or a check found something."""
        newest = self.newest
        unmended = newest is not None and bool(newest.error or (newest.drift and not newest.is_applied))
        return unmended or bool(self.check and self.check.findings)


def keeping(session: Session) -> Keeping:
    """Return how true we are to Stripe, as far as we have looked."""
    runs = select(ReconcileRun).order_by(ReconcileRun.id.desc()).limit(SHOWN_RUNS)
    newest_check = select(MoneyCheckRun).order_by(MoneyCheckRun.at.desc(), MoneyCheckRun.id.desc()).limit(1)
    return Keeping(
        runs=tuple(session.scalars(runs.execution_options(populate_existing=True))),
        check=session.scalar(newest_check),
        closure=find_stripe_closure(session),
    )
