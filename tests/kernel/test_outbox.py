"""Each mail is sent once, whatever crashes, and a poison row stops nobody else."""

import smtplib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from membership import outbox
from membership.clock import FixedClock
from membership.db import transaction
from membership.outbox import Letter, OutboxItem
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import race


def letter(_session: Session, payload: Mapping[str, Any], _now: datetime) -> Letter:
    return Letter(payload["to"], "hello", "en", {})


def nothing(_session: Session, _payload: Mapping[str, Any], _now: datetime) -> None:
    return None


class Postman:
    """Remembers what was sent; some addresses it can't reach."""

    def __init__(self, *unreachable: str) -> None:
        self.unreachable = set(unreachable)
        self.sent: list[str] = []
        self._lock = Lock()

    def __call__(self, sent: Letter) -> None:
        if sent.to in self.unreachable:
            raise OSError("no route to a@example.org")
        with self._lock:
            self.sent.append(sent.to)


class PowerCut(BaseException):
    """The process ends here."""


def enqueue(session: Session, *names: str, kind: str = "hello") -> None:
    with transaction(session):
        for name in names:
            outbox.enqueue(session, kind=kind, key=f"{kind}:{name}", payload={"to": name}, now=NOW)


def deliver(engine: Engine, postman: Any, clock: FixedClock, *, discreet: Collection[str] = ()) -> int:
    handlers = {"hello": letter, "nothing": nothing}
    return outbox.deliver_due(make_sessions(engine), handlers=handlers, send=postman, clock=clock, discreet=discreet)


def test_a_mail_whose_cause_was_rolled_back_is_never_sent(session: Session, engine: Engine, clock: FixedClock) -> None:
    postman = Postman()
    with pytest.raises(ZeroDivisionError), transaction(session):
        outbox.enqueue(session, kind="hello", key="k", payload={"to": "a"}, now=NOW)
        _ = 1 // 0

    assert (deliver(engine, postman, clock), postman.sent) == (0, [])


def test_the_same_key_sends_once(session: Session, engine: Engine, clock: FixedClock) -> None:
    postman = Postman()
    enqueue(session, "a", "b")
    enqueue(session, "a")
    deliver(engine, postman, clock)
    enqueue(session, "a")
    deliver(engine, postman, clock)

    assert postman.sent == ["a", "b"]


def test_use_cases_that_race_with_the_same_key_all_succeed(session: Session, engine: Engine, clock: FixedClock) -> None:
    postman = Postman()

    race(engine, lambda racer: enqueue(racer, "a"))
    deliver(engine, postman, clock)

    assert postman.sent == ["a"]


def test_an_urgent_mail_overtakes_a_mailing_that_is_under_way(session: Session, engine: Engine, clock: FixedClock) -> None:
    mailing = [f"reader-{number}" for number in range(outbox.BATCH * 3)]
    enqueue(session, *mailing)

    class InterruptedPostman(Postman):
        def __call__(self, sent: Letter) -> None:
            super().__call__(sent)
            if len(self.sent) == 1:
                with make_sessions(engine)() as other, transaction(other):
                    outbox.enqueue(other, kind="hello", key="code", payload={"to": "waiting"}, urgent=True, now=NOW)

    postman = InterruptedPostman()
    deliver(engine, postman, clock)

    assert postman.sent.index("waiting") == outbox.BATCH
    assert sorted(postman.sent) == sorted([*mailing, "waiting"])


def test_two_runners_at_once_send_each_mail_once(session: Session, engine: Engine, clock: FixedClock) -> None:
    names = [f"reader-{number}" for number in range(20)]
    postman = Postman()
    enqueue(session, *names)

    counts = race(engine, lambda _racer: deliver(engine, postman, clock), racers=2)

    assert (sum(counts), sorted(postman.sent)) == (20, sorted(names))


def test_a_crash_between_claim_and_done_is_made_good_later(session: Session, engine: Engine, clock: FixedClock) -> None:
    def cut(_letter: Letter) -> None:
        raise PowerCut

    postman = Postman()
    enqueue(session, "a")
    with pytest.raises(PowerCut):
        deliver(engine, cut, clock)
    at_once = deliver(engine, postman, clock)
    clock.instant += outbox.CLAIM_FOR + timedelta(seconds=1)
    later = deliver(engine, postman, clock)

    assert (at_once, later, postman.sent) == (0, 1, ["a"])


def test_what_kills_every_runner_ends_among_the_dead_letters(session: Session, engine: Engine, clock: FixedClock) -> None:
    def cut(_letter: Letter) -> None:
        raise PowerCut

    enqueue(session, "a")
    for _ in range(outbox.MAX_TRIES):
        with pytest.raises(PowerCut):
            deliver(engine, cut, clock)
        clock.instant += outbox.CLAIM_FOR + timedelta(seconds=1)
    postman = Postman()
    deliver(engine, postman, clock)

    assert postman.sent == []
    assert [(item.key, item.last_error) for item in outbox.dead_letters(session)] == [("hello:a", "Interrupted")]


def test_a_poison_row_waits_longer_each_time_and_is_given_up(session: Session, engine: Engine, clock: FixedClock) -> None:
    postman = Postman("poison")
    enqueue(session, "poison")
    waits = []
    for _ in range(outbox.MAX_TRIES):
        deliver(engine, postman, clock)
        session.rollback()
        item = session.scalars(select(OutboxItem).execution_options(populate_existing=True)).one()
        waits.append(None if item.dead_at else item.due_at - clock.instant)
        clock.instant = max(item.due_at, clock.instant)
    postman.unreachable.clear()
    clock.instant += timedelta(days=9)
    deliver(engine, postman, clock)

    assert waits == [*outbox.BACKOFF, None]
    assert postman.sent == []
    assert [(item.key, item.tries, item.last_error) for item in outbox.dead_letters(session)] == [("hello:poison", 5, "OSError")]


def test_a_poison_row_does_not_stop_the_others(session: Session, engine: Engine, clock: FixedClock) -> None:
    postman = Postman("poison")
    enqueue(session, "no handler", kind="unknown")
    enqueue(session, "poison", "a", "b")

    assert (deliver(engine, postman, clock), postman.sent) == (2, ["a", "b"])


def test_what_has_nothing_to_say_any_more_is_done_silently(session: Session, engine: Engine, clock: FixedClock) -> None:
    postman = Postman()
    enqueue(session, "a", kind="nothing")

    assert (deliver(engine, postman, clock), postman.sent) == (0, [])
    assert session.scalars(select(OutboxItem.done_at)).one() == NOW


def test_of_a_failure_only_its_kind_is_kept(session: Session, engine: Engine, clock: FixedClock) -> None:
    enqueue(session, "poison")
    deliver(engine, Postman("poison"), clock)

    assert session.scalars(select(OutboxItem.last_error)).one() == "OSError"


def test_of_discreet_mails_no_row_and_no_log_tells_to_whom_one_went(session: Session, engine: Engine, clock: FixedClock) -> None:
    postman = Postman()
    enqueue(session, "a", "b", kind="hello")
    enqueue(session, "c", "d", kind="nothing")
    clock.instant += timedelta(minutes=5)

    with capture_logs() as logs:
        counted = deliver(engine, postman, clock, discreet=("hello", "nothing"))

    assert sorted(postman.sent) == ["a", "b"]
    assert (counted, logs) == (0, [])
    assert traces(session) == {(0, None, NOW, None, "")}


def test_a_runner_that_is_killed_sends_no_discreet_mail_twice_and_leaves_no_trace(
    session: Session, engine: Engine, clock: FixedClock
) -> None:
    sent: list[str] = []

    def cut(letter: Letter) -> None:
        sent.append(letter.to)
        if len(sent) == 2:
            raise PowerCut

    postman = Postman()
    enqueue(session, *"abcde")
    with pytest.raises(PowerCut):
        deliver(engine, cut, clock, discreet=("hello",))
    deliver(engine, postman, clock, discreet=("hello",))

    assert sorted([*sent, *postman.sent]) == list("abcde")
    assert traces(session) == {(0, None, NOW, None, "")}


def test_two_runners_at_once_send_each_discreet_mail_once(session: Session, engine: Engine, clock: FixedClock) -> None:
    names = [f"reader-{number}" for number in range(20)]
    postman = Postman()
    enqueue(session, *names)

    race(engine, lambda _racer: deliver(engine, postman, clock, discreet=("hello",)), racers=2)

    assert sorted(postman.sent) == sorted(names)


def test_an_outage_leaves_discreet_rows_as_if_nobody_had_tried(session: Session, engine: Engine, clock: FixedClock) -> None:
    enqueue(session, "a", "b")

    with capture_logs() as logs:
        deliver(engine, Postman("a", "b"), clock, discreet=("hello",))
    untouched = traces(session)
    postman = Postman()
    deliver(engine, postman, clock, discreet=("hello",))

    assert untouched == {(0, None, None, None, "")}
    assert [set(entry) for entry in logs] == [{"event", "error", "log_level"}]
    assert (sorted(postman.sent), traces(session)) == (["a", "b"], {(0, None, NOW, None, "")})


def test_a_discreet_mail_that_its_address_refuses_is_given_up_like_one_that_went(
    session: Session, engine: Engine, clock: FixedClock
) -> None:
    sent: list[str] = []

    def refuse_a(letter: Letter) -> None:
        if letter.to == "a":
            raise smtplib.SMTPRecipientsRefused({"a": (550, b"no such mailbox")})
        sent.append(letter.to)

    enqueue(session, "a", "b", "c")
    for _ in range(2):
        deliver(engine, refuse_a, clock, discreet=("hello",))

    assert (sorted(sent), traces(session)) == (["b", "c"], {(0, None, NOW, None, "")})


def traces(session: Session) -> set[tuple[object, ...]]:
    """What the rows tell beside whose they are."""
    session.rollback()
    seen = select(OutboxItem.tries, OutboxItem.claimed_until, OutboxItem.done_at, OutboxItem.dead_at, OutboxItem.last_error)
    return {tuple(row) for row in session.execute(seen)}
