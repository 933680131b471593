"""Plugins as strangers ship them: found by their metadata, loaded one by one, named when broken."""

import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from textwrap import dedent

import pytest
from builders.findings import REGRESSION

from costdb import plugins as plugins_module
from costdb.binding import Binding
from costdb.errors import ArtifactUnreadable, BrokenArtifact, UnknownFormat
from costdb.ir import Graph
from costdb.plugins import GROUP, Plugin, Plugins, choose_freezer, choose_loader, discover
from costdb.source import Source

# A distribution as its author writes it; only what `costdb.plugins` offers is imported.
LOADER = """
    from costdb.plugins import Binding, Counts, Graph, Source, Tensor, hookimpl, rule

    class AcmeLoader:
        name = {name!r}
        revision = 1
        suffixes = (".acme",)

        def sniff(self, source: Source) -> bool:
            return source.read_at_most(0, 4) == b"ACME"

        def load(self, source: Source, binding: Binding) -> Graph:
            weights = Tensor("w", (source.size,), None)
            return Graph((), (), (), unread=(weights,), file_format="acme")

    @hookimpl
    def costdb_loaders():
        return [AcmeLoader()]
"""
RULE = """
    @rule("Frobnicate", domain="acme")
    def frobnicate(layer):
        \"\"\"Count nothing.\"\"\"
        return Counts()

    @hookimpl
    def costdb_cost_rules():
        return frobnicate
"""


def install(folder: Path, name: str, code: str, version: str = "1.0") -> None:
    """A distribution with one module and one entry point, as pip would leave it."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(dedent(code))
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\n{name.removeprefix('costdb-')} = {module}\n"
    )


def acme(name: str = "acme") -> str:
    return dedent(LOADER).format(name=name)


def hook(body: str) -> str:
    """A module with one hook implementation."""
    return f"from costdb.plugins import hookimpl\n\n@hookimpl\n{dedent(body)}"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Plugins]]:
    """Discover distributions given as name -> code, and no others."""
    names: set[str] = set()

    def discovered(**code_of: str) -> Plugins:
        names.update(f"costdb_{name}" for name in code_of)
        site = tmp_path / "site"
        site.mkdir()
        for name, code in code_of.items():
            install(site, f"costdb-{name}", code)
        monkeypatch.syspath_prepend(site)
        points = [
            point
            for distribution in distributions(path=[str(site)])
            for point in distribution.entry_points
        ]
        return discover(points)

    yield discovered
    # The next test has other code under the same names.
    for name in names:
        sys.modules.pop(name, None)


def test_out_of_tree_distributions(tmp_path: Path) -> None:
    # In a process of its own, through importlib.metadata, beside what is really installed.
    install(tmp_path, "costdb-acme", acme() + dedent(RULE), version="2.1")
    install(tmp_path, "costdb-broken", "import no_such_framework")
    install(tmp_path, "costdb-misspelt", hook("def costdb_loader(): return []"))
    install(tmp_path, "costdb-rival", acme("rival"))
    (tmp_path / "model.acme").write_bytes(b"ACME" + bytes(96))
    program = """
        import json, sys
        from costdb.binding import Binding
        from costdb.errors import UnknownFormat
        from costdb.plugins import choose_loader, discover
        from costdb.source import Source

        plugins = discover()
        source = Source("model.acme")
        try:
            choose_loader(source, plugins)
        except UnknownFormat as error:
            conflict = [error.message, error.hint]
        loader = choose_loader(source, plugins, name="acme")
        print(json.dumps({
            "distributions": {plugin.name: plugin.distribution for plugin in plugins.plugins},
            "loaders": [loader.name for loader in plugins.loaders],
            "rules": [rule.key for rule in plugins.rules],
            "problems": plugins.problems,
            "conflict": conflict,
            "shape": loader.load(source, Binding()).unread[0].shape,
        }))
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        text=True,
    )
    found = json.loads(done.stdout)
    assert found["distributions"].items() >= {
        "acme": "costdb-acme 2.1",
        "broken": "costdb-broken 1.0",
        "misspelt": "costdb-misspelt 1.0",
        "rival": "costdb-rival 1.0",
    }.items()  # fmt: skip
    assert {"acme", "rival"} <= set(found["loaders"])
    assert ["acme", "Frobnicate"] in found["rules"]
    assert found["conflict"] == ["'model.acme' is claimed by acme and rival", "add --loader acme"]
    assert found["shape"] == [100]
    problems = "\n".join(found["problems"])
    assert (
        "plugin 'broken' (costdb-broken 1.0) is left out:"
        " ModuleNotFoundError: No module named 'no_such_framework'\n"
    ) in problems
    assert (
        "plugin 'misspelt' (costdb-misspelt 1.0) is left out:"
        " PluginValidationError: unknown hook 'costdb_loader'"
    ) in problems
    assert "'acme'" not in problems
    assert "'rival'" not in problems


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        pytest.param("raise ValueError('no\\nluck')", "ValueError: no luck", id="raises"),
        pytest.param("import sys; sys.exit(3)", "SystemExit: 3", id="exits"),
        pytest.param("def f(:", "SyntaxError: invalid syntax", id="is no Python"),
        pytest.param("raise ValueError('x ' * 1000)", "ValueError: x x", id="says too much"),
        pytest.param("", "it implements no hook", id="has no hooks"),
        pytest.param("def costdb_loaders(): return []", "it implements no hook", id="is unmarked"),
        pytest.param(
            hook("def costdb_loaders(files): return []"), "Argument(s) {'files'} are declared",
            id="asks for something else",
        ),
        pytest.param(
            hook("def costdb_loaders(): return 1 / 0"), "ZeroDivisionError: division by zero",
            id="has a hook that raises",
        ),
        pytest.param(
            hook("def costdb_loaders(): return 5"),
            "PluginError: costdb_loaders returned int, not a list", id="returns no list",
        ),
        pytest.param(
            hook("def costdb_loaders(): return ['x']"),
            "PluginError: costdb_loaders returned a str, not a Loader", id="returns no loaders",
        ),
        pytest.param(
            acme().replace("AcmeLoader()", "AcmeLoader"),
            "PluginError: costdb_loaders returned the class AcmeLoader, not an instance",
            id="returns a class",
        ),
        pytest.param(
            hook("def costdb_cost_rules(): return [len]"),
            "PluginError: costdb_cost_rules returned a builtin_function_or_method, not a Rule",
            id="returns no rules",
        ),
        pytest.param(
            hook("def costdb_cost_rules(): return [('Conv', len)]"), "returned a tuple, not a Rule",
            id="returns tuples of rules",
        ),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_left_out(
    installed: Callable[..., Plugins], code: str, problem: str
) -> None:
    plugins = installed(acme=acme(), broken=code)
    assert [loader.name for loader in plugins.loaders] == ["acme"]
    assert plugins.rules == ()
    (line,) = plugins.problems
    assert line.startswith("plugin 'broken' (costdb-broken 1.0) is left out: ")
    assert problem in line
    assert "\n" not in line
    assert len(line) < 300


def test_a_plugin_may_only_notify(installed: Callable[..., Plugins]) -> None:
    plugins = installed(pager=hook("def costdb_notify(findings): pass"))
    (pager,) = plugins.plugins
    assert (pager.name, pager.loaders, pager.rules) == ("pager", (), ())
    assert plugins.problems == ()


FREEZER = """
    from costdb.plugins import hookimpl

    class AcmeFreezer:
        name = "acme"

        def sniff(self, source):
            return source.name.endswith(".acme")

        def freeze(self, source, destination, binding):
            destination.write_bytes(source.read(0, source.size))

    @hookimpl
    def costdb_freezers():
        return [{given}]
"""


def test_a_plugin_may_only_freeze(installed: Callable[..., Plugins], tmp_path: Path) -> None:
    plugins = installed(acme=dedent(FREEZER).format(given="AcmeFreezer()"))
    assert plugins.problems == ()
    (tmp_path / "model.acme").write_bytes(b"ACME")
    with Source(tmp_path / "model.acme") as source:
        assert choose_freezer(source, plugins).name == "acme"


@pytest.mark.parametrize(
    ("given", "problem"),
    [("AcmeFreezer", "the class AcmeFreezer"), ("object()", "a object, not a Freezer")],
)
def test_what_is_no_freezer_is_refused(
    installed: Callable[..., Plugins], given: str, problem: str
) -> None:
    plugins = installed(acme=dedent(FREEZER).format(given=given))
    assert plugins.freezers == ()
    assert problem in plugins.problems[0]


def test_a_notifier_that_fails_keeps_no_other_from_it(
    installed: Callable[..., Plugins], tmp_path: Path
) -> None:
    told = tmp_path / "told"
    plugins = installed(
        acme=acme(),
        alarm=hook("def costdb_notify(findings): 1 / 0"),
        bell=hook("def costdb_notify(findings): raise SystemExit(3)"),
        chat=hook(
            "def costdb_notify(findings):\n"
            "    from costdb.plugins import PluginError\n"
            "    raise PluginError('it is closed', hint='open it')"
        ),
        pager=hook(
            "def costdb_notify(findings):\n"
            "    from pathlib import Path\n"
            f"    Path({str(told)!r}).write_text(str(len(findings)))"
        ),
    )
    assert plugins.notify([REGRESSION, REGRESSION]) == (
        "plugin 'alarm' could not notify: ZeroDivisionError: division by zero",
        "plugin 'bell' could not notify: SystemExit: 3",
        "plugin 'chat' could not notify: it is closed; open it",
    )
    assert told.read_text() == "2"


def test_without_a_notifier_it_says_so(installed: Callable[..., Plugins]) -> None:
    (problem,) = installed(acme=acme()).notify([REGRESSION])
    assert problem == "no plugin notifies anyone: pip install costdb-webhook"


def test_a_loader_name_is_taken_once(installed: Callable[..., Plugins]) -> None:
    plugins = installed(acme=acme(), fork=acme(), other=acme("other"))
    assert [loader.name for loader in plugins.loaders] == ["acme", "other"]
    assert plugins.problems == (
        "plugin 'fork' (costdb-fork 1.0) is left out: another plugin has a loader 'acme'",
    )


def test_an_entry_point_without_a_distribution() -> None:
    (problem,) = discover([EntryPoint("lost", "no_such_module:plugin", GROUP)]).problems
    assert problem.startswith("plugin 'lost' (no_such_module:plugin) is left out: ModuleNotFound")


def test_the_installed_plugins_are_found() -> None:
    assert {"onnx", "tensorflow"} <= {plugin.name for plugin in discover().plugins}


def test_all_that_is_promised_to_authors_is_there() -> None:
    assert all(hasattr(plugins_module, name) for name in plugins_module.__all__)


class Prefix:
    """Claims files by their first bytes, or raises."""

    revision = 1

    def __init__(
        self,
        name: str,
        prefix: bytes,
        suffixes: Sequence[str] = (),
        error: type[Exception] | None = None,
    ) -> None:
        self.name = name
        self.prefix = prefix
        self.suffixes = tuple(suffixes)
        self.error = error

    def sniff(self, source: Source) -> bool:
        if self.error is not None:
            raise self.error("cannot look at it")
        return source.read(0, len(self.prefix)) == self.prefix

    def load(self, source: Source, binding: Binding) -> Graph:
        raise NotImplementedError


class Folders(Prefix):
    """Claims folders and Python objects."""

    def sniff(self, source: Source) -> bool:
        return source.is_directory or source.scheme == "python"


ACME = Prefix("acme", b"ACME", [".acme"])
ACE = Prefix("ace", b"AC", [".ace"])
FOLDERS = Folders("folders", b"")


def having(*loaders: Prefix, problem: str = "") -> Plugins:
    plugins = [Plugin("mine", "mine 1.0", loaders=loaders)]
    if problem:
        plugins.append(Plugin("theirs", "theirs 2.0", problem=problem))
    return Plugins(tuple(plugins))


def chosen(source: Source, plugins: Plugins, name: str | None = None) -> str:
    return choose_loader(source, plugins, name).name


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Source]:
    def to_source(data: bytes, name: str = "model.bin") -> Source:
        (tmp_path / name).write_bytes(data)
        return Source(tmp_path / name)

    return to_source


class TestChooseLoader:
    def test_content_decides(self, write: Callable[..., Source]) -> None:
        assert chosen(write(b"ACME", "model.ace"), having(Prefix("b", b"B"), ACME)) == "acme"

    def test_a_name_decides_without_a_look(self, tmp_path: Path) -> None:
        assert chosen(Source(tmp_path / "missing"), having(ACME, ACE), "ace") == "ace"

    @pytest.mark.parametrize(("suffix", "likely"), [("acme", "acme"), ("ace", "ace"), ("x", "ace")])
    def test_two_claims(self, write: Callable[..., Source], suffix: str, likely: str) -> None:
        with pytest.raises(UnknownFormat) as raised:
            chosen(write(b"ACME", f"model.{suffix}"), having(ACE, ACME))
        assert raised.value.message == f"'model.{suffix}' is claimed by ace and acme"
        assert raised.value.hint == f"add --loader {likely}"

    @pytest.mark.parametrize(
        ("plugins", "hint"),
        [
            pytest.param(having(ACME, ACE), "loaders: acme, ace", id="others"),
            pytest.param(having(), "loaders: none", id="none"),
            pytest.param(
                having(ACME, problem="ImportError: no"),
                "loaders: acme; plugin 'theirs' (theirs 2.0) is left out: ImportError: no",
                id="perhaps the broken one",
            ),
        ],
    )
    def test_no_such_name(self, write: Callable[..., Source], plugins: Plugins, hint: str) -> None:
        with pytest.raises(UnknownFormat, match="no loader 'onnx'") as raised:
            chosen(write(b"ACME"), plugins, "onnx")
        assert raised.value.hint == hint

    @pytest.mark.parametrize("error", [BrokenArtifact, ArtifactUnreadable, ZeroDivisionError])
    def test_a_loader_that_cannot_look_does_not_stop_the_others(
        self, write: Callable[..., Source], error: type[Exception]
    ) -> None:
        assert chosen(write(b"ACME"), having(Prefix("bad", b"", error=error), ACME)) == "acme"

    def test_a_loader_with_a_bug_is_named(self, write: Callable[..., Source]) -> None:
        bad = Prefix("bad", b"", error=ZeroDivisionError)
        with pytest.raises(UnknownFormat) as raised:
            chosen(write(b"other"), having(bad, ACME, problem="ImportError: no"))
        assert raised.value.hint == (
            "loaders: bad, acme; plugin 'theirs' (theirs 2.0) is left out: ImportError: no;"
            " loader 'bad' failed: ZeroDivisionError: cannot look at it"
        )

    def test_a_folder_goes_to_who_reads_folders(self, tmp_path: Path) -> None:
        assert chosen(Source(tmp_path), having(ACME, FOLDERS)) == "folders"

    def test_a_python_object_goes_to_who_builds_it(self) -> None:
        assert chosen(Source("module:factory"), having(ACME, FOLDERS)) == "folders"

    def test_a_missing_file_is_not_a_format(self, tmp_path: Path) -> None:
        with pytest.raises(ArtifactUnreadable, match="no file"):
            chosen(Source(tmp_path / "model.acme"), having(ACME))

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            pytest.param(b"", "empty", id="empty"),
            pytest.param(pickle.dumps([1], protocol=2), "a pickle", id="pickle 2"),
            pytest.param(pickle.dumps([1], protocol=5), "a pickle", id="pickle 5"),
            pytest.param(b"\x89HDF\r\n\x1a\n", "an HDF5 file", id="hdf5"),
            pytest.param(b"\x1f\x8b\x08", "gzip data", id="gzip"),
            pytest.param(b"\x93NUMPY\x01\x00", "a NumPy array", id="numpy"),
            pytest.param(b"GGUF\x03\0\0\0", "a GGUF file", id="gguf"),
            pytest.param(b"\x1c\0\0\0TFL3", "a TensorFlow Lite model", id="tflite"),
            pytest.param(
                (2).to_bytes(8, "little") + b"{}", "a safetensors file", id="safetensors"
            ),
            pytest.param(
                b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
                "a Git LFS pointer to the file", id="lfs",
            ),
            pytest.param(b"\n<?xml version='1.0'?>", "markup", id="xml"),
            pytest.param(b"learning_rate: 0.1\n\tlayers: 3\n", "text", id="text"),
            pytest.param("层".encode() * 100, "text", id="text cut inside a character"),
            pytest.param(b"\x08\x07\x12\x05\x01", "binary data of no known format", id="control"),
            pytest.param(b"\xff\xfe\x00\x01", "binary data of no known format", id="binary"),
        ],
    )  # fmt: skip
    def test_what_a_file_is(self, write: Callable[..., Source], data: bytes, what: str) -> None:
        with pytest.raises(UnknownFormat) as raised:
            chosen(write(data), having(ACME))
        assert raised.value.message == f"no loader reads 'model.bin': it is {what}"

    def test_what_a_zip_is(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
            archive.writestr("data.pkl", b"")
        with pytest.raises(UnknownFormat, match="it is a zip archive"):
            chosen(Source(tmp_path / "model.pt"), having(ACME))

    def test_what_a_folder_is(self, tmp_path: Path) -> None:
        (tmp_path / "saved_model").mkdir()
        with pytest.raises(UnknownFormat, match="'saved_model': it is a folder"):
            chosen(Source(tmp_path / "saved_model"), having(ACME))

    def test_what_a_factory_is(self) -> None:
        with pytest.raises(UnknownFormat, match="'module:factory': it is a Python object"):
            chosen(Source("module:factory"), having(ACME))

    @pytest.mark.parametrize(
        ("data", "plugins", "hint"),
        [
            pytest.param(b"text", having(ACME, ACE), "loaders: acme, ace", id="loaders"),
            pytest.param(
                b"text", having(), "loaders: none, pip install costdb-onnx", id="no loaders"
            ),
            pytest.param(b"", having(ACME), "export it again", id="empty"),
            pytest.param(b"version https://git-lfs", having(ACME), "git lfs pull", id="lfs"),
            pytest.param(b"\x1f\x8b", having(ACME), "gunzip it", id="gzip"),
        ],
    )  # fmt: skip
    def test_what_to_do(
        self, write: Callable[..., Source], data: bytes, plugins: Plugins, hint: str
    ) -> None:
        with pytest.raises(UnknownFormat) as raised:
            chosen(write(data), plugins)
        assert raised.value.hint == hint
