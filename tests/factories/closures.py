"""Accounts on their way to being deleted."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership import outbox
from membership.accounts import closing_letters, services
from membership.accounts.models import AccountClosure
from membership.clock import FixedClock
from membership.credits.closures import forget_closed
from membership.db import SessionFactory
from membership.outbox import Letter
from membership.patronage.gateway import Gateway
from membership.patronage.services import confirm_closures, redact_closed
from membership.voting.keys import RoundKeys
from membership.voting.services import withdraw_closed

MINUTE = timedelta(minutes=1)


class Sweep:
    """The jobs that delete accounts, as they run each minute, and the mails that went out."""

    def __init__(self, sessions: SessionFactory, gateway: Gateway, clock: FixedClock, folder: Path) -> None:
        self.sessions, self.gateway, self.clock = sessions, gateway, clock
        self.keys = RoundKeys(folder)
        self.sent: list[Letter] = []

    def run(self, *, times: int = 1, then: timedelta = MINUTE) -> None:
        """Run all of them so many times, a minute apart."""
        for _ in range(times):
            self.work()
            self.deliver()
            self.clock.instant += then

    def work(self, *, last: int = 7, twice: bool = False) -> None:
        """Run the steps up to this one, each in a session of its own, without any mail."""
        for step in self._steps()[:last]:
            for _ in range(1 + twice):
                with self.sessions() as session:
                    step(session)

    def _steps(self) -> list[Callable[[Session], object]]:
        now = self.clock.now
        return [
            lambda session: services.begin_due_closures(session, now=now()),
            lambda session: services.shut_accounts(session, now=now()),
            lambda session: services.finish_closures(session, now=now()),
            lambda session: confirm_closures(session, self.gateway, now=now()),
            lambda session: redact_closed(session, self.gateway, now=now()),
            lambda session: withdraw_closed(session, keys=self.keys, clock=self.clock),
            lambda session: forget_closed(session, now=now()),
        ]

    def deliver(self) -> None:
        """Send the mails about it; of others only that they are over."""
        handlers = {**dict.fromkeys(_kinds(self.sessions), lambda *_: None), **closing_letters.letters()}
        outbox.deliver_due(self.sessions, handlers=handlers, send=self.sent.append, clock=self.clock)


def closure_of(session: Session, member_id: int) -> AccountClosure:
    """The newest deletion of this account."""
    session.commit()  # on SQLite an open read would not see what the jobs wrote
    own = select(AccountClosure).where(AccountClosure.member_id == member_id).order_by(AccountClosure.id.desc())
    found = session.scalars(own.limit(1).execution_options(populate_existing=True)).one()
    session.commit()
    return found


def _kinds(sessions: SessionFactory) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(outbox.OutboxItem.kind).distinct()))
