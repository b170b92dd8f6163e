"""What a run is given in tests instead of the real thing: time, a backend with its network, and who spawns clients."""
