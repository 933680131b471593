"""Something that happens at a certain moment of what is done to a database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection


@contextmanager
def at_step(
    number: int, act: "Callable[[Connection], None]", *, ends: bool = False
) -> Iterator[None]:
    """Call a function before the nth statement or commit, counted from 1, of any engine meanwhile.

    Args:
        number: Which step; where there are fewer, nothing happens.
        act: Given the connection that takes the step.
        ends: Whether it is a step as well where a connection is given back; it is the driver's own.
    """
    from sqlalchemy import Engine, event
    from sqlalchemy.pool import Pool

    steps: list[tuple[Any, str]] = [(Engine, "before_cursor_execute"), (Engine, "commit")]
    if ends:
        steps.append((Pool, "checkin"))
    reached = 0

    def count(connection: Any, *_: Any) -> None:
        nonlocal reached
        reached += 1
        if reached == number:
            act(connection)

    for target, name in steps:
        event.listen(target, name, count)
    try:
        yield
    finally:
        for target, name in steps:
            event.remove(target, name, count)
