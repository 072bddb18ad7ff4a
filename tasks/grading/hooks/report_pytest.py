"""What pytest (3 and later) finds, test by test. Loaded by ``sitecustomize`` when pytest's own modules are imported."""

OUTCOME_HOOKS = (
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_logreport",
    "pytest_pyfunc_call",
    "pytest_pycollect_makeitem",
    "pytest_collection_modifyitems",
    "pytest_ignore_collect",
    "pytest_report_teststatus",
)


def attach(module, record, become, watch):
    """Have the first plugin manager of this process tell what happens.

    Args:
        module: ``_pytest.config``, freshly imported.
        record: Writes a record.
        become: Says whether this process is the runner.
        watch: Makes a check that functions are what they were.
    """
    manager = module.PytestPluginManager
    original = manager.__init__

    def __init__(self, *args, **kwargs):
        original(self, *args, **kwargs)
        if become("pytest", __import__("_pytest")):
            self.register(_plugin(module, record, watch), "patchwright-report")

    manager.__init__ = __init__


def _plugin(module, record, watch):
    import types

    state = {"config": None, "hooks": -1, "check": None, "raised": {}}
    name_of = str

    def pytest_cmdline_parse(pluginmanager, args):
        # pytest's own plugins are there, and nothing of a repository is yet.
        state["check"] = _watch_pytest(watch)

    def pytest_configure(config):
        state["config"] = config

    def named(nodeid):
        relative = getattr(state["config"], "cwd_relative_nodeid", None)
        return name_of(relative(nodeid) if relative is not None else nodeid)

    def look():
        if state["check"] is not None:
            state["check"]()
        found = _implementations(state["config"])
        if len(found) != state["hooks"]:
            state["hooks"] = len(found)
            for hook, file in found:
                record(hook=hook, file=file)

    def pytest_runtest_logstart(nodeid):
        look()
        record(start=named(nodeid))

    def pytest_runtest_makereport(item, call):
        if call.when == "call":
            state["raised"][item.nodeid] = None if call.excinfo is None else call.excinfo.typename

    def pytest_collectreport(report):
        if report.failed:
            record(test=named(report.nodeid), outcome="ERROR")

    def pytest_runtest_logreport(report):
        if report.outcome not in ("passed", "failed", "skipped"):  # a plugin runs the test again
            return
        raised = state["raised"].pop(report.nodeid, None) if report.when == "call" else None
        expected = hasattr(report, "wasxfail")
        if report.failed:
            outcome = "FAILED" if report.when == "call" else "ERROR"
        elif report.skipped:
            outcome = "XFAIL" if expected else "SKIPPED"
        elif report.when != "call":
            return
        elif expected:
            outcome = "XPASS"
        else:
            outcome = "PASSED" if raised is None else "FAILED"
        record(test=named(report.nodeid), outcome=outcome)

    def pytest_sessionfinish(exitstatus):
        look()
        record(end=int(exitstatus))

    hookimpl = module.hookimpl
    plugin = types.ModuleType("patchwright_report")
    hooks = (pytest_configure, pytest_runtest_logstart, pytest_collectreport, pytest_runtest_logreport)
    for function in hooks + (pytest_sessionfinish,):
        setattr(plugin, function.__name__, function)
    for function in (pytest_cmdline_parse, pytest_runtest_makereport):
        setattr(plugin, function.__name__, hookimpl(tryfirst=True)(function))
    return plugin


def _watch_pytest(watch):
    import unittest

    import _pytest.python
    import _pytest.runner

    reports = getattr(__import__("_pytest.reports", fromlist=["reports"]), "TestReport", None)
    runner = [(_pytest.runner, name) for name in dir(_pytest.runner) if name.startswith(("call_", "pytest_runtest_"))]
    return watch(
        runner
        + [
            (_pytest.runner, "runtestprotocol"),
            (_pytest.runner, "check_interactive_exception"),
            (_pytest.runner.CallInfo, "from_call"),
            (_pytest.python.Function, "runtest"),
            (_pytest.python, "pytest_pyfunc_call"),
            (reports, "from_item_and_call"),
            (unittest.TestCase, "run"),
            (unittest.TestCase, "__call__"),
        ]
    )


def _implementations(config):
    found = []
    for hook in OUTCOME_HOOKS:
        caller = getattr(config.hook, hook, None)
        listed = getattr(caller, "get_hookimpls", None)
        for implementation in listed() if listed is not None else ():
            code = getattr(implementation.function, "__code__", None)
            file = getattr(code, "co_filename", "<unknown>")
            if "/_pytest/" not in file.replace("\\", "/") and file != "report_pytest":
                found.append((hook, file))
    return found
