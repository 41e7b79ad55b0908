"""The staff's pages of credits."""

from flask import Blueprint

bp = Blueprint("credits_staff", __name__, url_prefix="/staff")
