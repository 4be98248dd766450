"""A gear's command as a process that can be stopped with everything it has started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

# From linux/prctl.h.
PR_SET_CHILD_SUBREAPER = 36


class Gear:
    """A command that works."""

    def __init__(self, command: list[str]) -> None:
        """Starts it, as the leader of a group of its own. Raises OSError if it cannot be started."""
        adopt_orphans()
        self._process = subprocess.Popen(command, start_new_session=True)

    def wait(self, seconds: float) -> int | None:
        """Waits for so long; its exit code if it has ended, 128 and the signal's number if one ended it."""
        try:
            code = self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return None
        return code if code >= 0 else 128 - code

    def stop(self, grace: float) -> None:
        """Asks it to end, and after so many seconds no longer asks."""
        self._signal(signal.SIGTERM)
        self.wait(grace)
        # Whatever it has started ends with it, even if the command itself ended in time.
        self._signal(signal.SIGKILL)
        self._process.wait()
        end_children()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def adopt_orphans() -> None:
    """Makes what has left the command's group, as daemons do, a child of this process once its own parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """Ends the children of this process, and theirs, which become its own with that."""
    while found := children():
        for child in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def children() -> list[int]:
    """The processes whose parent is this one."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # One that has just ended is none any more.
        with contextlib.suppress(OSError):
            # Behind the name, which may hold anything: the state, and the parent.
            parent = stat.read_text(errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.append(int(stat.parent.name))
    return found
