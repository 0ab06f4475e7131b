"""Every error a user can meet, as one tree.

    IamRaError                     IRA1000   exit 1
    ├── UsageError                 IRA1001   exit 64   the command line is wrong
    ├── ConfigError                IRA1100   the file has problems: all of them, with places
    ├── ToolError                  IRA1200   a program iam-ra calls (sops) is missing, too old or failed
    ├── FileError                  IRA1300   something on the local disk cannot be read or written
    │   └── FormatError            IRA1301   a file is not, or cannot be, in the canonical form
    ├── EditError                  IRA1310   a command cannot edit the file: the lines to write by hand
    ├── KeyStoreError              IRA1400   an authority's key is missing, unreadable or too open
    ├── CertificateError           IRA1500   a key, certificate or CSR breaks a rule
    ├── StateError                 IRA1600   the recorded state is foreign, damaged or too new
    ├── PlanFileError              IRA1700   a plan file is damaged, edited, foreign or too new
    ├── AwsError                   IRA2000   AWS refused or failed a call
    │   ├── CredentialsError       IRA2001   no, expired or rejected credentials
    │   ├── PermissionDeniedError  IRA2002   an action is not allowed
    │   ├── UnreachableError       IRA2003   the endpoint does not answer
    │   ├── ThrottledError         IRA2004   AWS takes fewer calls a second than it was asked
    │   └── StackError             IRA2100   a CloudFormation stack failed; carries the first real cause
    ├── ApplyIncompleteError       IRA3000   exit 3    some parts failed or were skipped
    ├── RefusedError               IRA4000   exit 4    iam-ra declines on purpose
    │   ├── LockHeldError          IRA4001   another apply holds the lock
    │   ├── ReplacementError       IRA4010   an authority's trust anchor would be replaced
    │   ├── StalePlanError         IRA4009   the world is not as it was when the plan was made
    │   ├── LeaseLostError         IRA4008   exit 1    the lock's lease ran out while changes were made
    │   ├── ProtectedError         IRA4002   a protected entity would go
    │   ├── TooManyDeletionsError  IRA4003   the deletion limit would be passed
    │   ├── WrongAccountError      IRA4004   the credentials belong to another account
    │   ├── ConflictError          IRA4005   something with our name is not ours
    │   ├── NoConsentError         IRA4006   nobody is there to answer, and no --yes
    │   └── PreflightError         IRA4007   exit 1    what the plan needs is not there
    ├── SandboxError               IRA5000   the local AWS cannot start or stop
    └── InternalError              IRA9000   a bug in iam-ra

What happened is `what`; `why` and `fix` are full sentences, the fix holds a command to copy where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class IamRaError(Exception):
    """The root of the tree: an id, what happened, why, and how to put it right."""

    id: ClassVar[str] = "IRA1000"
    exit_code: ClassVar[int] = 1
    # What leads to it most often and what to do about it, for the page of all errors.
    cause: ClassVar[str] = "Something that has no id of its own."
    remedy: ClassVar[str] = "Read the message: it says what and why."

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def as_dict(self) -> dict[str, Any]:
        """Return the error as the JSON object that `--json` writes to stderr."""
        return {"id": self.id, "what": self.what, "why": self.why, "fix": self.fix}


class UsageError(IamRaError):
    """The command line is wrong."""

    id = "IRA1001"
    exit_code = 64
    cause = "An unknown command or option, or a value that an option does not take."
    remedy = "`iam-ra COMMAND --help` lists what it takes."


class ToolError(IamRaError):
    """A program that iam-ra calls is missing, too old or failed."""

    id = "IRA1200"
    cause = "`sops`, `age` or `git` is not on the PATH, is older than iam-ra needs, or refused its work."
    remedy = "Install the program or a newer version; the message quotes what it said."


class FileError(IamRaError):
    """Something on the local disk cannot be read or written."""

    id = "IRA1300"
    cause = "No permission, no room, a file where a folder should be, or a file that iam-ra did not write."
    remedy = "Correct the owner, the permissions or what is in the way, and run the command again."


class FormatError(FileError):
    """A file is not in the canonical form, or cannot be brought into it."""

    id = "IRA1301"
    cause = "`iam-ra fmt --check` met a file that `iam-ra fmt` would change."
    remedy = "`iam-ra fmt FILE`; `--diff` shows beforehand what it would change."


class EditError(IamRaError):
    """A command cannot edit the file without touching more than is meant, or somebody else edited it meanwhile."""

    id = "IRA1310"
    cause = "What is to change is an alias, a merge or the anchor of others, or the file changed while the command ran."
    remedy = "Make the edit by hand as the message shows it, then `iam-ra apply`; or run the command again."


class KeyStoreError(IamRaError):
    """An authority's key is missing, unreadable or too open."""

    id = "IRA1400"
    cause = "The key of an authority is on another machine, was deleted, or may be read by others."
    remedy = (
        "Bring the key back from where it was backed up, and give it to its owner alone: `chmod 600 FILE`."
    )


class CertificateError(IamRaError):
    """A key, certificate or signing request breaks a rule."""

    id = "IRA1500"
    cause = "A signing request or a certificate that was damaged, or that asks for more than it may."
    remedy = "Make the request anew as the message says."


class StateError(IamRaError):
    """The recorded state is foreign, damaged or too new."""

    id = "IRA1600"
    cause = "The state in the bucket was edited, belongs to another namespace, or comes from a newer iam-ra."
    remedy = (
        "Update iam-ra, or put an earlier state back: `iam-ra state history`, then `iam-ra state "
        "restore SERIAL`."
    )


class PlanFileError(IamRaError):
    """A plan file is damaged, was edited, is foreign or from a newer iam-ra."""

    id = "IRA1700"
    cause = (
        "The file of a saved plan was edited or cut, or was made by another version or for another namespace."
    )
    remedy = "Make it anew: `iam-ra plan -o FILE`."


class AwsError(IamRaError):
    """AWS refused or failed a call."""

    id = "IRA2000"
    cause = "AWS refused a call for a reason that has no id of its own; the message quotes it."
    remedy = "Put right what AWS says, and run the command again: it goes on from what it finds."


class CredentialsError(AwsError):
    """There are no credentials, or AWS rejects them."""

    id = "IRA2001"
    cause = "Nobody is logged in, the login is over, or the profile is another one than is meant."
    remedy = (
        "`aws sso login`, or name a profile with --profile; `aws sts get-caller-identity` shows who one is."
    )


class PermissionDeniedError(AwsError):
    """The credentials may not do what the plan needs."""

    id = "IRA2002"
    cause = "The policy of the credentials lacks an action, or a guardrail of the organization denies it."
    remedy = "`iam-ra permissions apply` (or `plan`) prints the policy that suffices."


class UnreachableError(AwsError):
    """The endpoint does not answer."""

    id = "IRA2003"
    cause = "No network, a proxy, a region that does not exist, or a sandbox that is not up."
    remedy = "Check the network and AWS_ENDPOINT_URL; `iam-ra sandbox status` tells of the sandbox."


class ThrottledError(AwsError):
    """AWS takes fewer calls a second than it was asked, and retrying did not help."""

    id = "IRA2004"
    cause = "Other programs call the same services in this account, or very many parts change at once."
    remedy = "Wait a minute and run the command again; `iam-ra apply --parallelism 2` is slower."


class StackError(AwsError):
    """A CloudFormation stack failed."""

    id = "IRA2100"
    cause = "CloudFormation could not make a resource; the message names the first that failed, and why."
    remedy = "Put the cause right and run `iam-ra apply` again."


class ApplyIncompleteError(IamRaError):
    """Some parts failed or were skipped; the rest is done and recorded."""

    id = "IRA3000"
    exit_code = 3
    cause = (
        "One or more parts failed; what depends on them was skipped, and all others are done and recorded."
    )
    remedy = "Put right what the summary says of each, and run `iam-ra apply` again."


class RefusedError(IamRaError):
    """iam-ra declines on purpose; nothing was changed."""

    id = "IRA4000"
    exit_code = 4
    cause = "The plan trips a guard, or the world is not as it must be for the command."
    remedy = "The message names the setting or the option that decides."


class LockHeldError(RefusedError):
    """Another apply holds the lock."""

    id = "IRA4001"
    cause = "Another apply runs, or one was killed less than two minutes ago."
    remedy = "Wait (`--lock-timeout 10m` does), or `iam-ra unlock ID` when it is surely dead."


class ReplacementError(RefusedError):
    """A trust anchor would be replaced, and nobody allowed it."""

    id = "IRA4010"
    cause = "An edit of the file, or a change in AWS, makes a new trust anchor of an authority's."
    remedy = "If that is meant, name it with --allow, as the message says; else take the edit back."


class StalePlanError(RefusedError):
    """A saved plan, or one that was agreed to, is not what would be made now."""

    id = "IRA4009"
    cause = "Somebody applied, or changed something in AWS, since the plan was made."
    remedy = "Plan again and read the new plan."


class LeaseLostError(RefusedError):
    """The lease on the lock is over: this run begins and writes nothing more."""

    id = "IRA4008"
    exit_code = 1
    cause = (
        "The machine slept or lost the network for longer than the lease, or somebody used `iam-ra unlock`."
    )
    remedy = "Run `iam-ra apply` again: it goes on from what it finds."


class ProtectedError(RefusedError):
    """A protected entity would be deleted or replaced."""

    id = "IRA4002"
    cause = (
        "The file no longer has an entity with `protect: true`, or changes it so that it must be made anew."
    )
    remedy = "Set `protect: false` on it, apply, and then remove it."


class TooManyDeletionsError(RefusedError):
    """More would be deleted than `limits.max_delete_percent` allows."""

    id = "IRA4003"
    cause = "Many entities went from the file, or the wrong file is applied."
    remedy = "If that is meant: `--allow deletes:N`, with the number that the message names."


class WrongAccountError(RefusedError):
    """The credentials belong to another account than the file names."""

    id = "IRA4004"
    cause = "The profile of another account is active."
    remedy = "Use the right one (--profile), or correct `account_id` in the file."


class ConflictError(RefusedError):
    """Something bears our name and is not ours."""

    id = "IRA4005"
    cause = "A stack, a role or a file bears a name that iam-ra would give, and is not its own."
    remedy = "Rename or remove one of the two; iam-ra touches nothing that is not its own."


class NoConsentError(RefusedError):
    """Nobody is there to answer, and no `--yes` was given."""

    id = "IRA4006"
    cause = "A pipeline runs `apply` or `destroy` without a terminal, or the answer was no."
    remedy = "Give `--yes` when the plan is what you want."


class PreflightError(RefusedError):
    """What the plan needs is not there; found before the first write. Holds every error that was found."""

    id = "IRA4007"
    exit_code = 1
    cause = (
        "sops or its rules, the key of an authority, or something else that the plan needs is "
        "missing; all is listed."
    )
    remedy = "Put right what is listed; each has its own id."

    def __init__(self, errors: Sequence[IamRaError]) -> None:
        super().__init__("nothing was changed: the plan needs what is not there")
        self.errors = tuple(errors)

    def as_dict(self) -> dict[str, Any]:
        """Return the error with all that it holds."""
        return {**super().as_dict(), "errors": [error.as_dict() for error in self.errors]}


class SandboxError(IamRaError):
    """The local AWS cannot start or stop."""

    id = "IRA5000"
    cause = "The port is taken, the extra `sandbox` is not installed, or a sandbox runs already."
    remedy = "`iam-ra sandbox status`; `pip install 'iam-ra[sandbox]'`."


class InternalError(IamRaError):
    """A bug in iam-ra."""

    id = "IRA9000"
    cause = "A bug in iam-ra."
    remedy = "Run the command again with `--debug`, and report the trace."
