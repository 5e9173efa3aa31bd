# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the include lines: a layer includes only itself and what lies below it (README, "Folders")."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
base = ["base", "study", "operation", "result", "text", "trace", "checkpoint", "statistics", "analysis"]
core = ["model", "routing", "training", "capture", "weights", "activations", "cause", "transform", "distill"]


def layer(path: str) -> str:
    parts = path.split("/")
    if parts[0] == "core":
        if len(parts) == 2:
            return "core" if parts[1].startswith("torch_") else "base"
        return "core" if parts[1] in core else "base"
    if parts[0] == "app":
        return {"cli": "cli", "worker": "worker", "window": "window"}.get(parts[1], "app")
    return parts[0]


below = {
    "kernels": {"kernels"},
    "base": {"kernels", "base"},
    "core": {"kernels", "base", "core"},
    "views": {"kernels", "base", "views"},
    "cli": {"kernels", "base", "cli"},
    "worker": {"kernels", "base", "core", "worker"},
    "window": {"kernels", "base", "views", "window"},
    "plugins": {"plugins"},
}
torch = re.compile(r"^(torch|ATen|c10|caffe2)/")
qt = re.compile(r"^(Q[A-Z]|Qt[A-Z0-9])")
faults, seen = [], 0
for path in sorted(root.rglob("*")):
    name = path.relative_to(root).as_posix()
    if path.suffix not in {".h", ".cpp", ".cu", ".cuh"} or name.split("/")[0] not in {"kernels", "core", "views", "app", "plugins"}:
        continue
    seen += 1
    here = layer(name)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not found:
            continue
        target = found.group(2)
        where = f"{name}:{number}: {target}"
        if target.split("/")[0] in {"kernels", "core", "views", "app"}:
            if layer(target) not in below.get(here, set()):
                faults.append(f"{where}: {here} may not include {layer(target)}")
        if torch.match(target) and here not in {"core", "worker"} and not name.startswith("kernels/cuda/"):
            faults.append(f"{where}: LibTorch outside the moescope_core folders")
        if qt.match(target) and here not in {"views", "window"}:
            faults.append(f"{where}: Qt below the views")
        if target == "qcustomplot.h" and name != "views/plot.h":
            faults.append(f"{where}: qcustomplot.h outside views/plot.h")
if seen < 20:
    faults.append(f"only {seen} source files found below {root}: this test looks in the wrong place")
print("\n".join(faults) or f"{seen} files, every include points downwards")
sys.exit(1 if faults else 0)
