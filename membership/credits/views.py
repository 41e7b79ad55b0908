"""The pages of credits."""

from flask import Blueprint

bp = Blueprint("credits", __name__)
