"""vLLM: names of its internals, without importing it. Checked with vLLM 0.29."""

IN_PROCESS_EXECUTOR = "vllm.v1.executor.uniproc_executor.UniProcExecutor"
"""The executor that runs its only worker in the engine's own process."""
