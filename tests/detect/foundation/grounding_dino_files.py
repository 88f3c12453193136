"""The real architecture of Grounding DINO with random weights, written as the files that the published ones come as."""

from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from detect.foundation.grounding_dino_network import Architecture, build

WORDS = ("car", "truck", "bus", "fire", "police", "motor", "##cycle", "van", "ambulance", "old", "red")


def write_text_encoder(folder: Path, *, full_size: bool = False) -> Path:
    """A BERT with a vocabulary of vehicles: small, or as large as bert-base-uncased (but for the vocabulary)."""
    folder.mkdir(parents=True)
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "-")
    (folder / "vocab.txt").write_text("\n".join((*special, *WORDS)) + "\n")
    tokenizer: Any = BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True)  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(folder)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    # A wide start makes words unlike each other.
    size = {} if full_size else {**small, "initializer_range": 0.5}
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(special) + len(WORDS), **size)  # type: ignore[no-untyped-call]
    BertModel(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


def write_checkpoint(path: Path, text_encoder: Path, architecture: Architecture = "swin-t", *, seed: int = 0) -> Path:
    """Random weights, sure of some boxes, in the layout of the published files: under 'model', 'module.' before each.

    A fresh network puts every box where it started and scores all tokens alike: the last layers are made to matter.
    """
    torch.manual_seed(seed)
    model: Any = build(architecture, text_encoder)
    with torch.no_grad():
        model.bbox_embed[-1].layers[-1].weight.normal_(std=0.05)
        model.transformer.encoder.text_layers[-1].norm2.weight.normal_(std=0.2)
    state = {f"module.{name}": each for name, each in model.state_dict().items()}
    torch.save({"model": state | {"module.label_enc.weight": torch.zeros(2)}}, path)
    return path
