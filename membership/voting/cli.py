"""The commands of voting."""

from flask.cli import AppGroup

cli = AppGroup("voting")
