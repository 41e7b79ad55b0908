"""Whoever has the database, its backups and the logs, but not the vote's key, tries to say who ticked what.

An attack is a guess: an order of voters laid beside an order of ballots. With every ballot different from every other, a blind one
gets one of them right on average, however many there are, and more than MOST_BY_CHANCE less than once in 100,000 tries.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import combinations, product
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from membership.db import Base, is_postgresql

MOST_BY_CHANCE = 8
Ticks = frozenset[str]
Voters, Ballots = Sequence[int], Sequence[Ticks]

# Every order of voters that the tables hold, for both databases; {hidden} is what PostgreSQL keeps of a row besides its columns.
ORDERS_OF_VOTERS = {
    "who may vote, as stored": "SELECT member_id FROM roll_entry WHERE round_id = :round_id",
    "who took part, as stored": "SELECT member_id FROM participation WHERE round_id = :round_id",
    "who took part, by member": "SELECT member_id FROM participation WHERE round_id = :round_id ORDER BY member_id",
    "who signed in, in order": "SELECT member_id FROM login_session ORDER BY id",
    "who signed in, by time": "SELECT member_id FROM login_session ORDER BY created_at",
}
HIDDEN_ORDERS_OF_VOTERS = {
    "who took part, by transaction and place": (
        "SELECT member_id FROM participation WHERE round_id = :round_id ORDER BY xmin::text::bigint, ctid"
    ),
    "who signed in, by transaction and place": "SELECT member_id FROM login_session ORDER BY xmin::text::bigint, ctid",
}
CERTIFIED = {
    "counted ballots, as stored": "SELECT topics FROM certified_ballot WHERE round_id = :round_id",
    "counted ballots, by id": "SELECT topics FROM certified_ballot WHERE round_id = :round_id ORDER BY id",
}
HIDDEN_CERTIFIED = {
    "counted ballots, by transaction and place": (
        "SELECT topics FROM certified_ballot WHERE round_id = :round_id ORDER BY xmin::text::bigint, ctid"
    ),
}
SEALED = "SELECT ballot_id, slug FROM ballot_choice JOIN topic ON topic.id = ballot_choice.topic_id WHERE round_id = :round_id"


def best_link(truth: Mapping[int, Ticks], voters: Mapping[str, Voters], ballots: Mapping[str, Ballots]) -> tuple[int, str]:
    """Return how many voters the best of all guesses names rightly, and which guess that is."""
    guesses = []
    for (who, members), (what, cards) in product(voters.items(), ballots.items()):
        known = [member for member in members if member in truth]
        for order, laid in (("", cards), (" backwards", list(reversed(cards)))):
            right = sum(truth[member] == card for member, card in zip(known, laid, strict=False))
            guesses.append((right, f"{who} / {what}{order}"))
    return max(guesses)


def orders_of_voters(session: Session, round_id: int) -> dict[str, Voters]:
    """Return every order of voters that the database shows."""
    shown = ORDERS_OF_VOTERS | (HIDDEN_ORDERS_OF_VOTERS if is_postgresql(session) else {})
    return {name: list(session.scalars(text(query), {"round_id": round_id})) for name, query in shown.items()}


def orders_of_counted_ballots(session: Session, round_id: int) -> dict[str, Ballots]:
    """Return every order of the counted ballots that the database shows."""
    shown = CERTIFIED | (HIDDEN_CERTIFIED if is_postgresql(session) else {})
    rows = {name: session.scalars(text(query), {"round_id": round_id}) for name, query in shown.items()}
    return {name: [frozenset(topics.split(",")) for topics in topics_of] for name, topics_of in rows.items()}


def orders_of_sealed_ballots(session: Session, round_id: int) -> dict[str, Ballots]:
    """Return every order of an open vote's ballots that the database shows."""
    ballots = "SELECT id FROM ballot WHERE round_id = :round_id"
    shown = {"ballots, as stored": ballots, "ballots, by id": f"{ballots} ORDER BY id"}
    if is_postgresql(session):
        shown["ballots, by transaction and place"] = f"{ballots} ORDER BY xmin::text::bigint, ctid"
    ticks = _ticks(session.execute(text(SEALED), {"round_id": round_id}).all())
    return {
        name: [ticks[str(ballot_id)] for ballot_id in session.scalars(text(query), {"round_id": round_id})]
        for name, query in shown.items()
    }


def neighbours(session: Session, round_id: int) -> set[str]:
    """Return the tables that name members and were written in the very transaction of an open vote's ballot (PostgreSQL)."""
    found = set()
    for table in Base.metadata.sorted_tables:
        if any(key.column.table.name == "member" for key in table.foreign_keys) or table.name in ("member", "outbox_item"):
            shared = (
                f'SELECT 1 FROM "{table.name}" AS named JOIN ballot ON ballot.xmin = named.xmin WHERE ballot.round_id = :round_id'
            )
            if session.execute(text(shared), {"round_id": round_id}).first():
                found.add(table.name)
    return found


class Backups:
    """Copies of a database taken while a vote is open, one after each ballot: the worst that a quiet site's backups can hold."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder, self.taken = engine, folder, 0
        folder.mkdir()
        self._ballots: list[dict[str, Ticks]] = []

    def take(self, round_id: int) -> None:
        """Copy the database, and remember of the copy what is asked of it later."""
        self.taken += 1
        if self.engine.dialect.name == "sqlite":
            copy = self.folder / f"{self.taken}.db"
            with closing(sqlite3.connect(str(self.engine.url.database))) as live, closing(sqlite3.connect(copy)) as kept:
                live.backup(kept)
                rows = kept.execute(SEALED, {"round_id": round_id}).fetchall()
        else:  # a dump: what a SELECT shows
            with self.engine.connect() as connection:
                rows = [tuple(row) for row in connection.execute(text(SEALED), {"round_id": round_id})]
        self._ballots.append(_ticks(rows))

    def order_of_ballots(self) -> Ballots:
        """Return the ballots in the order in which they came: what each copy holds that the one before it did not."""
        order: list[Ticks] = []
        for before, after in zip([{}, *self._ballots], self._ballots, strict=False):
            order += [ticks for ballot_id, ticks in after.items() if ballot_id not in before]
        return order

    def forget(self) -> None:
        """Delete the copies."""
        shutil.rmtree(self.folder)


def _ticks(rows: Iterable[Sequence[object]]) -> dict[str, Ticks]:
    found: dict[str, set[str]] = {}
    for ballot_id, slug in rows:
        found.setdefault(str(ballot_id), set()).add(str(slug))
    return {ballot_id: frozenset(slugs) for ballot_id, slugs in found.items()}


def files_holding(paths: Iterable[Path], needles: Iterable[bytes]) -> dict[str, int]:
    """Return the files in which any of these byte strings stands, and how many of them do."""
    wanted = list(needles)
    found = {}
    for path in paths:
        held = path.read_bytes() if path.is_file() else b""
        many = sum(needle in held for needle in wanted)
        if many:
            found[path.name] = many
    return found


def files_of(engine: Engine) -> Iterator[Path]:
    """Give the files of the database itself: without PostgreSQL's write-ahead log, which operations.md speaks of."""
    if engine.dialect.name == "sqlite":
        whole = Path(str(engine.url.database))
        yield from (whole.with_name(whole.name + end) for end in ("", "-wal", "-journal"))
        return
    with engine.connect() as connection:
        folder = Path(str(connection.scalar(text("SHOW data_directory"))))
        for table in Base.metadata.sorted_tables:
            stem = folder / str(connection.scalar(text("SELECT pg_relation_filepath(:name)"), {"name": f'"{table.name}"'}))
            yield from sorted(
                path for path in stem.parent.glob(f"{stem.name}*") if re.fullmatch(rf"{stem.name}([._]\w+)?", path.name)
            )


def write_ahead_log(engine: Engine) -> Iterator[Path]:
    """Give what PostgreSQL keeps to repair and to copy itself."""
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection:
            yield from sorted((Path(str(connection.scalar(text("SHOW data_directory")))) / "pg_wal").glob("[0-9A-F]*"))


def distinct_ballots(slugs: Sequence[str], most: int) -> list[Ticks]:
    """Return every ballot that can be made of these topics."""
    return [frozenset(ticks) for many in range(1, most + 1) for ticks in combinations(slugs, many)]
