"""The contract kit: what any loader plugin runs in its own tests.

Subclass `LoaderContract` in a test module, say which loader it is and give it samples; pytest finds
the tests by inheritance:

    import pytest
    from costdb.testing import LoaderContract, Sample

    class TestTinyLoader(LoaderContract):
        loader = TinyLoader()
        module = "costdb_tiny"

        @pytest.fixture
        def samples(self, tmp_path):
            path = tmp_path / "net.tiny"
            write_a_net_with_weights(path)
            return [Sample(path, params=1_000_000)]

The kit needs pytest and nothing else; it runs the real loader on real files.
"""

from costdb.testing.contract import LoaderContract, Sample

__all__ = ["LoaderContract", "Sample"]
