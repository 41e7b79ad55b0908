"""The keys of open votes: files outside the database and its backups."""

from pathlib import Path


class RoundKeys:
    """One key file per round in one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
