"""The judge: simulated fleets with their sealed truth on one side, the diagnosis on the other; met nowhere else."""
