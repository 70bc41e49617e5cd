#!/usr/bin/env python3
"""Records what memcached answers to the requests of `requests.txt`, or compares a server with that record.

    record.py                      starts memcached, asks all, writes the replies into requests.txt
    record.py --check              the same, but only says what would change
    record.py --replay ADDRESS     asks a server (HOST:PORT or unix:PATH) and compares with what is expected of Levada
    record.py --replay ADDRESS --reference    compares with what the reference answered
    --case WORDS                   only the cases whose name contains these words

How requests.txt is written is said at its head. Standard library only.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "requests.txt")
REFERENCE_VERSION = "1.6.18"
QUIET_S = 0.04  # a reply of the reference has ended when nothing came for so long
PATIENCE_S = 3.0  # a replayed server has so long for each reply
UNIT = re.compile(r"\\\{([^}]*)\}|\\x([0-9a-fA-F]{2})|\\(.)")
SHORT = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


class Wrong(Exception):
    """The record says something that is not in its grammar."""


# --- the text form -------------------------------------------------------------------------------


def units(text):
    """Gives the parts of a line: bytes as they are, and a tuple (name, argument) for each \\{name:argument}."""
    ends = True
    if text.endswith("\\c"):
        text, ends = text[:-2], False
    at = 0
    for found in UNIT.finditer(text):
        if found.start() > at:
            yield text[at : found.start()].encode()
        at = found.end()
        braced, number, letter = found.groups()
        if number is not None:
            yield bytes([int(number, 16)])
        elif letter is not None:
            if letter not in SHORT:
                raise Wrong(f"no such escape: \\{letter}")
            yield SHORT[letter]
        elif "*" in braced:
            what, times = braced.rsplit("*", 1)
            yield what.encode() * int(times)
        else:
            name, _, argument = braced.partition(":")
            yield (name, argument)
    if at < len(text):
        yield text[at:].encode()
    if ends:
        yield b"\r\n"


def parts(lines):
    """Joins the units of several lines: neighbouring bytes become one."""
    joined = []
    for line in lines:
        for unit in units(line):
            if isinstance(unit, bytes) and joined and isinstance(joined[-1], bytes):
                joined[-1] += unit
            else:
                joined.append(unit)
    return joined


def escape(data):
    """Writes bytes as text; long runs of one byte become \\{x*N}."""
    text, at = [], 0
    while at < len(data):
        byte = data[at]
        run = at
        while run < len(data) and data[run] == byte:
            run += 1
        if run - at >= 16 and chr(byte).isalnum():
            text.append("\\{%c*%d}" % (byte, run - at))
            at = run
            continue
        if byte == 0x5C:
            text.append("\\\\")
        elif byte == 0x0D:
            text.append("\\r")
        elif byte == 0x0A:
            text.append("\\n")
        elif 0x20 <= byte < 0x7F:
            text.append(chr(byte))
        else:
            text.append("\\x%02x" % byte)
        at += 1
    return "".join(text)


def written(data):
    """The lines that stand for these bytes; placeholders that are in them already are kept."""
    lines = []
    for piece in re.split(rb"(?<=\r\n)", data):
        if not piece:
            continue
        ended = piece.endswith(b"\r\n")
        body = piece[:-2] if ended else piece
        text = "".join(
            part.decode() if index % 2 else escape(part)
            for index, part in enumerate(re.split(rb"\x00(\\\{[^}]*\})\x00", body))
        )
        if text.endswith(" "):
            text = text[:-1] + "\\x20"
        lines.append(text if ended else text + "\\c")
    return lines


# --- the record ----------------------------------------------------------------------------------


class Exchange:
    """What is sent, in pieces, and what is received before anything else is sent."""

    def __init__(self):
        self.pieces, self.received, self.reason, self.expected = [[]], [], [], None
        self.closed, self.levada_closes = False, False

    def of(self, reference):
        """The lines that are expected, and whether the connection is closed then."""
        if reference or self.expected is None:
            return self.received, self.closed
        return self.expected, self.levada_closes


class Case:
    def __init__(self, group, name, at):
        self.group, self.name, self.at, self.exchanges = group, name, at, []


def read(path):
    """Gives the head of the file and its cases."""
    head, cases, group, names = [], [], None, set()
    with open(path, encoding="utf-8") as file:
        for at, line in enumerate(file, 1):
            line = line.rstrip("\n")
            kind, rest = line[:2], line[2:]
            if line.startswith("== "):
                group = line[3:]
            elif group is None:
                head.append(line)
            elif line == "":
                continue
            elif kind == "# ":
                if rest in names:
                    raise Wrong(f"line {at}: a case of this name stands above: {rest}")
                names.add(rest)
                cases.append(Case(group, rest, at))
            elif kind == "> ":
                case = cases[-1]
                last = case.exchanges[-1] if case.exchanges else None
                if last is None or last.received or last.closed or last.expected is not None:
                    case.exchanges.append(Exchange())
                case.exchanges[-1].pieces[-1].append(rest)
            elif line == "~":
                cases[-1].exchanges[-1].pieces.append([])
            elif kind == "< ":
                cases[-1].exchanges[-1].received.append(rest)
            elif kind == "* ":
                cases[-1].exchanges[-1].reason.append(rest)
            elif kind == "= ":
                exchange = cases[-1].exchanges[-1]
                exchange.expected = (exchange.expected or []) + [rest]
            elif line == "closed":
                exchange = cases[-1].exchanges[-1]
                if exchange.expected is None:
                    exchange.closed = True
                else:
                    exchange.levada_closes = True
            else:
                raise Wrong(f"line {at}: not in the grammar: {line}")
    return head, cases


def write(path, head, cases):
    """Writes the file anew."""
    out, group = list(head), None
    while out and out[-1] == "":
        out.pop()
    for case in cases:
        if case.group != group:
            group = case.group
            out += ["", f"== {group}"]
        out += ["", f"# {case.name}"]
        for exchange in case.exchanges:
            for index, piece in enumerate(exchange.pieces):
                out += ["~"] if index else []
                out += ["> " + line for line in piece]
            out += ["< " + line for line in exchange.received]
            out += ["closed"] if exchange.closed else []
            out += ["* " + line for line in exchange.reason]
            out += ["= " + line for line in exchange.expected or []]
            out += ["closed"] if exchange.levada_closes else []
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


# --- a server ------------------------------------------------------------------------------------


def connect(address):
    if address.startswith("unix:"):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(PATIENCE_S)
        peer.connect(address[5:])
        return peer
    host, port = address.rsplit(":", 1)
    peer = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Reference:
    """A memcached of its own, started for this record and ended after it."""

    def __init__(self, arguments=()):
        program = shutil.which("memcached")
        if program is None:
            raise SystemExit("memcached is not installed")
        said = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout
        if REFERENCE_VERSION not in said:
            raise SystemExit(f"the record is of memcached {REFERENCE_VERSION}; here is {said.strip()}")
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        as_whom = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.server = subprocess.Popen([program, *as_whom, "-l", "127.0.0.1", "-p", str(port), "-U", "0", *arguments], stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                connect(self.address).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("memcached did not start")

    def end(self):
        self.server.terminate()
        self.server.wait()


def empty(address):
    """Each case finds an empty server."""
    with connect(address) as peer:
        peer.sendall(b"flush_all\r\n")
        said = peer.recv(100)
    if said != b"OK\r\n":
        raise SystemExit(f"flush_all answered {said!r}")


def to_send(lines, seen):
    data = b""
    for part in parts(lines):
        if isinstance(part, bytes):
            data += part
        else:
            name, argument = part
            number = re.fullmatch(r"(\d+)([+-]\d+)?", argument)
            if name != "cas" or not number:
                raise Wrong(f"cannot be sent: {part}")
            data += str(seen[int(number[1])] + int(number[2] or 0)).encode()
    return data


def is_binary(case):
    """After a request of the binary protocol the reference understands no `mn`."""
    return to_send(case.exchanges[0].pieces[0], {}).startswith(b"\x80")


def send(peer, exchange, seen):
    for index, piece in enumerate(exchange.pieces):
        if index:
            time.sleep(0.02)  # so that the server sees two receives
        peer.sendall(to_send(piece, seen))


# --- recording -----------------------------------------------------------------------------------


def until_quiet(peer):
    data, closed = b"", False
    peer.settimeout(0.25)
    while True:
        try:
            more = peer.recv(1 << 20)
        except TimeoutError:
            break
        except ConnectionResetError:
            more = b""
        if not more:
            closed = True
            break
        data += more
        peer.settimeout(QUIET_S)
    peer.settimeout(PATIENCE_S)
    return data, closed


def marked(text):
    return b"\0\\{" + text.encode() + b"}\0"


def normalised(data, seen):
    """Puts placeholders for CAS values, seconds and statistics; data blocks stay as they are."""

    def cas(number):
        value = int(number)
        if value == 0:
            return number
        for name, known in seen.items():
            if known == value:
                return marked(f"cas:{name}")
        seen[len(seen) + 1] = value
        return marked(f"cas:{len(seen)}")

    def flag(token):
        if re.fullmatch(rb"c\d+", token):
            return b"c" + cas(token[1:])
        if re.fullmatch(rb"t\d+", token):
            return b"t" + marked(f"left:{token[1:].decode()}")
        if re.fullmatch(rb"l\d+", token):
            return b"l" + marked(f"passed:{token[1:].decode()}")
        return token

    out, at, statistics = b"", 0, False
    while at < len(data):
        end = data.find(b"\r\n", at)
        end = len(data) if end < 0 else end + 2
        line, at = data[at:end], end
        words = line.rstrip(b"\r\n").split(b" ")
        block = 0
        if words[0] == b"STAT":
            if not statistics:
                out += marked("stats")
            statistics = True
            continue
        statistics = False
        if words[0] == b"VALUE" and len(words) >= 4:
            block = int(words[3]) + 2
            if len(words) == 5:
                words[4] = cas(words[4])
        elif words[0] == b"VA" and len(words) >= 2:
            block = int(words[1]) + 2
            words[2:] = [flag(word) for word in words[2:]]
        elif words[0] in (b"HD", b"EX", b"NS", b"NF", b"EN"):
            words[1:] = [flag(word) for word in words[1:]]
        elif words[0] == b"ME":
            line = re.sub(rb"(?<= cas=)\d+", lambda found: cas(found[0]), line)
            line = re.sub(rb"(?<= la=)\d+", lambda found: marked("passed:" + found[0].decode()), line)
            line = re.sub(rb"(?<= exp=-)(?!1 )\d+", lambda found: marked("left:" + found[0].decode()), line)
            out += line
            continue
        out += b" ".join(words) + (b"\r\n" if line.endswith(b"\r\n") else b"")
        out += data[at : at + block]
        at += block
    return out


def record(case, address):
    empty(address)
    peer, seen, closed = connect(address), {}, False
    with peer:
        for exchange in case.exchanges:
            if closed:
                raise Wrong(f"{case.name}: asks on after the connection was closed")
            send(peer, exchange, seen)
            data, closed = until_quiet(peer)
            exchange.received = written(normalised(data, seen)) or ["\\c"]
            exchange.closed = closed
        if not closed and not is_binary(case):
            peer.sendall(b"mn\r\n")
            data, closed = until_quiet(peer)
            if data != b"MN\r\n":
                raise Wrong(f"{case.name}: does not end between two commands: {data!r}")


# --- replaying -----------------------------------------------------------------------------------


def match(expected, data, seen):
    """How far `data` agrees with the parts: (all of them, bytes agreed on)."""
    at = 0
    for part in expected:
        if isinstance(part, bytes):
            have = data[at : at + len(part)]
            if have != part:
                common = os.path.commonprefix([have, part])
                return False, at + len(common)
            at += len(part)
            continue
        name, argument = part
        rest = data[at:]
        if name == "stats":
            found = re.match(rb"(STAT [^\r\n]*\r\n)*", rest)
        elif name == "word":
            found = re.match(rb"[^ \r\n]+", rest)
        else:
            found = re.match(rb"\d+", rest)
        if not found:
            return False, at
        if name in ("cas", "left", "passed"):
            value = int(found[0])
            if name == "cas":
                good = seen.setdefault(int(argument), value) == value
            elif name == "left":
                good = int(argument) - 2 <= value <= int(argument)
            else:
                good = int(argument) <= value <= int(argument) + 2
            if not good:
                return False, at
        elif name not in ("stats", "word", "number"):
            raise Wrong(f"no such placeholder: {name}")
        at += found.end()
    return at == len(data), at


def replay(case, address, reference):
    """Gives None, or what differs: (what was sent, expected, received)."""
    empty(address)
    peer, seen, sent = connect(address), {}, []
    with peer:
        for exchange in case.exchanges:
            sent += [line for piece in exchange.pieces for line in piece]
            lines, closes = exchange.of(reference)
            expected = parts(lines)
            data, ended = b"", False
            try:
                send(peer, exchange, seen)
            except (BrokenPipeError, ConnectionResetError):
                ended = True
            until = time.monotonic() + PATIENCE_S
            while closes or not match(expected, data, seen)[0]:
                agreed = match(expected, data, dict(seen))[1]
                if agreed < len(data) and b"\n" in data[agreed:] and time.monotonic() > until - PATIENCE_S + 0.2:
                    break
                peer.settimeout(0.1)
                try:
                    more = peer.recv(1 << 20)
                except TimeoutError:
                    if time.monotonic() > until:
                        break
                    continue
                except ConnectionResetError:
                    more = b""
                if not more:
                    ended = True
                    break
                data += more
            if not match(expected, data, seen)[0]:
                return sent, lines, data, "closed" if ended else ""
            if ended != closes:
                return sent, lines, data, "closed, but should be open" if ended else "open, but should be closed"
            if ended:
                return None
        if is_binary(case):
            return None
        peer.settimeout(PATIENCE_S)
        peer.sendall(b"mn\r\n")
        try:
            data = peer.recv(1 << 16)
        except (TimeoutError, ConnectionResetError) as wrong:
            return sent + ["mn"], ["MN"], b"", str(wrong)
        return None if data == b"MN\r\n" else (sent + ["mn"], ["MN"], data, "")


def shorten(text):
    return text if len(text) < 300 else text[:200] + f"...({len(text)} bytes)"


def main():
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("--check", action="store_true")
    said.add_argument("--replay", metavar="ADDRESS")
    said.add_argument("--reference", action="store_true")
    said.add_argument("--case", default="")
    said.add_argument("--file", default=RECORD)
    chosen = said.parse_args()
    head, cases = read(chosen.file)
    wanted = [case for case in cases if chosen.case in case.name]
    wrong = 0
    if chosen.replay:
        for case in wanted:
            try:
                differs = replay(case, chosen.replay, chosen.reference)
            except OSError as error:
                differs = ([], [], b"", repr(error))
            if differs:
                wrong += 1
                sent, expected, received, how = differs
                print(f"DIFFERS line {case.at}: {case.group}: {case.name} {('(' + how + ')') if how else ''}")
                for line in sent:
                    print("  > " + shorten(line))
                for line in expected:
                    print("  expected " + shorten(line))
                for line in written(received):
                    print("  received " + shorten(line))
        print(f"{len(wanted) - wrong} passed, {wrong} failed")
        return 1 if wrong else 0
    reference = Reference()
    try:
        for case in wanted:
            before = [(exchange.received, exchange.closed) for exchange in case.exchanges]
            record(case, reference.address)
            after = [(exchange.received, exchange.closed) for exchange in case.exchanges]
            if chosen.check and before != after:
                wrong += 1
                print(f"DIFFERS line {case.at}: {case.name}\n  was {before}\n  is  {after}")
    finally:
        reference.end()
    if chosen.check:
        print(f"{len(wanted) - wrong} passed, {wrong} failed")
        return 1 if wrong else 0
    write(chosen.file, head, cases)
    sent = sum(len(piece) for case in cases for exchange in case.exchanges for piece in exchange.pieces)
    print(f"{len(cases)} cases, {sent} lines sent")
    return 0


if __name__ == "__main__":
    sys.exit(main())
