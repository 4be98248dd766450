"""Asks rolegate whether a job may run. What is not clearly an allow is none."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from rolegate.v1 import authorization_pb2 as pb
from rolegate.v1 import authorization_pb2_grpc as services

# An allow for a reason that this program does not know is no allow.
REASONS_TO_ALLOW = (pb.REASON_GRANTED_BY_ROLE, pb.REASON_SITE_ADMIN)

# Asking again would not help: the question, or who asks it, is at fault.
FAULTS_OF_OURS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
)

# A connection is tried for again soon: a job that may go on for seconds without an answer cannot wait for minutes,
# which is what grpcio would come to by itself.
CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
)

# On a Unix socket grpcio would name the socket's path as the host, which HTTP/2 servers may refuse as no host.
HOST_ON_A_SOCKET = (("grpc.default_authority", "localhost"),)


class Answer(enum.Enum):
    """What came of a question."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """What came of a question, and why."""

    answer: Answer
    why: str


@dataclass(frozen=True)
class Job:
    """What is to be run, for whom, and where."""

    user: str
    gear: str
    project: str
    analysis: bool

    def request(self, freshness: pb.Freshness) -> pb.CheckRequest:
        """The question whether it may run."""
        run = pb.Operation(name="job.run", gear=self.gear, analysis=self.analysis)
        place = pb.Resource(project=self.project)
        return pb.CheckRequest(user=self.user, resource=place, operation=run, freshness=freshness)


class QuestionError(Exception):
    """The question is at fault: it would never be answered."""


@dataclass
class Gate:
    """One channel to rolegate, for as long as the job takes."""

    address: str
    key_file: Path | None = None
    """What callers show, where they must. Read for each question: a key may be changed while a job works."""
    token: str | None = None
    """A revision that answers must contain. It moves on with each, so that none is older than the one before."""
    _stub: services.AuthorizationServiceStub = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Connects with the first question, and anew by itself."""
        options = CHANNEL + (HOST_ON_A_SOCKET if self.address.startswith("unix:") else ())
        self._stub = services.AuthorizationServiceStub(grpc.insecure_channel(self.address, options))

    def ask(self, job: Job, seconds: float) -> Verdict:
        """Asks once. Raises QuestionError where asking again is of no use."""
        try:
            headers = self._headers()
        except (OSError, ValueError) as error:
            return Verdict(Answer.UNDECIDED, f"the key cannot be read: {error}")
        try:
            reply = self._stub.Check(job.request(self._freshness()), timeout=seconds, metadata=headers)
        except grpc.RpcError as error:
            return self._failed(error)
        self.token = reply.revision_token or self.token
        return verdict(reply)

    def _headers(self) -> tuple[tuple[str, str], ...]:
        if self.key_file is None:
            return ()
        return (("authorization", f"Bearer {read_key(self.key_file)}"),)

    def _freshness(self) -> pb.Freshness:
        if self.token is None:
            return pb.Freshness(fully_current=pb.FullyCurrent())
        return pb.Freshness(at_least_token=self.token)

    def _failed(self, error: grpc.RpcError) -> Verdict:
        code, details = error.code(), error.details()
        if code in FAULTS_OF_OURS:
            raise QuestionError(f"{code.name}: {details}")
        if code is grpc.StatusCode.FAILED_PRECONDITION:
            # The store was restored: nothing can be compared with the token. The next answer is to be the newest.
            self.token = None
        return Verdict(Answer.UNDECIDED, f"{code.name}: {details}")


def read_key(file: Path) -> str:
    """The first key of a file, which may hold several while keys are changed. OSError or ValueError: there is none."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    key = next(filter(None, lines), "")
    if not (key and key.isascii() and key.isprintable()):
        # The key itself is told to nobody.
        raise ValueError(f"{file} holds no key that could be shown")
    return key


def verdict(reply: pb.CheckResponse) -> Verdict:
    """What a reply comes to. An empty one, or one that this program does not know in full, is no allow."""
    known = pb.Reason.DESCRIPTOR.values_by_number.get(reply.reason)
    why = known.name if known else f"reason {reply.reason}"
    if reply.decision == pb.DECISION_ALLOW and reply.reason in REASONS_TO_ALLOW:
        return Verdict(Answer.ALLOWED, why)
    if reply.decision == pb.DECISION_DENY:
        return Verdict(Answer.DENIED, ", ".join([why, *reply.missing_actions]))
    return Verdict(Answer.UNDECIDED, f"decision {reply.decision}, {why}")
