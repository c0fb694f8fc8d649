"""How a network is trained: fit(), its events and commands, the run directory, resume."""
