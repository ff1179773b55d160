#!/usr/bin/env python3
"""src/pair/digits.c against the arithmetic that was written from page 6 alone.

usage: agree.py DRIVER        COUNT=300 SEED=1 in the environment
       agree.py --vector      prints the fixed vector (tests/data/pair.json)
"""

import json
import os
import pathlib
import random
import subprocess
import sys

import arithmetic

VECTOR = pathlib.Path(__file__).resolve().parent.parent / "data/pair.json"
FIXED = {
    "one": {"identity": "bob@example.net/phone", "info": '{"zone":"bob@example.net","device":"phone"}',
            "k": bytes(range(32)).hex()},
    "other": {"identity": "alice@example.org/laptop", "info": '{"zone":"alice@example.org","displayName":"Äpfel"}',
              "k": bytes(range(100, 132)).hex()},
    "exporter": bytes(range(200, 232)).hex(),
}


def by_page(case):
    one, other = ((c["identity"], c["info"], bytes.fromhex(c["k"])) for c in (case["one"], case["other"]))
    exporter = bytes.fromhex(case["exporter"])
    return {"commit": arithmetic.commitment(*one).hex(), "digits": arithmetic.digits(one, other, exporter),
            "secret": arithmetic.secret(one, other, exporter).hex(),
            "words": arithmetic.proof_words(one, other, exporter).hex()}


def random_side(rng, near=None):
    identity = f"{rng.choice('abc')}@{rng.choice('xyz')}.example/{rng.choice(['phone', 'Phone', 'laptop'])}"
    if rng.random() < 0.2:
        identity = f"phone#{rng.getrandbits(64):016x}"
    if near and rng.random() < 0.2:
        identity = near["identity"] + rng.choice("0Az")
    info = "".join(rng.choice('{}",:aé\n€') for _ in range(rng.choice([0, 1, 63, 127, 128, 129, 300, 16500])))
    return {"identity": identity, "info": info, "k": rng.randbytes(32).hex()}


def random_case(rng):
    one = random_side(rng)
    other = random_side(rng, one)
    while other["identity"] == one["identity"]:
        other = random_side(rng, one)
    return {"one": one, "other": other, "exporter": rng.randbytes(32).hex()}


def main():
    if sys.argv[1:] == ["--vector"]:
        print(json.dumps({**FIXED, **by_page(FIXED)}, ensure_ascii=False, indent=1))
        return
    vector = json.loads(VECTOR.read_text())
    if {name: vector[name] for name in by_page(vector)} != by_page(vector):
        sys.exit(f"{VECTOR} is not what page 6 says: {by_page(vector)}")
    rng = random.Random(int(os.environ.get("SEED", "1")))
    driver = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    cases = [vector] + [random_case(rng) for _ in range(int(os.environ.get("COUNT", "300")))]
    for case in cases:
        driver.stdin.write(json.dumps(case) + "\n")
        driver.stdin.flush()
        got = json.loads(driver.stdout.readline())
        if got != by_page(case):
            sys.exit(f"they differ: {json.dumps(case)}\nC    {got}\npage {by_page(case)}")
        swapped = dict(case, one=case["other"], other=case["one"])
        assert by_page(swapped)["digits"] == got["digits"] and by_page(swapped)["secret"] == got["secret"]
    print(f"{len(cases)} cases agree")


main()
