//! A scene is a driver and what it brought, on which operations are played.

use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::process::Command;
use std::time::Duration;

use levada_ring::{
    BlockId, Choice, Done, Driver, Errno, Feature, Generation, Group, Op, Target, Token, Wait,
    WriteSpan, now, open_lacking,
};

pub(crate) const GROUP: Group = Group(0);

/// A driver, and what its completions brought that nobody has asked for yet.
pub(crate) struct Scene {
    pub(crate) driver: Box<dyn Driver>,
    pub(crate) done: Vec<Done>,
    blocks: Vec<&'static [u8]>,
    name: String,
}

impl Drop for Scene {
    /// A scene that fails says over what.
    fn drop(&mut self) {
        if std::thread::panicking() {
            skip(&format!("this was over {} ({:?})", self.name, self.driver.caps().level));
        }
    }
}

impl Scene {
    /// Runs `play` over each driver that this machine has, and over each that it would have without one of the features:
    /// so every scene is tried without each.
    pub(crate) fn on_each(play: impl Fn(&mut Self)) {
        Self::on_each_level(&play);
        for feature in Feature::ALL {
            Self::on(Choice::Auto, &[feature], &play);
        }
    }

    /// Runs `play` over each level only: for what takes a while and has nothing to do with the features.
    pub(crate) fn on_each_level(play: impl Fn(&mut Self)) {
        for choice in [Choice::Uring, Choice::Plain, Choice::Epoll] {
            Self::on(choice, &[], &play);
        }
    }

    fn on(choice: Choice, lacking: &[Feature], play: impl Fn(&mut Self)) {
        match open_lacking(choice, lacking) {
            Ok(driver) => {
                let name = format!("{choice:?} without {lacking:?}");
                let mut scene = Self { driver, done: Vec::new(), blocks: Vec::new(), name };
                play(&mut scene);
                let left = scene.driver.gauges().in_kernel;
                assert_eq!(left, 0, "an operation never ended");
            }
            Err(error) => skip(&format!("not over {choice:?}: {error}")),
        }
    }

    pub(crate) fn push(&mut self, index: u32, op: &Op) {
        // SAFETY: all memory in these scenes is leaked or outlives the scene's last completion.
        unsafe { self.driver.push(token(index), op) };
    }

    /// The next completion of the operation, within ten seconds.
    pub(crate) fn next(&mut self, index: u32) -> Done {
        let end = now() + Duration::from_secs(10);
        loop {
            if let Some(place) = self.done.iter().position(|done| done.token == token(index)) {
                return self.done.remove(place);
            }
            let entered =
                self.driver.enter(Wait::Until(end), &mut self.done).expect("the driver works");
            assert!(entered.now < end, "operation {index} did not answer");
        }
    }

    pub(crate) fn last(&mut self, index: u32) -> Result<u32, Errno> {
        let done = self.next(index);
        assert!(!done.more, "one completion was expected");
        done.result
    }

    pub(crate) fn lend(&mut self, count: u16, bytes: usize) {
        self.driver.open_group(GROUP, count).expect("a group");
        for index in 0..count {
            let room = Box::leak(Box::<[u8]>::new_uninit_slice(bytes));
            self.provide(BlockId(index), room);
        }
    }

    pub(crate) fn provide(&mut self, block: BlockId, room: &'static mut [MaybeUninit<u8>]) {
        let (start, length) = (room.as_ptr().cast::<u8>(), room.len());
        // SAFETY: leaked, and nobody else touches it while it is lent.
        unsafe { self.driver.provide(GROUP, block, WriteSpan::of(room)) };
        // SAFETY: as above; the tests read only what a completion says was written.
        self.blocks.push(unsafe { std::slice::from_raw_parts(start, length) });
    }

    /// The bytes that a receive brought.
    pub(crate) fn received(&self, done: Done) -> &'static [u8] {
        let bytes = done.result.expect("received") as usize;
        &self.blocks[usize::from(done.block.expect("into a block").0)][..bytes]
    }

    /// Whether the driver says that it lacks this.
    pub(crate) fn lacks(&self, words: &str) -> bool {
        self.driver.caps().lacks.iter().any(|lack| lack.to_string().contains(words))
    }

    pub(crate) fn direct(&self) -> bool {
        self.driver.caps().direct_places > 0
    }

    pub(crate) fn target(&self, result: Result<u32, Errno>) -> Target {
        let number = result.expect("accepted");
        if self.direct() { Target::Direct(number) } else { Target::Fd(number.cast_signed()) }
    }
}

#[expect(clippy::print_stderr, reason = "a scene that cannot run here says so")]
pub(crate) fn skip(why: &str) {
    eprintln!("{why}");
}

/// The command that runs one test of this program by itself, in another OS process.
pub(crate) fn apart(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a file"));
    command.args(["--exact", test, "--nocapture"]).env(APART, "1");
    command
}

/// Whether this is such a process.
pub(crate) fn is_apart() -> bool {
    std::env::var_os(APART).is_some()
}

const APART: &str = "LEVADA_TEST_APART";

pub(crate) fn token(index: u32) -> Token {
    Token::new(7, Generation::FIRST, index)
}

pub(crate) fn fd(result: Result<u32, Errno>) -> OwnedFd {
    let fd = RawFd::try_from(result.expect("a descriptor")).expect("a descriptor");
    // SAFETY: the completion gave it to us.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
