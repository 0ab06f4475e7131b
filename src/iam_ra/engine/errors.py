"""Every error a user can meet, as one tree.

    IamRaError                     IRA1000   exit 1
    ├── UsageError                 IRA1001   exit 64   the command line is wrong
    ├── ConfigError                IRA1100   the file has problems: all of them, with places
    ├── ToolError                  IRA1200   a program iam-ra calls (sops) is missing, too old or failed
    ├── FileError                  IRA1300   something on the local disk cannot be read or written
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


class ToolError(IamRaError):
    """A program that iam-ra calls is missing, too old or failed."""

    id = "IRA1200"


class FileError(IamRaError):
    """Something on the local disk cannot be read or written."""

    id = "IRA1300"


class KeyStoreError(IamRaError):
    """An authority's key is missing, unreadable or too open."""

    id = "IRA1400"


class CertificateError(IamRaError):
    """A key, certificate or signing request breaks a rule."""

    id = "IRA1500"


class StateError(IamRaError):
    """The recorded state is foreign, damaged or too new."""

    id = "IRA1600"


class PlanFileError(IamRaError):
    """A plan file is damaged, was edited, is foreign or from a newer iam-ra."""

    id = "IRA1700"


class AwsError(IamRaError):
    """AWS refused or failed a call."""

    id = "IRA2000"


class CredentialsError(AwsError):
    """There are no credentials, or AWS rejects them."""

    id = "IRA2001"


class PermissionDeniedError(AwsError):
    """The credentials may not do what the plan needs."""

    id = "IRA2002"


class UnreachableError(AwsError):
    """The endpoint does not answer."""

    id = "IRA2003"


class ThrottledError(AwsError):
    """AWS takes fewer calls a second than it was asked, and retrying did not help."""

    id = "IRA2004"


class StackError(AwsError):
    """A CloudFormation stack failed."""

    id = "IRA2100"


class ApplyIncompleteError(IamRaError):
    """Some parts failed or were skipped; the rest is done and recorded."""

    id = "IRA3000"
    exit_code = 3


class RefusedError(IamRaError):
    """iam-ra declines on purpose; nothing was changed."""

    id = "IRA4000"
    exit_code = 4


class LockHeldError(RefusedError):
    """Another apply holds the lock."""

    id = "IRA4001"


class StalePlanError(RefusedError):
    """A saved plan, or one that was agreed to, is not what would be made now."""

    id = "IRA4009"


class LeaseLostError(RefusedError):
    """The lease on the lock is over: this run begins and writes nothing more."""

    id = "IRA4008"
    exit_code = 1


class ProtectedError(RefusedError):
    """A protected entity would be deleted or replaced."""

    id = "IRA4002"


class TooManyDeletionsError(RefusedError):
    """More would be deleted than `limits.max_delete_percent` allows."""

    id = "IRA4003"


class WrongAccountError(RefusedError):
    """The credentials belong to another account than the file names."""

    id = "IRA4004"


class ConflictError(RefusedError):
    """Something bears our name and is not ours."""

    id = "IRA4005"


class NoConsentError(RefusedError):
    """Nobody is there to answer, and no `--yes` was given."""

    id = "IRA4006"


class PreflightError(RefusedError):
    """What the plan needs is not there; found before the first write. Holds every error that was found."""

    id = "IRA4007"
    exit_code = 1

    def __init__(self, errors: Sequence[IamRaError]) -> None:
        super().__init__("nothing was changed: the plan needs what is not there")
        self.errors = tuple(errors)

    def as_dict(self) -> dict[str, Any]:
        """Return the error with all that it holds."""
        return {**super().as_dict(), "errors": [error.as_dict() for error in self.errors]}


class SandboxError(IamRaError):
    """The local AWS cannot start or stop."""

    id = "IRA5000"


class InternalError(IamRaError):
    """A bug in iam-ra."""

    id = "IRA9000"
