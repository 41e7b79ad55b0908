"""The comparison notices what a migration could lose; the tests of the migrations would else prove nothing."""

from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, Table, UniqueConstraint

from membership.db import make_engine
from tests.migrations.schema import Schema, differences, normalised, schema_of


def test_a_lost_check_is_noticed(tmp_path: Path) -> None:
    assert differences(written(tmp_path, checked="amount > 0"), written(tmp_path, checked=None)) != []


def test_a_check_that_says_something_else_is_noticed(tmp_path: Path) -> None:
    assert differences(written(tmp_path, checked="amount > 0"), written(tmp_path, checked="amount > 1")) != []


def test_a_lost_without_rowid_is_noticed(tmp_path: Path) -> None:
    assert differences(written(tmp_path, with_rowid=False), written(tmp_path)) != []


def test_a_lost_unique_constraint_is_noticed(tmp_path: Path) -> None:
    assert differences(written(tmp_path, unique=True), written(tmp_path)) != []


def test_a_lost_cascade_is_noticed(tmp_path: Path) -> None:
    assert differences(written(tmp_path, ondelete="CASCADE"), written(tmp_path)) != []


def test_the_same_tables_are_equal(tmp_path: Path) -> None:
    assert differences(written(tmp_path, checked="amount > 0"), written(tmp_path, checked="amount > 0")) == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("((a > 0))", "a > 0"),
        ("(a > 0) = (b IS NOT NULL)", "(a > 0) = (b IS NOT NULL)"),
        ("a\n  >   0", "a > 0"),
    ],
)
def test_outer_parentheses_and_white_space_mean_nothing(condition: str, expected: str) -> None:
    assert normalised(condition) == expected


def written(
    folder: Path,
    *,
    checked: str | None = None,
    with_rowid: bool = True,
    unique: bool = False,
    ondelete: str | None = None,
) -> Schema:
    """Return the schema of a small database with these properties."""
    metadata = MetaData()
    Table("owner", metadata, Column("id", Integer, primary_key=True))
    Table(
        "thing",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("amount", Integer, nullable=False),
        Column("owner_id", ForeignKey("owner.id", ondelete=ondelete, name="fk_thing_owner")),
        *([CheckConstraint(checked, name="ck_thing_amount")] if checked else []),
        *([UniqueConstraint("amount", name="uq_thing_amount")] if unique else []),
        sqlite_with_rowid=with_rowid,
    )
    path = folder / "small.db"
    path.unlink(missing_ok=True)
    engine = make_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    found = schema_of(engine)
    engine.dispose()
    return found
