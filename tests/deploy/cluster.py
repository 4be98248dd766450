"""What a render comes to: its objects, its pods, and what refers to what. What the API server's schemas leave open is checked
here: words that must be among a few, and names that must be those of something that is there."""

import re

NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
LABEL_KEY = rf"({NAME}(\.{NAME})*/)?[A-Za-z0-9]([-\w.]{{0,61}}[A-Za-z0-9])?"
LABEL_VALUE = r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")

# The fields that take one of a few words, wherever they are.
WORDS = {
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "medium": {"", "Memory"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "whenUnsatisfiable": {"DoNotSchedule", "ScheduleAnyway"},
    "unhealthyPodEvictionPolicy": {"IfHealthyBudget", "AlwaysAllow"},
    "appProtocol": {"http", "https", "kubernetes.io/h2c"},
}


def matches(selector, labels):
    """Whether a selector of labels picks these. Expressions are not used here."""
    assert set(selector) <= {"matchLabels"}, f"a selector that is not understood: {selector}"
    return selector.get("matchLabels", {}).items() <= labels.items()


class Workload:
    """Something that makes pods."""

    def __init__(self, made):
        self.made, self.kind, self.name = made, made["kind"], made["metadata"]["name"]
        self.template = made["spec"]["template"]
        self.pod = self.template["spec"]
        self.labels = self.template["metadata"]["labels"]
        self.annotations = self.template["metadata"].get("annotations", {})
        self.starters = self.pod.get("initContainers", [])
        self.containers = self.starters + self.pod["containers"]

    def ports(self):
        return [port for container in self.containers for port in container.get("ports", [])]

    def has_port(self, port):
        return any(port in (each.get("name"), each["containerPort"]) for each in self.ports())

    def volume(self, name):
        return next((each for each in self.pod.get("volumes", []) if each["name"] == name), None)


class Cluster:
    """The objects of one render."""

    def __init__(self, objects):
        self.objects = objects
        self.workloads = [Workload(made) for made in objects if made["kind"] in WORKLOADS]

    def all(self, kind):
        return [made for made in self.objects if made["kind"] == kind]

    def settings(self, container):
        """The environment of a container, of which later sources win, and values written out win over all."""
        maps = {made["metadata"]["name"]: made["data"] for made in self.all("ConfigMap")}
        found = {}
        for source in container.get("envFrom", []):
            name = source["configMapRef"]["name"]
            assert name in maps, f"{container['name']} takes its environment from `{name}`, which is not there"
            found |= maps[name]
        return found | {each["name"]: each["value"] for each in container.get("env", [])}

    def picked(self, selector):
        return [workload for workload in self.workloads if matches(selector, workload.labels)]

    def check(self):
        for made in self.objects:
            self.check_names(made)
            check_words(made, made["kind"])
        seen = [(made["kind"], made["metadata"]["name"]) for made in self.objects]
        assert len(seen) == len(set(seen)), f"named twice: {seen}"
        for service in self.all("Service"):
            self.check_service(service)
        for policy in self.all("NetworkPolicy"):
            self.check_policy(policy)
        for budget in self.all("PodDisruptionBudget"):
            self.check_budget(budget)
        accounts = {made["metadata"]["name"] for made in self.all("ServiceAccount")} | {"default"}
        for workload in self.workloads:
            assert workload.pod.get("serviceAccountName", "default") in accounts, f"{workload.name}: there is no such account"

    def check_names(self, made):
        meta = made["metadata"]
        assert re.fullmatch(rf"{NAME}(\.{NAME})*", meta["name"]), f"no name: {meta['name']}"
        labels = meta.get("labels", {}) | made.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
        for key, value in labels.items():
            assert re.fullmatch(LABEL_KEY, key) and re.fullmatch(LABEL_VALUE, value), f"no label: {key}={value}"

    def check_service(self, service):
        name, spec = service["metadata"]["name"], service["spec"]
        picked = self.picked({"matchLabels": spec["selector"]})
        assert picked, f"the Service {name} selects no pods"
        for port in spec["ports"]:
            target = port.get("targetPort", port["port"])
            assert all(each.has_port(target) for each in picked), f"the Service {name}: nobody listens on {target}"

    def check_policy(self, policy):
        name, spec = policy["metadata"]["name"], policy["spec"]
        assert set(spec["policyTypes"]) <= {"Ingress", "Egress"}, f"the NetworkPolicy {name}: {spec['policyTypes']}"
        # Rules of a kind that is not named would not hold.
        for kind in ("Ingress", "Egress"):
            assert kind in spec["policyTypes"] or kind.lower() not in spec, f"the NetworkPolicy {name}: {kind} is not named"
        picked = self.picked(spec["podSelector"])
        assert picked, f"the NetworkPolicy {name} selects no pods"
        ports = [port["port"] for rule in spec.get("ingress", []) for port in rule.get("ports", [])]
        for port in ports:
            assert all(each.has_port(port) for each in picked), f"the NetworkPolicy {name}: nobody listens on {port}"

    def check_budget(self, budget):
        name, spec = budget["metadata"]["name"], budget["spec"]
        picked = self.picked(spec["selector"])
        assert len(picked) == 1, f"the PodDisruptionBudget {name} selects {len(picked)} workloads"
        assert spec["minAvailable"] < picked[0].made["spec"]["replicas"], f"the PodDisruptionBudget {name} lets no pod go"


def check_words(value, path):
    if isinstance(value, dict):
        for key, each in value.items():
            known = WORDS.get(key)
            assert known is None or not isinstance(each, str) or each in known, f"{path}.{key}: there is no `{each}`"
            check_words(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            check_words(each, path)
