"""One file a kind of part: what is desired, what is there, how a change becomes calls."""
