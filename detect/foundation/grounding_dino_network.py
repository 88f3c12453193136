"""The network of Grounding DINO (Liu et al. 2023): built by its authors' library, read from files, run for one prompt.

The library's own forward pass runs the text encoder for every image of every batch. Here a prompt is encoded once,
and all images of a batch share it: in a batch of several captions the shorter ones are padded, which changes boxes.
"""

import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detect.accelerator import Precision, autocast_type
from detect.foundation.prompts import Prompt, nouns_of_tokens
from ingest.errors import WeightsError

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read at import: the text encoder comes from a folder, never from afar
# Warnings that groundingdino-py 0.4.0 is known to raise, of no use to a user.
for _message in (
    "Importing from timm.models.layers is deprecated",
    "torch.meshgrid: in an upcoming release",
    "`torch.cuda.amp.autocast",
    "The `device` argument is deprecated",
):
    warnings.filterwarnings("ignore", message=_message)

from groundingdino.config import GroundingDINO_SwinB_cfg, GroundingDINO_SwinT_OGC  # noqa: E402
from groundingdino.models import build_model  # noqa: E402
from groundingdino.models.GroundingDINO import transformer  # noqa: E402
from groundingdino.models.GroundingDINO.bertwarper import (  # noqa: E402
    generate_masks_with_special_tokens_and_transfer_map,
)
from groundingdino.util import get_tokenlizer  # noqa: E402
from groundingdino.util.misc import NestedTensor, clean_state_dict, inverse_sigmoid  # noqa: E402

Architecture = Literal["swin-t", "swin-b"]

CONFIGS: dict[Architecture, ModuleType] = {"swin-t": GroundingDINO_SwinT_OGC, "swin-b": GroundingDINO_SwinB_cfg}

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's images, RGB in [0, 1]."""

TEXT_ENCODER_FILES = (("config.json",), ("vocab.txt", "tokenizer.json"), ("model.safetensors", "pytorch_model.bin"))
"""Files in the folder of the text encoder: one of each group."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPrompt:
    """A prompt as the network takes it: text features, attention masks and the noun of each of its T tokens."""

    prompt: Prompt
    token_nouns: NDArray[np.int64]
    features: dict[str, Tensor]


class GroundingDinoNetwork:
    """The network on a device: images of one size and a prompt in, boxes and their scores by token out."""

    def __init__(self, model: Any, device: torch.device, precision: Precision = "auto") -> None:
        self._model = model.to(device).eval()
        self._device = device
        self._autocast = autocast_type(device, precision)
        self._mean, self._deviation = torch.tensor([MEAN, DEVIATION], device=device)[:, None, :, None, None]

    @torch.inference_mode()
    def encode_prompt(self, prompt: Prompt) -> EncodedPrompt:
        """Encode a prompt; raises ConfigError for one over the limit of tokens."""
        model = self._model
        tokens = model.tokenizer([prompt.caption], return_tensors="pt")
        ids: list[int] = tokens["input_ids"][0].tolist()
        prompt.check_length(len(ids), model.max_text_len)
        # Tokens see only those of their own noun, and are counted from its start.
        sees, places, _ = generate_masks_with_special_tokens_and_transfer_map(
            tokens, model.specical_tokens, model.tokenizer
        )
        encoded = model.bert(
            input_ids=tokens["input_ids"].to(self._device),
            token_type_ids=tokens["token_type_ids"].to(self._device),
            attention_mask=sees.to(self._device),
            position_ids=places.to(self._device),
        )
        features = {
            "encoded_text": model.feat_map(encoded["last_hidden_state"]),
            "text_token_mask": torch.ones(1, len(ids), dtype=torch.bool, device=self._device),
            "position_ids": places.to(self._device),
            "text_self_attention_masks": sees.to(self._device),
        }
        special = frozenset(model.specical_tokens)
        stop = model.tokenizer.convert_tokens_to_ids(".")
        return EncodedPrompt(prompt, nouns_of_tokens(ids, stop=stop, special=special), features)

    @torch.inference_mode()
    def __call__(
        self, images_bgr: NDArray[np.uint8], text: EncodedPrompt
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute (B, Q, T) scores by token and (B, Q, 4) boxes: centre, width and height as shares of the image.

        `images_bgr` is (B, H, W, 3) BGR. Raises torch.OutOfMemoryError where the GPU cannot hold them.
        """
        images = torch.from_numpy(images_bgr).to(self._device).flip(3).permute(0, 3, 1, 2)
        # In the library's order, to the last bit: which places boxes start from can hang on that.
        images = (images.contiguous() / 255 - self._mean) / self._deviation
        logits, boxes = self._forward(images, text.features)
        if self._autocast is not None and bool(logits.isnan().any() | boxes.isnan().any()):
            log.warning("Grounding DINO leaves the range of %s with these weights; float32 from now on", self._autocast)
            self._autocast = None
            logits, boxes = self._forward(images, text.features)
        scores = logits[..., : len(text.token_nouns)].float().sigmoid()
        return scores.cpu().numpy(), boxes.float().cpu().numpy()

    def _forward(self, images: Tensor, text: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Compute the last layer's logits (B, Q, 256) and boxes (B, Q, 4)."""
        dtype = self._autocast
        with torch.autocast(self._device.type, dtype=dtype or torch.float32, enabled=dtype is not None):
            return self._layers(images, {key: each.expand(len(images), *each.shape[1:]) for key, each in text.items()})

    def _layers(self, images: Tensor, text: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        model = self._model
        # Step 1: feature maps of the backbone, projected to one width
        whole = torch.zeros(len(images), *images.shape[2:], dtype=torch.bool, device=images.device)
        maps, places = model.backbone(NestedTensor(images, whole))
        levels = [project(each.tensors) for project, each in zip(model.input_proj, maps, strict=False)]
        masks = [each.mask for each in maps]
        # Step 2: coarser levels than the backbone has
        for project in model.input_proj[len(maps) :]:
            level = project(maps[-1].tensors if len(levels) == len(maps) else levels[-1])
            levels.append(level)
            masks.append(torch.zeros(len(images), *level.shape[2:], dtype=torch.bool, device=images.device))
            places.append(model.backbone[1](NestedTensor(level, masks[-1])).to(level.dtype))
        # Step 3: encoder and decoder over all levels and the prompt's text features
        states, references, *_ = model.transformer(levels, masks, None, places, None, None, text)
        # Step 4: boxes and logits of the last decoder layer.
        # References are the boxes before each decoder layer, and after the last one.
        boxes = (model.bbox_embed[-1](states[-1]) + inverse_sigmoid(references[-2])).sigmoid()
        return model.class_embed[-1](states[-1], text), boxes  # the transformer has put the text it made into `text`


def load_network(
    checkpoint: Path, text_encoder: Path, architecture: Architecture, device: torch.device, precision: Precision
) -> GroundingDinoNetwork:
    """Build the network and read its weights; raises WeightsError with what is missing or does not fit."""
    state = _read_state(checkpoint, architecture)
    model = build(architecture, text_encoder)
    _check_fit(checkpoint, architecture, {name: each.shape for name, each in model.state_dict().items()}, state)
    model.load_state_dict(state, strict=False)  # the published files hold a little that only training needs
    return GroundingDinoNetwork(model, device, precision)


def build(architecture: Architecture, text_encoder: Path) -> Any:
    """Build the library's module, weights random, text encoder from a folder; raises WeightsError for a bad folder."""
    missing = [names for names in TEXT_ENCODER_FILES if not any((text_encoder / name).is_file() for name in names)]
    if missing:
        what = ", ".join(" or ".join(names) for names in missing)
        raise WeightsError(
            f"the text encoder {text_encoder} lacks {what} (run `corridor weights pull bert-base-uncased`)"
        )
    config = {key: value for key, value in vars(CONFIGS[architecture]).items() if not key.startswith("_")}
    config |= {
        "text_encoder_type": str(text_encoder),
        "use_checkpoint": False,  # they save memory in training, and are slow
        "use_transformer_ckpt": False,
    }
    for module in (get_tokenlizer, transformer):
        vars(module)["print"] = _log_print  # they speak to standard output, which is for our results
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        return build_model(SimpleNamespace(**config))
    except Exception as error:  # the libraries raise whatever their parts raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        hint = "run `corridor weights pull bert-base-uncased`"
        raise WeightsError(f"cannot read the text encoder {text_encoder}: {reason} ({hint})") from error


def _read_state(path: Path, architecture: Architecture) -> dict[str, Tensor]:
    hint = f"run `corridor weights pull grounding-dino-{architecture}`"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"cannot read the checkpoint {path}: {error.strerror} ({hint})") from error
    except Exception as error:  # torch raises whatever its parts raise
        raise WeightsError(f"{path} is no checkpoint, or is damaged ({type(error).__name__}; {hint})") from error
    state = content.get("model") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(each, Tensor) for each in state.values()):
        raise WeightsError(f"{path} is no checkpoint of Grounding DINO: it has no 'model' ({hint})")
    cleaned: dict[str, Tensor] = clean_state_dict(state)
    return cleaned


def _check_fit(path: Path, architecture: Architecture, wanted: dict[str, torch.Size], state: dict[str, Tensor]) -> None:
    missing = [name for name in wanted if name not in state]
    other = [name for name in wanted if name in state and state[name].shape != wanted[name]]
    if not missing and not other:
        return
    wrong = [f"{len(missing)} of {len(wanted)} tensors are missing ({missing[0]}, …)"] if missing else []
    if other:
        sizes = f"{tuple(state[other[0]].shape)} instead of {tuple(wanted[other[0]])}"
        wrong.append(f"{len(other)} have another size ({other[0]}: {sizes})")
    raise WeightsError(f"{path} does not fit Grounding DINO {architecture} and its text encoder: {'; '.join(wrong)}")


def _log_print(*words: object) -> None:
    log.debug("%s", " ".join(map(str, words)))
