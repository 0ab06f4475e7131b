"""Profiles and their attribute mappings."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from iam_ra.sandbox.rolesanywhere.errors import ValidationError
from iam_ra.sandbox.rolesanywhere.records import Answer, Record, Request, Scope, Shelf, refuse_newer, tags_of

QUOTA = 250
DEFAULT_DURATION = 3600
DEFAULT_MAPPINGS = {"x509Subject": ["*"], "x509Issuer": ["*"], "x509SAN": ["DNS", "URI", "Name/*"]}
ROLE = ":role/"
# What UpdateProfile can change; requireInstanceProperties is fixed at creation.
CHANGEABLE = (
    "name",
    "sessionPolicy",
    "roleArns",
    "managedPolicyArns",
    "durationSeconds",
    "acceptRoleSessionName",
)


@dataclass(kw_only=True)
class Profile(Record):
    """A profile: `settings` holds the members of the create call as they are shown, `mappings` the rules by field."""

    settings: dict[str, Any]
    mappings: dict[str, list[str]] = field(default_factory=lambda: deepcopy(DEFAULT_MAPPINGS))

    def detail(self) -> dict[str, Any]:
        """Return the ProfileDetail."""
        return self.settings | {
            "profileId": self.id,
            "profileArn": self.arn,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "attributeMappings": [
                {"certificateField": name, "mappingRules": [{"specifier": each} for each in specifiers]}
                for name, specifiers in self.mappings.items()
            ],
        }


class Profiles:
    """The profiles of an account in a region. Methods are the operations, by the SDK's names."""

    def __init__(self, scope: Scope) -> None:
        self.shelf = Shelf[Profile](scope, "profile", "profile", QUOTA)

    def create_profile(self, request: Request) -> Answer:
        """Create one. Without `enabled` it is disabled: AWS's default is not documented, so always send it."""
        refuse_newer(request)
        _check_roles(request["roleArns"])
        identifier, arn = self.shelf.new_identity()
        settings = {
            "name": request["name"],
            "requireInstanceProperties": request.get("requireInstanceProperties", False),
            "enabled": request.get("enabled", False),
            "createdBy": request["caller"],
            "sessionPolicy": request.get("sessionPolicy"),
            "roleArns": request["roleArns"],
            "managedPolicyArns": request.get("managedPolicyArns", []),
            "durationSeconds": request.get("durationSeconds", DEFAULT_DURATION),
            "acceptRoleSessionName": request.get("acceptRoleSessionName", False),
        }
        profile = Profile(id=identifier, arn=arn, settings=settings, tags=tags_of(request))
        self.shelf.add(profile)
        return {"profile": profile.detail()}

    def get_profile(self, request: Request) -> Answer:
        """Return one."""
        return {"profile": self.shelf.find(request["profileId"]).detail()}

    def list_profiles(self, request: Request) -> Answer:
        """Return a page of them."""
        profiles, token = self.shelf.page(request)
        return {"profiles": [profile.detail() for profile in profiles], "nextToken": token}

    def update_profile(self, request: Request) -> Answer:
        """Change the members that are given."""
        profile = self.shelf.find(request["profileId"])
        refuse_newer(request)
        _check_roles(request.get("roleArns") or [])
        profile.settings |= {name: request[name] for name in CHANGEABLE if name in request}
        profile.touch()
        return {"profile": profile.detail()}

    def delete_profile(self, request: Request) -> Answer:
        """Delete one, and return it a last time."""
        return {"profile": self.shelf.remove(request["profileId"]).detail()}

    def enable_profile(self, request: Request) -> Answer:
        """Let sessions be created with it."""
        return self._switch(request, enabled=True)

    def disable_profile(self, request: Request) -> Answer:
        """Stop all new sessions with it."""
        return self._switch(request, enabled=False)

    def put_attribute_mapping(self, request: Request) -> Answer:
        """Add rules to a field. Whether AWS keeps a rule `*` beside specific ones is not documented; this does."""
        profile = self.shelf.find(request["profileId"])
        rules = profile.mappings.setdefault(request["certificateField"], [])
        for rule in request["mappingRules"]:
            specifier = _normal(request["certificateField"], rule["specifier"])
            if specifier not in rules:
                rules.append(specifier)
        profile.touch()
        return {"profile": profile.detail()}

    def delete_attribute_mapping(self, request: Request) -> Answer:
        """Remove rules from a field; without specifiers, the whole field."""
        profile = self.shelf.find(request["profileId"])
        name = request["certificateField"]
        gone = {_normal(name, specifier) for specifier in request.get("specifiers") or []}
        kept = [each for each in profile.mappings.pop(name, []) if gone and each not in gone]
        if kept:
            profile.mappings[name] = kept
        profile.touch()
        return {"profile": profile.detail()}

    def _switch(self, request: Request, *, enabled: bool) -> Answer:
        profile = self.shelf.find(request["profileId"])
        profile.settings["enabled"] = enabled
        profile.touch()
        return {"profile": profile.detail()}


def _normal(certificate_field: str, specifier: str) -> str:
    """`Name` and `Name/` mean `Name/*`. Source: AWS user guide, attribute mapping."""
    return "Name/*" if certificate_field == "x509SAN" and specifier in {"Name", "Name/"} else specifier


def _check_roles(arns: list[str]) -> None:
    for arn in arns:
        if not arn.startswith("arn:") or ROLE not in arn:
            raise ValidationError(f"Invalid role ARN: {arn}")
