"""The treasurer's pages about people: what they pay, what can be done about it."""

from flask import Blueprint

bp = Blueprint("patronage_staff", __name__, url_prefix="/staff")
