//! An entry is a file as it is served: its forms, each with the lines of its replies made once and its bytes in place.
//!
//! ```text
//! a hit sends   lines of 200 | tail (Date, Connection; one a second for all) | body       three pieces, no byte copied
//! ```
//! It travels as a message from the storage to the cores, and lies in their caches; its bytes are shared by all of them.

use levada_channel::Stat;
use levada_http::{
    Coding, CodingSet, ContentType, EntityTag, ExtraField, FileVersion, Representation, Validators,
};
use levada_process::{Message, Tick};
use levada_shared::SharedData;

/// A file, in all forms that there are of it.
#[derive(Clone, Debug, Message)]
pub(crate) struct Entry {
    /// Where the plain file lies in its site's folder.
    pub(crate) path: Vec<u8>,
    /// The plain form, then compressed ones.
    pub(crate) forms: Vec<Form>,
    /// Sent as the page for what is not there.
    pub(crate) is_not_found: bool,
    /// Until when nobody need look whether the file has changed, in nanoseconds of the cores' clock.
    pub(crate) fresh_until_ns: u64,
}

/// One form of a file.
#[derive(Clone, Debug, Message)]
pub(crate) struct Form {
    /// The place of its coding in [`Coding::ALL`].
    coding_number: u8,
    pub(crate) version: Version,
    /// The hash of its bytes, where tags are made of that.
    pub(crate) hash: Option<u128>,
    /// Status line and fields of the whole reply; of 304. Both end where the tail begins.
    pub(crate) lines: SharedData,
    pub(crate) not_modified: SharedData,
    /// The bytes, unless they are too many to be kept.
    pub(crate) body: Option<SharedData>,
}

/// What tells two states of a file apart.
#[derive(Clone, Copy, Debug, Eq, Message, PartialEq)]
pub(crate) struct Version {
    pub(crate) length_bytes: u64,
    pub(crate) modified_unix_s: i64,
    pub(crate) modified_ns: u32,
    pub(crate) inode: u64,
}

impl Version {
    pub(crate) fn of(stat: &Stat) -> Self {
        Self {
            length_bytes: stat.bytes,
            modified_unix_s: stat.modified_s,
            modified_ns: stat.modified_ns,
            inode: stat.inode,
        }
    }

    fn of_file(self) -> FileVersion {
        FileVersion {
            length_bytes: self.length_bytes,
            modified_unix_s: self.modified_unix_s,
            modified_ns: self.modified_ns,
        }
    }
}

/// What stands beside a form's bytes and lines, for the count of what a cache keeps.
const FORM_OVERHEAD_BYTES: u64 = 512;

impl Form {
    pub(crate) fn new(
        coding: Coding,
        version: Version,
        hash: Option<u128>,
        body: Option<SharedData>,
    ) -> Self {
        let coding_number = Coding::ALL.iter().position(|known| *known == coding).unwrap_or(0);
        Self {
            coding_number: u8::try_from(coding_number).expect("four codings"),
            version,
            hash,
            lines: SharedData::new(),
            not_modified: SharedData::new(),
            body,
        }
    }

    pub(crate) fn coding(&self) -> Coding {
        Coding::ALL[usize::from(self.coding_number)]
    }

    /// What conditions name. `now_unix_s` keeps a file from the future from being newer than the reply.
    pub(crate) fn validators(&self, now_unix_s: u64) -> Validators {
        let mut validators = Validators::from_file(self.version.of_file(), self.coding());
        if let Some(hash) = self.hash {
            validators.entity_tag = EntityTag::from_hash(hash, self.coding());
        }
        validators.modified_unix_s =
            validators.modified_unix_s.map(|modified| modified.min(now_unix_s));
        validators
    }

    /// All that replies about it say.
    pub(crate) fn representation<'a>(
        &self,
        content_type: ContentType<'a>,
        varies: bool,
        extra: &'a [ExtraField],
        now_unix_s: u64,
    ) -> Representation<'a> {
        Representation {
            content_type,
            length_bytes: self.version.length_bytes,
            coding: self.coding(),
            validators: self.validators(now_unix_s),
            varies,
            extra,
        }
    }
}

impl Entry {
    /// What it is, by its name.
    pub(crate) fn content_type(&self) -> ContentType<'static> {
        core::str::from_utf8(&self.path).map_or(ContentType::BYTES, ContentType::of_name)
    }

    /// Whether clients that accept other codings get another form.
    pub(crate) fn varies(&self) -> bool {
        self.forms.len() > 1
    }

    pub(crate) fn codings(&self) -> CodingSet {
        self.forms.iter().fold(CodingSet::NONE, |set, form| set.with(form.coding()))
    }

    pub(crate) fn form(&self, coding: Coding) -> Option<&Form> {
        self.forms.iter().find(|form| form.coding() == coding)
    }

    /// Whether it may be sent at `now` without asking anybody.
    pub(crate) fn is_fresh(&self, now: Tick) -> bool {
        now.as_nanos() < self.fresh_until_ns && !self.is_retired()
    }

    /// Whether somebody has said that the file has changed, or that its memory is needed.
    pub(crate) fn is_retired(&self) -> bool {
        self.forms.iter().any(|form| form.lines.is_retired())
    }

    /// Says that the file has changed: who sends it goes on, nobody begins to.
    pub(crate) fn retire(&self) {
        self.forms.iter().for_each(|form| form.lines.retire());
    }

    /// What a cache is charged with for keeping it.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let of_form = |form: &Form| {
            let body_bytes = form.body.as_ref().map_or(0, SharedData::pinned_bytes);
            form.lines.pinned_bytes() + body_bytes + FORM_OVERHEAD_BYTES
        };
        self.forms.iter().map(of_form).sum()
    }

    /// The states of the files that it was made of.
    pub(crate) fn versions(&self) -> Vec<(Coding, Version)> {
        self.forms.iter().map(|form| (form.coding(), form.version)).collect()
    }
}
