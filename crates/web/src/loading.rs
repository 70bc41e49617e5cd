//! Loading takes what stands here: the site, the core's channel, and who is charged.

use levada_domain::Io;
use levada_http::Coding;
use levada_shared::Account;

use crate::entry::Version;
use crate::site::Site;

/// What a loader needs.
#[derive(Clone, Debug)]
pub(crate) struct Loading<'a> {
    pub(crate) io: &'a Io,
    pub(crate) site: &'a Site,
    pub(crate) charged: &'a Charged,
    /// Longer files are not kept.
    pub(crate) file_bytes_max: u64,
    pub(crate) as_json: bool,
    /// What the entry that is kept was made of; if that is still so, nothing is read.
    pub(crate) known: Vec<(Coding, Version)>,
}

/// Who is charged for files: one account, by what it holds of them.
#[derive(Clone, Debug)]
pub(crate) struct Charged {
    pub(crate) bodies: Account,
    pub(crate) heads: Account,
    /// Short files, each in one block with the lines of its replies.
    pub(crate) short: Account,
    pub(crate) lists: Account,
}

impl Charged {
    pub(crate) fn of(files: &Account) -> Self {
        Self {
            bodies: files.with_tag("file bodies"),
            heads: files.with_tag("file heads"),
            short: files.with_tag("short files"),
            lists: files.with_tag("listings"),
        }
    }
}
