"""Everything that touches Locust's runner: options, the run's conduct, workers' reports, the embedded backend.

A locustfile calls `install` once. From then on Locust's events drive two parts: the `Conductor`, on the master (or in
the only process), plans a run, starts and ends it and judges it; the `Crew`, on each worker (or in the only process),
has the ledger, the connections and the users.
"""
