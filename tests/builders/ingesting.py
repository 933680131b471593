"""Ingests in a process of its own: `python -m builders.ingesting URL NAME COUNT [stall]`.

Each version has its own structure. With `stall` it stops, having said so, where the layers of
the last version are written but not committed.
"""

import sys
import time

from builders.analyses import NOW, analysis

from costdb.store import Store, open_store
from costdb.store.write import ingest


def stall_at_layers(store: Store) -> None:
    from sqlalchemy import event

    def stall(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO layer_cost"):
            sys.stdout.write("stalled\n")
            sys.stdout.flush()
            time.sleep(600)

    event.listen(store.engine, "after_cursor_execute", stall)


def main(url: str, name: str, count: int, *, stalls: bool) -> None:
    with open_store(url) as store:
        for number in range(count):
            if stalls and number == count - 1:
                stall_at_layers(store)
            # All processes write to one model, and to one of their own; widths overlap, so that
            # they also race for the same structures.
            for model in ("shared", name):
                ingest(
                    store.engine,
                    [analysis(width=number + 1)],
                    model=model,
                    tag=f"{name}-{number}",
                    now=NOW,
                )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), stalls=sys.argv[4:] == ["stall"])
