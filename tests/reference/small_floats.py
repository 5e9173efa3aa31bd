# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes small_floats.json: the bits of the fp32 value of all 256 codes of each one-byte real type, as torch converts them.
Run with an environment that has torch 2.11:

    python small_floats.py > small_floats.json
"""
import json

import torch

TYPES = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "F8_E8M0": torch.float8_e8m0fnu,
         "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz}


def bits(values):
    """NaNs are one: which of their bits are set is nobody's business."""
    return [0x7FC00000 if value != value else code & 0xFFFFFFFF
            for value, code in zip(values.tolist(), values.view(torch.int32).tolist())]


def main():
    codes = torch.arange(256, dtype=torch.uint8)
    print(json.dumps({name: bits(codes.view(dtype).to(torch.float32)) for name, dtype in TYPES.items()}))


if __name__ == "__main__":
    main()
