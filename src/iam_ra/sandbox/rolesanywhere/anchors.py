"""Trust anchors and their notification settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from iam_ra.sandbox.rolesanywhere.errors import ValidationError
from iam_ra.sandbox.rolesanywhere.pem import check_anchor
from iam_ra.sandbox.rolesanywhere.records import Answer, Record, Request, Scope, Shelf, refuse_newer, tags_of

QUOTA = 50
EVENTS = ("CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY")
CHANNEL = "ALL"
DEFAULT_THRESHOLD = 45
SERVICE = "rolesanywhere.amazonaws.com"
PCA_ARN = re.compile(r"arn:aws[a-z-]*:acm-pca:[a-z0-9-]+:\d{12}:certificate-authority/[A-Za-z0-9-]+")


@dataclass(kw_only=True)
class TrustAnchor(Record):
    """A trust anchor; `notifications` holds only the settings that somebody made, by event."""

    name: str
    source: dict[str, Any]
    enabled: bool
    notifications: dict[str, dict[str, Any]] = field(default_factory=dict)

    def detail(self) -> dict[str, Any]:
        """Return the TrustAnchorDetail."""
        return {
            "trustAnchorId": self.id,
            "trustAnchorArn": self.arn,
            "name": self.name,
            "source": self.source,
            "enabled": self.enabled,
            "crlDpRevocationEnabled": False,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "notificationSettings": [self.notifications.get(event, _default(event)) for event in EVENTS],
        }


class TrustAnchors:
    """The trust anchors of an account in a region. Methods are the operations, by the SDK's names."""

    def __init__(self, scope: Scope) -> None:
        self._account_id = scope.account_id
        self.shelf = Shelf[TrustAnchor](scope, "trust-anchor", "trust anchor", QUOTA)

    def create_trust_anchor(self, request: Request) -> Answer:
        """Create one. Without `enabled` it is disabled: AWS's default is not documented, so always send it."""
        refuse_newer(request)
        _check_source(request["source"])
        settings = _notifications(request.get("notificationSettings") or [], self._account_id)
        identifier, arn = self.shelf.new_identity()
        anchor = TrustAnchor(
            id=identifier,
            arn=arn,
            name=request["name"],
            source=request["source"],
            enabled=request.get("enabled", False),
            notifications=settings,
            tags=tags_of(request),
        )
        self.shelf.add(anchor)
        return {"trustAnchor": anchor.detail()}

    def get_trust_anchor(self, request: Request) -> Answer:
        """Return one."""
        return {"trustAnchor": self.shelf.find(request["trustAnchorId"]).detail()}

    def list_trust_anchors(self, request: Request) -> Answer:
        """Return a page of them."""
        anchors, token = self.shelf.page(request)
        return {"trustAnchors": [anchor.detail() for anchor in anchors], "nextToken": token}

    def update_trust_anchor(self, request: Request) -> Answer:
        """Change name and source; nothing else can be changed here."""
        anchor = self.shelf.find(request["trustAnchorId"])
        refuse_newer(request)
        if request.get("source") is not None:
            _check_source(request["source"])
            anchor.source = request["source"]
        anchor.name = request.get("name", anchor.name)
        anchor.touch()
        return {"trustAnchor": anchor.detail()}

    def delete_trust_anchor(self, request: Request) -> Answer:
        """Delete one, and return it a last time."""
        return {"trustAnchor": self.shelf.remove(request["trustAnchorId"]).detail()}

    def enable_trust_anchor(self, request: Request) -> Answer:
        """Let its certificates take roles."""
        return self._switch(request, enabled=True)

    def disable_trust_anchor(self, request: Request) -> Answer:
        """Stop all new sessions of its certificates."""
        return self._switch(request, enabled=False)

    def put_notification_settings(self, request: Request) -> Answer:
        """Set the settings of the given events; others stay."""
        anchor = self.shelf.find(request["trustAnchorId"])
        anchor.notifications |= _notifications(request["notificationSettings"], self._account_id)
        anchor.touch()
        return {"trustAnchor": anchor.detail()}

    def reset_notification_settings(self, request: Request) -> Answer:
        """Put the settings of the given events back to the defaults."""
        anchor = self.shelf.find(request["trustAnchorId"])
        for key in request["notificationSettingKeys"]:
            anchor.notifications.pop(key["event"], None)
        anchor.touch()
        return {"trustAnchor": anchor.detail()}

    def _switch(self, request: Request, *, enabled: bool) -> Answer:
        anchor = self.shelf.find(request["trustAnchorId"])
        anchor.enabled = enabled
        anchor.touch()
        return {"trustAnchor": anchor.detail()}


def _default(event: str) -> dict[str, Any]:
    return {
        "enabled": True,
        "event": event,
        "threshold": DEFAULT_THRESHOLD,
        "channel": CHANNEL,
        "configuredBy": SERVICE,
    }


def _notifications(settings: list[dict[str, Any]], account_id: str) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for setting in settings:
        if setting["enabled"] and "threshold" not in setting:
            raise ValidationError(f"A threshold is required to enable notifications of {setting['event']}.")
        made[setting["event"]] = {"channel": CHANNEL, **setting, "configuredBy": account_id}
    return made


def _check_source(source: dict[str, Any]) -> None:
    kind, data = source.get("sourceType"), source.get("sourceData") or {}
    if len(data) != 1:
        raise ValidationError("sourceData must hold exactly one of x509CertificateData and acmPcaArn.")
    if kind == "CERTIFICATE_BUNDLE" and "x509CertificateData" in data:
        check_anchor(data["x509CertificateData"])
    elif kind == "AWS_ACM_PCA" and "acmPcaArn" in data:
        if not PCA_ARN.fullmatch(data["acmPcaArn"]):
            raise ValidationError("acmPcaArn must be the ARN of a private certificate authority.")
    else:
        raise ValidationError(f"sourceType {kind} does not go with the given sourceData.")
