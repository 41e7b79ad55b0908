"""The least that can take a ballot: a Flask handler that writes the same rows, told who votes and for what, and asks nothing."""

import os
from uuid import uuid4

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import delete, insert

from membership.db import make_engine
from membership.voting.models import Ballot, BallotChoice
from tests.benchmarks.writing import writing

app = Flask(__name__)
engine = make_engine(os.environ["DATABASE_URL"])


@app.post("/ballot")
def cast_ballot() -> ResponseReturnValue:
    """Write the ballot in place of the voter's earlier one."""
    ballot = {"id": uuid4(), "round_id": int(request.form["round"]), "voter_tag": bytes.fromhex(request.form["tag"])}
    own = Ballot.round_id == ballot["round_id"], Ballot.voter_tag == ballot["voter_tag"]
    choice = {"ballot_id": ballot["id"], "round_id": ballot["round_id"]}
    with writing(engine) as connection:
        connection.execute(delete(Ballot).where(*own))
        connection.execute(insert(Ballot), [ballot])
        connection.execute(insert(BallotChoice), [{**choice, "topic_id": int(one)} for one in request.form.getlist("topics")])
    return redirect("/votes", code=303)
