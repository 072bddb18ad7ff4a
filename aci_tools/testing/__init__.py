"""Running a project's own tests and saying what they found."""

from aci_tools.testing.detect import find_plan
from aci_tools.testing.plan import TestPlan
from aci_tools.testing.report import Failure, Place, TestReport
from aci_tools.testing.run import measure_baseline, run_plan, run_project_tests
from aci_tools.testing.summary import difference, summarize
from aci_tools.testing.tryout import Tryout, try_out

__all__ = [
    "Failure",
    "Place",
    "TestPlan",
    "TestReport",
    "Tryout",
    "difference",
    "find_plan",
    "measure_baseline",
    "run_plan",
    "run_project_tests",
    "summarize",
    "try_out",
]
