"""The sizes of a model, from its ``config.json`` alone: it is built on torch's meta device, which holds no data."""

from dataclasses import dataclass

PERSISTENT = 100_000
"""Parameters of fewer elements (norms, biases) are never partitioned away by ZeRO-3 once gathered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Sizes of a decoder-only transformer, in elements.

    Attributes:
        num_params: All parameters, tied ones once.
        num_head: The LM head's matrix [vocabulary, hidden].
        num_embedding: The token embedding's matrix.
        tied: The two are one parameter.
        num_persistent: Parameters that ZeRO-3 keeps gathered.
        num_layers: Decoder layers.
        hidden: Width of the residual stream.
        attention_width: Query heads times their width.
        vocabulary: Rows of the head.
    """

    num_params: int
    num_head: int
    num_embedding: int
    tied: bool
    num_persistent: int
    num_layers: int
    hidden: int
    attention_width: int
    vocabulary: int

    @property
    def num_body(self) -> int:
        """Parameters that every token is multiplied with: all but embedding and head."""
        return self.num_params - self.num_embedding - (0 if self.tied else self.num_head)


def read_shape(model: str) -> ModelShape:
    """Sizes of the model in a folder or on the hub; its weights are not read."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(model)
    text = config.get_text_config()
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    sizes = [parameter.numel() for parameter in built.parameters()]
    head, embedding = built.get_output_embeddings().weight, built.get_input_embeddings().weight
    head_width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return ModelShape(
        num_params=sum(sizes),
        num_head=head.numel(),
        num_embedding=embedding.numel(),
        tied=head is embedding,
        num_persistent=sum(size for size in sizes if size < PERSISTENT),
        num_layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        attention_width=text.num_attention_heads * head_width,
        vocabulary=head.shape[0],
    )
