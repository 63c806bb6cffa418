"""The paper's way of training, the other side of the benchmark: transformers' ``Trainer``.

Z1's script (``train/train.py`` and ``train/script/train_qwen.sh`` of efficientscaling/Z1) gives
``Trainer`` a data set in memory and a collator that pads each micro-batch on the right to its
longest sequence; examples come in the sampler's random order, two to a micro-batch and GPU;
bf16, AdamW of torch, cosine schedule, gradient checkpointing, FSDP's full shard, and
FlashAttention, which skips no padding within a batch's matrix products. Here the same
``Trainer``, its default order, torch's own attention, and ZeRO-3 through ``Trainer``'s
``deepspeed`` argument, with z1ray's own DeepSpeed settings.
"""

import time
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tests.bench.peak import most_resident
from z1ray.training.config import TrainConfig
from z1ray.training.data import batches
from z1ray.training.data.dataset import TokenFile
from z1ray.training.data.tokenize import IGNORE_INDEX, TokenizedExample
from z1ray.training.engine import zero3

_WARM_UPS = 3


def trainer_worker(job: dict[str, Any]) -> dict[str, Any]:
    """Train with ``Trainer`` on right-padded batches under ZeRO-3.

    Args:
        job: ``config``, ``tokens`` (the token file), ``num_steps`` and ``folder``.

    Returns:
        ``rows``: per step ``num_tokens`` (trained), ``num_input_tokens`` and ``num_places`` (padding
        included), all of all workers, and ``seconds``; on a GPU also ``peak_memory_bytes``.
        ``resident_bytes``: the most that the first worker had.
    """
    import deepspeed

    config, tokens = job["config"], TokenFile(Path(job["tokens"]))
    if config.device == "cpu":
        deepspeed.ops.__compatible_ops__ = {}  # type: ignore[attr-defined]
    deepspeed.init_distributed()
    # Before the model, so that every worker loads its own shard only.
    arguments = _arguments(config, job["num_steps"], job["folder"])
    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(config.model, dtype=dtype)
    # Those of z1ray's steps, which the sampler shuffles.
    steps = [batches.step_examples(step, len(tokens), config) for step in range(job["num_steps"])]
    examples = [_labelled(tokens[index]) for step in steps for index in step]
    collator = DataCollatorForSeq2Seq(AutoTokenizer.from_pretrained(config.model, padding_side="right"))
    trainer = TimedTrainer(model=model, args=arguments, train_dataset=examples, data_collator=collator)
    trainer.add_callback(_AtStepEnd(trainer))
    trainer.train()
    return {"rows": trainer.rows, "resident_bytes": most_resident()}


def _labelled(example: TokenizedExample) -> dict[str, list[int]]:
    prompt = example.num_prompt_tokens
    return {"input_ids": example.input_ids, "labels": [IGNORE_INDEX] * prompt + example.input_ids[prompt:]}


class TimedTrainer(Trainer):  # type: ignore[misc]
    """``Trainer``, with the time and the tokens of each optimizer step."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rows: list[dict[str, Any]] = []
        self._warm = False
        self._counts = torch.zeros(3, dtype=torch.float64, device=self.args.device)

    def get_batch_samples(self, *arguments: Any, **named: Any) -> Any:
        """The step's micro-batches; a step begins here."""
        self._began = time.monotonic()
        return super().get_batch_samples(*arguments, **named)

    def training_step(self, model: Any, inputs: dict[str, torch.Tensor], num_items_in_batch: Any = None) -> Any:
        """One micro-batch; the first of all warms up before, which no step's time contains."""
        if not self._warm:
            self._warm_up(model)
            self._began = time.monotonic()
        labels = inputs["labels"]
        counts = [(labels >= 0).sum(), inputs["attention_mask"].sum(), labels.numel()]
        self._counts += torch.tensor(counts, device=labels.device)
        return super().training_step(model, inputs, num_items_in_batch)

    def _warm_up(self, model: Any) -> None:
        shortest = min(cast(Any, self.train_dataset), key=lambda each: len(each["input_ids"]))
        inputs = self._prepare_inputs(self.data_collator([shortest]))
        for _ in range(_WARM_UPS):
            model.backward(model(**inputs).loss)
        model.set_gradient_accumulation_boundary(True)
        model.step()
        self._warm = True

    def log_step(self) -> None:
        """Note what the step that has just ended took."""
        counts = self._counts.clone()
        dist.all_reduce(counts)
        seconds = time.monotonic() - self._began
        names = ("num_tokens", "num_input_tokens", "num_places")
        row: dict[str, Any] = dict(zip(names, map(int, counts), strict=True)) | {"seconds": seconds}
        if self.args.device.type == "cuda":
            row["peak_memory_bytes"] = torch.cuda.max_memory_allocated()
        self.rows.append(row)
        self._counts.zero_()


class _AtStepEnd(TrainerCallback):
    def __init__(self, trainer: TimedTrainer) -> None:
        self._trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **ignored: Any) -> None:
        """Called by ``Trainer`` after each optimizer step."""
        self._trainer.log_step()


def _arguments(config: TrainConfig, num_steps: int, folder: str) -> TrainingArguments:
    sizes = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps")
    return TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=config.batch.micro_batch_size,
        gradient_accumulation_steps=config.batch.global_batch_size
        // (config.num_workers * config.batch.micro_batch_size),
        max_steps=num_steps,
        learning_rate=config.optimizer.lr,
        lr_scheduler_type="cosine",
        warmup_steps=config.optimizer.warmup_steps,
        weight_decay=config.optimizer.weight_decay,
        max_grad_norm=config.optimizer.gradient_clipping,
        bf16=config.precision == "bf16",
        use_cpu=config.device == "cpu",
        gradient_checkpointing=config.memory.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": True},
        deepspeed=zero3.engine_config(config) | dict.fromkeys(sizes, "auto"),
        seed=config.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
