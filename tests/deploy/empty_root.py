"""A folder as the root of a process that has nothing else: how a container's process is run, without a container engine."""

import json
import os
import shutil
import subprocess

NOBODY = 65532

# The root cannot be written to, and one folder is laid over it that can.
SEAL = 'mount --bind "$1" "$1"; mount --bind "$2" "$1/data"; mount -o remount,bind,ro "$1"'


class EmptyRoot:
    """Runs commands in `root`, as nobody, with `data` as the one place that they can write to.

    As root by chroot, in a mount namespace where there may be one: containers of continuous integration often have no
    other. As anyone else by bubblewrap.
    """

    def __init__(self, root, data, environment):
        self.root, self.data, self.environment = root, data, environment
        (root / "data").mkdir()
        self.is_root = os.geteuid() == 0
        self.is_sealed = not self.is_root or can(["unshare", "--mount", "true"])
        if self.is_root:
            os.chown(data, NOBODY, NOBODY)
            if not self.is_sealed:
                # The rights of the files alone hold then.
                (root / "data").rmdir()
                data.rename(root / "data")
                self.data = root / "data"

    def start(self, arguments, more=None, **pipes):
        """Starts a command, and returns it with the number of its process."""
        environment = {**self.environment, **(more or {})}
        if not self.is_root:
            return self.start_in_bubblewrap(arguments, environment, pipes)
        command = ["setpriv", "--no-new-privs", "chroot", f"--userspec={NOBODY}:{NOBODY}", f"--groups={NOBODY}"]
        command += [str(self.root), *arguments]
        if self.is_sealed:
            script = f'set -e; {SEAL}; shift 2; exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", script, "sh", str(self.root), str(self.data), *command]
        # The program is looked for on this machine's path, and then runs with the image's environment alone.
        command[0] = shutil.which(command[0])
        path = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        process = subprocess.Popen(command, env={**path, **environment}, cwd="/", **pipes)
        return process, process.pid

    def start_in_bubblewrap(self, arguments, environment, pipes):
        says, told = os.pipe()
        command = ["bwrap", "--unshare-all", "--share-net", "--as-pid-1", "--die-with-parent"]
        command += ["--uid", str(NOBODY), "--gid", str(NOBODY)]
        command += ["--ro-bind", str(self.root), "/", "--bind", str(self.data), "/data", "--info-fd", str(told), "--clearenv"]
        for name, value in environment.items():
            command += ["--setenv", name, value]
        process = subprocess.Popen([*command, "--chdir", "/", "--", *arguments], pass_fds=[told], **pipes)
        os.close(told)
        with os.fdopen(says) as info:
            text = info.read()
        # Nothing is said if it could not begin, and then it has told why.
        return process, json.loads(text)["child-pid"] if text else process.pid

    def run(self, arguments, more=None):
        """Runs a command to its end, and returns its exit code and what it said."""
        process, _ = self.start(arguments, more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said.strip()


def can(command):
    return subprocess.run(command, capture_output=True).returncode == 0
