# SPDX-License-Identifier: GPL-3.0-or-later
"""A model that is trained on corpus.synthetic comes within 2 % of the best that anybody can do: the exact Bayes mixture
predictor, which knows the Markov sources but not the document's domain, at the same positions of documents that training
never saw. The sources are drawn here a second time, from their definition."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy

if os.environ["MOESCOPE_TORCH"] != "1":
    print("no LibTorch in this build: nothing to train with")
    sys.exit(0)
cli = pathlib.Path(os.environ["MOESCOPE_BIN"]) / "moescope-cli"
DOMAINS, ALPHABET, LENGTH, SEED = 4, 16, 64, 0
MASK = (1 << 64) - 1


def run(*words):
    done = subprocess.run([cli, *map(str, words)], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Random:
    """SplitMix64"""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return mixed ^ (mixed >> 31)

    def uniform(self):
        return ((self.next() >> 11) + 0.5) * 2.0**-53


def transitions(domain):
    """[context, token]: rows of cubed exponential variates, normalised."""
    random = Random(Random(Random(SEED).next() + 2 * domain).next())
    rows = numpy.array([[-numpy.log(random.uniform()) for _ in range(ALPHABET)] for _ in range(ALPHABET)]) ** 3
    return rows / rows.sum(1, keepdims=True)


def stationary(rows):
    values, vectors = numpy.linalg.eig(rows.T)
    vector = numpy.real(vectors[:, numpy.argmax(numpy.real(values))])
    return vector / vector.sum()


def bayes(ids, following, sources, starts):
    """Loss in nats of every next token, by the mixture over domains given the window so far."""
    losses = []
    for at in range(len(ids)):
        if at % LENGTH == 0:  # a window begins: every domain is as likely, and its first token is from the stationary distribution
            weight = starts[:, ids[at]] / len(starts)
        weight = weight / weight.sum()
        likelihood = sources[:, ids[at], following[at]]
        losses.append(-numpy.log(weight @ likelihood))
        weight = weight * likelihood
    return losses


with tempfile.TemporaryDirectory() as name:
    study = pathlib.Path(name) / "S"
    run("study", "init", study)
    run("run", "corpus.synthetic", "--study", study, *[f"--set={pair}" for pair in (f"domains={DOMAINS}", "tokens=1500000", "validation=0.03", "order=1", f"seed={SEED}")], "--name", "known")
    settings = ("layers=2", "hidden=64", "heads=4", "experts=4", "top_k=2", "expert_width=64", "steps=800", "batch=32", f"length={LENGTH}", "learning_rate=5e-3", "seed=1")
    run("run", "train.lm", "--study", study, "--in", "corpus=known", *[f"--set={pair}" for pair in settings], "--name", "learnt")
    run("run", "capture.routing", "--study", study, "--in", "model=learnt", "--in", "corpus=known", "--set=split=validation", f"--set=length={LENGTH}", "--name", "t")
    with h5py.File(next((study / "traces").iterdir()) / "0000.h5") as file:
        ids, following, document, domain, loss = (file[f"tokens/{part}"][()] for part in ("id", "next", "document", "domain", "loss"))
    sources = numpy.stack([transitions(d) for d in range(DOMAINS)])
    starts = numpy.stack([stationary(rows) for rows in sources])
    # The sources are the right ones: what follows what in the corpus, by domain, is what they say.
    for d in range(DOMAINS):
        here = (domain == d) & (following >= 0)
        counts = numpy.zeros((ALPHABET, ALPHABET))
        numpy.add.at(counts, (ids[here], following[here]), 1)
        seen = counts.sum(1)
        assert numpy.abs(counts / seen[:, None] - sources[d])[seen > 200].max() < 4 * 0.5 / numpy.sqrt(200), d
    exact, model = [], []
    for number in numpy.unique(document):
        of = numpy.flatnonzero((document == number) & (following >= 0))
        exact += bayes(ids[of], following[of], sources, starts)
        model += loss[of].tolist()
    exact, model = numpy.mean(exact), numpy.mean(model)
    unknown = -numpy.mean(numpy.log(sources.mean(0)[ids[following >= 0], following[following >= 0]]))
    print(f"exact {exact:.4f}, model {model:.4f} nats ({100 * (model / exact - 1):+.2f} %), without the domain {unknown:.4f}")
    assert exact - 0.003 < model < 1.02 * exact, (exact, model)
    assert exact < 0.95 * unknown  # there is something to learn beyond one average source
