"""The commands of articles."""

from flask.cli import AppGroup

cli = AppGroup("articles")
