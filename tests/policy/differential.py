#!/usr/bin/env python3
"""The engine of src/policy against the evaluator that was written from page 9 alone.

usage: differential.py DRIVER        COUNT=3000 SEED=1 in the environment

COUNT requests are decided by policies of random documents, by both, with data-handling preferences
off and on, with the index and without. A difference is made as small as it can be, printed, and
ends with 1.
"""

import copy
import json
import os
import pathlib
import random
import subprocess
import sys
import time

import evaluator
from generate import Generator, to_xml

DATA = pathlib.Path(__file__).resolve().parent.parent / "data/policy.json"
PURPOSES = json.loads(DATA.read_text())["purposes"]
REQUESTS_EACH = 10  # requests for one set of documents


class Engine:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def decide(self, documents, request):
        self.process.stdin.write(json.dumps({"documents": documents, "request": request}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the driver ended: {documents} {request}")
        return json.loads(line)


def outcome(text):
    try:
        return evaluator.load(text)
    except evaluator.Invalid as error:
        return error


class Reference:
    """The evaluator, with each document loaded once."""

    def __init__(self):
        self.outcomes = {}

    def load(self, text):
        if text not in self.outcomes:
            if len(self.outcomes) > 100:
                self.outcomes.clear()
            self.outcomes[text] = outcome(text)
        if isinstance(self.outcomes[text], evaluator.Invalid):
            raise self.outcomes[text]
        return self.outcomes[text]

    def is_corrupt(self, text):
        try:
            self.load(text)
        except evaluator.Invalid:
            return True
        return False

    def decide(self, documents, request):
        encoded = {slot: text.encode() for slot, text in documents.items()}
        answers = {}
        for name, dhp in (("off", False), ("on", True)):
            effect, slots = evaluator.decide(encoded, request, dhp, PURPOSES, self.load)
            answers[name] = [effect, {slot: [e, p] for slot, (e, p) in slots.items()}]
        answers["plain"] = answers["off"]
        answers["corrupt"] = [slot for slot in evaluator.SLOTS if slot in encoded and self.is_corrupt(encoded[slot])]
        return answers


def texts(trees):
    return {slot: to_xml(tree) for slot, tree in trees.items()}


def differs(engine, reference, trees, request):
    documents = texts(trees)
    ours, wanted = engine.decide(documents, request), reference.decide(documents, request)
    return (ours, wanted) if ours != wanted else None


# ---- making a difference smaller ----

def smaller_trees(node):
    """Copies of an element, each with one thing less."""
    for key in list(node[1]):
        less = copy.deepcopy(node)
        del less[1][key]
        yield less
    if isinstance(node[2], str):
        return
    for i, child in enumerate(node[2]):
        less = copy.deepcopy(node)
        del less[2][i]
        yield less
        for smaller in smaller_trees(child):
            less = copy.deepcopy(node)
            less[2][i] = smaller
            yield less


def smaller(trees, request):
    for slot in trees:
        yield {s: t for s, t in trees.items() if s != slot}, request
        for tree in smaller_trees(trees[slot]):
            yield {**trees, slot: tree}, request
    for member, value in request.items():
        yield trees, {m: v for m, v in request.items() if m != member}
        for name in value if isinstance(value, dict) else ():
            yield trees, {**request, member: {n: v for n, v in value.items() if n != name}}
        for i in range(len(value)) if isinstance(value, list) else ():
            yield trees, {**request, member: value[:i] + value[i + 1:]}


def shrink(engine, reference, trees, request):
    found = True
    while found:
        found = next(((t, r) for t, r in smaller(trees, request) if differs(engine, reference, t, r)), None)
        if found:
            trees, request = found
    return trees, request


def report(engine, reference, trees, request):
    trees, request = shrink(engine, reference, trees, request)
    ours, wanted = differs(engine, reference, trees, request)
    for slot, text in texts(trees).items():
        print(f"{slot}: {text}")
    print("request:", json.dumps(request))
    for mode in sorted(wanted):
        if ours.get(mode) != wanted[mode]:
            print(f"{mode}: the engine has {ours.get(mode, ours)}, page 9 {wanted[mode]}")


def documents_of(generator, rng):
    trees = {"user": generator.document()}
    for slot in ("manufacturer", "exceptions", "app", "grants"):
        if rng.randrange(6) == 0:
            trees[slot] = generator.policy()
    if rng.randrange(5) == 0:
        generator.damage(trees[rng.choice(sorted(trees))])
    return trees


def main():
    count, seed = int(os.environ.get("COUNT", "3000")), int(os.environ.get("SEED", "1"))
    rng = random.Random(seed)
    generator = Generator(rng, PURPOSES)
    engine, reference = Engine(sys.argv[1]), Reference()
    effects, began = {}, time.monotonic()
    for number in range(count):
        if number % REQUESTS_EACH == 0:
            trees = documents_of(generator, rng)
            documents = texts(trees)
        request = generator.request()
        ours, wanted = engine.decide(documents, request), reference.decide(documents, request)
        if ours != wanted:
            print(f"difference at {number} with SEED={seed}")
            report(engine, reference, trees, request)
            return 1
        effects[wanted["on"][0]] = effects.get(wanted["on"][0], 0) + 1
        user = "user: " + wanted["off"][1]["user"][0]
        effects[user] = effects.get(user, 0) + 1
    print(f"{count} decisions, no difference, {time.monotonic() - began:.0f} s:",
          ", ".join(f"{n} {e}" for e, n in sorted(effects.items())))
    # a generator that only ever denies would find nothing
    return 0 if all(effects.get(e, 0) > count // 500 for e in evaluator.EFFECTS) else 1


if __name__ == "__main__":
    sys.exit(main())
