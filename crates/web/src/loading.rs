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
    pub(crate) account: &'a Account,
    /// Longer files are not kept.
    pub(crate) file_bytes_max: u64,
    pub(crate) as_json: bool,
    /// What the entry that is kept was made of; if that is still so, nothing is read.
    pub(crate) known: Vec<(Coding, Version)>,
}
