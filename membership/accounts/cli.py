"""The commands of accounts."""

from flask.cli import AppGroup

cli = AppGroup("accounts")
