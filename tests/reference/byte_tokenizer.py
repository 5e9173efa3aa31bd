# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that Hugging Face `tokenizers` and `transformers` give the byte tokenizer's ids. Needs both packages; not run by ctest.

    python3 byte_tokenizer.py FOLDER      a model folder that Moescope wrote (tokenizer.json, tokenizer_config.json)

The values in tests/text/tokenizer_test.cpp are those that it prints.
"""
import random
import sys

from tokenizers import Tokenizer
from transformers import AutoTokenizer

folder = sys.argv[1]
direct = Tokenizer.from_file(f"{folder}/tokenizer.json")
loaded = AutoTokenizer.from_pretrained(folder)
draw = random.Random(1)
texts = ["", " ", "Hello, world!\r\n\t  x", "Größe naïve € 😀 Привет 日本語\n\n", "\x00\x01\x7f\x80\xad\xa0", " leading and trailing ", "<s></s>[PAD]"]
texts += ["".join(chr(draw.choice([draw.randrange(32, 127), draw.randrange(0, 0xD800), draw.randrange(0xE000, 0x110000)])) for _ in range(200)) for _ in range(200)]
for text in texts:
    expected = list(text.encode())
    assert direct.encode(text).ids == expected, (text, direct.encode(text).ids)
    assert loaded(text)["input_ids"] == expected, (text, loaded(text)["input_ids"])
    assert direct.decode(expected, skip_special_tokens=False) == text, text
    assert loaded.decode(expected, clean_up_tokenization_spaces=False) == text, text
print(f"{len(texts)} texts: equal ids and texts;", {c: direct.token_to_id(c) for c in "AĠĊĀŃÿł"})
