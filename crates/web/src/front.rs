//! The front is what all connections of a core share: the configuration, a cache that keeps nothing, tails, counts.
//!
//! A hit is answered here: no message is sent, nothing allocated, no byte of the file copied. What is known here is known
//! weakly: the storage keeps it, or who is sending it, and of what they let go nothing can be served.

use std::sync::{Arc, OnceLock};

use levada_domain::Io;
use levada_http::h1::{BodyDiscard, BodyLength, Persistence, Refusal, RequestHead, parse_head};
use levada_http::{Field, Method, ReplyHead, SitePath, Status, Target, TraceParent, wants_json};
use levada_process::{Cause, Sender};
use levada_shared::{Account, Cached, Lost, SharedData, WeakCache};

use crate::answer::{Answering, Unanswered, short};
use crate::config::WebConfig;
use crate::counters::Counters;
use crate::entry::Entry;
use crate::keepers::Keepers;
use crate::key::{Key, KeyRef, Meant};
use crate::log_line::LogLine;
use crate::outgoing::Outgoing;
use crate::storage_message::{Found, ToStorage};
use crate::tails::Tails;

/// One core's.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) config: Arc<WebConfig>,
    /// Which configuration it is, counted from the start: what was found under one is not kept under another.
    config_number: u32,
    cache: WeakCache<Key, Entry>,
    tails: Tails,
    /// For heads, and for what is streamed.
    account: Account,
    downloads: Account,
    /// They are there before the first connection.
    keepers: Arc<OnceLock<Keepers>>,
    shard_hasher: foldhash::fast::FixedState,
    /// Where a path is decoded into; it grows to the longest.
    scratch: Vec<u8>,
    pub(crate) counters: Counters,
    /// Connections that are being told that they are too many.
    pub(crate) turned_away: u64,
    /// Connections end behind the answer in hand.
    pub(crate) is_stopping: bool,
}

/// The folder at the top, for requests that are about the whole server.
const TOP: SitePath<'static> = SitePath { relative: b"", is_directory: true };

/// What is to be done about the bytes that came.
#[derive(Debug)]
pub(crate) enum Step {
    /// They are not a whole head yet.
    Wait,
    /// The storage has to be asked first.
    Ask(Ask),
    /// Here is the answer.
    Answer(Answered),
    /// There is no room for an answer.
    NoRoom,
    /// The answer is made, and there is too much queued before it.
    Send(SharedData, Persistence),
}

/// What the storage is asked.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) key: Key,
    pub(crate) as_json: bool,
    pub(crate) config: Arc<WebConfig>,
    pub(crate) storage: Sender<ToStorage>,
}

/// An answer, and what comes before and behind it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) outgoing: Outgoing,
    /// How many of the bytes were the head.
    pub(crate) head_bytes: usize,
    /// The body that has to be stepped over before.
    pub(crate) body: Option<BodyDiscard>,
    pub(crate) expects_continue: bool,
    pub(crate) persistence: Persistence,
    pub(crate) log: Option<Box<LogLine>>,
}

impl Answered {
    /// Whether it can be sent as it is, without another look at request or disk.
    pub(crate) fn is_ready(&self) -> bool {
        self.body.is_none() && self.outgoing.from_disk.is_none()
    }
}

impl Front {
    pub(crate) fn new(
        config: Arc<WebConfig>,
        account: Account,
        keepers: Arc<OnceLock<Keepers>>,
    ) -> Self {
        let cache = Self::cache(&config);
        Self {
            config,
            config_number: 0,
            cache,
            tails: Tails::default(),
            account: account.with_tag("reply heads"),
            downloads: account.with_tag("downloads"),
            keepers,
            shard_hasher: foldhash::fast::FixedState::default(),
            scratch: Vec::new(),
            counters: Counters::default(),
            turned_away: 0,
            is_stopping: false,
        }
    }

    fn cache(config: &WebConfig) -> WeakCache<Key, Entry> {
        WeakCache::new(config.cache.front_entries_max)
    }

    /// Another configuration from now on, unless it is older than the one that is there.
    pub(crate) fn reload(&mut self, number: u32, config: Arc<WebConfig>) {
        if number > self.config_number {
            self.cache = Self::cache(&config);
            (self.config_number, self.config) = (number, config);
        }
    }

    /// The configuration, and its number.
    pub(crate) fn current(&self) -> (Arc<WebConfig>, u32) {
        (Arc::clone(&self.config), self.config_number)
    }

    pub(crate) fn report(&self) -> Counters {
        Counters {
            front_entries: self.cache.gauges().entries,
            front_misses_lost: self.cache.gauges().misses_lost,
            ..self.counters
        }
    }

    /// Looks for the first time at what came of a request, on behalf of what `cause` makes of the trace that it belongs to, if it
    /// says so once and in the right form.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        io: &Io,
        input: &[u8],
        cause: impl FnOnce(Option<TraceParent>) -> Cause,
    ) -> (Step, Cause) {
        let parsed = parse_head(input, &self.config.limits.head);
        let parent = match &parsed {
            Ok(Some(head)) => head.request.fields.only(Field::Traceparent),
            _ => None,
        };
        let cause = cause(parent.and_then(TraceParent::parse));
        (self.respond_parsed(io, input, parsed, None, cause), cause)
    }

    /// Looks at what came of a request and says what to do. With `found`, the storage was asked about it and this is what
    /// it said.
    #[inline]
    pub(crate) fn respond(
        &mut self,
        io: &Io,
        input: &[u8],
        found: Option<&Found>,
        cause: Cause,
    ) -> Step {
        let parsed = parse_head(input, &self.config.limits.head);
        self.respond_parsed(io, input, parsed, found, cause)
    }

    #[inline]
    fn respond_parsed(
        &mut self,
        io: &Io,
        input: &[u8],
        parsed: Result<Option<RequestHead<'_>>, Refusal>,
        found: Option<&Found>,
        cause: Cause,
    ) -> Step {
        match parsed {
            Ok(None) => Step::Wait,
            Ok(Some(head)) => self.answer(io, &head, found, cause).unwrap_or(Step::NoRoom),
            Err(refusal) => {
                self.counters.malformed += 1;
                self.refuse(io, input, refusal.status(), None, cause)
            }
        }
    }

    /// A short reply to what cannot be understood, or came too late; the connection closes behind it.
    pub(crate) fn refuse(
        &mut self,
        io: &Io,
        input: &[u8],
        status: Status,
        method: Option<Method>,
        cause: Cause,
    ) -> Step {
        let head = ReplyHead::new(status);
        let outgoing = short(&self.account, head, io.unix_s(), Persistence::Close, method, cause);
        let Ok(outgoing) = outgoing else { return Step::NoRoom };
        self.counters.replied(outgoing.status, outgoing.body_bytes);
        let log = self
            .config
            .is_logged
            .then(|| LogLine::unread(input, outgoing.status, outgoing.body_bytes));
        Step::Answer(Answered {
            outgoing,
            head_bytes: 0,
            body: None,
            expects_continue: false,
            persistence: Persistence::Close,
            log,
        })
    }

    fn answer(
        &mut self,
        io: &Io,
        head: &RequestHead<'_>,
        found: Option<&Found>,
        cause: Cause,
    ) -> Result<Step, Unanswered> {
        let request = &head.request;
        let body = match head.body {
            BodyLength::None => None,
            length => match BodyDiscard::new(length, &self.config.limits.body) {
                Ok(body) => Some(body),
                Err(refusal) => {
                    let method = Some(request.method);
                    return Ok(self.refuse(io, head.line, refusal.status(), method, cause));
                }
            },
        };
        let persistence = if self.is_stopping { Persistence::Close } else { head.persistence };
        let number = self.config.site_of(request.host);
        let site = &self.config.sites[number];
        let site_number =
            u16::try_from(number).expect("a configuration has fewer than 65,536 sites");
        let path = match request.target {
            Target::Server => Ok(TOP),
            target => site.paths.resolve(target.path().unwrap_or(b"/"), &mut self.scratch),
        };
        let mut answering = Answering {
            request,
            persistence,
            site,
            path: path.unwrap_or(TOP),
            account: &self.account,
            tails: &mut self.tails,
            unix_s: io.unix_s(),
            cause,
        };
        let outgoing = if let Some(status) = request.method.refusal() {
            answering.status(status)?
        } else if let Err(refusal) = path {
            answering.status(refusal.status())?
        } else if request.method == Method::Options {
            answering.options()?
        } else if let Some(found) = found {
            answering.answer(found)?
        } else {
            let meant = if answering.path.is_directory { Meant::Folder } else { Meant::File };
            let relative = answering.path.relative;
            let key = KeyRef { config: self.config_number, site: site_number, meant, relative };
            let now = io.now();
            let answer = self.cache.get_by(&key, |entry| match entry {
                // Also where no line of its replies is needed: what is retired is not begun any more.
                entry if !Entry::is_alive(entry) => Err(Lost::Gone),
                entry if !entry.is_fresh(now) => Ok(None),
                entry => match answering.entry(entry) {
                    Err(Unanswered::Lost(lost)) => Err(lost),
                    answer => Ok(Some(answer)),
                },
            });
            match answer.flatten() {
                Some(answer) => {
                    self.counters.front_hits += 1;
                    answer?
                }
                None => {
                    self.counters.front_misses += 1;
                    let storages =
                        &self.keepers.get().expect("they are known before anybody asks").storages;
                    let shard = shard_of(&self.shard_hasher, &key, storages.len());
                    let as_json = meant == Meant::Folder && wants_json(request.target.query());
                    return Ok(Step::Ask(Ask {
                        key: key.to_key(),
                        as_json,
                        config: Arc::clone(&self.config),
                        storage: storages[shard].clone(),
                    }));
                }
            }
        };
        self.counters.replied(outgoing.status, outgoing.body_bytes);
        let log =
            self.config.is_logged.then(|| LogLine::of(head, outgoing.status, outgoing.body_bytes));
        Ok(Step::Answer(Answered {
            outgoing,
            head_bytes: head.head_bytes,
            body,
            expects_continue: head.expects_continue,
            persistence,
            log,
        }))
    }

    /// Goes on with what the storage said to `key`: knows it from now on, if it is a file, and answers. What it said about
    /// another configuration is forgotten, and the request looked at anew.
    pub(crate) fn respond_found(
        &mut self,
        io: &Io,
        input: &[u8],
        key: Key,
        found: &Found,
        cause: Cause,
    ) -> Step {
        if key.config != self.config_number {
            return self.respond(io, input, None, cause);
        }
        if let Found::Entry(entry) = found {
            self.cache.insert(key, entry);
        }
        self.respond(io, input, Some(found), cause)
    }

    /// An answer is not given: what it was made from is another file by now.
    pub(crate) fn take_back(&mut self, outgoing: &Outgoing) {
        self.counters.unreplied(outgoing.status, outgoing.body_bytes);
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Who is charged for what is read for one download.
    pub(crate) fn downloads(&self) -> &Account {
        &self.downloads
    }

    /// Who can make room.
    pub(crate) fn keepers(&self) -> Keepers {
        self.keepers.get().expect("they are known before anybody asks").clone()
    }
}

/// Which of so many shards has a key: the same on every core.
fn shard_of(hasher: &foldhash::fast::FixedState, key: &KeyRef<'_>, shards: usize) -> usize {
    use core::hash::BuildHasher;
    let hash = hasher.hash_one(key);
    usize::try_from(hash % shards.max(1) as u64).expect("less than the shards there are")
}
