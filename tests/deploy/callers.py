"""The applications beside the sidecar: whether what is set for them is what the worked callers read, and is there."""

import re
from pathlib import Path

import settings

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def known():
    """The variables that the worked callers read."""
    rust = (EXAMPLES / "download-service/src/main.rs").read_text()
    python = (EXAMPLES / "gear-runner/gear_runner.py").read_text()
    read = [
        set(re.findall(r'(?:setting|env::var_os)\("(\w+)"', rust)),
        set(re.findall(r'os\.environ\.get\("(\w+)"', python)),
    ]
    assert all({"ROLEGATE", "ROLEGATE_KEY_FILE"} <= each for each in read), f"the callers read {read}"
    return set.intersection(*read)


def check(cluster, workload):
    """What an application is told is where the sidecar listens, and a key that it can read."""
    sidecar = cluster.settings(workload.starters[0])
    for container in workload.pod["containers"]:
        where, told = f"{workload.kind} {workload.name}, {container['name']}", cluster.settings(container)
        assert set(told) == known(), f"{where}: it is told {set(told)}, and callers read {known()}"
        assert told["ROLEGATE"] in sidecar["ROLEGATE_LISTEN"].split(","), f"{where}: nobody listens at {told['ROLEGATE']}"
        assert told["ROLEGATE_KEY_FILE"] == sidecar["ROLEGATE_CALLER_KEY_FILE"], f"{where}: another key than the sidecar's"
        for path in (told["ROLEGATE"].removeprefix("unix:"), told["ROLEGATE_KEY_FILE"]):
            assert settings.behind(workload, container, path), f"{where}: {path} is not mounted"
        if workload.kind == "Job":
            assert container["command"] == ["python", "gear_runner.py"], f"{where}: it does not ask"
            check_arguments(container["args"], where)


def check_arguments(arguments, where):
    """The runner knows its flags, and there is a gear to run."""
    flags = [each for each in arguments[: arguments.index("--")] if each.startswith("--")]
    source = (EXAMPLES / "gear-runner/gear_runner.py").read_text()
    assert all(f'add_argument("{flag}"' in source for flag in flags), f"{where}: {flags}"
    required = set(re.findall(r'add_argument\("(--\w+)", required=True', source))
    assert required <= set(flags) and arguments[-1] != "--", f"{where}: {required} and a command must be given"
