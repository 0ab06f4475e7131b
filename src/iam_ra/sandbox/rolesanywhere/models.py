"""The service in one account and region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.base_backend import BackendDict, BaseBackend

from iam_ra.sandbox.rolesanywhere.anchors import TrustAnchors
from iam_ra.sandbox.rolesanywhere.crls import Crls
from iam_ra.sandbox.rolesanywhere.errors import NotFoundError, TooManyTagsError
from iam_ra.sandbox.rolesanywhere.profiles import Profiles
from iam_ra.sandbox.rolesanywhere.records import Answer, Record, Request, Scope
from iam_ra.sandbox.rolesanywhere.subjects import Subjects

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TAGS = 200


class RolesAnywhereBackend(BaseBackend):
    """Trust anchors, profiles, CRLs, subjects and their tags."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        scope = Scope(account_id, region_name, self.partition)
        self.anchors = TrustAnchors(scope)
        self.profiles = Profiles(scope)
        self.crls = Crls(scope, self.anchors)
        self.subjects = Subjects(scope)

    def operation(self, name: str) -> Callable[[Request], Answer]:
        """Return the method of an operation by its name in the SDK."""
        for part in (self.anchors, self.profiles, self.crls, self.subjects, self):
            method: Callable[[Request], Answer] | None = getattr(part, name, None)
            if method is not None:
                return method
        raise NotImplementedError(name)

    def tag_resource(self, request: Request) -> Answer:
        """Add tags to a resource; a key that it bears gets the new value."""
        record = self._tagged(request["resourceArn"])
        tags = record.tags | {tag["key"]: tag["value"] for tag in request["tags"]}
        if len(tags) > MAX_TAGS:
            raise TooManyTagsError(f"A resource bears at most {MAX_TAGS} tags.")
        record.tags = tags
        return {}

    def untag_resource(self, request: Request) -> Answer:
        """Remove tags from a resource; keys that it does not bear are passed over."""
        record = self._tagged(request["resourceArn"])
        record.tags = {key: value for key, value in record.tags.items() if key not in request["tagKeys"]}
        return {}

    def list_tags_for_resource(self, request: Request) -> Answer:
        """Return the tags of a resource."""
        tags = self._tagged(request["resourceArn"]).tags
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _tagged(self, arn: str) -> Record:
        shelves: tuple[Any, ...] = (
            self.anchors.shelf,
            self.profiles.shelf,
            self.crls.shelf,
            self.subjects.shelf,
        )
        for shelf in shelves:
            for record in shelf:
                if record.arn == arn:
                    found: Record = record
                    return found
        raise NotFoundError(f"Resource {arn} was not found.")


rolesanywhere_backends = BackendDict(RolesAnywhereBackend, "rolesanywhere")
