"""Templates where others than users may sign, or users may do more."""

import copy

from breaches.writing import allow, arn, breaks, keys_of, properties
from rules import access, keys
from translate import Tree


def policies(tree: Tree) -> list[list[Tree]]:
    """Each key's statements: the first is the administrators', the second is users'."""
    return [properties(tree, key)["KeyPolicy"]["Statement"] for key in keys_of(tree)]


@breaks(access.no_wildcards, keys.only_users_sign)
def administrators_may_do_anything_with_the_keys(tree: Tree) -> None:
    for policy in policies(tree):
        policy[0]["Action"] = "kms:*"


@breaks(access.no_wildcard_principals, keys.only_users_sign)
def anybody_may_read_the_public_keys(tree: Tree) -> None:
    for policy in policies(tree):
        policy.append({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:GetPublicKey", "Resource": "*"})


@breaks(keys.only_users_sign, access.grants_are_the_listed_ones)
def the_authorizer_signs(tree: Tree) -> None:
    allow(tree, "AuthorizerFunction", "kms:Sign", arn(keys_of(tree)[0]))


@breaks(keys.only_users_sign)
def keyring_signs_beside_users(tree: Tree) -> None:
    for policy in policies(tree):
        policy[1]["Principal"]["AWS"] = [arn("UsersFunctionRole"), arn("KeyringFunctionRole")]


@breaks(keys.only_users_sign)
def administrators_pass_signing_on(tree: Tree) -> None:
    for policy in policies(tree):
        policy[0]["Action"].append("kms:CreateGrant")


@breaks(keys.only_users_sign)
def another_account_administers_the_keys(tree: Tree) -> None:
    for policy in policies(tree):
        policy[0]["Principal"]["AWS"] = "arn:aws:iam::123456789012:root"


@breaks(keys.only_users_sign)
def nobody_may_sign(tree: Tree) -> None:
    for policy in policies(tree):
        policy.pop(1)


@breaks(keys.only_users_sign)
def users_may_delete_the_keys(tree: Tree) -> None:
    for policy in policies(tree):
        policy[1]["Action"] = ["kms:Sign", "kms:ScheduleKeyDeletion"]


@breaks(keys.only_users_sign)
def users_may_let_others_sign(tree: Tree) -> None:
    for policy in policies(tree):
        policy.append(policy[1] | {"Sid": "Change", "Action": "kms:PutKeyPolicy"})


@breaks(keys.only_users_sign)
def users_sign_by_any_algorithm(tree: Tree) -> None:
    for policy in policies(tree):
        del policy[1]["Condition"]


@breaks(keys.keys_are_two_and_alike)
def only_one_key_can_be_disabled(tree: Tree) -> None:
    policies(tree)[1][0]["Action"].remove("kms:DisableKey")


@breaks(keys.keys_are_two_and_alike, access.grants_are_the_listed_ones)
def a_third_key_signs(tree: Tree) -> None:
    tree["Resources"]["Third"] = copy.deepcopy(tree["Resources"][keys_of(tree)[0]])
