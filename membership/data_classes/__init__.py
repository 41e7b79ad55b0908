"""What we keep, column by column: why, for how long, who can see it, and what becomes of it when an account is deleted.

Declared once, here, in strings alone. The page "what we keep" is made of it, the download of one's own data follows it, and tests
hold it against the tables, against a deleted account and against rows that have grown old.
"""

from collections.abc import Mapping

from membership.data_classes.books import BOOKS
from membership.data_classes.declaring import Columns, DataClass
from membership.data_classes.labels import COLUMN_LABELS, TABLE_TITLES
from membership.data_classes.people import PEOPLE
from membership.data_classes.site import SITE
from membership.data_classes.support import SUPPORT_TABLES
from membership.data_classes.votes import VOTES
from membership.data_classes.words import AT_CLOSURE, CLASSES, VIEWERS

__all__ = ["AT_CLOSURE", "CLASSES", "COLUMN_LABELS", "TABLES", "TABLE_TITLES", "VIEWERS", "Columns", "DataClass", "exported_of"]

TABLES: Mapping[str, tuple[Columns, ...]] = {**PEOPLE, **SUPPORT_TABLES, **BOOKS, **VOTES, **SITE}


def exported_of(table: str) -> tuple[str, ...]:
    """Return the columns of a table that somebody gets in the download of their own data."""
    return tuple(name for columns in TABLES[table] for name in columns.exported)
