"""The canary: an independent receiver in a run's conversation, whose times are shown beside ours."""
