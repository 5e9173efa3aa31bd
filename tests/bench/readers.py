# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the readers of checkpoints beside their peers: same run, one thread, interleaved, medians of the rounds after one to
warm up. Run it with a Python that has safetensors and tokenizers:

    python readers.py BUILD [ROUNDS] [--stream BYTES] [--tokenizer FOLDER]

BUILD holds bench/headers_bench, stream_bench and tokenizer_bench (`ninja bench`). Headers: 200 files with 93,600 tensors of
DeepSeek-V3's names, types and shapes, opened against safetensors.safe_open and keys(). Streaming: all tensors of a file of
random bytes against a bare loop of 8 MiB preads, the page cache dropped before each. Tokenizer: 1.2 MB of mixed text.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "reference"))
import deepseek_v3_shapes as deepseek  # noqa: E402


class Driven:
    """A bench program that does one round a line."""

    def __init__(self, *words):
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]


def shown(name, values):
    print(f"{name:34} median {statistics.median(values):8.2f} ms   ({min(values):.2f} to {max(values):.2f})")
    return statistics.median(values)


def headers(build, rounds, folder):
    from safetensors import safe_open
    rows = list(islice((row for part in (deepseek.tensors(), deepseek.layer(62), deepseek.layer(63)) for row in part), 93600))
    for shard in range(200):
        deepseek.write_shard(folder / f"model-{shard + 1:05}-of-00200.safetensors", rows[shard * 468:(shard + 1) * 468])
    files = sorted(folder.glob("*.safetensors"))

    def peer():
        start = time.perf_counter()
        count = 0
        for file in files:
            with safe_open(str(file), framework="pt") as opened:
                count += len(opened.keys())
        return count, 1000 * (time.perf_counter() - start)

    ours = Driven(build / "bench/headers_bench", folder)
    mine, theirs = [], []
    for _ in range(rounds + 1):
        tensors, milliseconds = ours.round()
        count, other = peer()
        assert tensors == count == 93600, (tensors, count)
        mine.append(milliseconds)
        theirs.append(other)
    ratio = shown("safetensors (Python), headers", theirs[1:]) / shown("Moescope, headers", mine[1:])
    print(f"headers: {ratio:.2f} times as fast\n")


def stream(build, rounds, folder, size):
    path, each = folder / "stream.safetensors", 3 * (1 << 22) + 4096
    rows = [(f"tensor.{number:04}", "BF16", [each // 2]) for number in range(size // each)]
    deepseek.write_shard(path, rows)
    with open(path, "r+b") as file:
        end = os.path.getsize(path)
        file.seek(end - len(rows) * each)
        for _ in rows:
            file.write(os.urandom(each))
        os.fsync(file.fileno())
    driven = Driven(build / "bench/stream_bench", path)
    mine, raw, cached = [], [], []
    for _ in range(rounds + 1):
        _, milliseconds, _ = driven.round("raw")
        raw.append(milliseconds)
        _, milliseconds, left = driven.round("tensors")
        mine.append(milliseconds)
        cached.append(left)
    ratio = shown("8 MiB preads", raw[1:]) / shown("all tensors", mine[1:])
    print(f"streaming {size / 1e6:.0f} MB: {ratio:.2f} of the bare loop; {max(cached[1:]) / 1e6:.1f} MB stay in the page cache\n")


def tokenizer(build, rounds, folder, text):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer
    peer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    content = Path(text).read_bytes().decode("utf-8", errors="replace")
    mine, theirs = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        count = len(peer.encode(content, add_special_tokens=False).ids)
        theirs.append(1000 * (time.perf_counter() - start))
        out = subprocess.run([str(build / "bench/tokenizer_bench"), str(folder), str(text)], capture_output=True, text=True, check=True).stdout
        assert int(out.split()[1]) == count, (out, count)
        mine.append(1000 * Path(text).stat().st_size / 1e6 / float(out.split("\n")[1].split()[0]))
    ratio = shown("tokenizers (Python)", theirs) / shown("Moescope, tokens", mine)
    print(f"tokens, {folder}: {ratio:.2f} times as fast\n")


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("build", type=Path)
    words.add_argument("rounds", type=int, nargs="?", default=9)
    words.add_argument("--stream", type=int, default=1_000_000_000, help="bytes of the streamed file; 0 = none")
    words.add_argument("--tokenizer", action="append", default=[], help="folder with a tokenizer.json")
    words.add_argument("--text", help="file to tokenise")
    words.add_argument("--folder", help="where to put the files (a real disk for streaming)")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as made:
        headers(asked.build, asked.rounds, Path(made))
        if asked.stream:
            stream(asked.build, asked.rounds, Path(made), asked.stream)
    for folder in asked.tokenizer:
        tokenizer(asked.build, asked.rounds, folder, asked.text)


if __name__ == "__main__":
    main()
