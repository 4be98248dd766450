"""Checks the Kubernetes manifests. Run by scripts/manifests, which renders them first."""

import argparse
import functools
import re
import sys
import tomllib
from pathlib import Path

import callers
import kubernetes_validate
import pods
import settings
import yaml
from cluster import Cluster
from kubernetes_validate import utils

FOLDER = Path(__file__).resolve().parents[2]
OLDEST = "1.29"

# Read once for all objects: there are megabytes of them.
utils.schema_contents = functools.cache(utils.schema_contents)


def versions():
    """Every minor version from the first that has sidecars on by default to the newest that is known."""
    known = sorted({tuple(map(int, version.split(".")[:2])) for version in utils.all_versions()})
    return [f"{major}.{minor}" for major, minor in known if (major, minor) >= tuple(map(int, OLDEST.split(".")))]


def check_schema(made):
    for version in versions():
        try:
            kubernetes_validate.validate(made, version, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            where = ".".join(map(str, getattr(error, "path", [])))
            raise AssertionError(f"{made['kind']} {made['metadata']['name']} for {version}: {where}: {error.message}") from None


def check_render(file, program):
    """Checks what one kustomization comes to, and says how many of rolegate's containers are in it."""
    cluster = Cluster([made for made in yaml.safe_load_all(file.read_text()) if made])
    for made in cluster.objects:
        check_schema(made)
    if "examples" in file.name:
        assert all("namespace" in made["metadata"] for made in cluster.objects), "an example must say where it goes"
    cluster.check()
    ours = 0
    for workload in cluster.workloads:
        pods.check(workload)
        wants = workload.made["metadata"].get("labels", {}).get("rolegate-sidecar") == "true"
        assert not wants or settings.is_ours(workload.starters[0]), f"{workload.name} is labelled, and has no sidecar"
        for container in filter(settings.is_ours, workload.containers):
            settings.check(cluster, workload, container, program)
            ours += 1
        if wants:
            callers.check(cluster, workload)
    assert ours, "there is no rolegate in it"
    return f"{len(cluster.objects)} objects, {len(cluster.workloads)} workloads"


def check_sources(version):
    """What overlays lay over is pinned too: a component's own image is not in what an example comes to."""
    for file in sorted((FOLDER / "deploy/kubernetes").rglob("*.yaml")):
        for image in re.findall(r"image: (.*rolegate.*)", file.read_text()):
            assert image == f"rolegate:{version}", f"{file}: the image `{image}` is not `rolegate:{version}`"


def check_roles():
    """The users of the database whose grants this rests on are those that are made."""
    roles = (FOLDER / "deploy/postgres/roles.sql").read_text()
    assert all(f"CREATE ROLE {role} LOGIN" in roles for role in (settings.SIDECAR, settings.CONTROL))
    writing = [line for line in roles.splitlines() if settings.SIDECAR in line and ("INSERT" in line or "ALL " in line)]
    assert not writing, f"a sidecar may write: {writing}"


def check_document():
    """What the document has people apply is an overlay that says where it goes: what it lies over would go to no place of its own."""
    text = (FOLDER / "docs/kubernetes.md").read_text()
    examples, copy, place = re.search(r"cp -r (\S+) (\S+) && cd (\S+)", text).groups()
    assert copy == place and Path(copy).parent == Path(examples).parent, f"a copy in {copy} does not find what it lies over"
    applied = re.findall(r"kubectl apply -k (\S+)", text)
    assert applied, "nothing is applied"
    for folder in applied:
        file = FOLDER / examples / folder / "kustomization.yaml"
        assert file.exists() and "namespace" in yaml.safe_load(file.read_text()), f"`kubectl apply -k {folder}` goes to no namespace"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", type=Path, required=True)
    arguments.add_argument("renders", type=Path, nargs="+")
    arguments = arguments.parse_args()
    version = tomllib.loads((FOLDER / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    program = settings.Program(arguments.binary.resolve(), version)
    check_roles()
    check_document()
    check_sources(version)
    print(f"  for Kubernetes {', '.join(versions())}")
    for file in arguments.renders:
        print(f"  {file.stem}: ", end="", flush=True)
        print(check_render(file, program))


try:
    main()
except AssertionError as problem:
    sys.exit(f"error: {problem}")
