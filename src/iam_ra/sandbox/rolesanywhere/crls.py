"""Certificate revocation lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iam_ra.sandbox.rolesanywhere.errors import ValidationError
from iam_ra.sandbox.rolesanywhere.pem import check_crl
from iam_ra.sandbox.rolesanywhere.records import Answer, Record, Request, Scope, Shelf, refuse_newer, tags_of

if TYPE_CHECKING:
    from iam_ra.sandbox.rolesanywhere.anchors import TrustAnchors

QUOTA_PER_ANCHOR = 2


@dataclass(kw_only=True)
class Crl(Record):
    """A revocation list of one trust anchor, kept as the bytes that were sent."""

    name: str
    data: bytes
    enabled: bool
    trust_anchor_arn: str

    def detail(self) -> dict[str, Any]:
        """Return the CrlDetail."""
        return {
            "crlId": self.id,
            "crlArn": self.arn,
            "name": self.name,
            "enabled": self.enabled,
            "crlData": self.data,
            "trustAnchorArn": self.trust_anchor_arn,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }


class Crls:
    """The CRLs of an account in a region. Methods are the operations, by the SDK's names."""

    def __init__(self, scope: Scope, anchors: TrustAnchors) -> None:
        self._anchors = anchors
        self.shelf = Shelf[Crl](scope, "crl", "CRL")

    def import_crl(self, request: Request) -> Answer:
        """Create one; disabled unless `enabled` is sent."""
        refuse_newer(request)
        anchor = self._anchors.shelf.find(request["trustAnchorArn"])
        check_crl(request["crlData"])
        if sum(crl.trust_anchor_arn == anchor.arn for crl in self.shelf) >= QUOTA_PER_ANCHOR:
            raise ValidationError(f"The quota of {QUOTA_PER_ANCHOR} CRLs per trust anchor is reached.")
        identifier, arn = self.shelf.new_identity()
        crl = Crl(
            id=identifier,
            arn=arn,
            name=request["name"],
            data=request["crlData"],
            enabled=request.get("enabled", False),
            trust_anchor_arn=anchor.arn,
            tags=tags_of(request),
        )
        self.shelf.add(crl)
        return {"crl": crl.detail()}

    def get_crl(self, request: Request) -> Answer:
        """Return one."""
        return {"crl": self.shelf.find(request["crlId"]).detail()}

    def list_crls(self, request: Request) -> Answer:
        """Return a page of them."""
        crls, token = self.shelf.page(request)
        return {"crls": [crl.detail() for crl in crls], "nextToken": token}

    def update_crl(self, request: Request) -> Answer:
        """Change name and data; the trust anchor cannot be changed."""
        crl = self.shelf.find(request["crlId"])
        refuse_newer(request)
        if request.get("crlData") is not None:
            check_crl(request["crlData"])
            crl.data = request["crlData"]
        crl.name = request.get("name", crl.name)
        crl.touch()
        return {"crl": crl.detail()}

    def delete_crl(self, request: Request) -> Answer:
        """Delete one, and return it a last time."""
        return {"crl": self.shelf.remove(request["crlId"]).detail()}

    def enable_crl(self, request: Request) -> Answer:
        """Let it revoke."""
        return self._switch(request, enabled=True)

    def disable_crl(self, request: Request) -> Answer:
        """Let what it revoked take roles again."""
        return self._switch(request, enabled=False)

    def _switch(self, request: Request, *, enabled: bool) -> Answer:
        crl = self.shelf.find(request["crlId"])
        crl.enabled = enabled
        crl.touch()
        return {"crl": crl.detail()}
