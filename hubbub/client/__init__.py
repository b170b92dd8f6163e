"""One client's life on a worker: its account, session, plan and behaviour. Knows nothing of Locust or of the run."""
