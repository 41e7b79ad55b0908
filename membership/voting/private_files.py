"""Files that nobody but the app's own user may read, and that a power cut neither halves nor takes back."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a new file whole to the disk; it is not yet sure to be in its folder. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make sure on the disk which files are in a folder."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
