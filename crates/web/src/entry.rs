//! An entry is a file as it is served: its forms, each with the lines of its replies made once and its bytes in place.
//!
//! ```text
//! a hit sends   lines of 200 | tail (Date, Connection; one a second for all) | body       three pieces, no byte copied
//! ```
//! It travels as a message from the storage to the cores. The storage keeps it softly, the cores know it weakly, each by
//! references in the place of the bytes: what is known of a file besides stands beside them and can be looked at without
//! holding anything. The lines of a form lie in one block, and a short body with them, so that holding both is paid once.

use core::convert::Infallible;

use levada_channel::Stat;
use levada_http::{
    Coding, CodingSet, ContentType, EntityTag, ExtraField, FileVersion, Representation, Validators,
};
use levada_process::{Message, Tick};
use levada_shared::{Cached, Lost, SharedData, SoftRef, WeakRef};

/// A file, in all forms that there are of it; `D` is the bytes, or a reference to them.
#[derive(Clone, Debug, Message)]
pub(crate) struct Entry<D = SharedData> {
    /// Where the plain file lies in its site's folder.
    pub(crate) path: Vec<u8>,
    /// The plain form, then compressed ones.
    pub(crate) forms: Vec<Form<D>>,
    /// Sent as the page for what is not there.
    pub(crate) is_not_found: bool,
    /// Until when nobody need look whether the file has changed, in nanoseconds of the cores' clock.
    pub(crate) fresh_until_ns: u64,
}

/// One form of a file.
#[derive(Clone, Debug, Message)]
pub(crate) struct Form<D = SharedData> {
    /// The place of its coding in [`Coding::ALL`].
    coding_number: u8,
    pub(crate) version: Version,
    /// The hash of its bytes, where tags are made of that.
    pub(crate) hash: Option<u128>,
    /// Status line and fields of the whole reply; of 304. Both end where the tail begins.
    pub(crate) lines: D,
    pub(crate) not_modified: D,
    /// The bytes, unless they are too many to be kept.
    pub(crate) body: Option<D>,
}

/// What bytes can be had from.
pub(crate) trait Hold {
    /// The bytes, held.
    ///
    /// # Errors
    /// [`Lost`] if they are not there any more.
    fn hold(&self) -> Result<SharedData, Lost>;
}

impl Hold for SharedData {
    fn hold(&self) -> Result<SharedData, Lost> {
        Ok(self.clone())
    }
}

impl Hold for WeakRef {
    #[inline]
    fn hold(&self) -> Result<SharedData, Lost> {
        self.try_upgrade()
    }
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

impl Form {
    /// A form of which the lines are not spelt yet.
    pub(crate) fn new(coding: Coding, version: Version) -> Self {
        let coding_number = Coding::ALL.iter().position(|known| *known == coding).unwrap_or(0);
        Self {
            coding_number: u8::try_from(coding_number).expect("four codings"),
            version,
            hash: None,
            lines: SharedData::new(),
            not_modified: SharedData::new(),
            body: None,
        }
    }

    /// The blocks that it lies in.
    fn pinned_bytes(&self) -> u64 {
        let mut all = self.body.clone().unwrap_or_default();
        let joined = all.append(self.lines.clone());
        debug_assert!(joined.is_ok(), "two pieces are fewer than fit");
        all.pinned_bytes()
    }
}

impl<D> Form<D> {
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

impl<D> Entry<D> {
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

    pub(crate) fn form(&self, coding: Coding) -> Option<&Form<D>> {
        self.forms.iter().find(|form| form.coding() == coding)
    }

    /// Whether it may be sent at `now` without asking anybody, as far as time says.
    pub(crate) fn is_fresh(&self, now: Tick) -> bool {
        now.as_nanos() < self.fresh_until_ns
    }

    /// The states of the files that it was made of.
    pub(crate) fn versions(&self) -> Vec<(Coding, Version)> {
        self.forms.iter().map(|form| (form.coding(), form.version)).collect()
    }

    /// The same about bytes that are had otherwise.
    fn by<E, L>(&self, other: impl Fn(&D) -> Result<E, L>) -> Result<Entry<E>, L> {
        let form = |form: &Form<D>| {
            Ok(Form {
                coding_number: form.coding_number,
                version: form.version,
                hash: form.hash,
                lines: other(&form.lines)?,
                not_modified: other(&form.not_modified)?,
                body: form.body.as_ref().map(&other).transpose()?,
            })
        };
        Ok(Entry {
            path: self.path.clone(),
            forms: self.forms.iter().map(form).collect::<Result<_, L>>()?,
            is_not_found: self.is_not_found,
            fresh_until_ns: self.fresh_until_ns,
        })
    }
}

impl Entry {
    /// Whether somebody has said that the file has changed.
    pub(crate) fn is_retired(&self) -> bool {
        self.forms.iter().any(|form| form.lines.is_retired())
    }
}

/// Lines are retired for their form, and one form for the entry.
impl Cached for Entry {
    type Soft = Entry<SoftRef>;
    type Weak = Entry<WeakRef>;

    fn soft(&self) -> Self::Soft {
        let Ok(soft) = self.by(|data| Ok::<_, Infallible>(data.soft()));
        soft
    }

    fn weak(&self) -> Self::Weak {
        let Ok(weak) = self.by(|data| Ok::<_, Infallible>(data.weak()));
        weak
    }

    fn of_soft(soft: &Self::Soft) -> Result<Self, Lost> {
        soft.by(SoftRef::try_upgrade)
    }

    fn of_weak(weak: &Self::Weak) -> Result<Self, Lost> {
        weak.by(WeakRef::try_upgrade)
    }

    fn is_kept(soft: &Self::Soft) -> bool {
        let is_kept = |form: &Form<SoftRef>| {
            form.lines.is_alive() && form.body.as_ref().is_none_or(SoftRef::is_alive)
        };
        soft.forms.iter().all(is_kept)
    }

    fn is_alive(weak: &Self::Weak) -> bool {
        weak.forms.iter().all(|form| form.lines.is_alive())
    }

    fn retire(soft: &Self::Soft) {
        soft.forms.iter().for_each(|form| form.lines.retire());
    }

    fn pinned_bytes(&self) -> u64 {
        self.forms.iter().map(Form::pinned_bytes).sum()
    }
}
