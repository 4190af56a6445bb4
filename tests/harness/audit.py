"""dialin-audit as an operator calls it."""

import json
import os
import signal
import subprocess

from stack import EXIT_TIMEOUT_S, build_folder, clean_environment


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def objects(self):
        """Of --json: one object for each line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def object(self):
        objects = self.objects()
        assert len(objects) == 1, self
        return objects[0]

    def __repr__(self):
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class Audit:
    """Runs commands against the Redis and the prefix of a stack."""

    def __init__(self, stack, **values):
        self.stack = stack
        self.values = values

    def environment(self, values):
        return clean_environment({**self.stack.values({}), "TZ": "UTC", **self.values, **values})

    def run(self, *arguments, timeout_s=EXIT_TIMEOUT_S, **values):
        """Its exit code and what it printed, whatever that is."""
        done = subprocess.run([str(build_folder() / "dialin-audit"), *map(str, arguments)],
                              env=self.environment(values), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=timeout_s)
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Sanitizer" not in result.err and "runtime error" not in result.err, result
        assert "Assertion" not in result.err, result
        return result

    def __call__(self, *arguments, code=0, **values):
        result = self.run(*arguments, **values)
        assert result.code == code, result
        return result

    def json(self, *arguments, **values):
        return self(*arguments, "--json", **values).objects()

    def begin(self, *arguments, **values):
        """A process that goes on, to be interrupted."""
        return subprocess.Popen([str(build_folder() / "dialin-audit"), *map(str, arguments)],
                                env=self.environment(values), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=os.setpgrp)

    @staticmethod
    def interrupt(process, timeout_s=EXIT_TIMEOUT_S):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=timeout_s)
        return Result(process.returncode, out.decode(), err.decode())
