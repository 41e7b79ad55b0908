"""Where the project's fixed top level lies."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
