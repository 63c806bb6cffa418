"""checkpoint -> endpoint: the OpenAI-compatible application with the window in the engine."""
