"""The transaction and the column types behave alike on both databases."""

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.db import Base, transaction
from tests.conftest import NOW, make_sessions


def test_a_use_case_that_fails_leaves_nothing(session: Session) -> None:
    with pytest.raises(ZeroDivisionError), transaction(session):
        session.add(Member(email="a@example.org", created_at=NOW))
        session.flush()
        _ = 1 // 0

    assert session.scalar(select(func.count()).select_from(Member)) == 0


def test_transactions_do_not_nest(session: Session) -> None:
    with pytest.raises(RuntimeError, match="nest"), transaction(session), transaction(session):
        pass


def test_a_change_made_outside_of_a_transaction_is_refused(session: Session) -> None:
    session.add(Member(email="a@example.org", created_at=NOW))

    with pytest.raises(RuntimeError, match="outside"), transaction(session):
        pass


def test_an_instant_comes_back_aware_and_equal(session: Session, engine: Engine) -> None:
    with transaction(session):
        session.add(Member(email="a@example.org", created_at=NOW))

    with make_sessions(engine)() as other:
        assert other.scalars(select(Member.created_at)).one() == NOW


def test_every_constraint_has_a_name() -> None:
    unnamed = [(t.name, c) for t in Base.metadata.sorted_tables for c in t.constraints if c.name is None]

    assert unnamed == []
