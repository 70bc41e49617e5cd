//! A pile in a folder whose OS process is killed at any moment has all that it had answered for, and nothing else.
//!
//! The writer is this program once more, in an OS process of its own. It says on a pipe what it is about to do and what it has
//! done, and is killed once so many lines have come. Ten rounds in every run; `LEVADA_KILLS=100` for more, and
//! `LEVADA_SEED` for the same ones again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use levada_pile::{Budget, Cursor, Gauges, Gone, Kind, Life, Pile, Pointer};
use levada_shared::{Options, SharedHeap};

const FOLDER: &str = "LEVADA_KILLED_IN";

/// Numbers that look random, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ mixed >> 29) % bound
    }

    fn length(&mut self) -> usize {
        let bound = match self.below(100) {
            0..80 => 300,
            80..92 => 6000,
            92..97 => 30_000,
            97..99 => 90_000,
            _ => 700_000,
        };
        usize::try_from(16 + self.below(bound)).expect("less than a megabyte")
    }
}

/// Bytes that say how they go on: a seed in 16 digits, and letters that follow from it.
fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let letter =
        |at: u64| b'a' + ((at ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8 % 26;
    let mut bytes = format!("{seed:016x}").into_bytes();
    bytes.extend((16..length as u64).map(letter));
    bytes
}

/// The length and the seed of bytes that are whole.
fn read_pattern(bytes: &[u8]) -> Option<(usize, u64)> {
    let digits = std::str::from_utf8(bytes.get(..16)?).ok()?;
    let seed = u64::from_str_radix(digits, 16).ok()?;
    (bytes == pattern(bytes.len(), seed)).then_some((bytes.len(), seed))
}

fn kept(folder: &Path, limit_bytes: u64) -> Pile {
    let builder = Pile::builder("killed").limit_bytes(limit_bytes).segments_max(16).folder(folder);
    builder.build().expect("it can be opened after a kill")
}

fn scanned(pile: &Pile) -> BTreeMap<u64, Option<(usize, u64)>> {
    let (mut found, mut next) = (BTreeMap::new(), Some(Cursor::START));
    while let Some(from) = next {
        next = pile.scan(from, 1000, &mut |at, seen| {
            let former = found.insert(at.to_bits(), read_pattern(seen.bytes));
            assert_eq!(former, None, "each record is seen once");
        });
    }
    found
}

fn limit_bytes(round: u64) -> u64 {
    if round % 3 == 2 { 48 << 20 } else { 96 << 20 }
}

#[test]
fn writer_of_the_other_test() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let (seed, round): (u64, u64) =
        (number("LEVADA_SEED").unwrap_or(0), number("LEVADA_ROUND").unwrap_or(0));
    say("begun");
    let pile = kept(Path::new(&folder), limit_bytes(round));
    let found: Vec<u64> = scanned(&pile).into_keys().collect();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let pointers = found.iter().copied().skip(thread).step_by(2).collect();
            let random = Random(seed ^ round << 32 ^ (thread as u64) << 60);
            let pile = pile.clone();
            scope.spawn(move || write_on(&pile, thread, pointers, random));
        }
    });
}

/// Says a line to who kills this OS process; without him there is nothing to go on for.
fn say(line: &str) {
    let said = std::io::stdout().lock().write_all(format!("\n:{line}.\n").as_bytes());
    said.and_then(|()| std::io::stdout().flush()).expect("somebody listens");
}

fn write_on(pile: &Pile, thread: usize, mut pointers: Vec<u64>, mut random: Random) {
    let heap = SharedHeap::new(Options::default()).expect("there is memory");
    let account = heap.account("writer", u64::MAX).expect("the first");
    // Slots that are lent and reserved in the moment of the end.
    let (mut held, mut reserved) = (VecDeque::new(), VecDeque::new());
    for step in 0..1_000_000_u64 {
        let (length, seed) = (random.length(), random.below(u64::MAX));
        let bytes = pattern(length, seed);
        let some = random.below(1 + pointers.len() as u64);
        let at = usize::try_from(some).ok().and_then(|some| pointers.get(some)).copied();
        let at = at.and_then(Pointer::from_bits);
        let act = random.below(if pointers.len() > 600 { 130 } else { 100 });
        match (at, act) {
            (Some(at), 40..60) => {
                say(&format!("{thread} will update {} {length} {seed}", at.to_bits()));
                let is_done = match pile.update(at, &bytes) {
                    Ok(_) => "did",
                    Err(_) => "did not",
                };
                say(&format!("{thread} {is_done} update {} {length} {seed}", at.to_bits()));
            }
            (Some(at), 60..70) => {
                held.push_back(pile.pin().hold(at, &account).expect("its thread alone deletes it"));
                held.truncate(20 + held.len() % 7);
                if let Ok(mut room) = pile.reserve(length, Kind::Bytes, Life::FOREVER) {
                    room.write(&bytes).expect("there is room");
                    reserved.push_back(room);
                    reserved.truncate(1 + reserved.len() % 3);
                }
            }
            (Some(at), 70..) => {
                say(&format!("{thread} will delete {} 0 0", at.to_bits()));
                pile.delete(at).expect("its thread alone deletes it");
                pointers.retain(|&other| other != at.to_bits());
                say(&format!("{thread} did delete {} 0 0", at.to_bits()));
            }
            _ => {
                say(&format!("{thread} will put 0 {length} {seed}"));
                if let Some(at) = put(pile, &bytes, random.below(7)) {
                    pointers.push(at.to_bits());
                    say(&format!("{thread} did put {} {length} {seed}", at.to_bits()));
                } else {
                    say(&format!("{thread} did not put 0 0 0"));
                }
            }
        }
        if step % 64 == 63 {
            pile.tend(Budget::unbounded());
        }
    }
}

fn put(pile: &Pile, bytes: &[u8], how: u64) -> Option<Pointer> {
    match how {
        0 => pile.put(bytes, Life::secs(100_000)).ok(),
        1 => pile.put_str(std::str::from_utf8(bytes).expect("letters"), Life::FOREVER).ok(),
        2 => pile.put_cell(bytes, Life::FOREVER).ok(),
        3 => pile.put_cell(bytes, Life::secs(100_000)).ok(),
        4 => pile.put_roomy(bytes, bytes.len() + 40, Life::FOREVER).ok(),
        5 => {
            let mut room = pile.reserve(bytes.len() + 100, Kind::Text, Life::FOREVER).ok()?;
            room.write(bytes).expect("there is room");
            room.commit(bytes.len()).ok()
        }
        _ => pile.put(bytes, Life::FOREVER).ok(),
    }
}

/// What the writer was about to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Will {
    Put { value: (usize, u64) },
    Update { at: u64, value: (usize, u64) },
    Delete { at: u64 },
}

/// What must be in the folder.
#[derive(Debug, Default)]
struct Model {
    live: BTreeMap<u64, (usize, u64)>,
    dead: BTreeSet<u64>,
    /// By thread: what was begun and not answered.
    pending: BTreeMap<String, Will>,
    /// Which round it is, for who reads of a failure.
    told: String,
}

impl Model {
    /// Hears a line. How many acts it answers for.
    fn hear(&mut self, line: &str) -> u64 {
        let Some(line) = line.strip_prefix(':').and_then(|line| line.strip_suffix('.')) else {
            return 0;
        };
        let words: Vec<&str> = line.split(' ').collect();
        let [thread, is_done @ .., act, at, length, seed] = &words[..] else { return 0 };
        let number = |word: &str| word.parse::<u64>().expect("a number");
        let (at, value) = (number(at), (length.parse().expect("a length"), number(seed)));
        if is_done == ["will"] {
            let will = match *act {
                "put" => Will::Put { value },
                "update" => Will::Update { at, value },
                _ => Will::Delete { at },
            };
            let former = self.pending.insert((*thread).to_owned(), will);
            assert_eq!(former, None, "one after the other");
            return 0;
        }
        self.pending.remove(*thread).expect("it was announced");
        match (is_done, *act) {
            (["did"], "delete") => {
                self.live.remove(&at).expect("it was there");
                self.dead.insert(at);
            }
            (["did"], _) => {
                self.live.insert(at, value);
                assert!(!self.dead.contains(&at), "a name is given once");
            }
            _ => {}
        }
        1
    }

    /// Compares it with the pile that was mounted after the kill; what was under way may have been done or not.
    fn check(&mut self, pile: &Pile) {
        for (_, will) in std::mem::take(&mut self.pending) {
            match will {
                Will::Put { value } => {
                    let unknown = scanned(pile)
                        .into_iter()
                        .find(|(at, found)| !self.live.contains_key(at) && *found == Some(value));
                    self.live.extend(unknown.map(|(at, _)| (at, value)));
                }
                Will::Update { at, value } => {
                    let guard = pile.pin();
                    let found = guard.get(pointer(at)).expect("an update never makes it absent");
                    if read_pattern(found) == Some(value) {
                        self.live.insert(at, value);
                    }
                }
                Will::Delete { at } => {
                    if pile.pin().get(pointer(at)) == Err(Gone::Stale) {
                        self.live.remove(&at);
                        self.dead.insert(at);
                    }
                }
            }
        }
        let guard = pile.pin();
        for (&at, &value) in &self.live {
            let found = guard.get(pointer(at));
            assert_eq!(
                found.map(read_pattern),
                Ok(Some(value)),
                "{:?}: {}",
                pointer(at),
                self.told
            );
        }
        for &at in &self.dead {
            assert_eq!(
                guard.get(pointer(at)),
                Err(Gone::Stale),
                "{:?}: {}",
                pointer(at),
                self.told
            );
        }
        let all: BTreeMap<_, _> = self.live.iter().map(|(&at, &value)| (at, Some(value))).collect();
        assert_eq!(scanned(pile), all, "{}", self.told);
    }
}

fn pointer(at: u64) -> Pointer {
    Pointer::from_bits(at).expect("pointers are not zero")
}

/// Nothing is left of any record.
fn is_empty(gauges: &Gauges) -> bool {
    gauges.records == 0 && gauges.forwards == 0 && gauges.spans.is_empty()
}

/// Looks through all that was inherited, and lets what was freed come back. Guards of other tests may be in the way of that
/// for a while, but not for ever.
fn settle(pile: &Pile, is_done: impl Fn(&Gauges) -> bool) {
    for _ in 0..100_000 {
        pile.tend(Budget::unbounded());
        let gauges = pile.gauges();
        if gauges.inherited_spans == 0 && gauges.limbo_slots == 0 && is_done(&gauges) {
            break;
        }
        std::thread::yield_now();
    }
    pile.validate();
}

#[test]
fn what_was_answered_before_a_kill_is_there_after_the_next_mount_and_nothing_is_leaked() {
    let rounds = env::var("LEVADA_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let seed = env::var("LEVADA_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0) >> 1);
    let mut random = Random(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    for round in 0..rounds {
        let heard = run_and_kill(folder.path(), &mut model, seed, round, random.below(2000));
        let pile = kept(folder.path(), limit_bytes(round));
        model.told = format!("seed {seed}, round {round}, killed after {heard} answers");
        model.check(&pile);
        if random.below(3) == 0 {
            settle(&pile, |_| true);
            model.check(&pile);
            let gauges = pile.gauges();
            let found = (gauges.records, gauges.limbo_slots);
            assert_eq!(found, (model.live.len() as u64, 0), "{}", model.told);
        }
        if random.below(4) == 0 || round + 1 == rounds {
            for &at in model.live.keys() {
                pile.delete(pointer(at)).unwrap();
            }
            model.dead.extend(std::mem::take(&mut model.live).into_keys());
            settle(&pile, is_empty);
            let gauges = pile.gauges();
            let found = (gauges.records, gauges.used_bytes, gauges.forwards);
            assert_eq!(found, (0, 0, 0), "{}", model.told);
            assert_eq!(gauges.spans, [], "nothing is leaked: {}", model.told);
        }
    }
}

/// Lets a writer run until it has answered so often, and kills it. How often it had answered by then.
fn run_and_kill(folder: &Path, model: &mut Model, seed: u64, round: u64, answers: u64) -> u64 {
    let mut writer = Command::new(env::current_exe().expect("this program has a file"))
        .args(["--exact", "writer_of_the_other_test", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env("LEVADA_SEED", seed.to_string())
        .env("LEVADA_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be run");
    let mut lines = BufReader::new(writer.stdout.take().expect("a pipe")).lines();
    let (mut heard, mut has_begun) = (0, false);
    while !has_begun || heard < answers {
        let Some(Ok(line)) = lines.next() else { break };
        has_begun |= line == ":begun.";
        heard += model.hear(&line);
    }
    assert!(has_begun && heard == answers, "the writer ended by itself: {}", model.told);
    writer.kill().expect("it is our own");
    // What it had said by then is in the pipe.
    for line in lines.map_while(Result::ok) {
        heard += model.hear(&line);
    }
    writer.wait().expect("it is our own");
    heard
}
