"""Has the runner of the tests report what it finds, in every Python that is started while tests are judged.

Python imports the first ``sitecustomize`` on its path before any code of a repository, and this one stands first. It
takes a key, attaches itself to pytest, unittest and sympy's runner when they are imported, and writes each outcome as a
line of JSON that the key signs. Works on Python 3.5 and later; imports nothing but what it needs.

What this holds off: everything that prints, whatever ends the process early, files that configure a runner, records
written by anyone without the key, and functions of the runner that were replaced when a test starts, but by a plugin
that is there without the patch. What it cannot: code under test runs in the same process as the runner, and code that
searches the interpreter's memory for this module's closures, or that knows the runner's inner state well enough to
change outcomes without replacing a function, can still lie. Keeping it out would take a second process that decides,
and tests that only observe.
"""


def _begin():
    import hashlib
    import hmac
    import json
    import os
    import sys
    from types import FunctionType as Function
    from types import MethodType as Method

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry != here]
    name = key = None
    for name in sorted(os.listdir(os.path.join(here, "keys"))):
        path = os.path.join(here, "keys", name)
        try:
            with open(path, "rb") as file:
                key = file.read()
            os.unlink(path)  # whoever removes it has it
            break
        except OSError:
            key = None
    if not key:
        return
    descriptor = os.open(os.path.join(here, "records", name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    pid = os.getpid()
    # Whatever is replaced later, these stay what they are now.
    write, getpid, dumps, digest, sha256 = os.write, os.getpid, json.dumps, hmac.new, hashlib.sha256
    state = {"sequence": 0, "runner": None}

    def record(**fields):
        """Write one record; a forked process has nothing to say."""
        if getpid() != pid:
            return
        body = dumps([state["sequence"], fields]).encode("ascii")
        state["sequence"] += 1
        signature = digest(key, body, sha256).hexdigest().encode("ascii")
        write(descriptor, signature + b" " + body + b"\n")

    def become(runner, module):
        """Whether this process is from now on this runner: the first that asks is it."""
        if state["runner"] is not None or getpid() != pid:
            return False
        state["runner"] = runner
        # What tests start is no runner of ours, and must see the environment as it was.
        paths = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != here]
        if paths:
            os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        else:
            os.environ.pop("PYTHONPATH", None)
        record(runner=runner, file=os.path.realpath(getattr(module, "__file__", None) or ""))
        return True

    def origin(function):
        """The file that a function was written in."""
        plain = function.__func__ if type(function) is Method else function
        return plain.__code__.co_filename if type(plain) is Function else "<unknown>"

    def watch(places):
        """A function that records which of these functions are no longer what they were."""
        known = []
        for owner, attribute in places:
            found = getattr(owner, attribute, None)
            if found is not None:
                known.append((owner, attribute, found, getattr(found, "__code__", None)))

        def check():
            for owner, attribute, function, code in known:
                now = getattr(owner, attribute, None)
                # Functions are compared by their code: a method is a new object each time it is asked for.
                same = now is function or getattr(now, "__func__", now) is getattr(function, "__func__", function)
                if not same or getattr(now, "__code__", None) is not code:
                    record(tampered="%s.%s" % (getattr(owner, "__name__", owner), attribute), file=origin(now))

        return check

    scopes = {}

    def load(name):
        if name in scopes:
            return scopes[name]["attach"]
        scope = scopes[name] = {"__name__": name}
        with open(os.path.join(here, name + ".py")) as file:
            exec(compile(file.read(), name, "exec"), scope)  # noqa: S102
        return scope["attach"]

    def attacher(name):
        def attach(module):
            load(name)(module, record, become, watch)

        return attach

    watched = {
        "_pytest.config": attacher("report_pytest"),
        "unittest.result": attacher("report_unittest"),
        "unittest.case": attacher("report_unittest"),
        "sympy.testing.runtests": attacher("report_sympy"),
        "sympy.utilities.runtests": attacher("report_sympy"),
    }

    class Finder(object):
        """Finds the modules to attach to the way they would be found without it."""

        def find_spec(self, name, path=None, target=None):
            if name not in watched:
                return None
            for finder in list(sys.meta_path):
                find = getattr(finder, "find_spec", None)
                spec = find(name, path, target) if find is not None and finder is not self else None
                if spec is not None:
                    break
            else:
                return None
            attach, loader = watched.pop(name), spec.loader
            execute = loader.exec_module

            def exec_module(module):
                execute(module)
                attach(module)

            loader.exec_module = exec_module
            return spec

    sys.meta_path.insert(0, Finder())
    with open("/proc/self/cmdline", "rb") as file:
        command = file.read().decode("utf-8", "replace").split("\0")[:-1]
    record(loaded=command, version=list(sys.version_info[:3]))


try:
    _begin()
finally:
    del _begin
