"""Somebody's own data in words: codes by the column that they stand in, and what people typed as they typed it."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import CheckConstraint

from membership.accounts.personal_words import WORDS, shown_tables
from membership.data_classes import exported_of
from membership.db import Base

ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
KYIV = ZoneInfo("Europe/Kyiv")
MAILS = Path(__file__).parents[2] / "templates" / "mail"
NOT_SENT_BY_NAME = {"layout", "sign_in_staff", "sign_in_unknown"}


def codes() -> list[tuple[str, str]]:
    """Every code that a column of the download may hold, by the database's own word."""
    found = []
    for table in Base.metadata.sorted_tables:
        for constraint in table.constraints:
            text = str(constraint.sqltext) if isinstance(constraint, CheckConstraint) else ""
            if (match := re.fullmatch(r"(\w+) IN \((.*)\)", text)) and match[1] in set(exported_of(table.name)) - {"language"}:
                found += [(f"{table.name}.{match[1]}", code) for code in re.findall(r"'(\w+)'", match[2])]
    return found


def test_every_code_has_words() -> None:
    assert len(codes()) > 30
    assert [(column, code) for column, code in codes() if code not in WORDS.get(column, {})] == []


def test_every_mail_has_a_name() -> None:
    kinds = {path.stem for path in MAILS.glob("*.txt") if not path.stem.startswith("_")} - NOT_SENT_BY_NAME

    assert kinds - set(WORDS["outbox_item.kind"]) == set()


@ON_SQLITE
def test_what_was_typed_is_shown_as_it_was_typed(app: Flask) -> None:
    with app.test_request_context():
        shown = shown_tables(
            {
                "member": [{"display_name": "gift", "language": "en"}],
                "payment": [{"kind": "refund", "source": "bank", "amount_minor": -500, "currency": "eur"}],
                "invitation": [{"display_name": "active", "roles": ["editor", "admin"]}],
                "topic": [{"title": "once", "state": "approved"}],
            },
            KYIV,
        )

    assert [table.rows for table in shown] == [
        (("gift", "English"),),
        (("given back", "by bank transfer", "-€5"),),
        (("active", "editor, admin"),),
        (("once", "taken up"),),
    ]
