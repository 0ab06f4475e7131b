"""Importing this lets all sessions of botocore share what one has read of its models: most of what a session costs.

Whoever names a folder of models in the environment gets a loader of their own.
"""

from __future__ import annotations

from botocore import loaders, session

_shared = loaders.create_loader()


def _loader(search_path_string: str | None = None) -> loaders.Loader:
    return _shared if search_path_string is None else loaders.create_loader(search_path_string)


session.create_loader = _loader
