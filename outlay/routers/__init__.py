"""Who answers, at which tier: cascades between a cheap model and a dear one, tiers that a policy picks."""
