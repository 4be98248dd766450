"""What the Dockerfile says, and what must hold of it beside what hadolint looks for."""

import json
import os
import re
import tomllib
from pathlib import Path

PROBLEM = "the Dockerfile: "

# Whoever runs the program, and what `scripts/image` lays out and tries: nothing else gets into the image.
USER = "65532:65532"
LAYOUT = "scripts/image-root target/release/rolegate /image"
COPIES = ["--from=build --chown=0:0 /image/root/ /", f"--from=build --chown={USER} /image/data/ /data/"]
# There is no other place for SQLite's own files.
ENVIRONMENT = {"SQLITE_TMPDIR": "/data"}


def instructions(text):
    """Each instruction with its words, stage by stage; heredocs and escapes other than a line's end are not used here."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    stages = [[]]
    for word, rest in lines:
        if word.upper() == "FROM":
            stages.append([])
        stages[-1].append((word.upper(), rest.strip()))
    return stages


class Dockerfile:
    """The Dockerfile of the image, and its last stage."""

    def __init__(self, folder):
        self.stages = instructions((folder / "Dockerfile").read_text())
        self.last = self.stages[-1]
        manifest = tomllib.loads((folder / "Cargo.toml").read_text())
        self.package = manifest["package"] | manifest["workspace"]["package"]

    def all(self, word):
        return [rest for name, rest in self.last if name == word]

    def command(self, word):
        """A command in exec form: there is no shell that could run another."""
        said = self.all(word)
        assert len(said) == 1, f"{PROBLEM}{word} must be there once"
        said = said[0].partition(" CMD ")[2] if word == "HEALTHCHECK" else said[0]
        assert said.startswith("["), f"{PROBLEM}{word} needs a shell: {said}"
        return json.loads(said)

    @property
    def environment(self):
        return dict(rest.split("=", 1) for rest in self.all("ENV"))

    def check(self):
        base = next(rest for name, rest in self.stages[0] if name == "ARG").partition("=")[2]
        tag = base.partition(":")[2]
        assert re.match(r"\d+\.\d+\.\d+-slim-[a-z]+$", tag), f"{PROBLEM}the base `{base}` is not pinned to a release"
        wanted = ".".join(self.package["rust-version"].split(".")[:2])
        assert tag.startswith(wanted + "."), f"{PROBLEM}the base `{base}` is not of Rust {wanted}"
        build = " ".join(rest for name, rest in self.stages[1] if name == "RUN")
        assert "--release" in build and "--locked" in build, f"{PROBLEM}it must build the release that is locked"
        assert build.endswith(LAYOUT), f"{PROBLEM}what it has built must be laid out by `{LAYOUT}`"
        assert self.last[0] == ("FROM", "scratch"), f"{PROBLEM}the image must start from nothing"
        assert not self.all("RUN"), f"{PROBLEM}there is no shell in the image that could run anything"
        assert self.all("USER") == [USER], f"{PROBLEM}USER must be a number, not root's, and whose /data is: {USER}"
        assert self.all("COPY") == COPIES and not self.all("ADD"), f"{PROBLEM}it must copy what was laid out, and that alone"
        assert self.command("CMD") == ["serve"], f"{PROBLEM}CMD must be `serve`: settings are the operator's"
        assert self.command("HEALTHCHECK") == [*self.command("ENTRYPOINT"), "healthcheck"], f"{PROBLEM}HEALTHCHECK"
        labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', " ".join(self.all("LABEL"))))
        for label, key in {"title": "name", "version": "version", "licenses": "license", "description": "description"}.items():
            assert labels.get(label) == self.package[key], f"{PROBLEM}the label `{label}` must be `{self.package[key]}`"
        assert labels.get("revision") == "${REVISION}", f"{PROBLEM}the label `revision` must be what the build is told"
        assert self.environment == ENVIRONMENT, f"{PROBLEM}ENV must be {ENVIRONMENT}"


def context(folder):
    """The files that a build is given: `.dockerignore` names folders and files to let in, and nothing else."""
    rules = [line for line in (folder / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*" and all(rule.startswith("!") for rule in rules[1:]), ".dockerignore: name what to let in"
    return [folder / rule[1:] for rule in rules[1:]]


def check_context(folder):
    """Whatever the sources take in, and whatever Cargo.toml names, is let in."""
    let_in = context(folder)
    package = tomllib.loads((folder / "Cargo.toml").read_text())
    members = [folder / name for name in package["workspace"]["members"]]
    needed = [folder / name for name in (".cargo/config.toml", "Cargo.toml", "Cargo.lock", "build.rs", "src", "scripts/image-root")]
    needed += members
    needed += [folder / "benches" / name["name"] for name in package["bench"]]
    for script in (package_folder / "build.rs" for package_folder in (folder, *members)):
        if script.exists():
            needed += [script.parent / name for name in re.findall(r"rerun-if-changed=([\w/.]+)", script.read_text())]
    for source in (file for member in members for file in member.rglob("*.rs")):
        needed += [source.parent / name for name in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', source.read_text())]
    for path in map(os.path.normpath, needed):
        assert any(Path(path).is_relative_to(place) for place in let_in), f".dockerignore keeps out {path}"
    # What an example was built into takes gigabytes, and is another one with each build.
    for built in [manifest.parent / "target" for manifest in (folder / "examples").rglob("Cargo.toml")]:
        assert not any(built.is_relative_to(place) for place in let_in), f".dockerignore lets in {built}"
