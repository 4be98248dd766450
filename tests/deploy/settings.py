"""rolegate's own containers: whether the program knows their settings, and whether these fit what is around them."""

import re
import subprocess
import tempfile
from pathlib import Path

SECRETS = "/run/secrets/"
# Who is who in the database, and where its password is.
SIDECAR, CONTROL, MIGRATION = "rolegate_sidecar", "rolegate_control", "owner"
PASSWORDS = {SIDECAR: "rolegate-sidecar-store", CONTROL: "rolegate-control-store", MIGRATION: "rolegate-owner-store"}


class Program:
    """The binary, asked what it knows."""

    def __init__(self, binary, version):
        self.binary, self.version = binary, version
        self.known = {command: self.variables(command) for command in ("serve", "migrate")}

    def run(self, arguments, environment):
        return subprocess.run([self.binary, *arguments], env=environment, capture_output=True, text=True, timeout=60)

    def variables(self, command):
        shown = self.run([command, "--help"], {"COLUMNS": "200"}).stdout
        found = set(re.findall(r"\[env: (ROLEGATE_\w+)", shown))
        assert "ROLEGATE_STORE" in found, f"`{command} --help` does not tell its variables:\n{shown}"
        return found

    def accepts(self, settings, where):
        """The settings are good together, by the program's own word."""
        with tempfile.TemporaryDirectory() as secrets:
            for path in (value for value in settings.values() if value.startswith(SECRETS)):
                file = Path(secrets) / path.removeprefix(SECRETS)
                file.parent.mkdir(exist_ok=True)
                file.write_text("a-secret-of-this-test-and-of-nothing-else\n")
            moved = {name: value.replace(SECRETS, f"{secrets}/") for name, value in settings.items()}
            checked = self.run(["serve", "--check-config"], moved)
        assert checked.returncode == 0, f"{where}: the settings are refused: {checked.stderr}"


def is_ours(container):
    return re.search(r"(^|/)rolegate:[^/]+$", container["image"]) is not None


def check(cluster, workload, container, program):
    where = f"{workload.kind} {workload.name}, {container['name']}"
    assert container["image"].endswith(f":{program.version}"), f"{where}: the image is not of version {program.version}"
    command, settings = container["args"][0], cluster.settings(container)
    assert command in program.known, f"{where}: `{command}` is none of {list(program.known)}"
    unknown = set(settings) - program.known[command]
    assert not unknown, f"{where}: `{command}` has no settings {unknown}"
    check_files(workload, container, settings, where)
    check_store(workload, container, settings, where)
    if command == "serve":
        program.accepts(settings, where)
        check_listeners(workload, container, settings, where)
    if settings.get("ROLEGATE_ADMIN_LISTEN") == "off":
        check_sidecar(workload, container, settings, where)


def check_store(workload, container, settings, where):
    store = settings["ROLEGATE_STORE"]
    user = re.match(r"postgres://(\w+)@", store)
    assert user, f"{where}: the store is no database, or shows a password"
    is_sidecar = settings.get("ROLEGATE_ADMIN_LISTEN") == "off"
    wanted = MIGRATION if container["args"][0] == "migrate" else SIDECAR if is_sidecar else CONTROL
    assert user[1] == wanted, f"{where}: it must be `{wanted}` in the database, and is `{user[1]}`"
    secret = behind(workload, container, settings["ROLEGATE_STORE_PASSWORD_FILE"])["secret"]["secretName"]
    assert secret == PASSWORDS[wanted], f"{where}: its password must be in `{PASSWORDS[wanted]}`, and is in `{secret}`"
    assert "sslmode=verify-full" in store, f"{where}: the database could be anyone"


def check_files(workload, container, settings, where):
    """What is read comes from secrets; a socket lies in memory that the pod shares."""
    assert "ROLEGATE_STORE_PASSWORD_FILE" in settings, f"{where}: the password must come in a file"
    for name, value in settings.items():
        if name.endswith("_FILE"):
            assert "secret" in behind(workload, container, value), f"{where}: {name} is not in a Secret"
    for address in settings.get("ROLEGATE_LISTEN", "").split(","):
        if address.startswith("unix:"):
            shared = behind(workload, container, address.removeprefix("unix:"))
            assert shared.get("emptyDir", {}).get("medium") == "Memory", f"{where}: {address} is not in shared memory"


def behind(workload, container, path):
    """The volume that a path of a container is in."""
    for mount in container.get("volumeMounts", []):
        if Path(path).is_relative_to(mount["mountPath"]):
            return workload.volume(mount["name"])
    return {}


def check_listeners(workload, container, settings, where):
    """Where others come from outside the pod, it listens to outside the pod, and tells that it does."""
    said = [settings.get(name, "") for name in ("ROLEGATE_LISTEN", "ROLEGATE_ADMIN_LISTEN", "ROLEGATE_METRICS_LISTEN")]
    open_ports = {int(port) for port in re.findall(r"(?:0\.0\.0\.0|\[::\]):(\d+)", ",".join(said))}
    declared = {port["containerPort"] for port in container["ports"]}
    assert open_ports == declared, f"{where}: it listens on {open_ports} and declares {declared}"
    metrics = settings["ROLEGATE_METRICS_LISTEN"].rpartition(":")[2]
    assert workload.annotations.get("prometheus.io/port") == metrics, f"{where}: Prometheus is sent elsewhere than {metrics}"
    assert workload.annotations.get("prometheus.io/path") == "/metrics", f"{where}: metrics are under /metrics"
    check_probes(container, settings, int(metrics), where)
    drain = int(settings.get("ROLEGATE_DRAIN_TIMEOUT", "10s").removesuffix("s"))
    assert workload.pod.get("terminationGracePeriodSeconds", 30) > drain, f"{where}: it is killed before it has drained"


def check_probes(container, settings, metrics, where):
    """They ask what they are to learn, by what is spoken at their port. gRPC probes speak no TLS, which every port but that of
    metrics has once there is a certificate: an administrators' port is not asked by them, for it is to be given one."""
    probes = {kind: container[kind] for kind in ("readinessProbe", "livenessProbe", "startupProbe") if kind in container}
    assert {"readinessProbe", "livenessProbe"} <= set(probes), f"{where}: it lacks probes"
    names = {port["name"]: port["containerPort"] for port in container["ports"]}
    for kind, probe in probes.items():
        is_liveness = kind == "livenessProbe"
        if asked := probe.get("httpGet"):
            wanted = "/healthz" if is_liveness else "/readyz"
            assert asked.get("path") == wanted, f"{where}, {kind}: it must ask for `{wanted}`"
            assert asked.get("scheme", "HTTP") == "HTTP", f"{where}, {kind}: there is no TLS on {metrics}"
            assert not {"host", "httpHeaders"} & set(asked), f"{where}, {kind}: it must ask the pod itself, and no more"
            port = names.get(asked["port"], asked["port"])
            assert port == metrics, f"{where}, {kind}: health is told over HTTP on {metrics}, and not on {port}"
            continue
        asked = probe["grpc"]
        wanted = "liveness" if is_liveness else ""
        assert asked.get("service", "") == wanted, f"{where}, {kind}: it must ask for `{wanted}`"
        assert asked["port"] != metrics, f"{where}, {kind}: there is no gRPC on {metrics}"
        is_sidecar = settings.get("ROLEGATE_ADMIN_LISTEN") == "off"
        assert is_sidecar and "ROLEGATE_TLS_CERT_FILE" not in settings, f"{where}, {kind}: gRPC probes speak no TLS"


def check_sidecar(workload, container, settings, where):
    assert workload.starters[:1] == [container], f"{where}: it must be there before anything that could ask it"
    assert container.get("restartPolicy") == "Always", f"{where}: it would keep the pod from starting, or a Job from ending"
    assert "startupProbe" in container, f"{where}: the application must not start before there are answers"
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    password = behind(workload, container, settings["ROLEGATE_STORE_PASSWORD_FILE"])["name"]
    socket = next(name for name in mounts if "emptyDir" in workload.volume(name))
    for other in workload.pod["containers"]:
        others = {mount["name"]: mount for mount in other.get("volumeMounts", [])}
        assert password not in others, f"{where}: the application gets the database's password"
        assert socket not in others or others[socket].get("readOnly"), f"{where}: the application may take the socket's place"
    assert any(socket in [m["name"] for m in other.get("volumeMounts", [])] for other in workload.pod["containers"]), where
