# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes tests/reference/tokenizers/: tiny tokenizers of every kind that loadTokenizer reads, trained on mixed text, and ids.json with
what `tokenizers` 0.23 gives for them. With folders of real tokenizers as arguments, prints the digests that tokenizer_test.cpp holds.
Needs the package `tokenizers`; tests read only what is committed.  Run: python tests/reference/tokenizers_oracle.py [FOLDER...]"""
import hashlib
import json
import pathlib
import struct
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mixed_text import mixed_bytes  # noqa: E402

HERE = pathlib.Path(__file__).parent / "tokenizers"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(regex=False, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def special(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


def trained(pre, normalizer=None, byte=True, vocab=600, specials=(), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    alphabet = pre_tokenizers.ByteLevel.alphabet() if byte else []
    trainer = trainers.BpeTrainer(vocab_size=vocab, special_tokens=list(specials), initial_alphabet=alphabet, show_progress=False,
                                  limit_alphabet=1000 if byte else 200)
    text = mixed_bytes(1, 300000).decode("utf-8", "replace")
    tokenizer.train_from_iterator([text[at:at + 2000] for at in range(0, len(text), 2000)], trainer)
    return tokenizer


def spelled_in_bytes(pre, normalizer):
    """A Llama-like vocabulary: <0xNN> for every byte, then pieces; characters that are missing are spelled."""
    base = trained(pre, normalizer, byte=False, vocab=700, specials=special("<unk>", "<s>", "</s>"), unk_token="<unk>")
    state = json.loads(base.to_str())
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2}
    vocab.update({f"<0x{byte:02X}>": 3 + byte for byte in range(256)})
    for piece in state["model"]["vocab"]:
        vocab.setdefault(piece, len(vocab))
    state["model"].update({"vocab": vocab, "byte_fallback": True, "fuse_unk": True})
    for token in state["added_tokens"]:
        token["id"] = vocab[token["content"]]
    return Tokenizer.from_str(json.dumps(state))


def kinds():
    yield "gpt2", trained(byte_level(regex=True), specials=special("<|endoftext|>"))
    yield "gpt2_prefix", trained(byte_level(regex=True, prefix=True))
    llama3 = trained(pre_tokenizers.Sequence([split(LLAMA3), byte_level()]), specials=special("<|endoftext|>", "<s>"), ignore_merges=True)
    llama3.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False),
                                                 processors.TemplateProcessing(single="<s> $A <|endoftext|>", special_tokens=[("<s>", 1), ("<|endoftext|>", 0)])])
    yield "llama3", llama3
    yield "qwen", trained(pre_tokenizers.Sequence([split(QWEN), byte_level()]), normalizers.NFC(), specials=special("<|endoftext|>", "<|im_start|>"))
    yield "o200k", trained(pre_tokenizers.Sequence([split(O200K), byte_level()]))
    yield "deepseek", trained(pre_tokenizers.Sequence([split(p) for p in DEEPSEEK] + [byte_level()]), normalizers.Sequence([]))
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Punctuation(), byte_level(regex=True)])
    yield "digits", trained(digits, normalizers.NFKC())
    runs = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), split(r"\n", "merged_with_previous"), split(r" +", "merged_with_next"),
                                    split(r"[a-z]+", "contiguous"), byte_level()])
    yield "behaviours", trained(runs, normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()]))
    yield "words", trained(pre_tokenizers.Whitespace(), normalizers.Strip(), byte=False, specials=special("<unk>"), unk_token="<unk>", fuse_unk=True)
    yield "words_unfused", trained(pre_tokenizers.WhitespaceSplit(), byte=False, specials=special("<unk>"), unk_token="<unk>",
                                   continuing_subword_prefix="##", end_of_word_suffix="</w>")
    spm = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    mixtral = spelled_in_bytes(None, spm)
    mixtral.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    yield "mixtral", mixtral
    yield "metaspace", spelled_in_bytes(pre_tokenizers.Metaspace(prepend_scheme="first"), None)
    yield "metaspace_whole", spelled_in_bytes(pre_tokenizers.Metaspace(prepend_scheme="always", split=False), normalizers.Replace(Regex(r"\n{2,}"), "\n"))
    added = trained(byte_level(regex=True), normalizers.NFC())
    added.add_tokens([AddedToken("def", single_word=True), AddedToken("!!!", lstrip=True, rstrip=True), AddedToken("  ", normalized=False),
                      AddedToken("   ", normalized=False), AddedToken("\u212b", normalized=True), AddedToken("<s>", special=True, rstrip=True)])
    yield "added", added


def texts():
    data = mixed_bytes(7, 30000)
    yield ""
    yield " "
    yield "Hello, world!  It's 2026."
    for at in range(0, len(data), 1500):
        yield data[at:at + 1500].decode("utf-8", "replace")


def digest(ids):
    return hashlib.sha256(b"".join(struct.pack("<i", i) for i in ids)).hexdigest()


def main():
    assert tokenizers.__version__.startswith("0.23"), tokenizers.__version__
    if len(sys.argv) > 1:
        for folder in sys.argv[1:]:
            tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
            ids = tokenizer.encode(mixed_bytes(11, 1200000).decode("utf-8", "replace"), add_special_tokens=False).ids
            print(folder, len(ids), digest(ids))
        return
    expected = {}
    for name, tokenizer in kinds():
        (HERE / name).mkdir(parents=True, exist_ok=True)
        state = json.loads(tokenizer.to_str())
        (HERE / name / "tokenizer.json").write_text(json.dumps(state, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        expected[name] = {"ids": [tokenizer.encode(text).ids for text in list(texts())[:4]],
                          "digests": [digest(tokenizer.encode(text).ids) for text in texts()],
                          "long": digest(tokenizer.encode(mixed_bytes(11, 1200000).decode("utf-8", "replace"), add_special_tokens=False).ids)}
        print(name, tokenizer.get_vocab_size())
    (HERE / "ids.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


main()
