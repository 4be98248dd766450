"""A gear's command as a process that can be stopped with everything it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


class Gear:
    """A command that works."""

    def __init__(self, command: list[str]) -> None:
        """Starts it, as the leader of a group of its own. Raises OSError if it cannot be started."""
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

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
