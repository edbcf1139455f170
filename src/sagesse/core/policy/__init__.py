"""IAM policies: compiled once, asked for every call.

`compile_policy` reads a document, `Permissions` decides over the layers that limit a principal, `Identities` knows
whose access key is whose and which policies they have, `IdentityAuthorizer` is the pipeline's authorizer.
"""

from sagesse.core.policy.access_key import account_of, new_access_key_id
from sagesse.core.policy.authorizer import Guard, IdentityAuthorizer, ResourcePolicies, denial
from sagesse.core.policy.decision import Decision, Layer, NamedPolicy, Permissions, Verdict, decide_for
from sagesse.core.policy.document import MalformedPolicy, Policy, Statement, compile_policy
from sagesse.core.policy.facts import Facts
from sagesse.core.policy.identity import Identities

__all__ = [
    "Decision",
    "Facts",
    "Guard",
    "Identities",
    "IdentityAuthorizer",
    "Layer",
    "MalformedPolicy",
    "NamedPolicy",
    "Permissions",
    "Policy",
    "ResourcePolicies",
    "Statement",
    "Verdict",
    "account_of",
    "compile_policy",
    "decide_for",
    "denial",
    "new_access_key_id",
]
