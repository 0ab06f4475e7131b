"""Subjects: whose certificates have asked for sessions, and with which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from iam_ra.sandbox.rolesanywhere.records import Answer, Record, Request, Scope, Shelf, now


@dataclass(kw_only=True)
class Subject(Record):
    """One distinguished name; its credentials by serial number."""

    x509_subject: str
    credentials: dict[str, dict[str, Any]] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return the SubjectSummary."""
        return {
            "subjectArn": self.arn,
            "subjectId": self.id,
            "enabled": True,
            "x509Subject": self.x509_subject,
            "lastSeenAt": self.updated_at,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }

    def detail(self) -> dict[str, Any]:
        """Return the SubjectDetail."""
        return self.summary() | {"credentials": list(self.credentials.values()), "instanceProperties": []}


class Subjects:
    """The subjects of an account in a region. Public methods but `record` are the operations, by the SDK's names."""

    def __init__(self, scope: Scope) -> None:
        self.shelf = Shelf[Subject](scope, "subject", "subject")

    def record(
        self, *, x509_subject: str, serial: str, issuer: str, certificate: str, failed: bool = False
    ) -> Subject:
        """Note that a certificate (PEM; serial in decimal) was presented, and whether it was refused."""
        subject = next((each for each in self.shelf if each.x509_subject == x509_subject), None)
        if subject is None:
            identifier, arn = self.shelf.new_identity()
            subject = Subject(id=identifier, arn=arn, x509_subject=x509_subject)
            self.shelf.add(subject)
        subject.credentials[serial] = {
            "seenAt": now(),
            "serialNumber": serial,
            "issuer": issuer,
            "enabled": True,
            "x509CertificateData": certificate,
            "failed": failed,
        }
        subject.touch()
        return subject

    def get_subject(self, request: Request) -> Answer:
        """Return one, with its credentials."""
        return {"subject": self.shelf.find(request["subjectId"]).detail()}

    def list_subjects(self, request: Request) -> Answer:
        """Return a page of them."""
        subjects, token = self.shelf.page(request)
        return {"subjects": [subject.summary() for subject in subjects], "nextToken": token}
