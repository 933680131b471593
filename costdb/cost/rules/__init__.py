"""The counting rules, a file for each family of operators.

A rule is a module-level value made by `costdb.contracts.rule`, or a row of a module-level tuple of
`Rule`s; whatever stands in a module of this package is found here, there is nothing to register.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from costdb.contracts import Rule
from costdb.cost.discovery import module_values
from costdb.errors import PluginError

# Domain and operator -> how it is counted.
RuleTable = Mapping[tuple[str, str], Rule]


@cache
def built_in_rules() -> RuleTable:
    """The rules of the core."""
    return MappingProxyType(_table(_collect(), {}))


def rule_table(plugin_rules: Iterable[Rule] = ()) -> RuleTable:
    """The rules of the core and those of plugins.

    Raises:
        PluginError: Two rules count the same operator.
    """
    return _table(plugin_rules, built_in_rules())


def _collect() -> Iterable[Rule]:
    for value in module_values(__name__, __path__):
        if isinstance(value, tuple) and all(isinstance(item, Rule) for item in value):
            yield from value


def _table(added: Iterable[Rule], known: RuleTable) -> dict[tuple[str, str], Rule]:
    table = dict(known)
    for rule in added:
        if rule.key in table:
            name = ":".join(filter(None, rule.key))
            raise PluginError(
                f"two rules count {name}", hint="uninstall one of the plugins: costdb plugins"
            )
        table[rule.key] = rule
    return table
