"""Runs a gear's command for a user, as long as the user may.

Before the command starts, rolegate must allow `job.run` for the user, the gear and the project. While it works, the
same is asked again and again: at the first deny the command is stopped, and also when there has been no decision for
too long.

Exit codes:
    0 to 255  the command's own, when it ended by itself (128 and a signal's number, when a signal ended it)
    64        the arguments or the question are at fault; not started
    69        no decision could be had within --wait; not started
    77        denied; not started
    97        denied while it worked; stopped
    98        no decision for --patience while it worked; stopped
    126, 127  allowed, but the command cannot be started, or is not there
ROLEGATE and ROLEGATE_KEY_FILE in the environment stand for the flags of these names.
A SIGTERM or SIGINT stops the command in the same way, and ends with 128 and the signal's number. A command is stopped
with all that it has started. Whoever kills the runner itself leaves nobody to do that, except in a container of which
it is the first process.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gate import Answer, Gate, Job, QuestionError, Verdict, read_key
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


# How soon a signal is heeded while the command works, in seconds.
ATTENTION = 0.1


class Ending:
    """Remembers the signal that asked this process to end, if one did."""

    def __init__(self) -> None:
        """Listens for SIGTERM and SIGINT from now on."""
        self.signal: int | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = self.signal or number


def main() -> int:
    """Runs the gear; the exit code."""
    args = arguments()
    gate = Gate(args.rolegate, args.key_file, args.token)
    job = Job(args.user, args.gear, args.project, args.analysis)
    ending = Ending()
    try:
        first = decided(gate, job, args.wait, ending)
        if ending.signal:
            return 128 + ending.signal
        if first.answer is not Answer.ALLOWED:
            say(f"not started: {first.answer.value}: {first.why}")
            return DENIED if first.answer is Answer.DENIED else UNDECIDED
        return run(gate, job, args, ending)
    except QuestionError as fault:
        say(f"not started: {fault}")
        return CANNOT_ASK


class Parser(argparse.ArgumentParser):
    """Ends with our own code where the arguments are at fault."""

    def error(self, message: str) -> NoReturn:
        """Tells what is wrong, and ends."""
        self.print_usage(sys.stderr)
        self.exit(CANNOT_ASK, f"gear-runner: not started: {message}\n")


def seconds(text: str) -> float:
    """A time from the command line."""
    span = float(text)
    if not 0 < span < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds")
    return span


def text(word: str) -> str:
    """A word from the command line that can be sent."""
    word.encode()
    return word


def key_file(path: str) -> Path:
    """A file that holds a key now."""
    try:
        read_key(Path(path))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(path)


def arguments() -> argparse.Namespace:
    """The command line."""
    summary = (__doc__ or "").partition("\n\n")
    parser = Parser(description=summary[0], epilog=summary[2], formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = os.environ.get("ROLEGATE", "unix:/run/rolegate/questions.sock")
    shown = os.environ.get("ROLEGATE_KEY_FILE")
    parser.add_argument("--rolegate", type=text, default=usual, help=f"unix:PATH or HOST:PORT [default: {usual}]")
    parser.add_argument("--key-file", type=key_file, default=shown, help="the key to show, where callers must show one")
    parser.add_argument("--user", required=True, type=text, help="for whom")
    parser.add_argument("--gear", required=True, type=text, help="the gear's name")
    parser.add_argument("--project", required=True, type=text, help="the project's id")
    parser.add_argument("--analysis", action="store_true", help="the job makes an analysis")
    parser.add_argument("--token", type=text, help="the revision token of a write that the first answer must contain")
    parser.add_argument("--wait", type=seconds, default=60, help="seconds to wait for a first decision [default: 60]")
    parser.add_argument("--interval", type=seconds, default=5, help="seconds between questions [default: 5]")
    parser.add_argument("--patience", type=seconds, default=60, help="seconds without a decision [default: 60]")
    parser.add_argument("--grace", type=seconds, default=10, help="seconds from SIGTERM to SIGKILL [default: 10]")
    parser.add_argument("command", nargs="+", help="the gear's command, after --")
    return parser.parse_args()


def decided(gate: Gate, job: Job, patience: float, ending: Ending) -> Verdict:
    """Asks until there is a decision or the time is over: the sidecar may start after this process."""
    end = time.monotonic() + patience
    while True:
        verdict = gate.ask(job, CHECK_TIME)
        if verdict.answer is not Answer.UNDECIDED or ending.signal or time.monotonic() >= end:
            return verdict
        time.sleep(PAUSE_AFTER_FAILURE)


def run(gate: Gate, job: Job, args: argparse.Namespace, ending: Ending) -> int:
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
        return watch(gate, job, gear, args, ending)
    finally:
        # Whatever ends the watch, a mistake in this program included, the command does not go on unwatched.
        gear.stop(args.grace)


def watch(gate: Gate, job: Job, gear: Gear, args: argparse.Namespace, ending: Ending) -> int:
    """Asks while the command works; the exit code, once it has ended or must."""
    allowed_at = time.monotonic()
    pause = args.interval
    while True:
        left = allowed_at + args.patience - time.monotonic()
        # Many jobs start at once; what they ask afterwards is spread out.
        code = wait(gear, min(pause * random.uniform(0.8, 1.2), left), ending)
        if code is not None:
            return code
        verdict = ask_again(gate, job)
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


def wait(gear: Gear, pause: float, ending: Ending) -> int | None:
    """Waits for the command to end, at most so long; the exit code if it has, or if a signal asked for the end."""
    end = time.monotonic() + pause
    while True:
        code = gear.wait(min(ATTENTION, end - time.monotonic()))
        if code is None and ending.signal:
            return 128 + ending.signal
        if code is not None or time.monotonic() >= end:
            return code


def ask_again(gate: Gate, job: Job) -> Verdict:
    """Asks what was allowed once. What is at fault now, such as a key that was taken back, decides nothing."""
    try:
        return gate.ask(job, CHECK_TIME)
    except QuestionError as fault:
        return Verdict(Answer.UNDECIDED, str(fault))


def say(what: str) -> None:
    """Tells whoever reads the job's log."""
    print(f"gear-runner: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
