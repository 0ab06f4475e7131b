"""What the file does not say but the state does, and what the user wishes of one run alone.

The kinds' `desired` reads a namespace; here it learns what is remembered: which earlier certificates still count. All
of it is a pure function of the file, the state, the snapshot, the wishes and the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iam_ra.kinds.binding import with_named, with_withdrawn
from iam_ra.kinds.cluster_born import with_born
from iam_ra.kinds.generations import with_generations
from iam_ra.kinds.host_certificate import with_former
from iam_ra.kinds.overlap import with_lapsed, with_overlaps, with_renewals
from iam_ra.kinds.pca import with_prices
from iam_ra.kinds.revoked import with_revoked
from iam_ra.kinds.sessions import with_sessions
from iam_ra.state.ledger import issued_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of this run beyond the file.

    `renew` holds the entities whose certificate is to be issued anew (`host/web`, `ca/default`, `cluster/prod`); with `keep_old` the old
    one stays for its overlap, else it is revoked at once. `replace` holds entities or parts whose stacks are to be made
    anew. `end_sessions` also ends the open sessions of whoever loses
    a role.
    """

    renew: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()
    keep_old: bool = False
    end_sessions: bool = False


NO_WISHES = Wishes()


def remember(
    namespace: Namespace,
    recorded: Mapping[Address, Recorded],
    snapshot: Snapshot,
    wishes: Wishes,
) -> Namespace:
    """Return the namespace with everything in it that only the state and the bucket know."""
    now = snapshot.caller.now
    namespace = with_born(namespace, recorded)
    recorded = with_overlaps(namespace, recorded, snapshot.seen, wishes, now)
    namespace = with_renewals(namespace, recorded, wishes, now)
    namespace = with_generations(namespace, recorded, snapshot, wishes, now)
    namespace = with_prices(namespace, recorded)
    namespace = with_former(namespace, recorded, now)
    namespace = with_lapsed(namespace, recorded, now)
    namespace = with_withdrawn(namespace, recorded)
    at_once = frozenset() if wishes.keep_old else wishes.renew
    issued = issued_in(snapshot.objects, snapshot.names)
    namespace = with_revoked(namespace, recorded, issued, now, at_once)
    namespace = with_named(namespace, recorded, now)
    return with_sessions(namespace, recorded, now, end=wishes.end_sessions)
