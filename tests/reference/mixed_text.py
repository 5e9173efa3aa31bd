# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixed text from a counter, the same here and in tests/text/mixed_text.h: many scripts, code, emoji, white space, ill-formed bytes."""
MASK = (1 << 64) - 1


class Counter:
    def __init__(self, seed):
        self.state = seed

    def draw(self, below):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % below


# First and last code point of runs that are assigned since long.
SCRIPTS = [(0x61, 0x7A), (0x61, 0x7A), (0x41, 0x5A), (0xC0, 0xD6), (0xE0, 0xF6), (0x3B1, 0x3C1), (0x410, 0x44F), (0x5D0, 0x5EA),
           (0x627, 0x63A), (0x905, 0x939), (0xE01, 0xE2E), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FA0), (0xAC00, 0xD7A3),
           (0x1F600, 0x1F64F), (0x1D400, 0x1D433), (0x10D0, 0x10F0), (0x561, 0x586), (0x1100, 0x1112)]
FIXED = ["'s", "'S", "'re", "don't", "I'LL", "'ve", "\r\n", "\n\n\n", "\t", "\t\t  ", " ", "  ", "   ", "\u00a0", "\u3000", "\u2028", "\u0085",
         "e\u0301", "a\u0308\u0323", "\u1e9b\u0323", "\ufb01", "\u212b", "\uac00\u11a8", "\u0939\u093f", "\u0e01\u0e33",
         "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466", "\U0001F1E9\U0001F1EA", "\u2764\ufe0f", "\U0001F44B\U0001F3FD",
         "for (int i = 0; i < n; ++i) {", "  return x->y[i] != 0x1F;", "#include <vector>", "def f(self, *args):", "SELECT * FROM t;",
         "<|endoftext|>", "<s>", "</s>", "<|im_start|>", "https://a.b/c?d=e&f=%20", "\u2581", "\u2581\u2581x", "{\"a\": [1, 2.5e-3]}",
         "...", "!!!", "\u2026", "\u201cquoted\u201d", "\u2014", "$100", "\u20ac5", "_x_", "-->", "//", "/* */", "\\n", "\x00", "\x7f", "\u200b", "\ufeff"]
BROKEN = [b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xfe\xfe", b"\xe2\x28\xa1"]


def mixed_bytes(seed, size):
    counter, text = Counter(seed), bytearray()
    while len(text) < size:
        kind = counter.draw(20)
        if kind < 11:
            low, high = SCRIPTS[counter.draw(len(SCRIPTS))]
            word = "".join(chr(low + counter.draw(high - low + 1)) for _ in range(1 + counter.draw(9)))
            text += word.encode()
        elif kind < 13:
            text += "".join(chr(0x30 + counter.draw(10)) for _ in range(1 + counter.draw(7))).encode()
        elif kind < 17:
            text += FIXED[counter.draw(len(FIXED))].encode()
        elif kind < 18:
            text += b" " * counter.draw(30)
        elif kind < 19:
            text += bytes([0x21 + counter.draw(94)])
        elif counter.draw(4) == 0:
            text += BROKEN[counter.draw(len(BROKEN))]
        if counter.draw(3) != 0:
            text += b" "
        elif counter.draw(8) == 0:
            text += b"\n"
    return bytes(text)
