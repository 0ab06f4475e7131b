"""Client request tokens: the same request twice is one operation."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iam_ra.sandbox.cloudformation.errors import TokenAlreadyExistsError
from iam_ra.sandbox.cloudformation.validation import LONGEST, constraint

if TYPE_CHECKING:
    from iam_ra.sandbox.cloudformation.stack import Stack

PATTERN = r"[a-zA-Z0-9][-a-zA-Z0-9]*"


@dataclass(frozen=True, slots=True)
class ClientToken:
    """A token (empty if the request had none) and the digest of the request that it came with."""

    text: str
    digest: str

    @classmethod
    def of(cls, action: str, params: dict[str, Any]) -> ClientToken:
        """Return the token of a request; raise ValidationError if it is malformed."""
        text = str(params.get("ClientRequestToken", ""))
        if text and not re.fullmatch(PATTERN, text):
            rule = f"Member must satisfy regular expression pattern: {PATTERN}"
            raise constraint(text, "clientRequestToken", rule)
        if len(text) > LONGEST:
            raise constraint(
                text, "clientRequestToken", f"Member must have length less than or equal to {LONGEST}"
            )
        request = json.dumps([action, params], sort_keys=True, default=str)
        return cls(text, hashlib.sha256(request.encode()).hexdigest())

    def used_for(self, stack: Stack) -> bool:
        """Tell whether the stack has seen this request; raise TokenAlreadyExistsError for a token of another one."""
        digest = stack.tokens.get(self.text)
        if digest not in {None, self.digest}:
            raise TokenAlreadyExistsError(f"Client request token {self.text} was used for another request")
        return digest is not None
