"""The commands of credits."""

from flask.cli import AppGroup

cli = AppGroup("credits")
