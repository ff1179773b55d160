"""Disks that get full, and what stands on them."""

import os


def fill(path):
    """Takes all room that is left; returns the file."""
    hog = path / "hog"
    with open(hog, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return hog


def has_trace(top, *needles):
    """Files below `top` in which one of the texts stands."""
    found = []
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
                found += [path for needle in needles if needle.encode() in content]
    return found
