# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and hostile checkpoints, one case a file: model.import ends at once in an error that names file and (where there is one)
offset, or accepts what is legal, sometimes with a warning; it stays small and writes nothing."""
import ctypes
import json
import os
import re
import resource
import socket
import struct
import subprocess
import time

from command import BIN, Folder, cli, run_all

SECONDS = 10  # the readers need milliseconds; a busy machine and sanitizers need patience
MEGABYTES = 64 + 60  # beyond three times an accepted header: 60 for the processes themselves
UP, DOWN = "model.layers.0.mlp.experts.0.up_proj.weight", "model.layers.0.mlp.experts.0.down_proj.weight"


def tensor(first, last, dtype="F32", shape=None):
    return {"dtype": dtype, "shape": [(last - first) // 4] if shape is None else shape, "data_offsets": [first, last]}


def file_of(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(shape, offsets, data=16, dtype="F32"):
    """A header with one tensor whose members are JSON as given."""
    return file_of('{"%s":{"dtype":"%s","shape":%s,"data_offsets":%s}}' % (UP, dtype, shape, offsets), b"\1" * data)


SOUND = file_of({"__metadata__": {"format": "pt"}, UP: tensor(0, 16)}, b"\1" * 16)
A, B = (file_of({name: tensor(0, 16)}, b"\1" * 16) for name in (UP, DOWN))

# Case: bytes of model.safetensors, and words of the error (None: it is accepted).
SAFETENSORS = {
    "S01 empty": (b"", "too few"),
    "S02 seven bytes": (b"\0" * 7, "too few"),
    "S03 header of no bytes": (file_of(b""), "not a JSON object"),
    "S04 length 2^63": (file_of("{}", length=1 << 63), "header is said to have"),
    "S04 length 2^64-1": (file_of("{}", length=(1 << 64) - 1), "header is said to have"),
    "S05 header longer than the file": (file_of("{}", length=3), "cut off"),
    "S07 Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n", "git lfs pull"),
    "S08 a list": (file_of("[]"), "not a JSON object"),
    "S08 blanks before the object": (file_of(b" " + SOUND[8:-16], b"\1" * 16), "not a JSON object"),
    "S09 invalid UTF-8": (file_of(SOUND[8:-16].replace(b"pt", b"\xff\xfe"), b"\1" * 16), "UTF-8"),
    "S09 lone surrogate": (file_of(SOUND[8:-16].replace(b"pt", b"\\ud800"), b"\1" * 16), "surrogate"),
    "S10 JSON cut": (file_of(SOUND[8:-30], b"\1" * 16), "ends in the middle"),
    "S11 a million brackets": (file_of(b'{"a":{"x":' + b"[" * 1_000_000), "too deep"),
    "S11 a million objects": (file_of(b'{"a":' * 1_000_000), "must have dtype|too deep|ends in the middle"),
    "S12 a name twice": (file_of('{"%s":%s,"%s":%s}' % (UP, json.dumps(tensor(0, 16)), UP, json.dumps(tensor(0, 16))), b"\1" * 16), "twice"),
    "S13 metadata twice": (file_of('{"__metadata__":{},"__metadata__":{},"%s":%s}' % (UP, json.dumps(tensor(0, 16))), b"\1" * 16), "twice"),
    "S14 metadata that is no string": (file_of({"__metadata__": {"format": 1}, UP: tensor(0, 16)}, b"\1" * 16), "a string is due"),
    "S15 unknown type": (one("[4]", "[0,16]", dtype="F33"), "unknown type"),
    "S15 F8_E8M0": (one("[16]", "[0,16]", dtype="F8_E8M0"), None),
    "S15 F4": (one("[4,8]", "[0,16]", dtype="F4"), None),
    "S15 F4 that ends in a byte's middle": (one("[3]", "[0,2]", 2, "F4"), "bytes of data"),
    "S15 F6_E2M3": (one("[4]", "[0,3]", 3, "F6_E2M3"), None),
    "S16 negative extent": (one("[-4]", "[0,16]"), "whole number"),
    "S16 extent with a point": (one("[4.0]", "[0,16]"), "whole number"),
    "S16 extent 1e400": (one("[1e400]", "[0,16]"), "whole number"),
    "S16 extent as text": (one('["4"]', "[0,16]"), "whole number"),
    "S16 minus zero": (one("[-0]", "[0,0]", 0), "whole number"),
    "S17 product 2^64": (one("[4294967296,4294967296]", "[0,0]", 0), "bytes of data"),
    "S17 product wraps to the truth": (one("[4611686018427387908]", "[0,16]"), "bytes of data"),
    "S17 2^63 times 2": (one("[9223372036854775808,2]", "[0,16]"), "63 bits"),
    "S18 end before begin": (one("[4]", "[16,0]"), "cut off"),
    "S19 overlap": (file_of({UP: tensor(0, 16), DOWN: tensor(8, 24)}, b"\1" * 24), "overlap"),
    "S20 hole": (file_of({UP: tensor(0, 16), DOWN: tensor(20, 36)}, b"\1" * 36), "hole"),
    "S21 first offset is not 0": (file_of({UP: tensor(4, 20)}, b"\1" * 20), "hole"),
    "S22 bytes are not shape times type": (one("[5]", "[0,16]"), "bytes of data"),
    "S23 end past the file": (one("[8]", "[0,32]"), "cut off"),
    "S24 trailing bytes": (SOUND + b"PK\5\6", "4 more"),
    "S25 odd alignment": (file_of({UP: tensor(0, 3, "U8", [3]), DOWN: tensor(3, 19)}, b"\1" * 19), None),
    "S26 extent of 0": (file_of({UP: tensor(0, 16), DOWN: tensor(16, 16, shape=[0, 9])}, b"\1" * 16), None),
    "S26 scalar": (one("[]", "[0,4]", 4), None),
    "S28 odd names": (file_of({"\u0001\u202e<b>x</b>": tensor(0, 16), "../" + UP: tensor(16, 32), "n" * 1_000_000: tensor(32, 48), UP: tensor(48, 64)}, b"\1" * 64), None),
    "S33 NaN and infinities": (file_of({UP: tensor(0, 16)}, struct.pack("<4f", float("nan"), float("inf"), -0.0, 1e-42)), None),
    "another format: PyTorch": (b"PK\3\4" + b"\0" * 100, "save_pretrained"),
    "another format: a pickle": (b"\x80\2}q\0." + b"\0" * 100, "pickle"),
    "another format: GGUF": (b"GGUF\3\0\0\0" + b"\0" * 100, "GGUF"),
    "another format: a web page": (b"<!DOCTYPE html><html>404</html>", "web page"),
}


def index(weight_map, **more):
    return json.dumps({"metadata": more, "weight_map": weight_map}).encode()


TWO = {"a.safetensors": A, "b.safetensors": B}
# Case: files besides config.json, words of the error or (after "warning: ") of a warning.
INDEXES = {
    "I01 absolute path": ({**TWO, "index": index({UP: "/etc/passwd"})}, "not the name of a file"),
    "I02 path upwards": ({**TWO, "index": index({UP: "../a.safetensors"})}, "not the name of a file"),
    "I02 folder below": ({**TWO, "index": index({UP: "x/a.safetensors"})}, "not the name of a file"),
    "I02 the folder itself": ({**TWO, "index": index({UP: ".."})}, "not the name of a file"),
    "I05 missing shard": ({"a.safetensors": A, "index": index({UP: "a.safetensors", DOWN: "b.safetensors"})}, "fetch the missing file"),
    "I06 a tensor that its shard lacks": ({**TWO, "index": index({UP: "a.safetensors", DOWN: "a.safetensors"})}, "where the index says"),
    "I07 a tensor in two shards": ({"a.safetensors": A, "b.safetensors": A}, "no index says which"),
    "I07 the index says which": ({"a.safetensors": A, "b.safetensors": A, "c.safetensors": B, "index": index({UP: "b.safetensors", DOWN: "c.safetensors"})}, None),
    "I07 listed twice": ({**TWO, "index": ('{"weight_map":{"%s":"a.safetensors","%s":"b.safetensors"}}' % (UP, UP)).encode()}, "listed twice"),
    "I08 200,000 shards": ({"index": index({f"t{number}": f"{number}.safetensors" for number in range(200_000)})}, "more than 100000 files"),
    "I08 50,000 shards that are not there": ({"index": index({f"t{number}": f"{number}.safetensors" for number in range(50_000)})}, "fetch the missing file"),
    "I09 total_size lies": ({**TWO, "index": index({UP: "a.safetensors", DOWN: "b.safetensors"}, total_size=7)}, "warning: 7 bytes in all; they have 32"),
    "I09 total_size is no number": ({**TWO, "index": index({UP: "a.safetensors", DOWN: "b.safetensors"}, total_size="7")}, None),
    "I10 names that differ by case": ({"a.safetensors": A, "A.safetensors": B, "index": index({UP: "a.safetensors", DOWN: "A.safetensors"})}, None),
    "I11 percent-encoded separator": ({**TWO, "index": index({UP: "..%2fa.safetensors"})}, "fetch the missing file"),
    "I11 another system's separator": ({**TWO, "index": index({UP: "..\\a.safetensors"})}, "not the name of a file"),
    "I11 NUL in a name": ({**TWO, "index": index({UP: "a.safetensors\0"})}, "not the name of a file"),
    "I12 weight_map is a list": ({**TWO, "index": b'{"weight_map":[]}'}, "object is due"),
    "I12 no weight_map": ({**TWO, "index": b"{}"}, "no weight_map"),
    "I12 not JSON": ({**TWO, "index": b"\xff\xfe"}, "UTF-8"),
    "I13 a shard is another format": ({"a.safetensors": b"PK\3\4" + b"\0" * 60, "index": index({UP: "a.safetensors"})}, "save_pretrained"),
    "a shard that was cut": ({"a.safetensors": A, "b.safetensors": B[:-1], "index": index({UP: "a.safetensors", DOWN: "b.safetensors"})}, "b.safetensors.*cut off"),
    "no index": (TWO, "warning: There is no model.safetensors.index.json"),
    "a tensor that the index omits": ({"a.safetensors": A, "b.safetensors": file_of({DOWN: tensor(0, 16), "x": tensor(16, 32)}, b"\1" * 32), "index": index({UP: "a.safetensors", DOWN: "b.safetensors"})}, "warning: 1 tensors are in the files but not"),
    "no safetensors but GGUF": ({"model.gguf": b"GGUF"}, "GGUF"),
    "no safetensors but a pickle": ({"pytorch_model.bin": b"PK\3\4"}, "save_pretrained"),
}

QWEN = {"model_type": "qwen3_moe", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "head_dim": 8, "vocab_size": 10, "num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 4, "intermediate_size": 4}


def qwen(**changes):
    return json.dumps({**QWEN, **changes}).encode()


QUANTISED = {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
CONFIGS = {
    **{f"K01 {key} is {value}": (qwen(**{key: value}), "config.json|hidden|layers|experts|top_k|width|heads")
       for key in ("num_experts", "num_hidden_layers", "num_experts_per_tok", "hidden_size") for value in (-1, 10**18, "8", None, 1.5)},
    "K01 no layers": (qwen(num_hidden_layers=0), "1 and 4096 layers"),
    "K01 no width": (qwen(hidden_size=0), "hidden"),
    "K01 NaN": (qwen().replace(b'"hidden_size": 16', b'"hidden_size": NaN'), "config.json"),
    "K02 more choices than experts": (qwen(num_experts_per_tok=3), "top_k is 3"),
    "K03 unknown architecture, no experts": (b'{"model_type":"bert"}', "bert"),
    "K04 numbers of experts that contradict": (qwen(num_local_experts=3), "another name of the same number"),
    "K04 more experts than tensors": (qwen(num_experts=60000), "tensor"),
    "K04 a thousand million experts": (qwen(num_experts=60000, num_hidden_layers=4096), "tensor"),
    "K05 heads that do not divide": (qwen(num_attention_heads=3, num_key_value_heads=2), "evenly"),
    "K09 byte order mark is passed over": (b"\xef\xbb\xbf" + qwen(), "lacks the tensor"),
    "K09 UTF-16": (qwen().decode().encode("utf-16"), "config.json"),
    "K09 NUL": (qwen() + b"\0", "config.json"),
    "K09 cut": (qwen()[:-20], "config.json"),
    "a list": (b"[]", "config.json"),
    "a million brackets": (b"[" * 1_000_000, "config.json"),
    "no model_type": (b"{}", "model_type"),
    "MXFP4": (qwen(quantization_config={"quant_method": "mxfp4"}), "bf16"),
    "GPTQ": (qwen(quantization_config={"quant_method": "gptq", "bits": 4}), "GPTQ"),
    "AWQ": (qwen(quantization_config={"quant_method": "awq"}), "AWQ"),
    "compressed-tensors": (qwen(quantization_config={"quant_method": "compressed-tensors"}), "compressed-tensors"),
    "bitsandbytes": (qwen(quantization_config={"load_in_4bit": True}), "dequantize"),
    "a method of tomorrow": (qwen(quantization_config={"quant_method": "fp2"}), "not known here"),
    "FP8 without blocks": (qwen(quantization_config={"quant_method": "fp8"}), "without blocks"),
    "FP8 with odd blocks": (qwen(quantization_config={"quant_method": "fp8", "weight_block_size": [0, 128]}), "two sizes"),
    "MLX": (qwen(quantization={"group_size": 64, "bits": 4}), "MLX"),
}
UNKNOWN = b'{"model_type":"tomorrow_moe","num_experts_per_tok":1}'


class Place:
    """A study, and a folder for a checkpoint in it."""

    def __init__(self, folder):
        self.study, self.model = folder / "S", folder / "model"
        cli("study", "init", self.study)

    def write(self, files, config=UNKNOWN):
        subprocess.run(["rm", "-rf", str(self.model)], check=True)
        self.model.mkdir()
        (self.model / "config.json").write_bytes(config)
        for name, content in files.items():
            (self.model / {"index": "model.safetensors.index.json"}.get(name, name)).write_bytes(content)

    def bring_in(self):
        """Imports; gives exit code, document, log, seconds and the largest resident size, in MB, of what ran."""
        before = sorted(os.listdir(self.model)) if self.model.is_dir() else None
        start = time.monotonic()
        process = subprocess.Popen([str(BIN / "moescope-cli"), "run", "model.import", "--study", str(self.study), "--set", f"path={self.model}", "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, log = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        largest = usage.ru_maxrss
        try:
            while True:  # its worker, where it ended later
                largest = max(largest, os.wait4(-1, 0)[2].ru_maxrss)
        except ChildProcessError:
            pass
        assert before == (sorted(os.listdir(self.model)) if self.model.is_dir() else None), "the checkpoint's folder was written to"
        return process.returncode, json.loads(out), log, time.monotonic() - start, largest / 1024


def check(place, name, words, header=0):
    rows = len(cli("list", "--study", place.study, "--json"))
    code, document, log, seconds, megabytes = place.bring_in()
    assert seconds < SECONDS, (name, seconds)
    if "asan" not in str(BIN):
        assert megabytes < MEGABYTES + 3 * header / 1e6, (name, megabytes)
    if words is None or words.startswith("warning: "):
        assert code == 0, (name, code, document)
        assert words is None or words[9:] in log, (name, log)
        return
    assert code == 3 and document["error"]["kind"] == "input", (name, code, document)
    assert re.search(words, document["error"]["message"], re.DOTALL), (name, document)
    assert str(place.model) in document["error"]["file"], (name, document)
    assert len(document["error"]["message"]) < 4000, (name, len(document["error"]["message"]))
    assert len(cli("list", "--study", place.study, "--json")) == rows, name
    return document["error"]


def test_safetensors():
    with Folder() as folder:
        place = Place(folder)
        for name, (content, words) in SAFETENSORS.items():
            place.write({"model.safetensors": content})
            error = check(place, name, words, len(content))
            assert error is None or error.get("offset") is not None, (name, error)


def test_indexes():
    with Folder() as folder:
        place = Place(folder)
        for name, (files, words) in INDEXES.items():
            place.write(files)
            check(place, name, words, len(files.get("index", b"")))


def test_configs():
    with Folder() as folder:
        place = Place(folder)
        for name, (config, words) in CONFIGS.items():
            sound = SOUND.replace(b"experts", b"xperts.") if "no experts" in name else SOUND
            place.write({"model.safetensors": sound}, config)
            check(place, name, words, len(config))


def test_links_lead_nowhere_outside():
    with Folder() as folder:
        place = Place(folder)
        secret = folder / "secret.safetensors"
        secret.write_bytes(SOUND)
        place.write({})
        (place.model / "model.safetensors").symlink_to(secret)
        check(place, "I03 a link out", "leads out of its folder")
        (place.model / "model.safetensors").unlink()
        (place.model / "model.safetensors").symlink_to("model.safetensors")
        check(place, "I03 a link to itself", "not there")
        place.write({"real.safetensors": SOUND, "index": index({UP: "real.safetensors"})})
        (place.model / "config.json").unlink()
        (place.model / "config.json").symlink_to("/etc/hostname")
        check(place, "I03 config.json leads out", "leads out of its folder")
        place.write({"data": SOUND})
        (place.model / "model.safetensors").symlink_to("data")
        check(place, "a link within the folder", None)
        place.write({})
        os.link(secret, place.model / "model.safetensors")
        check(place, "I04 a hard link is a file as any other", None)


def test_a_hugging_face_cache():
    with Folder() as folder:
        place = Place(folder)
        repository = folder / "models--who--what"
        for part in ("blobs", "snapshots/1234", "refs"):
            (repository / part).mkdir(parents=True)
        (repository / "blobs/aa").write_bytes(SOUND)
        (repository / "blobs/bb").write_bytes(UNKNOWN)
        place.model = repository / "snapshots/1234"
        (place.model / "model.safetensors").symlink_to("../../blobs/aa")
        (place.model / "config.json").symlink_to("../../blobs/bb")
        check(place, "snapshots lead to blobs", None)
        (repository / "refs/cc").write_bytes(SOUND)
        (place.model / "model.safetensors").unlink()
        (place.model / "model.safetensors").symlink_to("../../refs/cc")
        check(place, "but nowhere else", "leads out of its folder")


def test_what_is_no_file():
    with Folder() as folder:
        place = Place(folder)
        place.write({})
        target = place.model / "model.safetensors"
        os.mkfifo(target)
        check(place, "S31 a pipe", "not a regular file")
        target.unlink()
        target.mkdir()
        check(place, "S31 a folder", "not a regular file")
        target.rmdir()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(target))
            check(place, "S31 a socket", "not a regular file")
        place.write({"model.safetensors": SOUND})
        if os.getuid() != 0:
            target.chmod(0)
            check(place, "S32 permission denied", "Permission denied")


def test_large():
    with Folder() as folder:
        place = Place(folder)
        place.write({})
        target = place.model / "model.safetensors"
        for name, length, size, words in (("S06 just above the longest header", 100_000_001, 200_000_000, "header is said to have"),
                                          ("S30 a hole of a terabyte", 100_000_000, 1 << 40, "not a JSON object"),
                                          ("S30 an object of nothing", 100_000_000, 1 << 40, "due here|middle")):
            with open(target, "wb") as file:
                file.write(struct.pack("<Q", length) + (b"{" if "object" in name else b"\0"))
                file.truncate(size)
            check(place, name, words, 100_000_000)
        # Written piece by piece: what this process holds when it starts another counts as that one's size.
        with open(target, "wb") as file:
            file.write(b"\0" * 8)
            for number in range(1_000_000):
                file.write(b'%c"model.layers.%d.mlp.experts.%d.up":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}'
                           % (b"," if number else b"{", number // 1000, number % 1000, number, number + 1))
            file.write(b"}")
            length = file.tell() - 8
            assert 90_000_000 < length < 100_000_000, length
            file.truncate(8 + length + 1_000_000)
            file.seek(0)
            file.write(struct.pack("<Q", length))
        check(place, "S27 a million tensors", None, length)


def test_other_things_than_a_folder():
    with Folder() as folder:
        place = Place(folder)
        for name, content, words in (("x.gguf", b"GGUF\3\0\0\0", "GGUF"), ("x.bin", b"PK\3\4aaaa", "save_pretrained"), ("x", b"?", "give the folder")):
            place.model = folder / name
            place.model.write_bytes(content)
            check(place, name, words)
        place.model = folder / "gone"
        check(place, "gone", "No such file|not there")


def test_a_small_address_space_is_enough():
    """Nothing is mapped, and nothing is allocated on the word of a header."""
    with Folder() as folder:
        place = Place(folder)
        place.write({"model.safetensors": file_of({UP: tensor(0, 1 << 36, "F32", [1 << 34])})})
        os.truncate(place.model / "model.safetensors", os.path.getsize(place.model / "model.safetensors") + (1 << 36))
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        done = subprocess.run([str(BIN / "moescope-cli"), "run", "model.import", "--study", str(place.study), "--set", f"path={place.model}"],
                              capture_output=True, text=True, preexec_fn=None if "asan" in str(BIN) else limit)
        assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: workers that outlive their command are waited for here
    run_all(globals())
