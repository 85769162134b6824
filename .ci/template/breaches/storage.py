"""Templates whose tables or keys do not outlive a mistake."""

from breaches.writing import breaks, keys_of, properties
from rules import storage
from translate import Tree


@breaks(storage.tables_can_be_restored)
def a_table_cannot_be_restored(tree: Tree) -> None:
    del properties(tree, "OrdersTable")["PointInTimeRecoverySpecification"]


@breaks(storage.tables_are_encrypted)
def a_table_is_not_encrypted(tree: Tree) -> None:
    properties(tree, "UsersTable")["SSESpecification"] = {"SSEEnabled": False}


@breaks(storage.production_is_protected_from_deletion)
def a_table_can_be_deleted(tree: Tree) -> None:
    properties(tree, "PaymentsTable")["DeletionProtectionEnabled"] = False


@breaks(storage.production_outlives_its_stack)
def a_table_goes_with_its_stack(tree: Tree) -> None:
    tree["Resources"]["OrdersTable"]["DeletionPolicy"] = "Delete"


@breaks(storage.production_outlives_its_stack)
def a_key_goes_when_it_is_replaced(tree: Tree) -> None:
    del tree["Resources"][keys_of(tree)[0]]["UpdateReplacePolicy"]


@breaks(storage.production_outlives_its_stack)
def a_key_goes_when_it_is_replaced_soon(tree: Tree) -> None:
    tree["Resources"][keys_of(tree)[1]]["UpdateReplacePolicy"] = "RetainExceptOnCreate"
