"""Finds out what a server executes between its start and its first answers, and writes down the names: those functions are laid
beside each other in the release (see `build.rs`). The kernel maps 64 KiB and more around whatever is touched of a program; strewn
about, the fifth of it that is executed takes two thirds into memory.

Each kind of server runs under valgrind once, is asked a few questions in every usual way, is left alone for a while, and is told
to stop. `--check` runs nothing: it sees whether the names still are those of a program's functions.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

LIST = Path(__file__).with_name("started.txt")
# How long a server may take to start under valgrind, and how long it is left alone, in seconds.
PATIENCE, CALM = 120, 4
# How many of the names may be gone before the list has to be made anew. What is inlined differently comes and goes.
MOST_GONE = 0.1
SITE = Path(__file__).parents[1] / "examples/demo-site.yaml"
ADMIN = "ann@example.org"
ASKED = {"user": "rosa@demo.example", "project": "5f0000000000000000000001", "action": "files_download"}
# One that may, one that may not, and things that are not there.
QUESTIONS = [ASKED, ASKED | {"action": "files_delete_device_data"}, ASKED | {"user": "x@demo.example"}, ASKED | {"project": "x"}]
# With what `rolegate check` ends where there is a decision.
DECIDED = (0, 1)
# What a server is told by its environment would change what is seen.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ROLEGATE_")}

HEADER = """\
# What a server executes between its start and its first answers: made by scripts/layout, read by build.rs.
# A group for each kind of server, without what is in a group before it. `.*` stands for a number that tells namesakes apart.
"""


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return "%s:%d" % one.getsockname()


def at_heart(symbol: str) -> str:
    """A function's name without its hash, which is another one with another compiler or with other types, and without what tells
    its parts and namesakes apart."""
    return re.sub(r"17h[0-9a-f]{16}E$", "", re.sub(r"(\.(part|isra|constprop|cold|llvm|\d+|\*))+$", "", symbol))


def of_all_namesakes(symbol: str) -> str:
    """A function's name without what tells namesakes apart: long numbers, which are others with every change."""
    return re.sub(r"\.\d{2,}$", ".*", symbol)


def executed(counts: Path, program: Path) -> set[str]:
    """The functions of the program that callgrind has seen."""
    names: dict[str, dict[str, str]] = {"ob": {}, "fn": {}}
    found, ours = set(), False
    for line in counts.read_text(errors="replace").splitlines():
        told = re.match(r"(c?)(ob|fn)=\((\d+)\)(?: (.*))?", line)
        if not told:
            continue
        called, kind, number, name = told.groups()
        if name:
            names[kind][number] = name
        if called:
            continue
        if kind == "ob":
            ours = names[kind].get(number) == str(program)
        elif ours:
            # Of what calls itself, callgrind counts the turns.
            found.add(of_all_namesakes(re.sub(r"'\d+$", "", names[kind][number])))
    # Addresses, for one, are no names.
    return {name for name in found if re.fullmatch(r"[A-Za-z_][\w.$*]*", name)}


class Server:
    """A server, and how it is asked."""

    def __init__(self, program: Path, folder: Path, arguments: list[str], listen: str, under: list[str]) -> None:
        self.program, self.folder = program, folder
        self.address = listen if listen.startswith("unix:") else f"http://{listen}"
        self.admin, self.metrics = free_address(), free_address()
        listens = ["--listen", listen, "--admin-listen", self.admin, "--metrics-listen", self.metrics]
        with open(folder / "server.txt", "w") as log:
            self.process = subprocess.Popen(
                [*under, program, "serve", *listens, *arguments], cwd=folder, stdout=log, stderr=log, env=ENVIRONMENT
            )

    def run(self, *arguments: str, told: str | None = None, key: str = "") -> subprocess.CompletedProcess:
        environment = ENVIRONMENT | ({"ROLEGATE_API_KEY": key} if key else {})
        command = [self.program, *arguments, "--timeout", "60s"]
        return subprocess.run(
            command, input=told, text=True, capture_output=True, cwd=self.folder, env=environment
        )

    def wait(self) -> None:
        """Waits until it answers. What is asked too early is refused: that is part of many a start."""
        until = time.monotonic() + PATIENCE
        health = ["healthcheck", "--server", self.address]
        while self.ask_one(ASKED).returncode not in DECIDED or self.run(*health).returncode:
            if self.process.poll() is not None or time.monotonic() > until:
                self.fail("the server does not answer")
        if self.process.poll() is not None:
            self.fail("somebody else answers")

    def ask(self) -> None:
        """Asks in every usual way: what has to be loaded, and what is in memory by then."""
        many = "\n".join(json.dumps(question) for question in QUESTIONS for _ in range(50))
        for _ in range(3):
            asked = [self.ask_one(question) for question in QUESTIONS]
            asked.append(self.run("batch-check", "--file", "-", "--server", self.address, told=many))
            for one in asked:
                if one.returncode not in DECIDED:
                    self.fail("there was no decision: " + one.stderr)
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=PATIENCE) as metrics:
            metrics.read()

    def ask_one(self, question: dict[str, str]) -> subprocess.CompletedProcess:
        asked = [part for name, value in question.items() for part in (f"--{name}", value)]
        return self.run("check", *asked, "--server", self.address)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, error: type | None, *_) -> None:
        if error:
            self.process.kill()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
        if code != 0 and not error:
            self.fail(f"the server has ended with {code}")

    def fail(self, problem: str) -> NoReturn:
        sys.exit(f"error: {problem}:\n" + (self.folder / "server.txt").read_text())


def fill(program: Path, folder: Path, store: str) -> None:
    """Makes a store with a site in it."""
    init = [program, "init", "--store", store, "--admin", ADMIN, "--output", "json"]
    made = json.loads(subprocess.run(init, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout)
    with Server(program, folder, ["--store", store], free_address(), []) as server:
        server.wait()
        apply = ["apply", "-f", str(SITE), "--admin-server", f"http://{server.admin}"]
        applied = server.run(*apply, key=made["secret"])
        if applied.returncode != 0:
            server.fail(applied.stderr)


def observed(program: Path, folder: Path, arguments: list[str], listen: str) -> set[str]:
    """What a server executes that is started so, asked, and left alone for a while."""
    counts = folder / "callgrind.txt"
    counts.unlink(missing_ok=True)
    valgrind = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={counts}"]
    with Server(program, folder, arguments, listen, valgrind) as server:
        server.wait()
        server.ask()
        time.sleep(CALM)
    return executed(counts, program)


@contextmanager
def postgres(folder: Path):
    """A PostgreSQL server; the address of a database of its own."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    found = shutil.which("initdb") or next(reversed(installed), None)
    if not found:
        sys.exit("error: there is no `initdb`; `scripts/layout` installs what is needed")
    data, (host, port) = folder / "postgres", free_address().split(":")
    data.mkdir()
    # It does not run as root.
    owner = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    if owner:
        os.chown(data, 65534, 65534)

    def run(name: str, *arguments: str) -> None:
        command = [*owner, str(Path(found).with_name(name)), "-D", str(data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=data)

    run("initdb", "--auth=trust", "--username=postgres", "--no-sync")
    options = f"-p {port} -c listen_addresses={host} -c unix_socket_directories="
    try:
        run("pg_ctl", "-w", "-l", str(data / "log"), "-o", options, "start")
        yield f"postgres://postgres@{host}:{port}/postgres"
    finally:
        run("pg_ctl", "-w", "-m", "fast", "stop")


def observe(program: Path) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        with postgres(folder) as database:
            file, socket_file = str(folder / "store.db"), str(folder / "socket")
            for store in (file, database):
                fill(program, folder, store)
            # As a server leaves it that was killed.
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(socket_file)
            kinds = [
                ("a store in a file", ["--store", file], f"unix:{socket_file}"),
                ("the demo site", ["--demo"], free_address()),
                ("a store in a database", ["--store", database], free_address()),
            ]
            known: set[str] = set()
            lines = [HEADER]
            for kind, arguments, listen in kinds:
                new = observed(program, folder, arguments, listen) - known
                known |= new
                print(f"{kind}: {len(new):,} functions that are in no group before", flush=True)
                lines.append(f"\n# {kind}\n" + "".join(f"{name}\n" for name in sorted(new)))
    LIST.write_text("".join(lines))


def check(program: Path) -> None:
    told = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout
    symbols = {line.rsplit(" ", 1)[-1] for line in told.splitlines()}
    there, whole = set(map(at_heart, symbols)), set(map(of_all_namesakes, symbols))
    names = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    gone = [name for name in names if at_heart(name) not in there]
    hashes = sum(name in whole for name in names)
    print(f"{len(names) - len(gone):,} of {len(names):,} names are those of functions, {hashes:,} of them with their hashes")
    if len(gone) > MOST_GONE * len(names):
        sys.exit("error: too many are not any more; run scripts/layout. Among them:\n" + "\n".join(gone[:20]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="a release with its names, or for --check any build with them")
    parser.add_argument("--check", action="store_true", help="only see whether the list still fits")
    args = parser.parse_args()
    program = args.program.resolve()
    if args.check:
        check(program)
    else:
        observe(program)


if __name__ == "__main__":
    main()
