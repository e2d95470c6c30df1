"""Tiny random checkpoints of every kind of model that loads, each written as its own library writes it."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

SIDE = 32
TOWER = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
PICTURE = {"image_size": SIDE, "patch_size": 8}
DIM = 19
WORDS = ["a", "man", "runs", "the", "jumps", "to", "##s", ".", ","]
CENTRAL = {"size": {"shortest_edge": 40}, "crop_size": {"height": SIDE, "width": SIDE}, "do_center_crop": True}
COLOURS = {"image_mean": [0.48, 0.45, 0.4], "image_std": [0.26, 0.27, 0.28]}


def write_bert_words(folder: Path) -> dict[str, int]:
    """A WordPiece tokenizer; returns what a text tower must know of it."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(words))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return {"vocab_size": len(words), "pad_token_id": 0}


def write_roberta_words(folder: Path) -> dict[str, int]:
    """A Unigram tokenizer with the special tokens of XLM-R."""
    words = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{word}" for word in WORDS), *"abcdefghijklmnopqrstuvwxyz", "<mask>"]
    tokenizer = Tokenizer(models.Unigram([(word, -float(at)) for at, word in enumerate(words)], unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    settings = {"tokenizer_class": "XLMRobertaTokenizer", **names, "cls_token": "<s>", "sep_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "mask_token": "<mask>"}))
    return {"vocab_size": len(words), "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}


def write_clip_words(folder: Path) -> dict[str, int]:
    """A byte-pair tokenizer as CLIP's."""
    letters = [*"abcdefghijklmnopqrstuvwxyz.,!"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "ru", "run", "runs</w>"]
    vocabulary = {word: at for at, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\nr u\nru n\nrun s</w>\n")
    end = len(vocabulary) - 1
    return {"vocab_size": len(vocabulary), "bos_token_id": end - 1, "eos_token_id": end, "pad_token_id": end}


def write_gemma_words(folder: Path) -> dict[str, int | None]:
    """Gemma's tokenizer in lower case, as SigLIP 2's; its words are letters here."""
    from transformers import Siglip2Tokenizer

    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz.,"]
    words = {word: at for at, word in enumerate(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *letters, "ru"])}
    Siglip2Tokenizer(
        vocab=words, merges=[("r", "u")], padding_side="right", model_input_names=["input_ids"]
    ).save_pretrained(folder)
    return {"vocab_size": len(words), "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}


def save_random(config, folder: Path, seed: int = 7) -> None:
    """Save a model of this kind whose weights are random, its scale too."""
    from transformers import AutoModel

    torch.manual_seed(seed)
    model = AutoModel.from_config(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in ("logit_scale", "temperature", "logit_bias"):
                weight.copy_(torch.tensor({"logit_scale": 3.7, "temperature": 0.021, "logit_bias": -9.3}[name]))
            elif weight.ndim > 1:
                torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    model.save_pretrained(folder)


def _clip_like(prefix: str, words: Callable, processor: str, text: dict | None = None, vision: dict | None = None):
    def write(folder: Path) -> None:
        import transformers

        known = {**TOWER, "max_position_embeddings": 77, **words(folder), **(text or {})}
        seen = {**TOWER, **PICTURE, **(vision or {})}
        config = getattr(transformers, f"{prefix}Config")
        save_random(config(text_config=known, vision_config=seen, projection_dim=DIM), folder)
        getattr(transformers, processor)(**CENTRAL, **COLOURS).save_pretrained(folder)

    return write


def write_naflex(folder: Path) -> None:
    from transformers import Siglip2Config, Siglip2ImageProcessorPil

    text = {**TOWER, "max_position_embeddings": 16, "projection_size": 24, **write_gemma_words(folder)}
    vision = {**TOWER, "patch_size": 8, "num_patches": 16}
    save_random(Siglip2Config(text_config=text, vision_config=vision), folder)
    Siglip2ImageProcessorPil(patch_size=8, max_num_patches=23).save_pretrained(folder)


def write_align(folder: Path) -> None:
    from transformers import AlignConfig, EfficientNetImageProcessorPil

    text = {**TOWER, "max_position_embeddings": 77, **write_bert_words(folder)}
    vision = {
        "image_size": 60,
        "width_coefficient": 0.25,
        "depth_coefficient": 0.2,
        "kernel_sizes": [3, 5],
        "in_channels": [32, 16],
        "out_channels": [16, 24],
        "strides": [1, 2],
        "num_block_repeats": [1, 1],
        "expand_ratios": [1, 6],
        "hidden_dim": 64,
    }
    save_random(AlignConfig(text_config=text, vision_config=vision, projection_dim=8), folder)
    EfficientNetImageProcessorPil(
        size={"height": 40, "width": 40},
        crop_size={"height": SIDE, "width": SIDE},
        do_center_crop=True,
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        do_normalize=False,
        include_top=False,
        resample=2,
    ).save_pretrained(folder)


FRAMES = 4
CLIP_NUMBERS = {**TOWER, "num_frames": FRAMES, "mit_hidden_size": DIM - 1, "mit_intermediate_size": 20}


def write_xclip(folder: Path) -> None:
    from transformers import CLIPImageProcessorPil, XCLIPConfig

    text = {**TOWER, "max_position_embeddings": 77, **write_clip_words(folder)}
    vision = {**CLIP_NUMBERS, **PICTURE, "mit_num_hidden_layers": 1, "mit_num_attention_heads": 2}
    config = XCLIPConfig(
        text_config=text, vision_config=vision, projection_dim=DIM - 1, prompt_num_attention_heads=2, prompt_layers=1
    )
    save_random(config, folder)
    CLIPImageProcessorPil(**CENTRAL, **COLOURS, resample=2).save_pretrained(folder)


def write_videoprism(folder: Path) -> None:
    from transformers import VideoPrismConfig, VideoPrismTokenizer

    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    words += [(one, -3.0) for one in "abcdefghijklmnopqrstuvwxyz.,"]
    VideoPrismTokenizer(vocab=words, extra_ids=0).save_pretrained(folder)
    tower = {key: value for key, value in TOWER.items() if key != "num_hidden_layers"}
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 16}
    layers = {"num_spatial_layers": 2, "num_temporal_layers": 1, "num_auxiliary_layers": 1}
    vision = {**tower, **layers, "image_size": SIDE, "num_frames": FRAMES, "tubelet_size": [1, 8, 8]}
    save_random(VideoPrismConfig(text_config=text, vision_config=vision), folder)
    reading = {"size": {"height": SIDE, "width": SIDE}, "resample": 3, "do_normalize": True, **COLOURS}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(reading))


def _dino(prefix: str, settings: dict):
    def write(folder: Path) -> None:
        import transformers

        save_random(getattr(transformers, f"{prefix}Config")(**settings), folder)
        how = {"size": {"height": SIDE, "width": SIDE}, "crop_size": None, "resample": 2, "do_center_crop": False}
        how = how if prefix.startswith("DINOv3") else CENTRAL
        (folder / "preprocessor_config.json").write_text(json.dumps({**how, **COLOURS}))

    return write


def write_vjepa2(folder: Path) -> None:
    from transformers import VJEPA2Config

    predictor = {"pred_hidden_size": 24, "pred_num_hidden_layers": 1, "pred_num_attention_heads": 2}
    tower = {**TOWER, "crop_size": SIDE, "patch_size": 8, "frames_per_clip": 8, **predictor}
    save_random(VJEPA2Config(**tower), folder)
    reading = {"crop_size": {"height": SIDE, "width": SIDE}, "size": {"shortest_edge": 36}, **COLOURS}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(reading))


def write_videomae(folder: Path) -> None:
    from transformers import VideoMAEConfig, VideoMAEImageProcessorPil

    save_random(VideoMAEConfig(**TOWER, **PICTURE, num_frames=FRAMES, use_mean_pooling=False), folder)
    VideoMAEImageProcessorPil(**CENTRAL, **COLOURS).save_pretrained(folder)


WRITERS: dict[str, Callable[[Path], None]] = {
    "metaclip_2": _clip_like("MetaClip2", write_roberta_words, "CLIPImageProcessorPil"),
    "aimv2": _clip_like("Aimv2", write_clip_words, "CLIPImageProcessorPil"),
    "altclip": _clip_like("AltCLIP", write_roberta_words, "CLIPImageProcessorPil", {"project_dim": 21}),
    "chinese_clip": _clip_like("ChineseCLIP", write_bert_words, "ChineseCLIPImageProcessorPil"),
    "xclip": write_xclip,
    "videoprism": write_videoprism,
    "dinov2": _dino("Dinov2", {**TOWER, **PICTURE, "image_size": 56}),
    "dinov2_with_registers": _dino("Dinov2WithRegisters", {**TOWER, **PICTURE, "image_size": 56}),
    "dinov3_vit": _dino("DINOv3ViT", {**TOWER, **PICTURE, "num_register_tokens": 2}),
    "dinov3_convnext": _dino("DINOv3ConvNext", {"hidden_sizes": [4, 6, 8, 10], "depths": [1, 1, 1, 1]}),
    "vjepa2": write_vjepa2,
    "videomae": write_videomae,
    "siglip2": write_naflex,
    "align": write_align,
}
