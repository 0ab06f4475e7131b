"""What a user can have done, each over one workplace: plan, apply, destroy, verify, explain."""
