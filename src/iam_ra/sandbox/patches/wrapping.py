"""How the mended methods are put in place."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def around(owner: type, name: str) -> Callable[[Callable[..., Any]], None]:
    """Replace a method by a function that takes the original as its first argument."""

    def replace(function: Callable[..., Any]) -> None:
        original = getattr(owner, name)

        @wraps(original)
        def method(self: Any, *arguments: Any, **options: Any) -> Any:
            return function(original, self, *arguments, **options)

        setattr(owner, name, method)

    return replace
