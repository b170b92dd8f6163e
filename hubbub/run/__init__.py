"""A run's owner and its workers. Knows nothing of Locust: workers, clock and spawning are arguments.

`Run` prepares, opens the window, ends and judges; a `Worker` has the ledger, the connections and the clients.
"""
