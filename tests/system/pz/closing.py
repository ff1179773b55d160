"""What is closed at the end of a `with` block."""


class Closing:
    """A class with a method `close` that its `with` block calls."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
