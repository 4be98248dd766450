"""What must hold of every pod that is written down here, rolegate's or an example's."""

import re

QUANTITY = r"\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?"
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
# What the strictest of the pod security standards lets in.
VOLUMES = {"configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


def check(workload):
    where, spec = f"{workload.kind} {workload.name}", workload.made["spec"]
    check_life(workload, spec, where)
    assert workload.pod.get("automountServiceAccountToken") is False, f"{where}: a token that nobody needs"
    for forbidden in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        assert forbidden not in workload.pod, f"{where}: {forbidden}"
    names = [container["name"] for container in workload.containers]
    assert len(names) == len(set(names)), f"{where}: containers of one name: {names}"
    ports = [(port["containerPort"], port.get("protocol", "TCP")) for port in workload.ports()]
    assert len(ports) == len(set(ports)), f"{where}: a port is taken twice, and all containers share them: {ports}"
    for container in workload.containers:
        check_container(workload, container, f"{where}, {container['name']}")
    check_volumes(workload, where)
    check_scraping(workload, where)


def check_life(workload, spec, where):
    if workload.kind == "Job":
        assert workload.pod["restartPolicy"] in ("Never", "OnFailure"), f"{where}: a Job must be able to end"
        assert spec["activeDeadlineSeconds"] > 0 and spec["ttlSecondsAfterFinished"] >= 0, f"{where}: it must go at some time"
    else:
        assert workload.pod.get("restartPolicy", "Always") == "Always", f"{where}: restartPolicy"
        assert spec["selector"]["matchLabels"].items() <= workload.labels.items(), f"{where} does not select its own pods"
    for container in workload.pod["containers"]:
        assert "restartPolicy" not in container, f"{where}: only what starts before may have a restartPolicy"
    for container in workload.starters:
        assert container.get("restartPolicy", "Always") == "Always", f"{where}: there is no other restartPolicy"
        if "restartPolicy" not in container:
            assert not set(PROBES) & set(container), f"{where}: what ends by itself has no probes"


def check_container(workload, container, where):
    image, _, tag = container["image"].rpartition(":")
    is_pinned = image and re.fullmatch(r"\w[\w.-]{0,127}", tag) and tag != "latest"
    assert is_pinned, f"{where}: the image `{container['image']}` is not pinned"
    check_security(workload.pod.get("securityContext", {}), container.get("securityContext", {}), where)
    wanted, limits = container["resources"]["requests"], container["resources"]["limits"]
    assert {"cpu", "memory"} <= set(wanted) and "memory" in limits, f"{where}: requests, and a limit of memory"
    assert "cpu" not in limits, f"{where}: a limit of CPU makes answers wait"
    for quantity in (*wanted.values(), *limits.values()):
        assert re.fullmatch(QUANTITY, quantity), f"{where}: no quantity: {quantity}"
    for port in container.get("ports", []):
        name = port.get("name", "port")
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and len(name) <= 15, f"{where}: no name of a port: {name}"
    for kind in PROBES:
        if probe := container.get(kind):
            check_probe(container, probe, f"{where}, {kind}")


def check_security(pod, own, where):
    """What holds of a container is its own word, or else the pod's."""
    holds = pod | own
    assert holds.get("runAsNonRoot") is True and holds.get("runAsUser", 1) > 0, f"{where} may be root"
    assert holds.get("seccompProfile") == {"type": "RuntimeDefault"}, f"{where}: seccompProfile"
    assert own.get("allowPrivilegeEscalation") is False and own.get("privileged", False) is False, f"{where} may gain rights"
    assert own.get("readOnlyRootFilesystem") is True, f"{where}: its root can be written to"
    assert own.get("capabilities") == {"drop": ["ALL"]}, f"{where}: capabilities"


def check_probe(container, probe, where):
    action = [probe[kind] for kind in ("grpc", "httpGet", "tcpSocket") if kind in probe]
    assert len(action) == 1, f"{where}: one action that takes a port"
    port, known = action[0]["port"], container.get("ports", [])
    is_known = any(port in (each.get("name"), each["containerPort"]) for each in known)
    assert is_known, f"{where}: the container has no port {port}"
    assert isinstance(port, int) or "grpc" not in probe, f"{where}: a port of gRPC is a number"
    # The API server refuses these of a probe that ends containers.
    assert probe.get("successThreshold", 1) == 1 or where.endswith("readinessProbe"), f"{where}: successThreshold"
    assert all(probe.get(key, 1) >= 1 for key in ("periodSeconds", "timeoutSeconds", "failureThreshold")), where


def check_volumes(workload, where):
    volumes = workload.pod.get("volumes", [])
    names = [volume["name"] for volume in volumes]
    assert len(names) == len(set(names)), f"{where}: volumes of one name: {names}"
    mounted = set()
    for container in workload.containers:
        mounts = container.get("volumeMounts", [])
        paths = [mount["mountPath"] for mount in mounts]
        assert len(paths) == len(set(paths)), f"{where}: mounted over each other: {paths}"
        for mount in mounts:
            assert mount["name"] in names, f"{where}: there is no volume `{mount['name']}`"
            is_secret = "secret" in workload.volume(mount["name"])
            assert not is_secret or mount.get("readOnly"), f"{where}: `{mount['name']}` is for reading only"
            mounted.add(mount["name"])
    assert mounted == set(names), f"{where}: nobody mounts {set(names) - mounted}"
    for volume in volumes:
        kind = set(volume) - {"name"}
        assert len(kind) == 1 and kind <= VOLUMES, f"{where}: the volume {volume}"
        if "emptyDir" in volume:
            assert re.fullmatch(QUANTITY, volume["emptyDir"]["sizeLimit"]), f"{where}: `{volume['name']}` has no limit"


def check_scraping(workload, where):
    if workload.annotations.get("prometheus.io/scrape") == "true":
        port = int(workload.annotations["prometheus.io/port"])
        assert workload.has_port(port), f"{where}: Prometheus is sent to {port}, where nobody listens"
