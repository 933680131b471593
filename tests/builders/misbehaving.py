"""A plugin whose loader does what its file says, to show what a child process does about it.

A file reads `misbehave: NAME`, and NAME is a function of the plugin's module below. More lines may
follow. When it is frozen, it does what the last word of its second line names, and the frozen file
reads `misbehave: behave`.
"""

from pathlib import Path
from textwrap import dedent

PLUGIN = '''
    import ctypes, os, resource, subprocess, sys, time

    from costdb.plugins import ArtifactError, BrokenArtifact, hookimpl
    from costdb.plugins import DType, Role, Tensor, assemble

    MAGIC = b"misbehave: "


    def behave():
        """Nothing."""


    def allocate():
        """Memory that is really used, a piece at a time."""
        kept = []
        while True:
            kept.append(b"x" * (8 << 20))
            time.sleep(0.001)


    def demand():
        bytes(1 << 62)


    def spin():
        while True:
            pass


    def sleep():
        time.sleep(600)


    def abort():
        print("Check failed: rank >= 0", file=sys.stderr, flush=True)
        os.abort()


    def read_null():
        ctypes.string_at(0)


    def leave():
        os._exit(7)


    def exit_politely():
        sys.exit(3)


    def close_the_answer():
        os.closerange(3, 64)
        time.sleep(600)


    def recurse():
        recurse()


    def raise_bug():
        raise ZeroDivisionError("no rank")


    class Unfamiliar(BrokenArtifact):
        pass


    def raise_own_error():
        raise Unfamiliar("strange \\udc80 file", hint="look again")


    def print_much():
        for _ in range(2000):
            print("o" * 1000)
            print("e" * 1000, file=sys.stderr)


    def read_input():
        if sys.stdin.read() or os.read(0, 1):
            raise ArtifactError("there is something to read")


    def write_much():
        try:
            with open("large", "wb") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
        except OSError as error:
            raise ArtifactError(error.strerror) from error


    def write_natively():
        """A file that no audit hook sees."""
        ctypes.CDLL(None).creat(b"stray", 0o600)


    def fill_the_disk():
        with open("large", "wb") as file:
            for _ in range(64):
                file.write(bytes(1 << 20))


    def leave_a_process():
        """Says which process it is and which one it started, then waits."""
        child = subprocess.Popen(["sleep", "600"])
        with open("pids.part", "w") as file:
            file.write(f"{os.getpid()} {child.pid}")
        os.rename("pids.part", "pids")
        time.sleep(600)


    def escape_with_the_answer():
        """A process that the end of its group does not reach holds the pipe of the answer."""
        pid = os.fork()
        if pid == 0:
            os.setsid()
            time.sleep(600)
            os._exit(0)
        note_escaped(pid)
        time.sleep(600)


    def escape_and_abort():
        """The same holds standard error, to which a last line was written."""
        escaped = subprocess.Popen(["sleep", "600"], start_new_session=True)
        note_escaped(escaped.pid)
        abort()


    def note_escaped(pid):
        with open("escaped", "w") as file:
            file.write(str(pid))


    def tell_environment():
        raise ArtifactError(" ".join(sorted(os.environ)))


    def tell_limits():
        names = ("CORE", "CPU", "FSIZE", "NOFILE")
        found = [resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in names]
        raise ArtifactError(" ".join(map(str, found)))


    class Loader:
        name = "misbehaving"
        revision = 1
        suffixes = (".bad",)

        def sniff(self, source):
            return not source.is_directory and source.read_at_most(0, len(MAGIC)) == MAGIC

        def load(self, source, binding):
            name, _, _ = source.read_at_most(len(MAGIC), 64).partition(b"\\n")
            globals()[name.decode()]()
            weight = Tensor("weight", (2, 3), DType.FLOAT32, Role.PARAMETER)
            return assemble([], inputs=[], outputs=[], unread=[weight], file_format="bad")


    class Freezer:
        name = "misbehaving"
        sniff = Loader.sniff

        def freeze(self, source, destination, binding):
            lines = source.read(0, source.size).decode().splitlines()
            globals()[lines[1].split()[-1]]()
            destination.write_bytes(MAGIC + b"behave")


    @hookimpl
    def costdb_loaders():
        return [Loader()]


    @hookimpl
    def costdb_freezers():
        return [Freezer()]
'''


def install_misbehaving(site: Path) -> None:
    """Install the plugin into a folder, as pip would."""
    (site / "costdb_misbehaving.py").write_text(dedent(PLUGIN))
    information = site / "costdb_misbehaving-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: costdb-misbehaving\nVersion: 1\n"
    )
    (information / "entry_points.txt").write_text("[costdb]\nmisbehaving = costdb_misbehaving\n")


def misbehaving_file(folder: Path, behaviour: str) -> Path:
    """A file that makes the loader do something."""
    path = folder / f"{behaviour}.bad"
    path.write_text(f"misbehave: {behaviour}")
    return path


def misbehaving_when_frozen(folder: Path, behaviour: str) -> Path:
    """A file that is read well, and makes the freezer do something."""
    path = folder / "model.bad"
    path.write_text(f"misbehave: behave\nwhen frozen: {behaviour}")
    return path
