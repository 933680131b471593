"""A source that remembers what was read of it."""

from pathlib import Path

from costdb.source import Source


class RecordingSource(Source):
    """A local file whose reads are written down.

    Attributes:
        ranges: Offset and length of every range that was read, in order.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ranges: list[tuple[int, int]] = []

    def read(self, offset: int, length: int) -> bytes:
        """As `Source.read`, written down."""
        self.ranges.append((offset, length))
        return super().read(offset, length)

    def read_at_most(self, offset: int, length: int) -> bytes:
        """As `Source.read_at_most`, written down."""
        self.ranges.append((offset, length))
        return super().read_at_most(offset, length)

    def window(self, offset: int, length: int) -> tuple[bytes, int]:
        """As `Source.window`, but no more than was asked for, so that all of it is written down."""
        return self.read_at_most(offset, length), offset

    def unread(self) -> list[tuple[int, int]]:
        """Offset and length of every range that no one asked for, in order."""
        gaps: list[tuple[int, int]] = []
        position = 0
        for offset, length in sorted(self.ranges):
            if offset > position:
                gaps.append((position, offset - position))
            position = max(position, offset + length)
        if position < self.size:
            gaps.append((position, self.size - position))
        return gaps
