"""The one home of every private API of Ray, vLLM, DeepSpeed, transformers and torch: a file per library."""
