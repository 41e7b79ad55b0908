"""Every column that we keep is declared once, in words that can be printed."""

from collections import Counter
from importlib import import_module
from itertools import chain

from membership.data_classes import AT_CLOSURE, CLASSES, COLUMN_LABELS, TABLE_TITLES, TABLES, VIEWERS, exported_of
from membership.db import Base

SECRET = ("hash", "token", "key", "challenge", "seed", "tag", "handle", "credential")


def declared() -> list[str]:
    return [f"{table}.{name}" for table, groups in TABLES.items() for columns in groups for name in columns.names]


def test_every_column_of_every_table_is_declared_once_and_none_that_is_gone() -> None:
    import_module("membership.app")  # every model is known by now
    kept = {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns}

    counted = Counter(declared())

    assert sorted(kept - set(counted)) == []
    assert sorted(set(counted) - kept) == []
    assert [name for name, times in counted.items() if times > 1] == []


def test_every_declaration_can_be_printed() -> None:
    groups = list(chain.from_iterable(TABLES.values()))

    assert {columns.of for columns in groups} == set(CLASSES)
    assert {columns.at_closure for columns in groups} <= set(AT_CLOSURE)
    assert {viewer for columns in groups for viewer in columns.seen_by} <= set(VIEWERS)
    assert [columns.names for columns in groups if not (columns.what and columns.kept and columns.names)] == []


def test_whatever_somebody_can_download_has_a_name_on_their_page() -> None:
    exported = {table: exported_of(table) for table in TABLES if exported_of(table)}

    assert set(TABLE_TITLES) == set(exported)
    assert sorted({name for names in exported.values() for name in names} - set(COLUMN_LABELS)) == []


def test_no_secret_is_in_the_download() -> None:
    exported = {name for table in TABLES for name in exported_of(table)}

    assert [name for name in sorted(exported) if any(part in SECRET for part in name.split("_"))] == []


def test_what_is_ticked_is_in_no_download() -> None:
    ballots = [table for table, groups in TABLES.items() if any(columns.of.key == "ballot" for columns in groups)]

    assert sorted(ballots) == ["ballot", "ballot_choice", "certified_ballot"]
    assert [exported_of(table) for table in ballots] == [(), (), ()]
