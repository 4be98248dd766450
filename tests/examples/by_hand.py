"""Runs what docs/clients.md shows in Python, and asks what its lines for grpcurl ask, with the sample site."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import grpc
from google.protobuf import json_format
from rolegate.v1 import authorization_pb2, authorization_pb2_grpc, role_admin_pb2, role_admin_pb2_grpc

DOCUMENT_FILE = Path(os.environ["DOCUMENT"])
DOCUMENT = DOCUMENT_FILE.read_text(encoding="utf-8")
SOCKET, PORT, ADMIN = os.environ["SOCKET"], os.environ["PORT"], os.environ["ADMIN"]
HEALTH = "grpc.health.v1.Health/Check"
MODULES = {
    "AuthorizationService": (authorization_pb2, authorization_pb2_grpc),
    "RoleAdminService": (role_admin_pb2, role_admin_pb2_grpc),
}


def blocks(language):
    """What is fenced as this language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.S)


def the_snippet_decides():
    """It says yes and no, and fails where nothing was decided."""
    (code,) = blocks("python")
    said = {}
    # The deadline is for sidecars that have a processor when they need one.
    exec(code.replace("/run/rolegate/questions.sock", SOCKET).replace("timeout=0.2", "timeout=20"), said)
    may_download, project = said["may_download"], "5f0000000000000000000001"
    assert may_download("rosa@demo.example", project, bulk=True) is True
    assert may_download("ivy@demo.example", project, bulk=True) is False
    try:
        may_download("rosa@demo.example", project, True, "no token")
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error
    else:
        raise AssertionError("a bad token was taken")


def the_runner_runs_as_it_is_shown():
    """With the stubs that are made already, and a command that takes less long."""
    (text,) = blocks("console")
    lines = [shlex.split(line.removeprefix("$ ")) for line in text.replace("\\\n", " ").strip().splitlines()]
    folder = DOCUMENT_FILE.parents[1] / lines[0][1]
    assert (folder / "requirements.txt").exists() and os.access(folder / "make_stubs", os.X_OK), folder
    assert lines[1][-1] == "./make_stubs" and "requirements.txt" in lines[1], lines[1]
    words = [PORT if word == "127.0.0.1:7700" else word for word in lines[2]]
    assert PORT in words, words
    arguments = words[1 : words.index("--") + 1]
    ended = subprocess.run([sys.executable, "-B", *arguments, "sh", "-c", "exit 7"], cwd=folder, check=False)
    assert ended.returncode == 7, ended


def every_line_for_grpcurl_is_answered():
    """Its message is what the method takes, and the method answers it."""
    (text,) = blocks("sh")
    lines = [shlex.split(line) for line in text.replace("\\\n", " ").strip().split("\n\n")]
    asked = [ask(words) for words in lines]
    assert len(asked) == 5, asked


def ask(words):
    """Asks what a line asks; the reply."""
    assert words[:2] == ["grpcurl", "-plaintext"], words
    method, data = words[-1], words[words.index("-d") + 1]
    address = {"127.0.0.1:7700": PORT, "127.0.0.1:7701": ADMIN}[words[-2]]
    headers = (("authorization", f"Bearer {os.environ['KEY']}"),) if "-H" in words else ()
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        if method == HEALTH:
            assert json.loads(data) == {}
            return channel.unary_unary(f"/{HEALTH}")(b"", timeout=20)
        service, call = re.fullmatch(r"rolegate\.v1\.(\w+)/(\w+)", method).groups()
        messages, services = MODULES[service]
        question = json_format.Parse(data, getattr(messages, f"{call}Request")())
        return getattr(getattr(services, f"{service}Stub")(channel), call)(question, timeout=20, metadata=headers)


the_snippet_decides()
the_runner_runs_as_it_is_shown()
every_line_for_grpcurl_is_answered()
print("all that is shown works")
