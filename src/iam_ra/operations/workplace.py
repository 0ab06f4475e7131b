"""Where every operation starts: one namespace, one set of credentials, one repository."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from iam_ra.aws import snapshot as snapshots
from iam_ra.aws.naming import Names
from iam_ra.aws.session import Aws
from iam_ra.aws.stacks import Stacks
from iam_ra.engine.errors import IamRaError, WrongAccountError
from iam_ra.files.repository import Repository
from iam_ra.kinds.run import INIT, Run
from iam_ra.operations.foreign import ours
from iam_ra.state.certificates import certificates
from iam_ra.state.ledger import Ledger
from iam_ra.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.s3 import Bucket
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address
    from iam_ra.state.certificates import Certificate
    from iam_ra.state.model import State


class Workplace:
    """One namespace with the credentials to work on it. `aws` is bound to the file's region, whatever the environment says."""

    def __init__(self, namespace: Namespace, aws: Aws, environ: Mapping[str, str]) -> None:
        self.namespace = namespace
        self.aws = aws
        self.names = Names(namespace.name)
        self.repository = Repository(namespace.root)
        self._environ = environ

    def observe(self, *, with_crls: bool = True) -> Snapshot:
        """Look at the world once, if wanted without Roles Anywhere. Raises WrongAccountError when the credentials are another account's."""
        self.check_account()
        delivered = (host.delivery for host in self.namespace.hosts.values())
        with_secrets = any("secretsmanager" in delivery for delivery in delivered)
        return snapshots.take(self.aws, self.names, with_crls=with_crls, with_secrets=with_secrets)

    def remembered(self) -> Snapshot:
        """Look for nothing but the bucket and what iam-ra keeps in it."""
        self.check_account()
        init = Stacks(self.aws.cloudformation).find(self.names.stack(INIT))
        return snapshots.memory(self.aws, self.names, init)

    def check_account(self) -> None:
        """Raise WrongAccountError unless the credentials are those of the account that the file names."""
        caller = self.aws.caller
        wanted = self.namespace.account_id
        if wanted is not None and caller.account_id != wanted:
            raise WrongAccountError(
                f"the credentials belong to account {caller.account_id}; the file is for {wanted}",
                why=f"they are those of {caller.arn}",
                fix="use credentials of the right account (--profile), or correct account_id in the file",
            )

    def bucket(self) -> Bucket | None:
        """Return the namespace's bucket as it is now; None while there is none, or none any more."""
        init = Stacks(self.aws.cloudformation).find(self.names.stack(INIT))
        found = snapshots.bucket_of(self.aws, init)
        is_going = init is not None and init.status == "DELETE_IN_PROGRESS"
        return None if found is None or is_going or not found.exists() else found

    def store(self, bucket: Bucket) -> StateStore:
        """Return the state's place in a bucket."""
        return StateStore(bucket, self.names.state_key, self.names.namespace)

    def state(self) -> State | None:
        """Return the recorded state, or None before the first apply."""
        with translated():
            self.check_account()
            bucket = self.bucket()
            return None if bucket is None else self.store(bucket).load()

    def recorded(self, snapshot: Snapshot) -> State | None:
        """Return the state in the bucket that a snapshot shows."""
        return None if snapshot.bucket is None else self.store(snapshot.bucket).load()

    def certificates(self) -> tuple[Certificate, ...]:
        """Return every certificate of the ledger with what became of it; none before the first apply."""
        with translated():
            self.check_account()
            bucket = self.bucket()
            if bucket is None:
                return ()
            state = self.store(bucket).load()
            written = Ledger(bucket, self.names).read()
            return certificates(written, {} if state is None else state.parts, self.aws.now())

    def subjects(self) -> dict[str, datetime]:
        """Return when Roles Anywhere last saw each X.509 subject, in pages."""
        with translated():
            pages = self.aws.rolesanywhere.get_paginator("list_subjects").paginate()
            return {
                each["x509Subject"]: each["lastSeenAt"]
                for page in pages
                for each in page["subjects"]
                if "x509Subject" in each and "lastSeenAt" in each
            }

    def run(self, snapshot: Snapshot, report: Callable[[Address, str], None] = lambda *_: None) -> Run:
        """Return what kinds work with; `report` hears what they wait for."""
        run = Run(self.aws, self.names, self.repository, self._environ, report, snapshot.secrets)
        run.ignore_drift = self.namespace.ignore_drift
        run.clusters = self.namespace.clusters
        if snapshot.bucket is not None and snapshot.lineage is not None:
            run.use(snapshot.lineage, snapshot.bucket)
        return run


def connect(
    namespace: Namespace, profile: str | None, environ: Mapping[str, str], *, threads: int = 10
) -> Workplace:
    """Return the workplace of a namespace; `threads` will share its connections."""
    with translated():
        return Workplace(namespace, Aws(namespace.region, profile, connections=threads + 4), environ)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what libraries and the system raise into our own errors."""
    try:
        yield
    except IamRaError:
        raise
    except Exception as error:
        known = ours(error)
        if known is None:
            raise
        raise known from error
