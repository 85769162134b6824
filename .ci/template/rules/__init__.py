"""Portico's own rules for the template. Each is a function from a deployment to sentences on what is wrong with it."""

from collections.abc import Callable, Iterator

from rules import access, alarms, api, edge, functions, keys, storage
from translate import Deployment

Rule = Callable[[Deployment], Iterator[str]]

RULES: tuple[Rule, ...] = (
    access.RULES + alarms.RULES + api.RULES + edge.RULES + functions.RULES + keys.RULES + storage.RULES
)
