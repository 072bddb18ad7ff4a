"""What unittest finds, test by test; Django's runner reports through the same classes."""

RUNNING = ("run", "__call__", "_callTestMethod", "_callSetUp", "_callTearDown")
CHECKS = []
WORST = ("FAIL", "ERROR", "unexpected success", "skipped", "expected failure", "ok")


def attach(module, record, become, watch):
    """Have every result tell what is added to it.

    A result that is filled while a test of another runs belongs to that test, and is left alone.

    Args:
        module: ``unittest.result`` or ``unittest.case``, freshly imported.
        record: Writes a record.
        become: Says whether this process is the runner.
        watch: Makes a check that functions are what they were.
    """
    if module.__name__ == "unittest.case":
        CHECKS.append(watch([(module.TestCase, name) for name in RUNNING]))
        return
    state = {"ours": None, "result": None, "test": None, "outcomes": []}

    def ours(result):
        if state["ours"] is None:
            state["ours"] = become("unittest", module)
        return state["ours"] and state["result"] in (None, result)

    def check():
        for one in CHECKS:
            one()

    def described(result, test):
        describe = getattr(result, "getDescription", None)
        return describe(test) if describe is not None else str(test)

    def write(result, test, outcomes):
        outcome = min(outcomes, key=WORST.index)
        identity = getattr(test, "id", None)
        record(test=described(result, test), id=identity() if identity is not None else "", outcome=outcome)

    def note(result, test, outcome):
        if not ours(result):
            return
        if state["test"] is None:  # a class or a module that could not be set up
            write(result, test, [outcome])
        else:
            state["outcomes"].append(outcome)

    def start(result, test):
        if ours(result):
            check()
            state["result"], state["test"], state["outcomes"] = result, test, []
            record(start=described(result, test))

    def stop(result, test):
        if state["result"] is not result or state["test"] is not test:
            return
        state["result"] = state["test"] = None
        if state["outcomes"]:
            write(result, test, state["outcomes"])

    def finish(result):
        if state["ours"] and state["result"] is None:
            check()
            record(end=0 if result.wasSuccessful() else 1)

    def after(name, then):
        original = getattr(module.TestResult, name, None)
        if original is None:
            return

        def method(self, *args, **kwargs):
            returned = original(self, *args, **kwargs)
            then(self, *args, **kwargs)
            return returned

        method.__name__, method.__doc__ = name, original.__doc__
        # What the runner asks of the original it has to find here: failfast is told by such a mark.
        method.__dict__.update(getattr(original, "__dict__", {}))
        setattr(module.TestResult, name, method)

    def adding(outcome):
        return lambda result, test, *more, **named: note(result, test, outcome)

    def subtest(result, test, subtest, err):
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            note(result, test, "FAIL" if failed else "ERROR")

    after("startTest", start)
    after("stopTest", stop)
    after("stopTestRun", finish)
    after("addSubTest", subtest)
    for name, outcome in (
        ("addSuccess", "ok"),
        ("addFailure", "FAIL"),
        ("addError", "ERROR"),
        ("addSkip", "skipped"),
        ("addExpectedFailure", "expected failure"),
        ("addUnexpectedSuccess", "unexpected success"),
    ):
        after(name, adding(outcome))
    methods = [name for name in dir(module.TestResult) if name.startswith(("add", "start", "stop"))]
    CHECKS.append(watch([(module.TestResult, name) for name in methods]))
