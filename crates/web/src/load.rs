//! Loading is finding what a path leads to and bringing it into the shared heap, in all forms that are there.
//!
//! Each file is read once, into a block of its own, and looked at again afterwards: if it changed meanwhile it is read
//! anew, so that no entry holds half of one state and half of another. The lines of its replies are spelt behind it where
//! the last page of a short body has room for them, and into another block otherwise.

use bytes::BufMut;
use levada_channel::{Error, File, FileKind, OpenHow};
use levada_http::h1::HeadLines;
use levada_http::{Coding, Compose, ContentType, ExtraField, Status};
use levada_shared::{Account, ExclusiveBuf, SharedData};

use crate::disk;
use crate::entry::{Entry, Form, Version};
use crate::key::{Key, Meant};
use crate::list::list_folder;
use crate::loading::Loading;
use crate::stop::Stop;
use crate::storage_message::{Found, Loaded};
use crate::waiting::NoRoom;

/// How often a file that changes while it is read is begun again.
const ATTEMPTS_MAX: u32 = 5;

/// A neighbour that is so much older than its file was made of an earlier state: it is left alone.
const NEIGHBOUR_AGE_MAX_S: i64 = 2;

/// Up to here blocks are as long as they are filled, but for less than a page.
const SHORT_BYTES_MAX: usize = 32 << 10;

const PAGE_BYTES: usize = 4 << 10;

impl Loading<'_> {
    /// What a key leads to. Its path is normalised: no slash at its ends, no dots.
    ///
    /// # Errors
    /// [`NoRoom`] where there is none, although what was kept softly gave way.
    pub(crate) async fn load(&self, key: &Key) -> Result<Loaded, NoRoom> {
        let found = match key.meant {
            Meant::File => self.entry(&key.relative, false).await,
            Meant::NotFoundPage => self.entry(&key.relative, true).await,
            Meant::Folder => self.folder(&key.relative).await,
        };
        Ok(Loaded::Found(match found {
            Ok(loaded) => return Ok(loaded),
            Err(Stop::NoRoom(no_room)) => return Err(no_room),
            Err(Stop::Nothing) => Found::Nothing,
            Err(Stop::Forbidden) => Found::Forbidden,
            Err(Stop::Busy | Stop::Changed) => Found::Busy,
            Err(Stop::Failed) => Found::Failed,
        }))
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
        let text = list_folder(self, &folder, relative).await?;
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
        let forms = versions.iter().map(|(coding, version)| Form::new(*coding, *version)).collect();
        let mut entry = Entry { path: path.to_vec(), forms, is_not_found, fresh_until_ns: 0 };
        let fields = self.site.fields_of(path);
        let spelling = Spelling {
            content_type: entry.content_type(),
            varies: entry.varies(),
            fields: &fields,
            status: if is_not_found { Status::NOT_FOUND } else { Status::OK },
            now_unix_s: self.io.unix_s(),
        };
        for (form, (_, file, _)) in entry.forms.iter_mut().zip(&files) {
            self.fill(form, file, &spelling).await?;
        }
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

    /// Reads a form's bytes, if they are few enough to be kept, and spells the lines of its replies.
    async fn fill(
        &self,
        form: &mut Form,
        file: &File,
        spelling: &Spelling<'_>,
    ) -> Result<(), Stop> {
        let is_kept = form.version.length_bytes <= self.file_bytes_max;
        // Any hash is as long as the one that the body will have.
        form.hash = (is_kept && self.site.tags_content).then_some(0);
        let lines_bytes = spelling.lines_bytes(form);
        let mut beside = None;
        if is_kept {
            let length = usize::try_from(form.version.length_bytes).map_err(|_| Stop::Failed)?;
            let body = if length == 0 {
                SharedData::new()
            } else if fits_behind(length, lines_bytes) {
                let room = room(&self.charged.short, length + lines_bytes)?;
                let mut filled = self.read(file, form.version, room).await?;
                let body = filled.freeze_filled();
                beside = Some(filled);
                body
            } else {
                let room = room(&self.charged.bodies, length)?;
                self.read(file, form.version, room).await?.freeze()
            };
            form.hash = form.hash.map(|_| hash_of(&body));
            form.body = Some(body);
        }
        let lines = match beside {
            Some(beside) => beside,
            None => room(&self.charged.heads, lines_bytes)?,
        };
        spelling.spell(form, lines);
        Ok(())
    }

    /// All bytes of a file, which must be those of that version.
    async fn read(
        &self,
        file: &File,
        version: Version,
        room: ExclusiveBuf,
    ) -> Result<ExclusiveBuf, Stop> {
        let filled = disk::read_at(self.io, file, room, 0).await?.buffer;
        if filled.len() as u64 != version.length_bytes
            || Version::of(&disk::stat(self.io, file).await?) != version
        {
            return Err(Stop::Changed);
        }
        Ok(filled)
    }
}

/// What the lines of a file's replies are spelt from, beside what its forms are.
struct Spelling<'a> {
    content_type: ContentType<'static>,
    varies: bool,
    fields: &'a [ExtraField],
    status: Status,
    now_unix_s: u64,
}

impl<'a> Spelling<'a> {
    /// The lines of the whole reply, and of 304.
    fn texts(&self, form: &Form) -> (HeadLines<'a>, HeadLines<'a>) {
        let about =
            form.representation(self.content_type, self.varies, self.fields, self.now_unix_s);
        let mut whole = about.whole();
        whole.status = self.status;
        (HeadLines(whole), HeadLines(about.not_modified()))
    }

    fn lines_bytes(&self, form: &Form) -> usize {
        let (whole, not_modified) = self.texts(form);
        whole.text_bytes() + not_modified.text_bytes()
    }

    /// One block for both: they are retired together.
    fn spell(&self, form: &mut Form, mut lines: ExclusiveBuf) {
        let (whole, not_modified) = self.texts(form);
        compose(&whole, &mut lines);
        form.lines = lines.freeze_filled();
        compose(&not_modified, &mut lines);
        form.not_modified = lines.freeze();
    }
}

/// A block for what is kept.
fn room(account: &Account, bytes: usize) -> Result<ExclusiveBuf, NoRoom> {
    account.kept_buf(bytes).map_err(|_| NoRoom::of(account, bytes))
}

/// Whether lines behind a body make its block no longer.
fn fits_behind(body_bytes: usize, lines_bytes: usize) -> bool {
    let all_bytes = body_bytes + lines_bytes;
    let is_in_its_pages = all_bytes.div_ceil(PAGE_BYTES) == body_bytes.div_ceil(PAGE_BYTES);
    all_bytes <= SHORT_BYTES_MAX && is_in_its_pages
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
