"""The whole experiment as Ray jobs, one after the other, on a local head or a given cluster."""
