"""What sympy's own runner finds, test by test."""


def attach(module, record, become, watch):
    """Have the reporter tell what it is told.

    Args:
        module: ``sympy.testing.runtests`` or ``sympy.utilities.runtests``, freshly imported.
        record: Writes a record.
        become: Says whether this process is the runner.
        watch: Makes a check that functions are what they were.
    """
    reporter = module.PyTestReporter
    state = {"ours": None, "test": None, "check": None, "failed": False}

    def ours():
        if state["ours"] is None:
            state["ours"] = become("sympy", module)
            runner = [(module.SymPyTests, "test_file"), (module.SymPyTests, "test"), (module, "_test")]
            state["check"] = watch(runner)
        return state["ours"]

    def before(name, then):
        original = getattr(reporter, name, None)
        if original is None:
            return

        def method(self, *args, **kwargs):
            if ours():
                then(*args, **kwargs)
            return original(self, *args, **kwargs)

        method.__name__, method.__doc__ = name, original.__doc__
        setattr(reporter, name, method)

    def entering(function):
        state["check"]()
        state["test"] = function.__name__
        record(start=function.__name__)

    def outcome(word):
        def told(*args, **kwargs):
            if state["test"] is not None:
                state["failed"] = state["failed"] or word in ("F", "E")
                record(test=state["test"], outcome=word)

        return told

    def finish(*args, **kwargs):
        state["check"]()
        record(end=1 if state["failed"] else 0)

    def leaving(*args, **kwargs):
        state["test"] = None

    before("entering_test", entering)
    before("leaving_filename", leaving)
    before("finish", finish)
    for name, word in (
        ("test_pass", "ok"),
        ("test_fail", "F"),
        ("test_exception", "E"),
        ("test_xfail", "f"),
        ("test_xpass", "X"),
        ("test_skip", "s"),
    ):
        before(name, outcome(word))
