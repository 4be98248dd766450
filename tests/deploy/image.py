"""Proves that the image needs nothing but what it holds. Run by scripts/image.

Lays out what the Dockerfile would copy, and runs the image's own command there: in a root without anything else, which cannot
be written to, as nobody.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dockerfile import Dockerfile, check_context
from empty_root import NOBODY, EmptyRoot, can
from neighbours import NameServer, Platform

FOLDER = Path(__file__).resolve().parents[2]
MIB = 1 << 20
LARGEST = 20 * MIB

# Only a broken server takes so long.
PATIENCE = 30

QUESTION = ["check", "--user", "ivy@demo.example", "--project", "5f0000000000000000000002"]


def step(text):
    print(f"  {text}", flush=True)


def check_contents(root):
    """Nothing but the program, the libraries that it names, and a few files to read."""
    expected = {"usr/bin/rolegate", "etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ssl/certs/ca-certificates.crt"}
    library = r"lib(64)?/(\S+/)?[\w.+-]+\.so(\.\d+)*"
    total = 0
    for path in sorted(root.rglob("*")):
        name, status = path.relative_to(root), path.lstat()
        assert not path.is_symlink() and (path.is_file() or path.is_dir()), f"{name} is neither a file nor a folder"
        assert not status.st_mode & 0o7022, f"others may change {name}, or it gives rights to who runs it"
        if path.is_file():
            is_expected = str(name) in expected or re.fullmatch(library, str(name))
            assert is_expected, f"{name} has no business in the image"
            expected.discard(str(name))
            print(f"  {status.st_size / MIB:7.2f} MiB  {name}")
            total += status.st_size
    assert not expected, f"the image lacks {expected}"
    return total


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Proof:
    """A server in the image, and what is asked of it."""

    def __init__(self, image, place):
        self.program, self.serve = image.command("ENTRYPOINT"), image.command("CMD")
        self.probe = image.command("HEALTHCHECK")
        self.port, self.root = free_port(), place / "root"
        self.platform = Platform(place)
        self.provide()
        listen = f"127.0.0.1:{self.port},unix:/data/questions.sock"
        settings = {"ROLEGATE_LISTEN": listen, "ROLEGATE_ADMIN_LISTEN": "127.0.0.1:0"}
        settings |= {"ROLEGATE_SERVER": f"http://127.0.0.1:{self.port}"}
        self.inside = EmptyRoot(self.root, place / "data", image.environment | settings)

    def provide(self):
        """What engines lay into every container, and a list of authorities as an operator would mount it."""
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost platform.test neighbour.test\n")
        (self.root / "etc/resolv.conf").write_text(f"nameserver {NameServer.ADDRESS}\noptions timeout:1 attempts:1\n")
        with open(self.root / "etc/ssl/certs/ca-certificates.crt", "a") as authorities:
            authorities.write(self.platform.authority.read_text())

    def expect(self, code, arguments, words="", more=None):
        found, said = self.inside.run([*self.program, *arguments], more)
        assert found == code and words in said, f"{arguments} ended with {found}, not {code}:\n{said}"

    def start(self):
        self.server, self.pid = self.inside.start(
            [*self.program, *self.serve, "--demo"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        patience = time.monotonic() + PATIENCE
        while self.inside.run(self.probe)[0] != 0:
            if self.server.poll() is not None or time.monotonic() > patience:
                self.server.kill()
                raise AssertionError(f"it does not come to serve:\n{self.server.communicate()[1]}")
            time.sleep(0.05)
        step(f"it serves, and its probe `{' '.join(self.probe)}` says so")

    def ask(self):
        self.expect(0, ["healthcheck", "--service", "liveness"], "SERVING")
        self.expect(0, [*QUESTION, "--operation", "file.delete", "--origin", "device"], "ALLOW")
        self.expect(1, [*QUESTION, "--operation", "container.delete"], "DENY")
        self.expect(0, [*QUESTION, "--action", "files_download"], "ALLOW", {"ROLEGATE_SERVER": "unix:/data/questions.sock"})
        step("it answers, over TCP and over a Unix socket")

    def look_around(self):
        if self.inside.is_root:
            status = Path(f"/proc/{self.pid}/status").read_text()
            assert re.search(rf"Uid:\s+{NOBODY}\s+{NOBODY}\s", status), f"it does not run as {NOBODY}"
            assert re.search(r"CapEff:\s+0+\s", status), "it has capabilities"
            assert re.search(r"NoNewPrivs:\s+1\s", status), "it may gain rights"
        for shell in ("sh", "bash", "busybox"):
            assert self.inside.run([f"/bin/{shell}", "-c", "true"])[0] != 0, f"there is a shell: {shell}"
        self.expect(2, ["init", "--store", "/usr/store.db", "--admin", "ann@demo.example"])
        self.expect(0, ["init", "--store", "/data/store.db", "--admin", "ann@demo.example"])
        how = "the root is mounted for reading only" if self.inside.is_sealed else "the root is not its own to write to"
        step(f"there is no shell, {how}, and it runs as {NOBODY}")

    def reach_out(self):
        names = ["neighbour.test"]
        if self.inside.is_root:
            NameServer()
            names.append("elsewhere.test")
        for name in names:
            self.expect(0, ["healthcheck"], "SERVING", {"ROLEGATE_SERVER": f"http://{name}:{self.port}"})
        step("it finds names in /etc/hosts" + (" and in the DNS" if len(names) > 1 else "; not root: the DNS was not tried"))
        key = self.inside.data / "key"
        key.write_text("a-key")
        key.chmod(0o644)
        source = ["import", "flywheel", "--from", f"https://platform.test:{self.platform.port}", "--key-file", "/data/key"]
        said = self.inside.run([*self.program, *source, "--store", "/data/store.db"])[1]
        assert self.platform.asked.is_set(), f"it does not trust whom its list of authorities names:\n{said}"
        step("it speaks TLS with whom its list of authorities names")

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        logs = self.server.communicate(timeout=PATIENCE)[1]
        assert self.server.returncode == 0, f"it ended with {self.server.returncode}:\n{logs}"
        left = sorted(path.name for path in self.inside.data.iterdir())
        assert "questions.sock" not in left and not any("demo.db-" in name for name in left), f"it left {left}"
        step("it ends in good order when asked")

    def run(self):
        self.start()
        try:
            self.ask()
            self.look_around()
            self.reach_out()
            self.stop()
        finally:
            if self.server.poll() is None:
                os.kill(self.pid, signal.SIGKILL)
                self.server.wait()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", type=Path, required=True)
    arguments.add_argument("--any-size", action="store_true")
    arguments = arguments.parse_args()
    # What is laid out is for others to read, whatever this one's files are usually like.
    os.umask(0o022)
    image = Dockerfile(FOLDER)
    image.check()
    check_context(FOLDER)
    place = Path(tempfile.mkdtemp(prefix="rolegate-image-"))
    try:
        place.chmod(0o755)
        subprocess.run([FOLDER / "scripts/image-root", arguments.binary, place], check=True)
        size = check_contents(place / "root")
        print(f"  {size / MIB:7.2f} MiB  altogether")
        assert arguments.any_size or size <= LARGEST, f"the image must not be larger than {LARGEST / MIB:.0f} MiB"
        Proof(image, place).run()
    finally:
        shutil.rmtree(place)


try:
    main()
except AssertionError as problem:
    sys.exit(f"error: {problem}")
