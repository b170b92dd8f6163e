"""The only part that knows Locust: its options, events, users, web form and tables, tied to a run."""
