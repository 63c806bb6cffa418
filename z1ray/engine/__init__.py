"""The one home of vLLM: engine settings, the window adapter, batch inference."""
