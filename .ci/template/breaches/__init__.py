"""Templates that must fail: each is template.yaml with one small change, and the rules that it breaks."""

# Importing them is what fills the list.
from breaches import access, alarms, api, edge, functions, keys, schedules, storage
from breaches.writing import BREACHES

__all__ = ("BREACHES", "access", "alarms", "api", "edge", "functions", "keys", "schedules", "storage")
