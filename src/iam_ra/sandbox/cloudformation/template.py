"""A template as CloudFormation checks it before it accepts a stack operation.

Source: AWS CloudFormation user guide (template anatomy, quotas, intrinsic functions).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from iam_ra.sandbox.cloudformation import resources
from iam_ra.sandbox.cloudformation.errors import ValidationError, not_offered
from iam_ra.sandbox.cloudformation.intrinsics import PSEUDO_PARAMETERS, Reference, references

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RESOURCES = 500
MAX_OUTPUTS = 200
MAX_DESCRIPTION = 1024
SECTIONS = frozenset({"AWSTemplateFormatVersion", "Description", "Metadata", "Resources", "Outputs"})
SECTIONS_NOT_OFFERED = frozenset({"Parameters", "Mappings", "Conditions", "Transform", "Rules", "Hooks"})
RESOURCE_KEYS = frozenset(
    {"Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata", "Description"}
)
RESOURCE_KEYS_NOT_OFFERED = frozenset({"Condition", "CreationPolicy", "UpdatePolicy"})
OUTPUT_KEYS = frozenset({"Value", "Description", "Export", "Condition"})
DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")
UPDATE_REPLACE_POLICIES = ("Delete", "Retain")
LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")
CUSTOM = ("Custom::", "AWS::CloudFormation::")


@dataclass(frozen=True, slots=True)
class Definition:
    """A resource as the template declares it; `dependencies` are all that must be there first."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    metadata: Any
    dependencies: frozenset[str]
    deletion_policy: str
    update_replace_policy: str


@dataclass(frozen=True, slots=True)
class Output:
    """A value that a stack offers; `value` may hold functions."""

    key: str
    value: Any
    description: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template and the text it came from."""

    text: str
    description: str
    resources: Mapping[str, Definition]
    outputs: tuple[Output, ...] = field(default=())

    @property
    def graph(self) -> dict[str, frozenset[str]]:
        """What each resource depends on."""
        return {name: definition.dependencies for name, definition in self.resources.items()}

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The capabilities that the template needs: none, CAPABILITY_IAM or CAPABILITY_NAMED_IAM."""
        iam = [each for each in self.resources.values() if each.type.startswith("AWS::IAM::")]
        if any(resources.HANDLERS[each.type].name_property in each.properties for each in iam):
            return ("CAPABILITY_NAMED_IAM",)
        return ("CAPABILITY_IAM",) if iam else ()

    def same_as(self, other: Template) -> bool:
        """Tell whether an update from one to the other has nothing to do."""

        def essence(template: Template) -> Any:
            parts = {
                name: (each.type, each.properties, each.metadata) for name, each in template.resources.items()
            }
            return parts, {
                (output.key, json.dumps(output.value, sort_keys=True)) for output in template.outputs
            }

        return bool(essence(self) == essence(other))


def parse(text: str) -> Template:
    """Return the checked template of a JSON or YAML text, or raise ValidationError."""
    body = load(text)
    if not isinstance(body, dict):
        raise ValidationError("Template format error: unsupported structure.")
    _sections(body)
    definitions = _definitions(body["Resources"])
    outputs = _outputs(body.get("Outputs") or {})
    template = Template(text, body.get("Description") or "", definitions, outputs)
    _references(template)
    _circles(template)
    return template


def _sections(body: dict[str, Any]) -> None:
    for section in sorted(SECTIONS_NOT_OFFERED & set(body)):
        raise not_offered(f"the template section {section}: values are rendered into templates")
    if unknown := sorted(str(key) for key in set(body) - SECTIONS):
        raise ValidationError(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = body.get("AWSTemplateFormatVersion", "2010-09-09")
    if version != "2010-09-09":
        raise ValidationError(
            f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion."
        )
    description = body.get("Description", "")
    if not isinstance(description, str):
        raise ValidationError("Template format error: Description must be a string.")
    if len(description.encode()) > MAX_DESCRIPTION:
        raise ValidationError(
            f"Template format error: 'Description' length is greater than {MAX_DESCRIPTION}."
        )
    if not isinstance(body.get("Resources"), dict) or not body["Resources"]:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    if len(body["Resources"]) > MAX_RESOURCES:
        raise ValidationError(
            f"Template format error: Number of resources, {len(body['Resources'])}, "
            f"is greater than maximum allowed, {MAX_RESOURCES}"
        )


def _definitions(members: dict[Any, Any]) -> dict[str, Definition]:
    for name, member in members.items():
        if not LOGICAL_ID.fullmatch(str(name)):
            raise ValidationError(f"Template format error: Resource name {name} is non alphanumeric.")
        if not isinstance(member, dict) or not isinstance(member.get("Type"), str):
            raise ValidationError(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            )
        if member["Type"].startswith(CUSTOM):
            raise not_offered(f"the resource type {member['Type']} ({name})")
    unknown = sorted({member["Type"] for member in members.values()} - set(resources.HANDLERS))
    if unknown:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    return {str(name): _definition(str(name), member) for name, member in members.items()}


def _definition(name: str, member: dict[str, Any]) -> Definition:
    for key in sorted(RESOURCE_KEYS_NOT_OFFERED & set(member)):
        raise not_offered(f"the resource attribute {key} ({name})")
    for key in sorted(str(key) for key in set(member) - RESOURCE_KEYS):
        raise ValidationError(f"Invalid template resource property '{key}'")
    properties = member.get("Properties") or {}
    if not isinstance(properties, dict):
        raise ValidationError(
            "Template format error: [/Resources/"
            + name
            + "/Properties] 'null' values are not allowed in templates"
        )
    depends_on = member.get("DependsOn") or []
    explicit = [depends_on] if isinstance(depends_on, str) else depends_on
    if not isinstance(explicit, list) or not all(isinstance(each, str) for each in explicit):
        raise ValidationError("Template format error: DependsOn must be a string or list of strings.")
    implicit = {each.name for each in references(properties)} - PSEUDO_PARAMETERS
    return Definition(
        name,
        member["Type"],
        properties,
        member.get("Metadata"),
        frozenset(implicit | set(explicit)),
        _policy(name, member, "DeletionPolicy", DELETION_POLICIES),
        _policy(name, member, "UpdateReplacePolicy", UPDATE_REPLACE_POLICIES),
    )


def _policy(name: str, member: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    policy = member.get(key, "Delete")
    if policy == "Snapshot":
        raise ValidationError(
            f"Template error: resource type {member['Type']} does not support {key} 'Snapshot'"
        )
    if policy not in allowed:
        raise ValidationError(f"Template format error: Unrecognized {key} {policy} for resource {name}")
    return str(policy)


def _outputs(members: Any) -> tuple[Output, ...]:
    if not isinstance(members, dict):
        raise ValidationError("Template format error: Outputs must be an object.")
    if len(members) > MAX_OUTPUTS:
        raise ValidationError(
            f"Template format error: Number of outputs, {len(members)}, is greater than maximum allowed, {MAX_OUTPUTS}"
        )
    outputs = []
    for key, member in members.items():
        if not isinstance(member, dict) or "Value" not in member:
            raise ValidationError(
                f"Template format error: Every Outputs member must contain a Value object ({key})"
            )
        for unwanted in ("Export", "Condition"):
            if unwanted in member:
                raise not_offered(f"{unwanted} of an output ({key})")
        if unknown := sorted(set(member) - OUTPUT_KEYS):
            raise ValidationError(
                f"Template format error: Output {key} has unsupported members [{', '.join(unknown)}]"
            )
        outputs.append(Output(str(key), member["Value"], str(member.get("Description", ""))))
    return tuple(outputs)


def _references(template: Template) -> None:
    known = set(template.resources)
    wanted = {name for each in template.resources.values() for name in each.dependencies}
    if missing := sorted(wanted - known):
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
            "in the Resources block of the template"
        )
    values = [output.value for output in template.outputs]
    from_outputs = list(references(values))
    if missing := sorted({each.name for each in from_outputs} - known - PSEUDO_PARAMETERS):
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
            "in the Outputs block of the template"
        )
    for each in template.resources.values():
        _attributes(template, list(references(each.properties)))
    _attributes(template, from_outputs)


def _attributes(template: Template, found: list[Reference]) -> None:
    for reference in found:
        if not reference.attribute:
            continue
        if reference.name in PSEUDO_PARAMETERS:
            raise ValidationError(f"Template error: {reference.name} has no attribute {reference.attribute}")
        kind = template.resources[reference.name].type
        if reference.attribute not in resources.HANDLERS[kind].attributes:
            raise ValidationError(
                f"Template error: resource {reference.name} does not support attribute type "
                f"{reference.attribute} in Fn::GetAtt"
            )


def _circles(template: Template) -> None:
    try:
        TopologicalSorter(template.graph).prepare()
    except CycleError as error:
        names = ", ".join(sorted(set(error.args[1])))
        raise ValidationError(f"Circular dependency between resources: [{names}]") from error


class _Constructor(SafeConstructor):
    """YAML values as CloudFormation reads them: dates stay text, short tags become functions."""

    def short_tag(self, suffix: str, node: Any) -> dict[str, Any]:
        """Return `!GetAtt A.B` and its like in the long form."""
        value: Any
        if isinstance(node, ScalarNode):
            value = self.construct_scalar(node)
        elif isinstance(node, SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, MappingNode)
            value = self.construct_mapping(node, deep=True)
        return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Constructor.add_multi_constructor("!", _Constructor.short_tag)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_str)


def load(text: str) -> Any:
    """Return the plain value of a JSON or YAML text, short tags in their long form."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            place = f"(line {error.lineno}, column {error.colno})"
            raise ValidationError(f"Template format error: JSON not well-formed. {place}") from error
    try:
        return _yaml(text, pure=False)
    except YAMLError:
        # The fast parser is an old libyaml, which takes no `::` inside brackets: [!Ref AWS::Region].
        return _well_formed(text)


def _well_formed(text: str) -> Any:
    try:
        return _yaml(text, pure=True)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValidationError(f"Template format error: YAML not well-formed.{place}") from error
    except YAMLError as error:
        raise ValidationError("Template format error: YAML not well-formed.") from error


def _yaml(text: str, *, pure: bool) -> Any:
    yaml = YAML(typ="safe", pure=pure)
    yaml.Constructor = _Constructor
    return yaml.load(text)
