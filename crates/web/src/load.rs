//! Loading is finding what a path leads to and bringing it into the shared heap, in all forms that are there.
//!
//! Each file is read once, into a block of its own, and looked at again afterwards: if it changed meanwhile it is read
//! anew, so that no entry holds half of one state and half of another.

use bytes::BufMut;
use levada_channel::{Errno, Error, File, FileKind, OpenHow};
use levada_http::h1::HeadLines;
use levada_http::{Coding, Compose, Status};
use levada_shared::{Full, SharedData};

use crate::disk;
use crate::entry::{Entry, Form, Version};
use crate::key::{Key, Meant};
use crate::list::list_folder;
use crate::loading::Loading;
use crate::storage_message::{Found, Loaded};

/// How often a file that changes while it is read is begun again.
const ATTEMPTS_MAX: u32 = 5;

/// A neighbour that is so much older than its file was made of an earlier state: it is left alone.
const NEIGHBOUR_AGE_MAX_S: i64 = 2;

/// Why nothing was loaded.
enum Stop {
    Nothing,
    Forbidden,
    Busy,
    Failed,
    NoRoom,
    /// The file changed while it was read.
    Changed,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            // Not there, or only outside of the folder.
            Error::Kernel(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::XDEV
                | Errno::LOOP
                | Errno::NAMETOOLONG
                | Errno::INVAL
                | Errno::NXIO,
            ) => Self::Nothing,
            Error::Kernel(Errno::ACCESS | Errno::PERM) => Self::Forbidden,
            Error::Full
            | Error::NoMemory
            | Error::Kernel(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN) => {
                Self::Busy
            }
            _ => Self::Failed,
        }
    }
}

impl From<Full<()>> for Stop {
    fn from(_: Full<()>) -> Self {
        Self::NoRoom
    }
}

impl Loading<'_> {
    /// What a key leads to. Its path is normalised: no slash at its ends, no dots.
    pub(crate) async fn load(&self, key: &Key) -> Loaded {
        let found = match key.meant {
            Meant::File => self.entry(&key.relative, false).await,
            Meant::NotFoundPage => self.entry(&key.relative, true).await,
            Meant::Folder => self.folder(&key.relative).await,
        };
        Loaded::Found(match found {
            Ok(loaded) => return loaded,
            Err(Stop::NoRoom) => return Loaded::NoRoom,
            Err(Stop::Nothing) => Found::Nothing,
            Err(Stop::Forbidden) => Found::Forbidden,
            Err(Stop::Busy | Stop::Changed) => Found::Busy,
            Err(Stop::Failed) => Found::Failed,
        })
    }

    async fn folder(&self, relative: &[u8]) -> Result<Loaded, Stop> {
        for index in &self.site.index {
            let path = join(relative, index.as_bytes());
            match self.entry(&path, false).await {
                Err(Stop::Nothing) | Ok(Loaded::Found(Found::Folder)) => {}
                other => return other,
            }
        }
        if !self.site.lists {
            return Err(Stop::Nothing);
        }
        let how = OpenHow { directory: true, ..OpenHow::default() };
        let path: &[u8] = if relative.is_empty() { b"." } else { relative };
        let folder = disk::open(self.io, &self.site.root, path, how).await?;
        let text = list_folder(self, &folder, relative).await;
        let text = text.map_err(|error| error.map_or(Stop::NoRoom, Stop::from))?;
        Ok(Loaded::Found(Found::List { text, is_json: self.as_json }))
    }

    /// The file at `path` in all its forms.
    async fn entry(&self, path: &[u8], is_not_found: bool) -> Result<Loaded, Stop> {
        for _ in 0..ATTEMPTS_MAX {
            match self.entry_once(path, is_not_found).await {
                Err(Stop::Changed) => {}
                other => return other,
            }
        }
        Err(Stop::Changed)
    }

    async fn entry_once(&self, path: &[u8], is_not_found: bool) -> Result<Loaded, Stop> {
        let file = self.open(path).await?;
        let stat = disk::stat(self.io, &file).await?;
        match stat.kind {
            FileKind::Regular => {}
            FileKind::Directory => return Ok(Loaded::Found(Found::Folder)),
            FileKind::Link | FileKind::Other => return Err(Stop::Nothing),
        }
        let mut files = vec![(Coding::Identity, file, Version::of(&stat))];
        if self.site.serves_neighbours {
            self.add_neighbours(path, &mut files).await?;
        }
        let versions: Vec<(Coding, Version)> =
            files.iter().map(|(coding, _, version)| (*coding, *version)).collect();
        if versions == self.known {
            return Ok(Loaded::Same);
        }
        let mut entry =
            Entry { path: path.to_vec(), forms: Vec::new(), is_not_found, fresh_until_ns: 0 };
        for (coding, file, version) in &files {
            let body = self.read(file, *version).await?;
            let hash = body.as_ref().filter(|_| self.site.tags_content).map(hash_of);
            entry.forms.push(Form::new(*coding, *version, hash, body));
        }
        self.spell(&mut entry)?;
        Ok(Loaded::Found(Found::Entry(entry)))
    }

    async fn open(&self, path: &[u8]) -> Result<File, Error> {
        disk::open(self.io, &self.site.root, path, OpenHow::default()).await
    }

    async fn add_neighbours(
        &self,
        path: &[u8],
        files: &mut Vec<(Coding, File, Version)>,
    ) -> Result<(), Stop> {
        let plain = files[0].2;
        for coding in [Coding::Brotli, Coding::Zstd, Coding::Gzip] {
            let neighbour = [path, coding.file_suffix().as_bytes()].concat();
            let Ok(file) = self.open(&neighbour).await else { continue };
            let stat = disk::stat(self.io, &file).await?;
            let version = Version::of(&stat);
            let is_current = version.modified_unix_s + NEIGHBOUR_AGE_MAX_S >= plain.modified_unix_s;
            if stat.kind == FileKind::Regular && is_current {
                files.push((coding, file, version));
            }
        }
        Ok(())
    }

    /// The bytes of a file, if they are few enough to be kept.
    async fn read(&self, file: &File, version: Version) -> Result<Option<SharedData>, Stop> {
        if version.length_bytes > self.file_bytes_max {
            return Ok(None);
        }
        let length = usize::try_from(version.length_bytes).map_err(|_| Stop::NoRoom)?;
        if length == 0 {
            return Ok(Some(SharedData::new()));
        }
        let buffer = self.account.kept_buf(length)?;
        let filled = disk::read_at(self.io, file, buffer, 0).await?;
        if filled.buffer.len() != length
            || Version::of(&disk::stat(self.io, file).await?) != version
        {
            return Err(Stop::Changed);
        }
        Ok(Some(filled.buffer.freeze()))
    }

    /// Spells the lines of each form's replies.
    fn spell(&self, entry: &mut Entry) -> Result<(), Full<()>> {
        let fields = self.site.fields_of(&entry.path);
        let (content_type, varies, now_unix_s) =
            (entry.content_type(), entry.varies(), self.io.unix_s());
        let status = if entry.is_not_found { Status::NOT_FOUND } else { Status::OK };
        for form in &mut entry.forms {
            let about = form.representation(content_type, varies, &fields, now_unix_s);
            let mut whole = about.whole();
            whole.status = status;
            let not_modified = about.not_modified();
            let (whole, not_modified) = (HeadLines(whole), HeadLines(not_modified));
            // One block for both: they are retired together.
            let mut lines =
                self.account.kept_buf(whole.text_bytes() + not_modified.text_bytes())?;
            compose(&whole, &mut lines);
            form.lines = lines.freeze_filled();
            compose(&not_modified, &mut lines);
            form.not_modified = lines.freeze();
        }
        Ok(())
    }
}

fn compose(text: &impl Compose, out: &mut impl BufMut) {
    let composed = text.compose(out);
    debug_assert!(composed.is_ok(), "the room was counted before");
}

fn hash_of(body: &SharedData) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    body.pieces().for_each(|piece| hasher.update(piece));
    hasher.digest128()
}

/// A name in a folder, as a path.
fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}
