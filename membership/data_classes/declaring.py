"""How something that we keep is declared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataClass:
    """A kind of data: its name and why we keep it in the reader's words, and who can see it (codes of words.VIEWERS)."""

    key: str
    name: str
    why: str
    seen_by: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """Some columns of one table of which the same is true."""

    of: DataClass
    what: str  # in the reader's words
    kept: str  # for how long
    at_closure: str  # a code of words.AT_CLOSURE
    exported: tuple[str, ...] = ()  # in the download of one's own data
    inside: tuple[str, ...] = ()  # not in it: hashes, keys, and numbers that mean something to our tables only
    only_seen_by: tuple[str, ...] | None = None  # where it is not who sees the whole class

    @property
    def names(self) -> tuple[str, ...]:
        """All of the columns."""
        return self.exported + self.inside

    @property
    def seen_by(self) -> tuple[str, ...]:
        """Who can see them."""
        return self.of.seen_by if self.only_seen_by is None else self.only_seen_by


def columns(
    of: DataClass,
    what: str,
    kept: str,
    at_closure: str,
    *,
    exported: str = "",
    inside: str = "",
    seen_by: tuple[str, ...] | None = None,
) -> Columns:
    """Declare some columns; their names are separated by spaces."""
    return Columns(of, what, kept, at_closure, tuple(exported.split()), tuple(inside.split()), seen_by)
