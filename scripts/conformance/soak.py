#!/usr/bin/env python3
"""Asks two servers the same random things over several connections at once, and says where their answers differ.

    soak.py HOST:PORT                 the server, beside a memcached that is started for this
    soak.py HOST:PORT HOST:PORT       the server, and what it is compared with
    --seed N --seconds N --connections N --report FILE

Each connection has keys of its own, so that what it is answered does not hang on the others. A difference is asked again by
itself and made shorter, then printed as a case of the recorded requests; the seed finds it again. Unique numbers are compared
by their changes, seconds with a little room; what Levada does otherwise on purpose is not asked. Standard library only.
Ends with 0 if nothing differed.
"""

import argparse
import base64
import os
import random
import re
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../crates/store/tests/recorded"))
import record  # noqa: E402

PATIENCE_S = 10.0
SHORTEN_S = 60.0
BATCHES_A_ROUND = 40
FILLER = b"mn\r\n" * 150
FAR = 1_000_000_000  # a unique number that no one has given yet
ERRORS = """
get|gets|gat|gats 10|mg|ms|md|ma|me|incr K|decr K|incr K x|incr K -1|incr K 18446744073709551616|touch K|touch K x|touch K 5 5 5
delete|delete K 5|delete K 0 0|delete K x noreply|set K 0 0|set K x 0 1|set K 0 x 1|set K 0 0 x|set K 0 0 -1|set K -1 0 1
set K 0 0 2147483647|cas K 0 0 1|cas K 0 0 1 x|cas K 0 0 -1 5|verbosity|verbosity x|flush_all x|flush_all 0 noreply 0
|   |nonsense|GET K|gett K|bget K|mx K|stats nothing|stats detail|me K x|me !!! b|mn|mn x
mg K z|mg K v v|mg K T|mg K Tx|mg K Nx|mg K Rx|mg K Fx|mg K M|mg K MSS|mg K Oaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|mg !!! b
mg K a b c d e f g h i j k l m n o p q r s t|md K z|md K q q|md K Cx|md a b|ma K z|ma K MX|ma K Jx|ma K Dx|ma K N|ma K t t
ms K|ms K x|ms K -1|ms K S5|ms K 2147483647|touch K 2147483648|gat x K|gat 0|gat|set K 0 0 1 noreply noreply
""".strip().replace("\n", "|").split("|")


class Command:
    """One command: bytes, and ("cas", key, plus) where a unique number stands that each server gave for itself."""

    def __init__(self, *parts):
        self.parts = parts

    def of(self, seen, which):
        out = b""
        for part in self.parts:
            if isinstance(part, bytes):
                out += part
            else:
                _, key, plus = part
                out += str(seen.get(key, (1, 1))[which] + plus).encode()
        return out


class Random:
    """Draws commands over the keys of one connection."""

    def __init__(self, seed, own):
        self.draw = random.Random(seed)
        self.texts = [b"%st%d" % (own, number) for number in range(12)]
        self.texts.append(own + b"x" * (250 - len(own)))
        self.numbers = [b"%sn%d" % (own, number) for number in range(4)]
        # All bytes of such a key are letters, so that it may be said in plain as well.
        self.coded = [b"%sb%d" % (own, number) for number in range(3)]

    def chance(self, one_in):
        return self.draw.randrange(one_in) == 0

    def life(self):
        return self.draw.choice([b"0", b"0", b"0", b"5000", b"2592000", b"-1", b"2592001", b"1000000000", b"4000000000"])

    def value(self, key):
        if key in self.numbers:
            return b"%d" % self.draw.randrange(5_000_000_000, 6_000_000_000)
        length = self.draw.choice(
            [0, 1, 2, 10, 10, 10, 100, 100, 100, 1000, 2000, 4093, 4094, 4095, 4096, 5000, 16383, 16384, 20000]
            + [100_000] * self.chance(10)
            + [1_000_000, 1_100_000] * self.chance(100)
        )
        pattern = self.draw.choice([b"abc", b"\r\n", b"END\r\nVALUE x 0 1\r\n", b"x", b"\x00\xff", b"12345 "])
        return (b"v" + pattern * (length // len(pattern) + 1))[:length]

    def noreply(self):
        return b" noreply" if self.chance(6) else b""

    def key(self):
        return self.draw.choice(self.draw.choice([self.texts, self.texts, self.texts, self.numbers, self.coded]))

    def flags(self, allowed, always=b""):
        """Some of the flags of a meta command, in any order."""
        given = [flag for flag in allowed if self.chance(3)]
        if b"c" in given and b"k" not in given:
            given.append(b"k")  # so that the number can be told to belong to its key
        if always:
            given.append(always)
        self.draw.shuffle(given)
        return b"".join(b" " + flag for flag in given)

    def opaque(self):
        return b"O" + b"o" * self.draw.choice([0, 1, 5, 31 - 1])

    def meta_key(self, key):
        """The key as said, and the flag that must go with it."""
        if key in self.coded and self.chance(2):
            return base64.b64encode(key), b"b"
        return key, b""

    def command(self):
        key = self.key()
        number = key in self.numbers
        said, coded = self.meta_key(key)
        kind = self.draw.randrange(23)
        if kind < 4:
            keys = [self.key() for _ in range(self.draw.choice([1, 1, 2, 5, 30]))]
            verb = self.draw.choice([b"get", b"get", b"gets"])
            if kind == 0:
                verb = self.draw.choice([b"gat ", b"gats "]) + self.life()
            return [Command(verb + b" " + b" ".join(keys) + b"\r\n")]
        if kind < 9:
            verb = self.draw.choice([b"set"] * 5 + [b"add", b"replace", b"append", b"prepend"])
            if number and verb in (b"append", b"prepend"):
                verb = b"set"
            value = self.value(key)
            flags = self.draw.choice([b"0", b"0", b"5", b"4294967295"])
            line = b"%s %s %s %s %d%s\r\n" % (verb, key, flags, self.life(), len(value), self.noreply())
            return [Command(line + value + b"\r\n")]
        if kind < 11:
            value = self.value(key)
            number_said = ("cas", key, self.draw.choice([0, 0, 0, FAR]))
            line = b"cas %s 3 %s %d " % (key, self.life(), len(value))
            return [
                Command(b"gets %s\r\n" % key),
                Command(line, number_said, self.noreply() + b"\r\n" + value + b"\r\n"),
            ]
        if kind == 11:
            how = b"%s%s" % (self.draw.choice([b"", b" 0", b" 0", b" 7"]), self.noreply())
            return [Command(b"delete %s%s\r\n" % (key, how))]
        if kind == 12:
            return [Command(b"touch %s %s%s\r\n" % (key, self.life(), self.noreply()))]
        if kind == 13:
            key = self.draw.choice(self.numbers) if not self.chance(4) else key
            verb = self.draw.choice([b"incr", b"decr"])
            return [Command(b"%s %s %d%s\r\n" % (verb, key, self.draw.randrange(1000), self.noreply()))]
        if kind < 17:
            # What the reference says of h, and keeps of stale and won, when a number was changed in place or not, hangs on
            # whether an earlier reply has left already: not asked of numbers.
            asked = [b"v", b"k", b"c", b"f", b"s", b"t", b"l", b"u", self.opaque(), b"T" + self.life()]
            asked += [b"q"] * self.chance(4) + [b"P", b"Lx"] * self.chance(10)
            if not number:
                asked += [b"h", b"R30", b"R9000"]
                if not coded:
                    asked += [b"N" + self.life()]
            flags = self.flags(asked, coded)
            if b" N" in flags and b" T" in flags:
                # Between T and N the reference says a life that the entry never has.
                flags = flags.replace(b" t", b"")
            return [Command(b"mg %s%s\r\n" % (said, flags))]
        if kind < 20:
            value = self.value(key)
            asked = [b"k", b"c", b"F7", b"I", self.opaque(), b"T" + self.life()]
            mode = self.draw.choice([b"S", b"S", b"E", b"R", b"A", b"P"])
            if number and mode in (b"A", b"P"):
                mode = b"S"
            flags = self.flags(asked + [b"M" + mode] + [b"q"] * self.chance(4), coded)
            line = b"ms %s %d%s" % (said, len(value), flags)
            if self.chance(3):
                number_said = ("cas", key, self.draw.choice([0, 0, 0, FAR, -1]))
                return [Command(b"gets %s\r\n" % key), Command(line + b" C", number_said, b"\r\n" + value + b"\r\n")]
            return [Command(line + b"\r\n" + value + b"\r\n")]
        if kind == 20:
            asked = [b"k", self.opaque()] + [b"q"] * self.chance(4)
            if not number:
                asked += [b"I", b"T" + self.life()]
            line = b"md %s%s" % (said, self.flags(asked, coded))
            if self.chance(3):
                return [Command(b"gets %s\r\n" % key), Command(line + b" C", ("cas", key, self.draw.choice([0, 0, FAR])), b"\r\n")]
            return [Command(line + b"\r\n")]
        if kind == 21:
            key = self.draw.choice(self.numbers)
            # Not T and c: where an earlier reply still holds the old number, the reference gives them to the old one.
            asked = [b"v", b"t", b"k", b"D7", self.opaque(), self.draw.choice([b"MI", b"M+", b"MD", b"M-"])]
            asked += [b"q"] * self.chance(4)
            flags = self.flags(asked)
            if self.chance(2):
                flags += b" N%s J5000000000" % self.life()
            return [Command(b"ma %s%s\r\n" % (key, flags))]
        if number:
            return [Command(b"mn\r\n")]
        if self.chance(3):
            return [Command(b"me %s\r\n" % key)]
        line = self.draw.choice(ERRORS).encode().replace(b"K", key)
        return [Command(line + self.draw.choice([b"\r\n", b"\r\n", b"\n"]))]

    def spoil(self, command):
        """One byte of the line of a command is another, or is gone, or stands twice."""
        if len(command.parts) != 1:
            return command
        text = command.parts[0]
        end = text.find(b"\r\n")
        words = text[:end].split(b" ")
        # Keys stay, so that no two connections meet, and numbers do not grow beyond what follows below.
        if len(words) < 3 or words[0] not in (b"set", b"add", b"replace", b"append", b"prepend", b"touch", b"delete", b"gat"):
            return command
        if words[0] == b"gat" or words[1] in self.numbers or len(text) - end > 300 or any(len(word) > 5 for word in words[2:]):
            return command
        at = self.draw.randrange(2, len(words))
        how = self.draw.randrange(5)
        if how == 0:
            words[at] = words[at][:-1]
        elif how == 1:
            words[at] = b"%d" % self.draw.randrange(400)
        elif how == 2:
            words.insert(at, b"%d" % self.draw.randrange(30))
        elif how == 3:
            del words[at]
        else:
            words[at] += self.draw.choice([b"x", b" ", b"\t", b"-", b"\x00", b"\xff", b"\r"])
        return Command(b" ".join(words) + text[end:])

    def batch(self):
        commands = []
        for _ in range(self.draw.choice([1, 1, 2, 4, 8, 16])):
            commands += self.command()
        # Not where a unique number is sent: it may be longer for the one server than for the other. Nor beside long values:
        # one that is taken for a line closes a connection to Levada, and may or may not one to the reference.
        parts = [part for command in commands for part in command.parts]
        if all(isinstance(part, bytes) and len(part) < 1500 for part in parts) and self.chance(4):
            at = self.draw.randrange(len(commands))
            commands[at] = self.spoil(commands[at])
            commands.append(Command(FILLER))  # what a longer length may swallow
        return commands


# --- comparing -----------------------------------------------------------------------------------


def answers(data):
    """Splits what was received into (line, data block)."""
    at, found = 0, []
    while at < len(data):
        end = data.find(b"\r\n", at)
        if end < 0:
            found.append((data[at:], b""))
            break
        line, at = data[at:end], end + 2
        block = re.match(rb"(?:VALUE [^ ]+ \d+|VA) (\d+)(?: |$)", line)
        length = int(block[1]) + 2 if block else 0
        found.append((line, data[at : at + length]))
        at += length
    return found


def plain(words):
    """A key said in base64 is the same key: the reference forgets the one form or the other when it appends."""
    if words[0] in (b"VA", b"HD", b"EN", b"NF", b"NS", b"EX") and b"b" in words[1:]:
        words = [word for word in words if word != b"b"]
        words = [b"k" + base64.b64decode(word[1:]) if word[:1] == b"k" else word for word in words]
    if words[0] == b"ME" and words[1].endswith(b"="):
        words = [b"ME", base64.b64decode(words[1]), *words[2:]]
    return words


def same(one, other, seen, pairs):
    """Whether two lines say the same; unique numbers are put into `seen` by their key."""
    ours, theirs = plain(one.split(b" ")), plain(other.split(b" "))
    if len(ours) != len(theirs):
        return False
    key = ours[1] if ours[0] == b"VALUE" else next((word[1:] for word in ours[1:] if word[:1] == b"k"), None)
    for at, (mine, his) in enumerate(zip(ours, theirs)):
        meta = ours[0] in (b"VA", b"HD") and at > 0
        is_cas = (ours[0] == b"VALUE" and at == 4) or (meta and re.fullmatch(rb"c\d+", mine))
        if is_cas:
            a, b = (int(word.lstrip(b"c") or b"0") for word in (mine, his))
            known = pairs.setdefault(key, ({}, {}))
            if known[0].setdefault(a, b) != b or known[1].setdefault(b, a) != a:
                return False
            seen[key] = (a, b)
        elif meta and mine[:1] == his[:1] == b"l":
            continue
        elif ours[0] == b"ME" and at > 1 and mine[:3] in (b"la=", b"cas", b"cls", b"siz"):
            if mine.split(b"=")[0] != his.split(b"=")[0]:
                return False
        elif (meta and mine[:1] == his[:1] == b"t" and b"-" not in mine + his) or (ours[0] == b"ME" and mine[:4] == b"exp="):
            a, b = (int(word.lstrip(b"texp=")) for word in (mine, his))
            # A time that is over is less than nothing in the reference, in 32 bits without a sign.
            a, b = (0 if value >= 1 << 31 else value for value in (a, b))
            if abs(a - b) > 2:
                return False
        elif mine != his:
            return False
    return True


def alike(one, other):
    return one[1] == other[1] and same(one[0], other[0], {}, {})


class Pair:
    """One connection to each of the two servers."""

    def __init__(self, addresses):
        self.addresses, self.seen, self.pairs, self.turn = addresses, {}, {}, 0
        self.slowest_s = [0.0, 0.0]
        self.open()

    def open(self):
        self.peers = [record.connect(address) for address in self.addresses]

    def close(self):
        for peer in self.peers:
            peer.close()

    def ask(self, commands, pieces=1, may_swallow=False):
        """Gives None, or (what the first said, what the second said)."""
        self.turn += 1
        end = b"Oend%d" % self.turn
        until = b"EN " + end + b"\r\n"
        said = []
        for which, peer in enumerate(self.peers):
            data = b"".join(command.of(self.seen, which) for command in commands) + b"mg nokey " + end + b"\r\n"
            started = time.monotonic()
            may_swallow = may_swallow or any(command.parts[0] == FILLER for command in commands)
            said.append(self.talk(peer, data, until, pieces, may_swallow))
            if said[-1].endswith(until):
                self.slowest_s[which] = max(self.slowest_s[which], time.monotonic() - started)
        ours, theirs = (answers(data) for data in said)
        # Where a length swallowed the end, both wait for more, and the reference keeps what it would have said.
        both_wait = not any(data.endswith(until) for data in said)
        good = both_wait or len(ours) == len(theirs)
        if good:
            for (line, block), (other, its_block) in zip(ours, theirs):
                if block != its_block or not same(line, other, self.seen, self.pairs):
                    good = False
                    break
        if not (said[0].endswith(until) and said[1].endswith(until)):
            self.close()
            self.open()
        return None if good else tuple(said)

    @staticmethod
    def talk(peer, data, until, pieces, may_swallow):
        """Sends all and reads all, at the same time: neither side may wait for the other for ever."""
        received, sent = bytearray(), 0
        step = max(1, len(data) // pieces)
        deadline = time.monotonic() + PATIENCE_S
        peer.settimeout(0.001)
        quiet = 0
        while not received.endswith(until) and time.monotonic() < deadline:
            try:
                if sent < len(data):
                    sent += peer.send(data[sent : sent + step])
            except TimeoutError:
                pass
            except OSError:
                break
            peer.settimeout(0.001 if sent < len(data) else 0.2)
            try:
                more = peer.recv(1 << 20)
            except TimeoutError:
                quiet += sent >= len(data)
                if may_swallow and quiet > 15:
                    break  # a length that swallows the end: both are compared as far as they came
                continue
            except OSError:
                break
            if not more:
                break
            quiet = 0
            received += more
        return bytes(received)


def flush(addresses):
    for address in addresses:
        record.empty(address)


def differs_alone(addresses, batches):
    """What two connections are asked, one after the other, with empty servers."""
    flush(addresses)
    pair = Pair(addresses)
    try:
        for batch in batches:
            wrong = pair.ask(batch, may_swallow=True)
            if wrong:
                return wrong
    finally:
        pair.close()
    return None


def shorter(addresses, history):
    """Leaves out what the difference does not need, as long as that does not take long: whole batches, then commands."""
    until = time.monotonic() + SHORTEN_S
    if not differs_alone(addresses, history):
        return None
    for is_flat in (False, True):
        if is_flat:
            history = [[command] for batch in history for command in batch]
        step = max(1, len(history) // 2)
        while step:
            at = 0
            while at < len(history):
                tried = history[:at] + history[at + step :]
                if tried and time.monotonic() < until and differs_alone(addresses, tried):
                    history = tried
                else:
                    at += step
            step //= 2
    return history


def shown(data):
    text = record.written(data if len(data) < 500 else data[:300] + b"...(%d bytes)" % len(data))
    return [line if len(line) < 400 else line[:300] + f"...({len(line)})" for line in text]


class Soak:
    def __init__(self, addresses, chosen):
        self.addresses, self.chosen = addresses, chosen
        self.found, self.lock, self.batches, self.commands = [], threading.Lock(), 0, 0
        self.slowest_s = [0.0, 0.0]

    def work(self, number, round_number, until):
        own = b"c%d" % number
        draw = Random(f"{self.chosen.seed} {round_number} {number}", own)
        # Two connections over the same keys: what one wrote, the other reads.
        pairs = [Pair(self.addresses), Pair(self.addresses)]
        pairs[1].seen, pairs[1].pairs = pairs[0].seen, pairs[0].pairs
        history = []
        try:
            for _ in range(BATCHES_A_ROUND):
                if time.monotonic() > until:
                    break
                batch = draw.batch()
                history.append(batch)
                pieces = draw.draw.choice([1] * 20 + [2, 2, 3, 5, 50])
                wrong = pairs[draw.draw.randrange(2)].ask(batch, pieces)
                with self.lock:
                    self.batches += 1
                    self.commands += len(batch)
                if wrong:
                    with self.lock:
                        self.found.append((round_number, number, history, wrong))
                    return
        finally:
            for pair in pairs:
                pair.close()
                with self.lock:
                    self.slowest_s = [max(both) for both in zip(self.slowest_s, pair.slowest_s)]

    def tell(self, round_number, number, history, wrong):
        lines = [f"seed {self.chosen.seed}, round {round_number}, connection {number}"]
        small = shorter(self.addresses, history)
        if small:
            pair_said = differs_alone(self.addresses, small)
            wrong = pair_said or wrong
            lines.append(f"# shortened to {len(small)} commands, each sent by itself")
        else:
            lines.append("# not seen again when asked alone; the last batch was")
            small = [history[-1]]
        for batch in small:
            for command in batch:
                if command.parts[0] == FILLER:
                    lines.append("> (mn, 150 times)\\c")
                    continue
                for part in command.parts:
                    if isinstance(part, bytes):
                        lines += ["> " + line for line in shown(part)]
                    else:
                        lines.append(f"> (the unique number last seen of {part[1].decode()}, plus {part[2]})\\c")
        ours, theirs = (answers(said) for said in wrong)
        at = next((at for at, (mine, his) in enumerate(zip(ours, theirs)) if not alike(mine, his)), min(len(ours), len(theirs)))
        for which, said in (("<", theirs), ("received", ours)):
            lines.append(f"{which} (reply {at} of {len(said)}:)")
            for line, block in said[at : at + 3]:
                lines += [f"{which} {text}" for text in shown(line + b"\r\n" + block[:60])]
        text = "\n".join(lines)
        print(text, flush=True)
        if self.chosen.report:
            with open(self.chosen.report, "a", encoding="utf-8") as file:
                file.write(text + "\n\n")

    def run(self):
        until, round_number, told = time.monotonic() + self.chosen.seconds, self.chosen.round, 0
        while time.monotonic() < until:
            flush(self.addresses)
            workers = [
                threading.Thread(target=self.work, args=(number, round_number, until))
                for number in range(self.chosen.connections)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            for found in self.found:
                told += 1
                self.tell(*found)
            self.found.clear()
            if told >= self.chosen.enough:
                break
            round_number += 1
        print(f"{self.commands} commands in {self.batches} sends over {2 * self.chosen.connections} connections")
        print("the slowest send was answered in {:.3f} s, by the other in {:.3f} s".format(*self.slowest_s))
        print(f"{self.batches - told} passed, {told} failed")
        return 1 if told else 0


def main():
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("address")
    said.add_argument("other", nargs="?")
    said.add_argument("--seed", type=int, default=int(time.time()))
    said.add_argument("--round", type=int, default=0, help="the round to begin with")
    said.add_argument("--seconds", type=float, default=30)
    said.add_argument("--connections", type=int, default=4)
    said.add_argument("--enough", type=int, default=10, help="how many differences are enough")
    said.add_argument("--report", metavar="FILE")
    chosen = said.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the reference is ended then, too
    print(f"seed {chosen.seed}", flush=True)
    reference = None if chosen.other else record.Reference(["-m", "1024"])
    try:
        return Soak([chosen.address, chosen.other or reference.address], chosen).run()
    finally:
        if reference:
            reference.end()


if __name__ == "__main__":
    sys.exit(main())
