"""The commands of patronage."""

from flask.cli import AppGroup

cli = AppGroup("patronage")
