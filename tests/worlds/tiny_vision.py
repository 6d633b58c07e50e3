"""A vision-language model of random weights (Idefics3), small enough to be made in a test."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    PreTrainedTokenizerFast,
)

SPECIAL = [
    "<pad>", "<s>", "</s>", "<image>", "<fake_token_around_image>", "<global-img>",
    "<|im_start|>", "<end_of_utterance>",
]  # fmt: skip
SIDE = 28

# As SmolVLM has it: words are taken as parts, and as nothing else.
PARTS = "{% for p in m.content %}{{ '<image>' if p.type == 'image' else p.text }}{% endfor %}"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n" + PARTS + "<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(folder: Path) -> Path:
    """Write the model into ``folder``: bytes and the words Yes and No are its tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    seeing = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 1, "image_size": SIDE, "patch_size": SIDE // 2,
    }  # fmt: skip
    speaking = {
        "model_type": "llama", "vocab_size": len(tokenizer), "hidden_size": 64,
        "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 1024,
        "bos_token_id": 1, "eos_token_id": 7, "pad_token_id": 0,
    }  # fmt: skip
    config = Idefics3Config(
        vision_config=seeing, text_config=speaking, image_token_id=SPECIAL.index("<image>"),
        scale_factor=2, pad_token_id=0,
    )  # fmt: skip
    Idefics3ForConditionalGeneration(config).to(torch.float32).save_pretrained(folder)
    _write(folder / "processor_config.json", processor_class="Idefics3Processor", image_seq_len=1)
    _write(
        folder / "preprocessor_config.json", image_processor_type="Idefics3ImageProcessor",
        processor_class="Idefics3Processor", do_resize=True, size={"longest_edge": SIDE},
        do_image_splitting=False, max_image_size={"longest_edge": SIDE}, do_rescale=True,
        do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3, do_pad=True, resample=1,
    )  # fmt: skip
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *alphabet])}
    merges = []
    for word in ("Yes", "No"):
        for end in range(1, len(word)):
            merges.append((word[:end], word[end]))
            vocabulary.setdefault(word[: end + 1], len(vocabulary))
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="<end_of_utterance>", pad_token="<pad>",
        additional_special_tokens=SPECIAL[3:7],
    )  # fmt: skip
    tokenizer.chat_template = CHAT
    return tokenizer


def _write(path: Path, **values: object) -> None:
    path.write_text(json.dumps(values))
