"""Pretraining the base from nothing: ``make miniature``.

Plain PyTorch, data-parallel over the processes that torchrun starts. Lessons are drawn afresh for every step,
so nothing is seen twice but by chance; what evaluation asks is left out, see ``held_out``.
"""

import argparse
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from z1ray.config import load
from z1ray.files import replacing, write_json, write_text
from z1ray.miniature.encoding import batches
from z1ray.miniature.held_out import Terms, held_out_terms
from z1ray.miniature.lessons import draw
from z1ray.miniature.tokenizer import train_tokenizer
from z1ray.window import CODE_HINT

_TOKENIZER_LESSONS = 20_000
_TOLD_EVERY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What decides the weights.

    Attributes:
        seed: Of the initial weights and of the lessons.
        num_steps: Optimizer steps.
        batch_size: Sequences per process and step.
        lr: AdamW's learning rate after ``warmup_steps``; it falls along a cosine to a twentieth.
    """

    seed: int = 0
    num_steps: int = 4500
    batch_size: int = 32
    lr: float = 3e-3
    warmup_steps: int = 100


def build_model(vocab_size: int, seed: int) -> Any:
    """A Llama of 0.92 M parameters with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        intermediate_size=384,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        dtype="float32",
    )
    return LlamaForCausalLM(config)


def lr_factor(step: int, recipe: Recipe) -> float:
    """What the learning rate is multiplied by at a step."""
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    done = (step - recipe.warmup_steps) / max(1, recipe.num_steps - recipe.warmup_steps)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))


def pretrain(recipe: Recipe, held_out: frozenset[Terms], output: Path) -> None:
    """Train in this process beside the others of its group; the first writes the model's folder."""
    rank, size = dist.get_rank(), dist.get_world_size()
    tokenizer = train_tokenizer(_texts(recipe.seed, held_out))
    model = build_model(len(tokenizer), recipe.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_factor(step, recipe))
    lessons = batches(tokenizer, recipe.batch_size, f"{recipe.seed}/{rank}", held_out)
    started, num_tokens = time.monotonic(), 0
    for step in range(1, recipe.num_steps + 1):
        ids, labels = map(torch.tensor, next(lessons))
        # Padding on the right needs no mask: no token looks at what comes after it.
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        _average_gradients(model, size)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        num_tokens += ids.numel() * size
        if rank == 0 and step % _TOLD_EVERY == 0:
            seconds = time.monotonic() - started
            print(f"step {step}  loss {loss.item():.4f}  {num_tokens:,} tokens  {seconds:.0f} s", flush=True)
    if rank == 0:
        _save(model, tokenizer, recipe, num_tokens, output)


def _average_gradients(model: Any, size: int) -> None:
    """All processes' mean gradient, as one message."""
    gradients = [parameter.grad for parameter in model.parameters()]
    flat = torch.cat([gradient.view(-1) for gradient in gradients]) / size
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, torch.split(flat, [one.numel() for one in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def _save(model: Any, tokenizer: Any, recipe: Recipe, num_tokens: int, output: Path) -> None:
    with replacing(output) as partial:
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
        write_json(partial / "generation_config.json", ends)
        facts = {**asdict(recipe), "sequences": recipe.batch_size * dist.get_world_size(), "tokens": num_tokens}
        write_json(partial / "recipe.json", facts)
        card = files("z1ray.miniature").joinpath("card.md").read_text()
        write_text(partial / "README.md", card.format(**facts))


def _texts(seed: int, held_out: frozenset[Terms]) -> Iterator[str]:
    """What the tokenizer's merges are learnt from."""
    rng = random.Random(seed)
    for _ in range(_TOKENIZER_LESSONS):
        lesson = draw(rng, held_out)
        yield f"system\n{lesson.system_prompt}"
        yield f"user\n{lesson.question}"
        yield f"assistant\n{lesson.steps}{lesson.answer}"
        yield CODE_HINT


def main() -> None:
    """Pretrain with the recipe above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="conf/miniature.yaml", help="its evaluate.benchmarks are held out")
    parser.add_argument("--output", type=Path, required=True, help="folder of the model")
    parser.add_argument("--steps", type=int, default=Recipe().num_steps, help="optimizer steps")
    parser.add_argument("--seed", type=int, default=Recipe().seed, help="of the weights and the lessons")
    args = parser.parse_args()
    held_out = held_out_terms(load(args.config).evaluate.benchmarks)
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    pretrain(Recipe(num_steps=args.steps, seed=args.seed), held_out, args.output)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
