"""Counts what a server executes for a call over the wire: rolegate's own instructions, the kernel's left out, beside those of
the no-op server. Neighbours on the machine do not move these counts.

Each server runs under valgrind twice for each load, for few calls and for many: what starting and ending take falls out
of the difference. One connection, one call after another; what is asked is of the demo site.
"""

import argparse
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

USERS = ["rosa@demo.example", "ivy@demo.example", "gil@demo.example"]
PROJECTS = ["5f0000000000000000000001", "5f0000000000000000000002"]
ACTION = "files_download"
ITEMS = 1_000
# How long a server may take to start under valgrind, in seconds.
PATIENCE = 120


def field(number: int, body: bytes) -> bytes:
    """A field of a protobuf message that has a length."""
    length, left = bytearray(), len(body)
    while left >= 0x80:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes([number << 3 | 2]) + bytes(length) + body


def framed(message: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(message)) + message


# What a question, an item of a batch and a batch's defaults say has the same numbers in each.
def by(user: str) -> bytes:
    return field(1, user.encode())


def on(project: str) -> bytes:
    return field(2, field(3, project.encode()))


def action() -> bytes:
    return field(3, ACTION.encode())


def check() -> bytes:
    return framed(by(USERS[0]) + on(PROJECTS[0]) + action())


def batch_of_one() -> bytes:
    items = (field(5, on(PROJECTS[n % len(PROJECTS)])) for n in range(ITEMS))
    return framed(by(USERS[0]) + action() + b"".join(items))


def batch_of_many() -> bytes:
    def item(n: int) -> bytes:
        return field(5, by(USERS[n % len(USERS)]) + on(PROJECTS[n % len(PROJECTS)]) + action())

    return framed(b"".join(map(item, range(ITEMS))))


# What is asked: its name, the method, the message, how many answers a call brings, and how many calls there are at first and
# then.
LOADS = [
    ("Check", "Check", check(), 1, (500, 4_500)),
    ("BatchCheck, 1,000 items, one user", "BatchCheck", batch_of_one(), ITEMS, (20, 220)),
    ("BatchCheck, 1,000 items, three users in turn", "BatchCheck", batch_of_many(), ITEMS, (20, 220)),
]


class Server:
    """A server under valgrind, in a folder of its own."""

    def __init__(self, command: list[str], ready) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.counts = Path(self.folder.name) / "valgrind.txt"
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        told = Path(self.folder.name) / "server.txt"
        with open(told, "w") as log:
            self.process = subprocess.Popen(
                [*valgrind, f"--log-file={self.counts}", *command], cwd=self.folder.name, stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE
        while not ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                sys.exit("error: the server does not answer:\n" + told.read_text())
            time.sleep(0.5)

    def end(self) -> int:
        """Ends it, and tells how many instructions it has executed."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        found = re.search(r"I\s+refs:\s+([\d,]+)", self.counts.read_text())
        self.folder.cleanup()
        return int(found[1].replace(",", "")) if found else sys.exit("error: valgrind has counted nothing")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def rolegate(program: str) -> tuple[Server, int]:
    port = free_port()
    server = f"http://127.0.0.1:{port}"
    asks = ["--user", USERS[0], "--project", PROJECTS[0], "--action", ACTION]

    def allows() -> bool:
        # What is counted below is asked here by a client that reads the answer, which is yes.
        asked = [program, "check", "--server", server, "--timeout", "30s", *asks]
        return subprocess.run(asked, capture_output=True).returncode == 0

    listen = ["--listen", f"127.0.0.1:{port}", "--admin-listen", "127.0.0.1:0", "--metrics-listen", "off"]
    return Server([program, "serve", "--demo", *listen], allows), port


def noop(program: str) -> tuple[Server, int]:
    port = free_port()

    def listens() -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    command = [program, "--runtime", "current", "--listen", f"127.0.0.1:{port}"]
    return Server(command, listens), port


def call(port: int, method: str, message: bytes, answers: int, calls: int) -> None:
    """Makes so many calls, and sees that each is answered."""
    with tempfile.NamedTemporaryFile() as body:
        body.write(message)
        body.flush()
        url = f"http://127.0.0.1:{port}/rolegate.v1.AuthorizationService/{method}"
        headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        load = ["h2load", "-n", str(calls), "-c", "1", "-m", "1", "-d", body.name, *headers, url]
        told = subprocess.run(load, capture_output=True, text=True, check=True).stdout
    succeeded = re.search(r"(\d+) succeeded", told)
    data = re.search(r"\((\d+)\) data", told)
    # A refused call is an HTTP success without a message; of each answer there are some bytes.
    if not succeeded or int(succeeded[1]) != calls or not data or int(data[1]) < calls * answers * 5:
        sys.exit("error: not every call was answered:\n" + told)


def instructions(start, load) -> int:
    """What the server executes for one answer."""
    _, method, message, answers, numbers = load
    counts = []
    for calls in numbers:
        server, port = start()
        try:
            call(port, method, message, answers, calls)
        finally:
            counts.append(server.end())
    return round((counts[1] - counts[0]) / (numbers[1] - numbers[0]) / answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rolegate", default="target/release/rolegate", help="the rolegate to count (default: %(default)s)")
    parser.add_argument("--noop", default="target/speed/release/noop", help="the no-op server (default: %(default)s)")
    args = parser.parse_args()
    programs = [str(Path(program).resolve()) for program in (args.rolegate, args.noop)]
    for tool in ["valgrind", "h2load", *programs]:
        if not shutil.which(tool):
            sys.exit(f"error: there is no `{tool}`; `scripts/bench calls` makes and installs what is needed")
    starts = [partial(rolegate, programs[0]), partial(noop, programs[1])]
    print(f"{'instructions an answer':46} {'rolegate':>10} {'no-op':>10} {'ratio':>7}")
    for load in LOADS:
        ours, theirs = (instructions(start, load) for start in starts)
        print(f"{load[0]:46} {ours:>10,} {theirs:>10,} {ours / theirs:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
