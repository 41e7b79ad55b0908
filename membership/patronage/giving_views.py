"""Other ways to support: gifts, free seats, a reference for the bank."""

from flask import Blueprint

bp = Blueprint("patronage_giving", __name__)
