//! A folder is where a pile keeps its memory as files, so that it outlives the OS process: what was stored there is the kernel's
//! to keep, and a killed process loses no store that it completed.
//!
//! ```text
//! pile.super      the super block; whoever has the pile open has a lock on it
//! segment-NNNNN   256 MiB each, sparse: the slots
//! spans           sparse: the tables of 64 segments each: classes 256 KiB | lines 16 MiB | pages' rows 64 MiB
//! forward         the forward table, in blocks of 64 KiB
//! types           the names of the types that were registered
//! ```
//! Room on the disk is allocated before memory is used, so a full disk is an answer and never a signal. The order of steps in
//! which a segment is opened is: its tables are there, the super block names it, its file is there, its first span gets a class.
//!
//! Cost: to open a group of 2 MiB four system calls, to open a segment some ten; nothing to read or write a record. Its lock
//! is held across those calls, and only who opens a segment waits for it.

use core::ops::Range;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use levada_pages::{Reservation, ReserveError};
use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::kept::folder_error::{FolderError, FolderFault};
use crate::kept::super_block::{BLOCK_BYTES, SuperBlock};
use crate::lock::Lock;
use crate::naming::pointer::SEGMENT_BYTES;
use crate::places::class::{PAGE_BYTES, SPAN_BYTES};
use crate::types::type_names;

/// Segments whose tables lie together in the file of spans.
const TABLE_SEGMENTS: u64 = 64;
/// Spans of these.
const TABLE_SPANS: u64 = TABLE_SEGMENTS * (SEGMENT_BYTES / SPAN_BYTES as u64);

/// Bytes of a span's row in each of the three tables, in the order in which they lie in the file.
pub(crate) const ROWS_BYTES: [u64; 3] = [1, 64, 16 * (SPAN_BYTES / PAGE_BYTES) as u64];
/// Bytes of the three tables of 64 segments.
const TABLES_BYTES: u64 = TABLE_SPANS * (ROWS_BYTES[0] + ROWS_BYTES[1] + ROWS_BYTES[2]);

/// Bytes of a block of the forward table.
pub(crate) const FORWARD_BLOCK_BYTES: u64 = 64 << 10;

/// The addresses that the files stand at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'m> {
    pub(crate) slots: &'m Reservation,
    /// Classes, lines and pages' rows.
    pub(crate) tables: [&'m Reservation; 3],
}

/// The files of a pile that is open.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The file of the super block, locked while this lives.
    block_file: File,
    spans: File,
    forward: File,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    block: SuperBlock,
    /// How many names of types are written down.
    type_names: usize,
    /// Which segments stand at their addresses.
    placed: Vec<bool>,
    /// Which tables do.
    placed_tables: Vec<bool>,
}

/// How a folder is to be opened.
#[derive(Clone, Debug)]
pub(crate) struct HowToOpen {
    pub(crate) path: PathBuf,
    /// Whether a pile that a machine left behind when it went down is emptied, instead of refused.
    pub(crate) empties_unclean: bool,
}

fn fault(path: &Path, fault: FolderFault) -> FolderError {
    FolderError { path: path.to_owned(), fault }
}

fn os(path: &Path) -> impl Fn(io::Error) -> FolderError {
    move |error| {
        let errno = error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
        fault(path, FolderFault::Os { errno })
    }
}

fn os_errno(path: &Path) -> impl Fn(Errno) -> FolderError {
    move |errno| fault(path, FolderFault::Os { errno: errno.raw_os_error() })
}

impl Folder {
    /// Opens the pile that is kept in a folder, or begins one there. Nobody else opens it while this lives.
    ///
    /// # Errors
    /// [`FolderError`]; the folder is then as it was.
    pub(crate) fn open(how: &HowToOpen) -> Result<Self, FolderError> {
        let path = &how.path;
        if getrlimit(Resource::Fsize).current.is_some_and(|most| most < SEGMENT_BYTES) {
            // A longer file would not only be refused: the signal for it ends the OS process.
            return Err(os_errno(path)(Errno::FBIG));
        }
        fs::create_dir_all(path).map_err(os(path))?;
        let block_path = path.join("pile.super");
        let block_file = open_file(&block_path)?;
        match flock(&block_file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(fault(path, FolderFault::Mounted)),
            Err(errno) => return Err(os_errno(&block_path)(errno)),
        }
        let found = read_block(&block_file, &block_path)?;
        can_punch(&block_file).map_err(os_errno(path))?;
        if found.is_none() && !is_empty(path)? {
            return Err(fault(
                &block_path,
                FolderFault::Truncated { bytes: 0, wanted_bytes: BLOCK_BYTES as u64 },
            ));
        }
        let is_known = |block: &SuperBlock| {
            block.is_clean || (block.boot != 0 && block.boot == kernel_number("boot_id"))
        };
        let kept = found.filter(is_known);
        if found.is_some() && kept.is_none() && !how.empties_unclean {
            return Err(fault(path, FolderFault::Unclean));
        }
        let spans = open_file(&path.join("spans"))?;
        let forward = open_file(&path.join("forward"))?;
        if kept.is_none() {
            remove_segments(path)?;
            fs::write(path.join("types"), type_names::to_bytes(&[])).map_err(os(path))?;
            spans.set_len(0).map_err(os(path))?;
            forward.set_len(0).map_err(os(path))?;
        }
        let began_anew = SuperBlock {
            id: kernel_number("uuid"),
            boot: 0,
            began_ms: wall_ms(),
            age_ms: 0,
            segments: 0,
            forward_blocks: 0,
            is_clean: true,
        };
        let block = kept.unwrap_or(began_anew);
        let state = State { block, type_names: 0, placed: Vec::new(), placed_tables: Vec::new() };
        let folder =
            Self { path: path.clone(), block_file, spans, forward, state: Lock::new(state) };
        folder.check_lengths(&block)?;
        Ok(folder)
    }

    /// Says on the disk that the pile is open, before anything of it is changed.
    pub(crate) fn begin(&self) -> Result<(), FolderError> {
        let mut state = self.state.lock();
        state.block.boot = kernel_number("boot_id");
        state.block.is_clean = false;
        self.write_block(&state.block)?;
        self.block_file.sync_all().map_err(os(&self.path))
    }

    /// How many segments were ever opened.
    pub(crate) fn segments(&self) -> u32 {
        self.state.lock().block.segments
    }

    /// Tells this pile from every other.
    pub(crate) fn id(&self) -> u128 {
        self.state.lock().block.id
    }

    /// How old the pile is by now: as old as the wall's clock says, and no younger than it was.
    pub(crate) fn age_ms(&self) -> u64 {
        let block = self.state.lock().block;
        age_ms(block.began_ms, block.age_ms, wall_ms())
    }

    /// Where a segment is, or would be.
    fn segment_path(&self, segment: u32) -> PathBuf {
        self.path.join(format!("segment-{segment:05}"))
    }

    /// A file that ends too early would end the process at the first touch behind its end.
    fn check_lengths(&self, block: &SuperBlock) -> Result<(), FolderError> {
        let spans_bytes = u64::from(block.segments).div_ceil(TABLE_SEGMENTS) * TABLES_BYTES;
        let forward_bytes = u64::from(block.forward_blocks) * FORWARD_BLOCK_BYTES;
        let files =
            [(&self.spans, "spans", spans_bytes), (&self.forward, "forward", forward_bytes)];
        for (file, name, wanted_bytes) in files {
            let path = self.path.join(name);
            let bytes = file.metadata().map_err(os(&path))?.len();
            if bytes < wanted_bytes {
                return Err(fault(&path, FolderFault::Truncated { bytes, wanted_bytes }));
            }
        }
        Ok(())
    }

    /// The length of a segment's file must be whole where it has spans in use.
    pub(crate) fn check_segment(&self, segment: u32) -> Result<(), FolderError> {
        let path = self.segment_path(segment);
        let bytes = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(os(&path)(error)),
        };
        if bytes < SEGMENT_BYTES {
            return Err(fault(
                &path,
                FolderFault::Truncated { bytes, wanted_bytes: SEGMENT_BYTES },
            ));
        }
        Ok(())
    }

    /// What a table says cannot be.
    pub(crate) fn is_damaged(&self) -> FolderError {
        fault(&self.path.join("spans"), FolderFault::Damaged)
    }

    /// There are more segments than there are addresses for.
    pub(crate) fn has_too_many(&self, most: u32) -> FolderError {
        fault(&self.path, FolderFault::Segments { there_are: self.segments(), most })
    }

    /// Lets the tables of a segment stand at their addresses.
    pub(crate) fn place_tables(&self, ground: Ground<'_>, segment: u32) -> Result<(), FolderError> {
        self.place_tables_of(&mut self.state.lock(), ground, segment)
    }

    fn place_tables_of(
        &self,
        state: &mut State,
        ground: Ground<'_>,
        segment: u32,
    ) -> Result<(), FolderError> {
        let number = u64::from(segment) / TABLE_SEGMENTS;
        if *is_placed(&mut state.placed_tables, number) {
            return Ok(());
        }
        let path = self.path.join("spans");
        let bytes = self.spans.metadata().map_err(os(&path))?.len();
        let mut file_offset = number * TABLES_BYTES;
        if bytes < file_offset + TABLES_BYTES {
            self.spans.set_len(file_offset + TABLES_BYTES).map_err(os(&path))?;
        }
        for (table, row_bytes) in ground.tables.into_iter().zip(ROWS_BYTES) {
            let (offset, whole_bytes) = (number * TABLE_SPANS * row_bytes, TABLE_SPANS * row_bytes);
            let bytes = whole_bytes.min(table.bytes() as u64 - offset);
            table
                .place(narrow(offset), narrow(bytes), self.spans.as_fd(), file_offset)
                .map_err(|error| fault(&path, FolderFault::Os { errno: error.errno }))?;
            file_offset += whole_bytes;
        }
        *is_placed(&mut state.placed_tables, number) = true;
        Ok(())
    }

    /// Lets a segment stand at its addresses; its file is made if there is none.
    pub(crate) fn place_segment(
        &self,
        ground: Ground<'_>,
        segment: u32,
    ) -> Result<(), FolderError> {
        let mut state = self.state.lock();
        if *is_placed(&mut state.placed, u64::from(segment)) {
            return Ok(());
        }
        // First the tables, which the block says are as long as its segments ask for; then the block, since a mount looks at no
        // segment behind what it says.
        self.place_tables_of(&mut state, ground, segment)?;
        if segment >= state.block.segments {
            let block = SuperBlock { segments: segment + 1, ..state.block };
            self.write_block(&block)?;
            state.block = block;
        }
        let path = self.segment_path(segment);
        let file = open_file(&path)?;
        if file.metadata().map_err(os(&path))?.len() < SEGMENT_BYTES {
            file.set_len(SEGMENT_BYTES).map_err(os(&path))?;
        }
        let offset = u64::from(segment) * SEGMENT_BYTES;
        ground
            .slots
            .place(narrow(offset), narrow(SEGMENT_BYTES), file.as_fd(), 0)
            .map_err(|error| fault(&path, FolderFault::Os { errno: error.errno }))?;
        *is_placed(&mut state.placed, u64::from(segment)) = true;
        Ok(())
    }

    /// Lets the rows of so many spans have room on the disk.
    pub(crate) fn allocate_rows(&self, first_span: u32, spans: u32) -> Result<(), ReserveError> {
        let (tables, first) =
            (u64::from(first_span) / TABLE_SPANS, u64::from(first_span) % TABLE_SPANS);
        let mut file_offset = tables * TABLES_BYTES;
        for row_bytes in ROWS_BYTES {
            allocate(&self.spans, file_offset + first * row_bytes, u64::from(spans) * row_bytes)?;
            file_offset += TABLE_SPANS * row_bytes;
        }
        Ok(())
    }

    /// Lets so many spans of one segment have room on the disk.
    pub(crate) fn allocate_spans(&self, first_span: u32, spans: u32) -> Result<(), ReserveError> {
        let offset = u64::from(first_span) * u64::from(SPAN_BYTES);
        let segment = u32::try_from(offset / SEGMENT_BYTES).expect("fewer than 2^15 segments");
        let bytes = u64::from(spans) * u64::from(SPAN_BYTES);
        // Opened each time: a pile may have more segments than the OS process may have descriptors.
        let file = OpenOptions::new().read(true).write(true).open(self.segment_path(segment));
        let file = file.map_err(|error| ReserveError {
            bytes: narrow(bytes),
            errno: error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()),
        })?;
        allocate(&file, offset % SEGMENT_BYTES, bytes)
    }

    /// How many blocks of the forward table were opened.
    pub(crate) fn forward_blocks(&self) -> u32 {
        self.state.lock().block.forward_blocks
    }

    /// Lets blocks of the forward table stand at their addresses, with room on the disk.
    pub(crate) fn place_forward(
        &self,
        table: &Reservation,
        blocks: Range<u32>,
    ) -> Result<(), ReserveError> {
        let offset = u64::from(blocks.start) * FORWARD_BLOCK_BYTES;
        let bytes = u64::from(blocks.end) * FORWARD_BLOCK_BYTES - offset;
        allocate(&self.forward, offset, bytes)?;
        let mut state = self.state.lock();
        if blocks.end > state.block.forward_blocks {
            let block = SuperBlock { forward_blocks: blocks.end, ..state.block };
            self.write_block(&block)
                .map_err(|error| ReserveError { bytes: narrow(bytes), errno: error.errno() })?;
            state.block = block;
        }
        table.place(narrow(offset), narrow(bytes), self.forward.as_fd(), offset)
    }

    /// The names of the types that were registered here.
    pub(crate) fn type_names(&self) -> Result<Vec<(u32, String)>, FolderError> {
        let path = self.path.join("types");
        let bytes = fs::read(&path).map_err(os(&path))?;
        let names = type_names::from_bytes(&bytes).map_err(|what| fault(&path, what))?;
        self.state.lock().type_names = names.len();
        Ok(names)
    }

    /// Writes the names down, if there are more than were. They are all there, or those that were.
    pub(crate) fn note_types(&self, names: Vec<(u32, String)>) -> Result<(), FolderError> {
        let mut state = self.state.lock();
        if names.len() > state.type_names {
            let (path, new) = (self.path.join("types"), self.path.join("types.new"));
            fs::write(&new, type_names::to_bytes(&names)).map_err(os(&new))?;
            File::open(&new).and_then(|file| file.sync_all()).map_err(os(&new))?;
            fs::rename(&new, &path).map_err(os(&path))?;
            state.type_names = names.len();
        }
        Ok(())
    }

    /// As `note_age`, once a second.
    pub(crate) fn note_second(&self, age_ms: u64) -> Result<(), FolderError> {
        let noted_ms = self.state.lock().block.age_ms;
        if age_ms < noted_ms + 1000 { Ok(()) } else { self.note_age(age_ms) }
    }

    /// Remembers how old the pile is, so that it is no younger at the next mount, whatever the wall's clock says then.
    pub(crate) fn note_age(&self, age_ms: u64) -> Result<(), FolderError> {
        let mut state = self.state.lock();
        state.block.age_ms = state.block.age_ms.max(age_ms);
        self.write_block(&state.block)
    }

    /// Lets the disk have all that was stored so far.
    pub(crate) fn sync(&self) -> Result<(), FolderError> {
        let segments = self.segments();
        for segment in 0..segments {
            let path = self.segment_path(segment);
            match File::open(&path) {
                Ok(file) => file.sync_data().map_err(os(&path))?,
                // One that was passed over has no file yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(os(&path)(error)),
            }
        }
        for file in [&self.spans, &self.forward, &self.block_file] {
            file.sync_data().map_err(os(&self.path))?;
        }
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(os(&self.path))
    }

    /// Leaves the pile whole: all of it is on the disk, and the block says so.
    pub(crate) fn end(&self, age_ms: u64) -> Result<(), FolderError> {
        self.note_age(age_ms)?;
        self.sync()?;
        let mut state = self.state.lock();
        state.block.is_clean = true;
        self.write_block(&state.block)?;
        self.block_file.sync_data().map_err(os(&self.path))
    }

    fn write_block(&self, block: &SuperBlock) -> Result<(), FolderError> {
        self.block_file.write_all_at(&block.to_bytes(), 0).map_err(os(&self.path))
    }
}

/// How old a pile is, whose age was noted at some time after it began.
fn age_ms(began_ms: u64, noted_ms: u64, wall_ms: u64) -> u64 {
    wall_ms.saturating_sub(began_ms).max(noted_ms)
}

fn is_placed(all: &mut Vec<bool>, number: u64) -> &mut bool {
    let at = narrow(number);
    if all.len() <= at {
        all.resize(at + 1, false);
    }
    &mut all[at]
}

fn narrow(bytes: u64) -> usize {
    usize::try_from(bytes).expect("addresses have 64 bits")
}

fn open_file(path: &Path) -> Result<File, FolderError> {
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(false).open(path).map_err(os(path))
}

fn allocate(file: &File, offset: u64, bytes: u64) -> Result<(), ReserveError> {
    rustix::io::retry_on_intr(|| fallocate(file, FallocateFlags::empty(), offset, bytes))
        .map_err(|errno| ReserveError { bytes: narrow(bytes), errno: errno.raw_os_error() })
}

/// Whether the file system allocates room and takes it back; behind the end, where nobody sees it.
fn can_punch(file: &File) -> Result<(), Errno> {
    let (offset, bytes) = (BLOCK_BYTES as u64, BLOCK_BYTES as u64);
    fallocate(file, FallocateFlags::KEEP_SIZE, offset, bytes)?;
    fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, bytes)
}

/// The block of a pile, if one was begun here.
fn read_block(file: &File, path: &Path) -> Result<Option<SuperBlock>, FolderError> {
    let bytes = file.metadata().map_err(os(path))?.len();
    if bytes == 0 {
        return Ok(None);
    }
    let wanted_bytes = BLOCK_BYTES as u64;
    if bytes < wanted_bytes {
        return Err(fault(path, FolderFault::Truncated { bytes, wanted_bytes }));
    }
    if bytes > wanted_bytes {
        return Err(fault(path, FolderFault::Damaged));
    }
    let mut bytes = [0; BLOCK_BYTES];
    file.read_exact_at(&mut bytes, 0).map_err(os(path))?;
    SuperBlock::from_bytes(&bytes).map(Some).map_err(|what| fault(path, what))
}

/// The segments that have a file.
fn segment_files(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(os(path))? {
        let entry = entry.map_err(os(path))?;
        if entry.file_name().as_encoded_bytes().starts_with(b"segment-") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn is_empty(path: &Path) -> Result<bool, FolderError> {
    segment_files(path).map(|found| found.is_empty())
}

fn remove_segments(path: &Path) -> Result<(), FolderError> {
    for segment in segment_files(path)? {
        fs::remove_file(&segment).map_err(os(&segment))?;
    }
    Ok(())
}

/// A number that the kernel writes as a UUID: of this run of the machine, or a random one. Zero if it does not tell.
fn kernel_number(name: &str) -> u128 {
    let text = fs::read_to_string(format!("/proc/sys/kernel/random/{name}")).unwrap_or_default();
    u128::from_str_radix(&text.trim().replace('-', ""), 16).unwrap_or(0)
}

fn wall_ms() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec.unsigned_abs() * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pile_grows_older_while_nobody_has_it_open_and_never_younger() {
        assert_eq!(age_ms(1000, 50, 1040), 50);
        assert_eq!(age_ms(1000, 50, 9000), 8000);
        assert_eq!(age_ms(1000, 50, 10), 50, "the wall's clock was set back");
    }
}
