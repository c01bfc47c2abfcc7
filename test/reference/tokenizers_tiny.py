"""Two small tokenizers, made here: BERT WordPiece and RoBERTa byte-level BPE."""

import json
from collections import Counter
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

CORPUS = [
    "The flat minima of a loss surface generalize better than the sharp minima.",
    "A sharp minimum is a narrow valley, and a flat minimum is a wide valley.",
    "We train the adapter, we measure the sharpness, we lower the sharpness.",
    "The movie was great; the acting was terrible, but the ending was good.",
    "It isn't what they're saying, it's what we've done: 1234 times, 56.78 percent!",
    "Der Zug fährt über die Brücke, während die Vögel schöne Lieder singen.",
    "L'été dernier, le garçon a mangé une crêpe à côté de la forêt.",
    "El niño comió una piña mañana por la mañana.",
    "Быстрая лиса прыгает через ленивую собаку. Быстрая лиса.",
    "Η γρήγορη αλεπού πηδάει πάνω από το σκυλί.",
    "快速的狐狸跳过懒狗。模型训练。",
    "すばやい狐は怠け者の犬を飛び越える。モデル。",
    "빠른 갈색 여우가 게으른 개를 뛰어넘는다.",
    "الثعلب البني السريع يقفز فوق الكلب الكسول.",
    "entailment neutral contradiction positive negative neutral question answer",
]
MAX_LENGTH = 40
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def bert_tokenizer() -> Tokenizer:
    normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True
    )
    pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    vocab = _wordpiece_vocab(normalizer, pre_tokenizer)
    tokenizer = Tokenizer(
        models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens(BERT_SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    return tokenizer


def _wordpiece_vocab(normalizer, pre_tokenizer, extra: int = 90) -> dict[str, int]:
    """Every character of the corpus, then the pieces that save most characters.

    Not the library's trainer: its ids follow a hash map's order and change from run to run.
    """
    words = Counter(
        word
        for line in CORPUS
        for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(line))
    )
    characters, pieces = set(), Counter()
    for word, count in words.items():
        characters |= {word[0], *(f"##{character}" for character in word[1:])}
        for cut in range(2, len(word) + 1):
            pieces[word[:cut]] += count * cut
        for cut in range(1, len(word) - 1):
            pieces[f"##{word[cut:]}"] += count * (len(word) - cut)
    ranked = sorted(pieces, key=lambda piece: (-pieces[piece], piece))
    listed = [*BERT_SPECIAL, *sorted(characters), *ranked[:extra]]
    return {piece: index for index, piece in enumerate(listed)}


def roberta_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        min_frequency=2,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # As in the published files: last id, and the blank before the mask is absorbed.
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


BERT_CONFIG = {
    "tokenizer_class": "BertTokenizer",
    "model_max_length": MAX_LENGTH,
    "do_lower_case": True,
    "tokenize_chinese_chars": True,
    "strip_accents": None,
    "clean_up_tokenization_spaces": True,
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "mask_token": "[MASK]",
}
ROBERTA_CONFIG = {
    "tokenizer_class": "RobertaTokenizer",
    "model_max_length": MAX_LENGTH,
    "add_prefix_space": False,
    "clean_up_tokenization_spaces": False,
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": {
        "__type": "AddedToken",
        "content": "<mask>",
        "lstrip": True,
        "normalized": False,
        "rstrip": False,
        "single_word": False,
        "special": True,
    },
}


def save_tokenizer(family: str, directory: Path) -> Tokenizer:
    """Writes tokenizer.json and tokenizer_config.json, as they lie in a model repository."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = bert_tokenizer() if family == "bert" else roberta_tokenizer()
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    config = BERT_CONFIG if family == "bert" else ROBERTA_CONFIG
    text = json.dumps(config, indent=2) + "\n"
    (directory / "tokenizer_config.json").write_text(text, encoding="utf-8")
    return tokenizer
