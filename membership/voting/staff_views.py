"""The staff's pages of voting."""

from flask import Blueprint

bp = Blueprint("voting_staff", __name__, url_prefix="/staff")
