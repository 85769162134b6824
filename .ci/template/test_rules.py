"""Portico's template keeps every rule, and each rule finds the templates that break it."""

import copy
import json
import re
import unittest

from breaches import BREACHES
from breaches.writing import keys_of
from rules import RULES
from translate import VARIANTS, Deployment, read, translate


def found(deployment: Deployment) -> dict[str, list[str]]:
    """What each rule that finds something says."""
    sentences = {rule.__name__: list(rule(deployment)) for rule in RULES}
    return {rule: said for rule, said in sentences.items() if said}


class Rules(unittest.TestCase):
    written = read()

    def test_the_template_keeps_every_rule(self) -> None:
        for variant, chosen in VARIANTS.items():
            with self.subTest(variant):
                self.assertEqual(found(translate(self.written, chosen)), {})

    def test_a_key_that_takes_anothers_place_keeps_every_rule(self) -> None:
        for key in keys_of(self.written):
            with self.subTest(key):
                renamed = json.loads(re.sub(rf"\b{key}\b", f"{key}2", json.dumps(self.written)))
                self.assertNotIn(key, keys_of(renamed))
                self.assertEqual(found(translate(renamed, VARIANTS["production"])), {})
                for breach in BREACHES:
                    breach.change(copy.deepcopy(renamed))

    def test_what_a_failed_first_deployment_made_may_go(self) -> None:
        cleaning = copy.deepcopy(self.written)
        for resource in cleaning["Resources"].values():
            if "DeletionPolicy" in resource:
                resource["DeletionPolicy"] = {"Fn::If": ["IsDevelopment", "Delete", "RetainExceptOnCreate"]}
        self.assertEqual(found(translate(cleaning, VARIANTS["production"])), {})

    def test_each_broken_template_breaks_its_rules_and_no_other(self) -> None:
        # Otherwise every broken template would break one rule too many, and the one sentence that matters would be lost.
        self.assertEqual(found(translate(self.written, VARIANTS["production"])), {}, "Mend the template first.")
        for breach in BREACHES:
            with self.subTest(breach.change.__name__):
                broken = copy.deepcopy(self.written)
                breach.change(broken)
                broken_rules = found(translate(broken, VARIANTS[breach.variant]))
                self.assertEqual(set(broken_rules), {rule.__name__ for rule in breach.rules}, broken_rules)

    def test_every_rule_has_a_template_that_breaks_it(self) -> None:
        broken = {rule for breach in BREACHES for rule in breach.rules}
        self.assertEqual([rule.__name__ for rule in RULES if rule not in broken], [])

    def test_the_variants_take_both_sides_of_every_condition(self) -> None:
        for condition in self.written["Conditions"]:
            with self.subTest(condition):
                output = {"Side": {"Value": {"Fn::If": [condition, "yes", "no"]}}}
                deployments = [translate(self.written | {"Outputs": output}, chosen) for chosen in VARIANTS.values()]
                sides = {deployment.translated["Outputs"]["Side"]["Value"] for deployment in deployments}
                self.assertEqual(sides, {"yes", "no"})


if __name__ == "__main__":
    unittest.main()
