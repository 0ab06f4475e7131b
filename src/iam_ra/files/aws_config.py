"""A host's `~/.aws/config`: a profile a role, each getting its credentials from AWS's helper."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
HELPER = "aws_signing_helper"
FOLDER = "exports/aws"
SUFFIX = ".config"


@dataclass(frozen=True, slots=True)
class Profile:
    """One role as the host sees it. `session_duration` is in seconds."""

    name: str
    role_arn: str
    profile_arn: str
    session_duration: int


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a host needs to know: where its files are, and what they open. `default` names one of the profiles."""

    host: str
    region: str
    trust_anchor_arn: str
    certificate_path: str
    private_key_path: str
    default: str
    profiles: Sequence[Profile]


def aws_config(config: HostConfig) -> str:
    """Return the file's text: `[default]` for the default role, and `[profile ROLE]` for each role."""
    sections = [("default", next(each for each in config.profiles if each.name == config.default))]
    sections += [(f"profile {profile_name(each.name)}", each) for each in config.profiles]
    return "\n".join("".join(_section(title, each, config)) for title, each in sections)


def config_path(host: str) -> str:
    """Return where a host's config file lies, relative to the root."""
    return f"{FOLDER}/{host}{SUFFIX}"


def profile_name(role: str) -> str:
    """Return the AWS profile of a role. `default` is taken: readers disagree on `[profile default]`."""
    return "role-default" if role == "default" else role


def helper_command(config: HostConfig, profile: Profile, program: str = HELPER) -> list[str]:
    """Return the command line that prints credentials. Source: rolesanywhere-credential-helper, credential-process."""
    return [
        program,
        "credential-process",
        *("--certificate", config.certificate_path),
        *("--private-key", config.private_key_path),
        *("--trust-anchor-arn", config.trust_anchor_arn),
        *("--profile-arn", profile.profile_arn),
        *("--role-arn", profile.role_arn),
        *("--session-duration", str(profile.session_duration)),
    ]


def _section(title: str, profile: Profile, config: HostConfig) -> Iterator[str]:
    command = " ".join(map(_quoted, helper_command(config, profile)))
    yield f"[{title}]\n"
    yield f"region = {config.region}\n"
    yield f"credential_process = {command}\n"


def _quoted(word: str) -> str:
    """Quote as every SDK reads it: double quotes. Source: AWS SDKs and Tools Reference Guide, "Process credentials"."""
    if _PLAIN.fullmatch(word):
        return word
    if "$" in word or "`" in word:
        # Most SDKs run the command in a shell, which would expand these; single quotes they all read alike.
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
