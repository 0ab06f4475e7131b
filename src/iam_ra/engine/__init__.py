"""The pure core: addresses, parts, differences, the plan, its execution."""
