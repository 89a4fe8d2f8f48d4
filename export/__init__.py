"""Makes the model folder that workers load. Needs torch; never installed with a worker."""
