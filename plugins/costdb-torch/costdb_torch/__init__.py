"""PyTorch for costdb: exported programs, TorchScript, module factories, and weights.

Nothing here imports PyTorch, but to run what a caller trusts: TorchScript and factories.
"""

from collections.abc import Sequence

from costdb.plugins import Loader, hookimpl
from costdb_torch.loader import TorchLoader


@hookimpl
def costdb_loaders() -> Sequence[Loader]:
    """The loader of PyTorch's formats."""
    return [TorchLoader()]
