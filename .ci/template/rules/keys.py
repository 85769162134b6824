"""Who may sign access tokens: what the signing keys' own policies allow."""

from collections.abc import Iterator

from rules.reading import Statement, allows, key_policies, of_type, permissions, role_of
from translate import Deployment

# Whoever this account's policies allow.
ADMINISTRATORS = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"

# Tokens have the one algorithm: ES256.
SIGNS = {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256"}}

# Each of these signs, or lets its holder pass signing on.
SIGNING = ("kms:sign", "kms:creategrant")


def only_users_sign(deployment: Deployment) -> Iterator[str]:
    """The keys let users sign and do nothing else, and let nobody else sign. No role may sign by its own policy."""
    users = f"${{{role_of('UsersFunction')}.Arn}}"
    for statement in permissions(deployment):
        for action in signing(statement):
            yield f"{statement.holder} may {action}: only the keys' own policies let users sign."
    signed = set()
    for statement in key_policies(deployment):
        # Who may change a key's policy may let himself sign.
        for principal in set(statement.principals) - {ADMINISTRATORS, users}:
            yield f"{statement.holder} lets {principal} in: it is for this account's administrators and for users."
        if statement == sign(statement.holder, users):
            signed.add(statement.holder)
        elif users in statement.principals:
            yield f"{statement.holder} has another statement for users than kms:Sign under SIGNS: remove it."
        else:
            for action in signing(statement):
                yield f"{statement.holder} lets {', '.join(statement.principals)} {action}: only users may sign."
    for name, _ in of_type(deployment, "AWS::KMS::Key"):
        if name not in signed:
            yield f"{name} does not let users sign."


def keys_are_two_and_alike(deployment: Deployment) -> Iterator[str]:
    """One signs and the other is ready to, so what is true of one's policy must be true of the other's."""
    match list(of_type(deployment, "AWS::KMS::Key")):
        case [(one, its), (other, others)]:
            if its.get("KeyPolicy") != others.get("KeyPolicy"):
                yield f"{one} and {other} differ in their policies: make them equal."
        case keys:
            yield f"There are {len(keys)} signing keys: let there be two."


def sign(key: str, users: str) -> Statement:
    """The one statement of a key's policy that lets users' role sign."""
    return Statement(
        holder=key,
        allows=True,
        actions=("kms:Sign",),
        targets=("*",),
        principals=(users,),
        condition=SIGNS,
        inverted=False,
    )


def signing(statement: Statement) -> list[str]:
    return [action for action in statement.actions if statement.allows and allows(action, *SIGNING)]


RULES = (
    only_users_sign,
    keys_are_two_and_alike,
)
