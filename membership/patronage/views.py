"""The pages of patronage."""

from flask import Blueprint

bp = Blueprint("patronage", __name__)
