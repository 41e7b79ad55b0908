"""The treasurer's pages about money that comes another way: free seats, bank statements, other platforms."""

from flask import Blueprint

bp = Blueprint("patronage_staff_giving", __name__, url_prefix="/staff")
