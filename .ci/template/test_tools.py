"""Each tool refuses a template that it must refuse, and leaves out no more than it has to.

That the tools accept Portico's template is .ci/template/run's to see.
"""

import copy
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from breaches.functions import nothing_is_traced
from breaches.storage import a_table_cannot_be_restored
from breaches.writing import properties
from samcli.yamlhelper import yaml_parse
from translate import VARIANTS, Tree, read, translate

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / "target" / "ci"


def settings(file: str) -> Tree:
    return yaml_parse((HERE / file).read_text(encoding="utf-8"))


class Tools(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.template = Path(folder.name) / "template.json"
        self.tree = copy.deepcopy(read())

    def run_on(self, tree: Tree, *command: str | Path) -> tuple[int, str]:
        self.template.write_text(json.dumps(tree), encoding="utf-8")
        # sam wants keys, though it uses none.
        environment = os.environ | {
            "SAM_CLI_TELEMETRY": "0",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }
        done = subprocess.run(
            [*command, self.template],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout

    def cfn_lint(self, tree: Tree, *options: str | Path) -> tuple[int, str]:
        return self.run_on(tree, TOOLS / "lint" / "bin" / "cfn-lint", *options, "--template")

    def checkov(self, tree: Tree, *options: str | Path) -> tuple[int, str]:
        everything = translate(tree, VARIANTS["edge"]).translated
        return self.run_on(everything, TOOLS / "lint" / "bin" / "checkov", *options, "--file")

    def test_sam_validate_refuses_an_unknown_property(self) -> None:
        properties(self.tree, "OrdersTable")["Colour"] = "blue"
        code, said = self.run_on(self.tree, TOOLS / "sam" / "bin" / "sam", "validate", "--lint", "--template")
        self.assertNotEqual(code, 0)
        self.assertIn("E3002", said)

    def test_cfn_lint_refuses_functions_that_are_not_traced(self) -> None:
        nothing_is_traced(self.tree)
        code, said = self.cfn_lint(self.tree, "--config-file", HERE / "cfnlint.yaml")
        self.assertNotEqual(code, 0)
        self.assertIn("WS1000", said)

    def test_checkov_refuses_a_table_that_cannot_be_restored(self) -> None:
        a_table_cannot_be_restored(self.tree)
        code, said = self.checkov(self.tree, "--config-file", HERE / "checkov.yaml")
        self.assertNotEqual(code, 0)
        self.assertIn("CKV_AWS_28", said)

    def test_cfn_lint_would_find_what_its_settings_leave_out(self) -> None:
        _, said = self.cfn_lint(self.tree, "--append-rules", "cfn_lint_serverless.rules")
        self.assertEqual(
            set(re.findall(r"^[A-Z]+\d+", said, re.MULTILINE)), set(settings("cfnlint.yaml")["ignore_checks"])
        )

    def test_checkov_would_find_what_its_settings_leave_out(self) -> None:
        left_out = settings("checkov.yaml")["skip-check"]
        _, said = self.checkov(self.tree, "--skip-download", "--compact", "--quiet", "--check", ",".join(left_out))
        self.assertEqual(set(re.findall(r"^Check: (\w+)", said, re.MULTILINE)), set(left_out))


if __name__ == "__main__":
    unittest.main()
