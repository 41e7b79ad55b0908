"""Rows of somebody's own data as plain values: what is declared to be in the download, and nothing else."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from membership.data_classes import exported_of
from membership.db import Base

Row = dict[str, Any]
# Table → its rows.
PersonalData = dict[str, list[Row]]


def rows_of(session: Session, model: type[Base], *own: ColumnElement[bool]) -> PersonalData:
    """Return a table's rows that fit, under the table's name and in the order in which they were made."""
    table = model.__table__
    columns = [table.c[name] for name in exported_of(model.__tablename__)]
    found = session.execute(select(*columns).where(*own).order_by(*table.primary_key)).mappings()
    return {model.__tablename__: [{name: plain(value) for name, value in row.items()} for row in found]}


def plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def with_names(rows: list[Row], column: str, names: Mapping[int, str], *, as_: str) -> list[Row]:
    """Return rows that also say what a number of ours stands for; "" where there is none, so that all rows are alike."""
    return [{**row, as_: names.get(row[column], "")} for row in rows]
