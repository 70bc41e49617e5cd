"""Runs the suites that run.sh fetched against a server, and compares what fails with baseline.txt.

Each suite runs against a server of its own where run.sh may start one, each file of the reference's tests too: several of
them count what the server holds."""

import argparse
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

# The reference's own tests that speak plain text to a server that is already there and that depend on nothing but the
# protocol. Left out: the binary protocol, TLS, SASL, UDP, extstore, the proxy, watchers, slabs and LRU commands, command
# line options, and statistics of how the reference keeps its memory.
REFERENCE_TESTS = """
    bogus-commands cas chunked-items expirations flags flush-all getandtouch getset incrdecr issue_104 issue_108 issue_152
    issue_3 issue_41 issue_68 issue_70 malicious-commands metaget multiversioning noreply quit strtol-testing touch
""".split()
SHOWN_MAX = 20  # of one suite's failures
WITHIN_S = 240  # one suite, or one file of the reference's tests

# What captures standard error in python-memcached's tests; their sdist leaves it out.
MISSING_UTILS = '''import contextlib
import io
import sys


@contextlib.contextmanager
def captured_stderr():
    kept, sys.stderr = sys.stderr, io.StringIO()
    try:
        yield sys.stderr
    finally:
        sys.stderr = kept
'''


class Server:
    """The server that is asked: one that runs, or one that is started for each suite and ended."""

    def __init__(self, address, command):
        self.given, self.command, self.child = address, command, None

    def __enter__(self):
        if self.given:
            self.host, port = self.given.rsplit(":", 1)
            self.port = int(port)
        else:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.host, self.port = free.getsockname()
            command = shlex.split(self.command.replace("{port}", str(self.port)))
            self.child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(250):
            try:
                with socket.create_connection((self.host, self.port), timeout=2) as peer:
                    peer.sendall(b"flush_all\r\n")
                    if peer.recv(100) == b"OK\r\n":
                        return self
            except OSError:
                time.sleep(0.04)
        self.__exit__()
        raise SystemExit(f"no server answers on {self.host}:{self.port}")

    def __exit__(self, *_):
        if self.child:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            self.child = None

    @property
    def address(self):
        return f"{self.host}:{self.port}"


def run(command, **how):
    """Gives the exit code (None: it did not end in time) and what was said."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **how)
    try:
        said, _ = child.communicate(timeout=WITHIN_S)
        return child.returncode, said.decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        said, _ = child.communicate()
        return None, said.decode(errors="replace")


# Each suite gives {name of a test: None if it passed, else why not}.


def memccapable(server, chosen):
    code, said = run(["memccapable", "-h", server.host, "-p", str(server.port), "-a", "-t", "5"])
    found = re.findall(r"^(ascii [a-z ]+?) +\[(\w+)\]", said, re.MULTILINE)
    results = {name: None if how == "pass" else how for name, how in found}
    if code != 0 and not any(results.values()):
        results["ends well"] = f"exit code {code}: {said[-300:]}"
    return results


def pytest(folder, arguments, chosen):
    report = os.path.join(chosen.dir, "report.xml")
    if os.path.exists(report):
        os.remove(report)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", "-o", "addopts="]
    code, said = run([*command, f"--junitxml={report}", *arguments], cwd=folder)
    if not os.path.exists(report):
        return {"ends": f"exit code {code}: {said[-500:]}"}
    results = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        name = re.sub(r"<[^>]*>|0x[0-9a-f]+", "", name)
        wrong = [child for child in case if child.tag in ("failure", "error")]
        if any(child.tag == "skipped" for child in case):
            continue
        results[name] = wrong[0].get("message") or "failed" if wrong else None
    return results


def pymemcache(server, chosen):
    folder = os.path.join(chosen.dir, "pymemcache-4.0.0")
    arguments = ["-m", "integration", "pymemcache/test", "--server", server.host, "--port", str(server.port)]
    return pytest(folder, arguments, chosen)


def python_memcached(server, chosen):
    """As its authors wrote it, but for the address, and for a file that their sdist lacks."""
    folder = os.path.join(chosen.dir, "python-memcached-1.62")
    tests = os.path.join(folder, "tests")
    for name, text in (("__init__.py", ""), ("utils.py", MISSING_UTILS)):
        with open(os.path.join(tests, name), "w", encoding="utf-8") as file:
            file.write(text)
    for name in ("test_memcache.py", "test_setmulti.py"):
        path = os.path.join(tests, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r'"127\.0\.0\.1:\d+"', f'"{server.address}"', text))
    return pytest(folder, ["tests"], chosen)


def reference_test(name, server, chosen):
    folder = os.path.join(chosen.dir, "source", "memcached-1.6.18")
    # The tests look for a program beside them, to ask it what it was built with: extstore and the proxy are not.
    program = os.path.join(folder, "memcached-debug")
    with open(program, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexec memcached \"$@\" | grep -v 'ext_path\\|proxy_config'\n")
    os.chmod(program, 0o755)
    environment = {**os.environ, "T_MEMD_USE_DAEMON": server.address}
    code, said = run(["perl", "-It/lib", f"t/{name}.t"], cwd=folder, env=environment)
    results, why = {}, {}
    for line in said.splitlines():
        found = re.match(r"(not ok|ok) (\d+)(?: - (.*))?", line)
        if found:
            test = f"{name}.t {found[2]}"
            results[test] = None if found[1] == "ok" else (found[3] or "failed")
    planned = re.search(r"^1\.\.(\d+)", said, re.MULTILINE)
    if code is None or (planned and int(planned[1]) != len(results)) or not results:
        how = "not in time" if code is None else f"exit code {code}"
        results[f"{name}.t ends"] = f"{how} behind {len(results)} tests: {said[-300:]}"
    return results


def recorded(server, chosen):
    code, said = run([sys.executable, chosen.record, "--replay", server.address] + ["--reference"] * chosen.reference)
    found = re.findall(r"^DIFFERS line \d+: [^:]*: (.*?)\s*$", said, re.MULTILINE)
    closing = re.search(r"^(\d+) passed, (\d+) failed", said, re.MULTILINE)
    if not closing:
        return {"ends": f"exit code {code}: {said[-300:]}"}
    results = {f"case {number}": None for number in range(int(closing[1]))}
    results.update({name: "see record.py --replay" for name in found})
    return results


def main():
    said = argparse.ArgumentParser()
    said.add_argument("address", nargs="?")
    said.add_argument("--start", metavar="COMMAND")
    said.add_argument("--reference", action="store_true")
    said.add_argument("--only")
    said.add_argument("--dir", required=True)
    said.add_argument("--baseline", required=True)
    said.add_argument("--record", required=True)
    chosen = said.parse_args()
    command = chosen.start
    if chosen.reference:
        as_whom = "-u nobody " if os.geteuid() == 0 else ""
        command = f"memcached {as_whom}-l 127.0.0.1 -p {{port}} -U 0"
    if bool(chosen.address) == bool(command):
        raise SystemExit("say either an address, or --start COMMAND, or --reference")

    suites = {
        "memccapable": [memccapable],
        "pymemcache": [pymemcache],
        "python-memcached": [python_memcached],
        "reference-tests": [
            lambda server, chosen, name=name: reference_test(name, server, chosen) for name in REFERENCE_TESTS
        ],
        "record": [recorded],
    }
    if chosen.only:
        suites = {chosen.only: suites[chosen.only]}
    with open(chosen.baseline, encoding="utf-8") as file:
        baseline = {line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")}

    passed, expected, failed, lacking, lines = 0, [], [], [], []
    for suite, runs in suites.items():
        if suite == "reference-tests" and not os.path.exists(os.path.join(chosen.dir, "reference.done")):
            lacking.append(suite)
            continue
        started = time.monotonic()
        results = {}
        for one in runs:
            with Server(chosen.address, command) as server:
                results.update(one(server, chosen))
        wrong = {name: why for name, why in results.items() if why is not None}
        known = [name for name in wrong if f"{suite}: {name}" in baseline]
        new = [name for name in wrong if f"{suite}: {name}" not in baseline]
        for name in new[:SHOWN_MAX]:
            print(f"FAILED {suite}: {name}: {wrong[name][:600]}")
        passed += len(results) - len(wrong)
        expected += [f"{suite}: {name}" for name in known]
        failed += [f"{suite}: {name}" for name in new]
        took = time.monotonic() - started
        lines.append(
            f"{suite:18} {len(results) - len(wrong):6} passed {len(new):4} failed "
            f"{len(known):4} failed as baseline.txt says   {took:4.0f} s"
        )
        print("== " + lines[-1], flush=True)
    print("\n== summary of " + (chosen.address or command))
    for line in lines:
        print(line)
    for suite in lacking:
        print(f"{suite:18} could not be had")
    print(f"{passed} passed, {len(failed)} failed, {len(expected)} skipped")
    return 1 if failed else 2 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
