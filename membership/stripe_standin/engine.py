"""What one running stand-in is made of: its state, its time, its courier."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from membership.stripe_standin.chaos_api import WaitingRoom
from membership.stripe_standin.clock import Clock
from membership.stripe_standin.due import do_what_is_due
from membership.stripe_standin.idempotency import KeysInProgress
from membership.stripe_standin.store import Ledger, Store
from membership.stripe_standin.webhooks import Courier


class Engine:
    """The parts that every request of one stand-in shares."""

    def __init__(self, state_path: Path, clock: Clock, public_url: str, product_url: str | None) -> None:
        self.store = Store(state_path)
        self.clock = clock
        self.public_url = public_url
        self.product_url = product_url
        self.keys = KeysInProgress()
        self.waiting_room = WaitingRoom()
        self.courier = Courier(self)

    def signing_time(self) -> int:
        """Return the clock's second, without what the control page advanced: signatures must stay fresh."""
        return int(self.clock().timestamp())

    @contextmanager
    def ledger(self, *, write: bool, request_id: str | None = None, key: str | None = None) -> Iterator[Ledger]:
        """Open one transaction at the billing time; what fell due meanwhile is done first."""
        self.catch_up()
        with self._open(write=write) as ledger:
            ledger.request_id, ledger.idempotency_key = request_id, key
            yield ledger
        if write:
            self.courier.wake()

    def catch_up(self) -> None:
        """Renew, end and expire what fell due since the last look."""
        with self._open(write=False) as ledger:
            row = ledger.execute("SELECT 1 FROM due WHERE at <= ?", ledger.now).fetchone()
        if row:
            with self._open(write=True) as ledger:
                do_what_is_due(ledger)
            self.courier.wake()

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[Ledger]:
        with self.store.transaction(write=write) as connection:
            row = connection.execute("SELECT value FROM setting WHERE name = 'advanced_seconds'").fetchone()
            now = self.signing_time() + (row[0] if row else 0)
            yield Ledger(connection, now, self.public_url)

    def close(self) -> None:
        """Let go of calls that wait, stop delivering and close the state file."""
        self.waiting_room.close()
        self.courier.stop()
        self.store.close()

    def advance(self, seconds: int) -> None:
        """Move the billing time forward for good, and do what falls due on the way."""
        with self._open(write=True) as ledger:
            ledger.execute(
                "INSERT INTO setting (name, value) VALUES ('advanced_seconds', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                seconds,
            )
        self.catch_up()
