//! A folder without a page of its own is listed: names, lengths and times, as HTML or as JSON.

use levada_channel::{Access, Error, File, FileKind, Stat};
use levada_http::{Compose, HtmlListing, JsonListing, Listing, ListingEntry};
use levada_shared::SharedData;

use crate::disk;
use crate::loading::Loading;
use crate::stop::Stop;
use crate::waiting::NoRoom;

/// How many names a list shows; a folder with more shows the first that it has.
const NAMES_MAX: usize = 20_000;

/// How many bytes of names are read at once.
const NAMES_BYTES: usize = 32 << 10;

struct Named {
    name: Vec<u8>,
    is_directory: bool,
    length_bytes: u64,
    modified_unix_s: u64,
}

/// The list of an open folder.
pub(crate) async fn list_folder(
    loading: &Loading<'_>,
    folder: &File,
    relative: &[u8],
) -> Result<SharedData, Stop> {
    let mut named = Vec::new();
    loop {
        let lists = &loading.charged.lists;
        let buffer = lists.buf(NAMES_BYTES).map_err(|_| NoRoom::of(lists, NAMES_BYTES))?;
        loading.io.channel().file_room().await;
        let names = folder.list(buffer).await?;
        if names.is_empty() || named.len() >= NAMES_MAX {
            break;
        }
        for name in names {
            if !loading.site.paths.reaches(&name.name, relative.is_empty()) {
                continue;
            }
            // What goes away meanwhile, or leads out of the site, is not shown.
            if let Ok(Some(stat)) = stat_of(loading, folder, relative, &name.name).await {
                named.push(Named {
                    is_directory: stat.kind == FileKind::Directory,
                    length_bytes: stat.bytes,
                    modified_unix_s: u64::try_from(stat.modified_s).unwrap_or(0),
                    name: name.name,
                });
            }
        }
    }
    named.truncate(NAMES_MAX);
    let mut entries: Vec<ListingEntry<'_>> = named.iter().map(Named::entry).collect();
    entries.sort_by(ListingEntry::order);
    let listing = Listing { relative, entries: entries.iter().copied(), rules: loading.site.paths };
    let text = if loading.as_json {
        compose(loading, &JsonListing(listing))
    } else {
        compose(loading, &HtmlListing(listing))
    };
    Ok(text?)
}

/// What a name leads to, if that can be served.
async fn stat_of(
    loading: &Loading<'_>,
    folder: &File,
    relative: &[u8],
    name: &[u8],
) -> Result<Option<Stat>, Error> {
    let mut stat = disk::stat_name(loading.io, folder, name).await?;
    if stat.kind == FileKind::Link {
        let path =
            if relative.is_empty() { name.to_vec() } else { [relative, b"/", name].concat() };
        let how = levada_channel::OpenHow { access: Access::Name, ..Default::default() };
        let file = disk::open(loading.io, &loading.site.root, &path, how).await?;
        stat = disk::stat(loading.io, &file).await?;
    }
    Ok(matches!(stat.kind, FileKind::Regular | FileKind::Directory).then_some(stat))
}

fn compose(loading: &Loading<'_>, text: &impl Compose) -> Result<SharedData, NoRoom> {
    let (lists, bytes) = (&loading.charged.lists, text.text_bytes());
    let no_room = || NoRoom::of(lists, bytes);
    let mut buffer = lists.buf(bytes).map_err(|_| no_room())?;
    text.compose(&mut buffer).map_err(|_| no_room())?;
    Ok(buffer.freeze())
}

impl Named {
    fn entry(&self) -> ListingEntry<'_> {
        ListingEntry {
            name: &self.name,
            is_directory: self.is_directory,
            length_bytes: self.length_bytes,
            modified_unix_s: self.modified_unix_s,
        }
    }
}
