# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's texts: manual pages without their markup, domains in an order that depends on names alone."""
import importlib.machinery
import importlib.util
import pathlib
import tempfile

script = pathlib.Path(__file__).parents[2] / "packaging/demo_corpus"
loader = importlib.machinery.SourceFileLoader("demo_corpus", str(script))
demo = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo_corpus", loader))
loader.exec_module(demo)

page = r'''.\" a comment
.de Xx
definition
..
.TH LS 1 "März 2020"
.SH "BEZEICHNUNG"
ls \- listet \fBVerzeichnis\fP \[u00FC]ber \(aqx\(aq
.TP
\fB\-\-all\fR, \fI\,WERT\/\fR
.BR cp (1)
'''
expected = "BEZEICHNUNG\nls - listet Verzeichnis über 'x'\n\n--all, WERT\ncp (1)\n"
assert demo.without_markup(page) == expected, demo.without_markup(page)

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    sources = []
    for number in range(150):
        source = folder / f"source{number}"
        source.write_text(f"document {number}: größe\n" * 300)
        sources.append(source)
    sources.append(folder / "nowhere")
    first = demo.write_domain(folder / "first", sources, demo.read)
    second = demo.write_domain(folder / "second", list(reversed(sources)), demo.read)
    texts = [{path.name: path.read_bytes() for path in (folder / side).iterdir()} for side in ("first", "second")]
    assert first == second and texts[0] == texts[1]
    assert demo.DOMAIN_BYTES <= first < demo.DOMAIN_BYTES + 2 * demo.DOCUMENT_BYTES, first
    assert all(text.endswith(b"\n") for text in texts[0].values())
    assert demo.write_domain(folder / "small", sources[:2], demo.read) == 0 and not (folder / "small").exists()
print("demo texts as they should be")
