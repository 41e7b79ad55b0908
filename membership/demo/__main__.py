"""`make run`: the demo newsroom with everything it needs, in one terminal."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from membership.demo.environment import demo_environment
from membership.demo.processes import PortTaken, ProcessDied, Processes, refuse_taken_port
from membership.paths import ROOT

# HTTP/2 is for the proxy in front: here it would only be another way to send 16 MB of headers.
WEB_FLAGS = (
    *("--interface", "wsgi", "--workers", "1", "--http", "1", "--no-ws", "--http1-buffer-size", "65536"),
    *("--no-access-log", "--log-level", "warning"),
)
VAR = Path(os.environ.get("DEMO_DIR") or ROOT / "var").absolute()


def main() -> int:
    """Start the demo, or forget its data; return the exit code."""
    arguments = argparse.ArgumentParser(prog="make run", description=__doc__)
    arguments.add_argument("--reset", action="store_true", help="delete the demo's data and stop")
    if arguments.parse_args().reset:
        return reset()
    try:
        return run(port=int(os.environ.get("PORT") or 8000))
    except (PortTaken, ProcessDied) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1


def reset() -> int:
    """Delete everything that the demo has kept."""
    try:
        refuse_taken_port(int(os.environ.get("PORT") or 8000))
    except PortTaken:
        print("The demo seems to be running: stop it with Ctrl-C first.", file=sys.stderr)
        return 1
    shutil.rmtree(VAR, ignore_errors=True)
    print("The demo's data is gone. `make run` builds it anew.")
    return 0


def run(*, port: int) -> int:
    """Run stand-in, web and jobs until Ctrl-C."""
    standin_port = int(os.environ.get("STRIPE_PORT") or port + 1)
    refuse_taken_port(port)
    refuse_taken_port(standin_port, name="STRIPE_PORT")
    environment = demo_environment(VAR, port=port, standin_port=standin_port, environ=os.environ)
    with Processes(logs=VAR / "log", environment=environment) as processes:
        for stop in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: whoever starts us in the background has it ignored
            signal.signal(stop, _interrupt)
        try:
            start(processes, environment, port=port, standin_port=standin_port)
            processes.wait()
        except KeyboardInterrupt:
            print("\nStopping ...")
    return 0


def start(processes: Processes, environment: dict[str, str], *, port: int, standin_port: int) -> None:
    """Migrate, build the newsroom where there is none, start the three processes and say how to go on."""
    print("Preparing the newsroom ...", flush=True)
    processes.start(
        "stripe",
        [
            *("-m", "membership.stripe_standin", "--port", str(standin_port), "--state", str(VAR / "stripe.db")),
            *("--product-url", environment["SITE_URL"], "--webhook", f"http://127.0.0.1:{port}/stripe/webhook"),
            *("--webhook-secret", environment["STRIPE_WEBHOOK_SECRET"]),
        ],
    )
    web = ["-m", "granian", "--host", "127.0.0.1", "--port", str(port), *WEB_FLAGS, "wsgi:app"]
    known = (VAR / "mailbox").exists()
    if known:  # built by an earlier run: the site may start while the build looks whether there is anything to do
        processes.start("web", web)
    welcome = processes.run("build", ["-m", "membership.demo.build"])
    if not known:
        processes.start("web", web)
    processes.start("jobs", ["-m", "flask", "--app", "wsgi", "jobs", "run"])
    processes.wait_for(f"http://127.0.0.1:{port}/readyz")
    print(welcome, flush=True)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
