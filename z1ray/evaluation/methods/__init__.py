"""How a run is held to a thinking budget: the methods of a sweep, on one engine and one trace."""
