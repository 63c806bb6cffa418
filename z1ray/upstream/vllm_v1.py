"""vLLM's V1 engine: the interface of logits processors, and the error of a dead engine. Checked with vLLM 0.29.

vLLM documents custom logits processors, but under module paths that it does not promise to keep.
"""

from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

__all__ = ["BatchUpdate", "EngineDeadError", "LogitsProcessor", "process_dict_updates"]
