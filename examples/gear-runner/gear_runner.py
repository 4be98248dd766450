"""Runs a gear's command for a user, as long as the user may.

Before the command starts, rolegate must allow `job.run` for the user, the gear and the project. While it works, the same
is asked again and again: at the first deny the command is stopped, and also when there has been no decision for too long.

Exit codes:
    0 to 255  the command's own, when it ended by itself (128 and a signal's number, when a signal ended it)
    64        the arguments or the question are at fault; not started
    69        no decision could be had within --wait; not started
    77        denied; not started
    97        denied while it worked; stopped
    98        no decision for --patience while it worked; stopped
    126, 127  allowed, but the command cannot be started, or is not there
A SIGTERM or SIGINT stops the command in the same way, and ends with 128 and the signal's number.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gate import Answer, CannotAsk, Gate, Job, Verdict
from gear import Gear

CANNOT_ASK = 64
UNDECIDED = 69
DENIED = 77
REVOKED = 97
ABANDONED = 98
CANNOT_START = 126
NO_COMMAND = 127

# How long one question may take, and how soon it is asked again when there was no decision; in seconds.
CHECK_TIME = 1.0
PAUSE_AFTER_FAILURE = 0.5


class Interrupted(Exception):
    """A signal asked this process to end."""


def main() -> int:
    """Runs the gear; the exit code."""
    args = arguments()
    key = args.key_file.read_text().strip() if args.key_file else None
    gate = Gate(args.rolegate, key, args.token)
    job = Job(args.user, args.gear, args.project, args.analysis)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupt)
    try:
        first = decided(gate, job, args.wait)
        if first.answer is not Answer.ALLOWED:
            say(f"not started: {first.answer.value}: {first.why}")
            return DENIED if first.answer is Answer.DENIED else UNDECIDED
        return run(gate, job, args)
    except CannotAsk as fault:
        say(f"not started: {fault}")
        return CANNOT_ASK
    except Interrupted as asked:
        return 128 + int(asked.args[0])


def arguments() -> argparse.Namespace:
    """The command line."""
    summary = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary[0], epilog=summary[2], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = "unix:///run/rolegate/rolegate.sock"
    parser.add_argument("--rolegate", default=usual, help=f"unix:///PATH or HOST:PORT [default: {usual}]")
    parser.add_argument("--key-file", type=Path, help="the key to show, where callers must show one")
    parser.add_argument("--user", required=True, help="for whom")
    parser.add_argument("--gear", required=True, help="the gear's name")
    parser.add_argument("--project", required=True, help="the project's id")
    parser.add_argument("--analysis", action="store_true", help="the job makes an analysis")
    parser.add_argument("--token", help="the revision token of a write that the first answer must contain")
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a first decision [default: 60]")
    parser.add_argument("--interval", type=float, default=5, help="seconds between questions [default: 5]")
    parser.add_argument("--patience", type=float, default=60, help="seconds without a decision [default: 60]")
    parser.add_argument("--grace", type=float, default=10, help="seconds from SIGTERM to SIGKILL [default: 10]")
    parser.add_argument("command", nargs="+", help="the gear's command, after --")
    return parser.parse_args()


def decided(gate: Gate, job: Job, seconds: float) -> Verdict:
    """Asks until there is a decision or the time is over: the sidecar may start after this process."""
    end = time.monotonic() + seconds
    while True:
        verdict = gate.ask(job, CHECK_TIME)
        if verdict.answer is not Answer.UNDECIDED or time.monotonic() >= end:
            return verdict
        time.sleep(PAUSE_AFTER_FAILURE)


def run(gate: Gate, job: Job, args: argparse.Namespace) -> int:
    """Starts the command, and sees to it that it works no longer than it may."""
    try:
        gear = Gear(args.command)
    except FileNotFoundError as error:
        say(f"not started: {error}")
        return NO_COMMAND
    except OSError as error:
        say(f"not started: {error}")
        return CANNOT_START
    try:
        return watch(gate, job, gear, args)
    finally:
        # Whatever ends the watch, a mistake in this program included, the command does not go on unwatched.
        gear.stop(args.grace)


def watch(gate: Gate, job: Job, gear: Gear, args: argparse.Namespace) -> int:
    """Asks while the command works; the exit code, once it has ended or must."""
    allowed_at = time.monotonic()
    pause = args.interval
    while True:
        left = allowed_at + args.patience - time.monotonic()
        # Many jobs start at once; what they ask afterwards is spread out.
        code = gear.wait(min(pause * random.uniform(0.8, 1.2), max(left, 0)))
        if code is not None:
            return code
        try:
            verdict = gate.ask(job, CHECK_TIME)
        except CannotAsk as fault:
            verdict = Verdict(Answer.UNDECIDED, str(fault))
        if verdict.answer is Answer.DENIED:
            say(f"stopped: {verdict.why}")
            return REVOKED
        if verdict.answer is Answer.ALLOWED:
            allowed_at, pause = time.monotonic(), args.interval
            continue
        if time.monotonic() - allowed_at >= args.patience:
            say(f"stopped: no decision for {args.patience:g} s: {verdict.why}")
            return ABANDONED
        say(f"goes on for now: {verdict.why}")
        pause = min(PAUSE_AFTER_FAILURE, args.interval)


def interrupt(number: int, _: FrameType | None) -> NoReturn:
    """Ends the run, once."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def say(what: str) -> None:
    """Tells whoever reads the job's log."""
    print(f"gear-runner: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
