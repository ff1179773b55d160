"""Disks that get full."""


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
