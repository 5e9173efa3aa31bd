#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A supervisor for tests of the window: speaks the protocol of contract section 6, version 1, with a script of its own.
Arguments: a JSON file {"rows":[...],"operations":[...],"outputs":{OPERATION:{...}},"die_on":[TYPE...],"say":{TYPE:[MESSAGE...]}}.
Each message it gets is appended, one JSON a line, to the file beside it with ".got" added."""
import json
import os
import sys

script = json.load(open(sys.argv[1]))
got = open(sys.argv[1] + ".got", "a")


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    message = json.loads(line)
    got.write(line)
    got.flush()
    kind, seq = message["type"], message["seq"]
    if kind in script.get("die_on", []) and not os.path.exists(sys.argv[1] + ".died"):
        open(sys.argv[1] + ".died", "w").close()
        sys.stderr.write("fake: dying as told\n")
        sys.stderr.flush()
        os._exit(9)
    if kind == "hello":
        say({"type": "hello", "seq": seq, "version": 1, "devices": [{"name": "cpu", "threads": 2, "memory": 8e9}], "jobs": script.get("jobs", []),
             "unknown": "is ignored"})
    elif kind == "operations":
        say({"type": "operations", "seq": seq, "operations": script.get("operations", []), "more": False})
    elif kind == "rows":
        say({"type": "rows", "seq": seq, "rows": script.get("rows", []), "more": False, "revision": 1})
    elif kind == "submit":
        job, operation = message["job"], message["request"]["operation"]
        say({"type": "accepted", "seq": seq, "job": job})
        if operation in script.get("outputs", {}):
            say({"type": "done", "job": job, "outputs": script["outputs"][operation]})
        elif operation in script.get("errors", {}):
            say({"type": "failed", "job": job, "error": script["errors"][operation]})
    elif kind == "edit":
        say({"type": "edited", "seq": seq, "what": "name", "change": message["change"]})
    elif kind == "cancel":
        say({"type": "failed", "seq": seq, "job": message["job"], "error": {"kind": "cancelled", "message": "cancelled"}})
    for extra in script.get("say", {}).get(kind, []):
        if isinstance(extra, str):
            sys.stdout.write(extra + "\n")
            sys.stdout.flush()
        else:
            say(extra)
