"""tokenizers/: ids and types of adversarial strings, pairs and truncations, from `tokenizers`."""

from pathlib import Path

from tokenizers import Tokenizer

from store import FIXTURES, write_json
from tokenizers_tiny import save_tokenizer

TEXTS = [
    "",
    " ",
    "   \t\n  ",
    "The movie was great.",
    "the movie was great .",
    "  leading and trailing  ",
    "double  blanks   inside",
    "tab\tand\nnewline\r\nand return\rend",
    "It isn't what they're saying, it's what we've done!",
    "IT ISN'T CAPITAL'S FAULT; we'LL see, I'D say",
    "naïve café résumé coöperate",
    "cafe\u0301 re\u0301sume\u0301 decomposed",
    "Ångström ÉCOLE ÜBER ß ẞ ﬁ ǅ",
    "İstanbul ISPARTA ıspanak",
    "Zug fährt über die Brücke",
    "быстрая лиса, Ёлка, йод",
    "γρήγορη αλεπού ΣΊΣΥΦΟΣ",
    "快速的狐狸跳过懒狗。",
    "mixed 快速 text模型 and words",
    "𠀀𪜶 beyond the basic plane 𠮷野家",
    "すばやい狐は怠け者の犬",
    "が decomposed か\u3099 and halfwidth ｶﾞ",
    "빠른 갈색 여우가",
    "\u1100\u1161\u11a8 decomposed jamo",
    "الثعلب البنّي",
    "שָׁלוֹם עולם",
    "हिन्दी में लिखा",
    "ไทยไม่มีช่องว่าง",
    "emoji 😀 and 👩‍👩‍👧‍👦 family",
    "flag 🇩🇪 and skin 👍🏽 tone",
    "❤️ heart with selector",
    "control \x00 nul \x01 one \x1b escape \x7f delete",
    "replacement \ufffd char",
    "zero\u200bwidth\u200djoiner\ufeffbom",
    "\ufeffbom at the start",
    "no\u00a0break\u202fnarrow\u3000ideographic\u2003em",
    "line\u2028separator\u2029paragraph\u0085next\x0bvertical\x0cfeed",
    "soft\u00adhyphen",
    "right\u202eto left\u202c override",
    "private \ue000 use",
    "z" * 99,
    "z" * 100,
    "z" * 101,
    "minima" * 30,
    "word" + "!" * 12,
    "a.b,c;d:e?f!g'h\"i(j)k[l]m{n}o",
    "under_score-and-dash–en—em…ellipsis",
    "“curly” ‘quotes’ «guillemets» „low“",
    "$100 €200 ¥300 £400 50% #tag @user a&b a+b=c <x> |pipe| ~tilde ^hat `tick`",
    "1234567890 3.14159 1,000,000 1e-5 0x1F",
    "½ ² ³ ① Ⅳ ٣ ५",
    "http://example.org/path?q=1&r=2#frag",
    "user@example.org",
    "C:\\path\\to\\file",
    "x<mask>y",
    "a <mask> b",
    "a  <mask>  b",
    "<mask>",
    "The movie was <mask>.",
    "[MASK] [CLS] [SEP] [PAD] [UNK]",
    "a[MASK]b [mask] [ MASK ]",
    "<s> literal </s> <pad> <unk>",
    "## leading hashes ##ing",
    "Ġ literal byte symbol Ċ â",
    "neutralentailmentcontradiction",
    "antidisestablishmentarianism",
]
PAIRS = [
    ("The movie was great.", "The acting was terrible."),
    ("", ""),
    ("", "second only"),
    ("first only", ""),
    ("快速的狐狸", "der Zug über die Brücke"),
    ("a <mask> b", "[MASK] c"),
    ("We train the adapter, we measure the sharpness, we lower the sharpness.", "neutral"),
    ("neutral", "A sharp minimum is a narrow valley, and a flat minimum is a wide valley."),
    ("one two three four five six", "one two three four five six"),
    ("one two three four five six seven", "one two three four five six"),
    ("emoji 😀 👍🏽", " leading blank"),
]
MAX_LENGTHS = [5, 8, 9, 12, 16, 17, 24]


def write_tokenizer_cases() -> dict[str, int]:
    """Returns the number of cases per family."""
    document, counts = {}, {}
    for family in ("bert", "roberta"):
        directory = FIXTURES / "tokenizers" / family
        tokenizer = save_tokenizer(family, directory)
        tokenizer.model.save(str(directory))
        document[family] = _family_cases(directory)
        counts[family] = sum(len(rows) for rows in document[family].values())
    write_json(FIXTURES / "tokenizers" / "cases.json", document)
    return counts


def _family_cases(directory: Path) -> dict[str, list[dict]]:
    # Read back from disk: what is tested is the file.
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    long_texts = [text for text in TEXTS if len(tokenizer.encode(text).ids) > min(MAX_LENGTHS)]
    return {
        "single": [_row(tokenizer, text, None) for text in TEXTS],
        "pair": [_row(tokenizer, *pair) for pair in PAIRS],
        **_truncated(tokenizer, [*PAIRS, *((text, None) for text in long_texts[:6])]),
    }


def _truncated(tokenizer: Tokenizer, texts: list[tuple]) -> dict[str, list[dict]]:
    """Splits off the rows where the reference stops encoding early.

    A recent release stops reading a text once it has max_length tokens, so that which text was the
    longer one can get lost; the odd token then goes to the other text.
    """
    rows = {"truncated": [], "truncated_early_stop": []}
    for text, pair in texts:
        for max_length in MAX_LENGTHS:
            row = _row(tokenizer, text, pair, max_length)
            stable = pair is None or row["ids"] == _by_full_lengths(tokenizer, row)
            rows["truncated" if stable else "truncated_early_stop"].append(row)
    return rows


def _by_full_lengths(tokenizer: Tokenizer, row: dict) -> list[int]:
    """`longest_first` decided on the lengths of the whole texts.

    When both texts are cut and an odd number is left, the longer one keeps one token more; of two
    equally long ones, the second.
    """
    tokenizer.no_truncation()
    first, second = (tokenizer.encode(row[k], add_special_tokens=False) for k in ("text", "pair"))
    room = row["max_length"] - tokenizer.num_special_tokens_to_add(True)
    a, b = len(first.ids), len(second.ids)
    if a + b > room:
        short = min(a, b, room // 2)
        a, b = (room - short, short) if a > b else (short, room - short)
    first.truncate(a)
    second.truncate(b)
    return tokenizer.post_process(first, second).ids


def _row(tokenizer: Tokenizer, text: str, pair: str | None, max_length: int | None = None) -> dict:
    tokenizer.no_truncation()
    if max_length is not None:
        tokenizer.enable_truncation(max_length, strategy="longest_first", direction="right")
    encoding = tokenizer.encode(text, pair)
    row = {"text": text, "pair": pair, "ids": encoding.ids, "type_ids": encoding.type_ids}
    return row if max_length is None else {**row, "max_length": max_length}
