//! A mount opens what an earlier life of a pile left in its folder: the tables of spans are looked at, and no record.
//!
//! Spans without a class are spare, whatever they were about to become: they are punched, and their generations go on above
//! all that were given. The others are inherited, and looked through when they are to be changed.
//!
//! Cost: a walk through the lines of all spans, of 4 MB for each 4 GB; no page of a segment is touched.

use std::sync::Arc;

use crate::error::OpenError;
use crate::kept::folder::Folder;
use crate::kept::folder_error::FolderError;
use crate::naming::generation::Generation;
use crate::pile::Pile;
use crate::places::class::Class;
use crate::places::segment::{GROUP_SPANS, Memory, SEGMENT_SPANS};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::places::spans::Spans;
use crate::store::Store;
use crate::sync::Ordering;
use crate::writing::forward::Forwards;
use crate::writing::forward_table::FiledRows;

/// Takes over all that is in the folder. The forwards are the pile's from now on.
pub(crate) fn mount(folder: &Arc<Folder>, spans: &Spans) -> Result<Forwards, OpenError> {
    let memory = &spans.memory;
    let (segments, most) = (folder.segments(), memory.span_count() / SEGMENT_SPANS);
    if segments > most {
        return Err(folder.has_too_many(most).into());
    }
    let rows = FiledRows::new(Arc::clone(folder))?;
    let row_count = rows.mount()?;
    folder.begin()?;
    for segment in 0..segments {
        memory.place_tables(segment)?;
        mount_segment(folder, spans, segment)?;
    }
    let (forwards, forward_bytes) = Forwards::of_folder(rows, row_count);
    spans.supply.limit.count(forward_bytes);
    Ok(forwards)
}

fn mount_segment(folder: &Folder, spans: &Spans, segment: u32) -> Result<(), OpenError> {
    let memory = &spans.memory;
    let all = segment * SEGMENT_SPANS..(segment + 1) * SEGMENT_SPANS;
    let mut inherited = 0;
    let mut tails = 0;
    for span in all.clone().map(SpanIndex) {
        let (class, line) = (memory.class(span), memory.line(span));
        if tails > 0 {
            if class != Class::TAIL {
                return Err(folder.is_damaged().into());
            }
            tails -= 1;
            line.set_standing(SpanStanding::Owned);
        } else if class == Class::TAIL {
            // Of a long record that was about to be put, or to go.
            memory.set_class(span, Class::NONE);
        } else if class == Class::PAGES {
            tails = line.spans_of_run.load(Ordering::Relaxed).saturating_sub(1);
        } else if class != Class::NONE && !class.is_slots() {
            return Err(folder.is_damaged().into());
        }
        if class == Class::PAGES || class.is_slots() {
            line.inherit();
            inherited += 1;
        }
    }
    if tails > 0 {
        return Err(folder.is_damaged().into());
    }
    if inherited > 0 {
        folder.check_segment(segment)?;
    }
    let is_used = |span| memory.class(span) != Class::NONE;
    let mut was_opened = false;
    for group in all.clone().step_by(GROUP_SPANS as usize) {
        let mut its = (group..group + GROUP_SPANS).map(SpanIndex);
        if its.any(|span| is_used(span) || memory.line(span).top() > Generation(0)) {
            spans.supply.inherit(memory, group / GROUP_SPANS, is_used);
            was_opened = true;
        }
    }
    if was_opened {
        memory.place_segment(segment)?;
        give_back_spare(memory, all.start, all.end);
    }
    spans.inherited.fetch_add(inherited, Ordering::Relaxed);
    Ok(())
}

/// Gives back what is behind spans without a class, run by run.
fn give_back_spare(memory: &Memory, first: u32, end: u32) {
    let is_spare = |span: u32| memory.class(SpanIndex(span)) == Class::NONE;
    let mut from = first;
    while from < end {
        let spans = (from..end).take_while(|&span| is_spare(span)).count();
        let spans = u32::try_from(spans).expect("a segment has 4,096");
        if spans > 0 {
            memory.give_back(SpanIndex(from), spans);
        }
        from += spans.max(1);
    }
}

impl Store {
    /// Lets the folder know from time to time how old the pile is. What it refuses, the next `flush` tells.
    pub(crate) fn note_age(&self) {
        if let Some(folder) = self.spans.memory.folder() {
            let _noted: bool = folder.note_second(self.seconds.now_ms()).is_ok();
        }
    }
}

impl Store {
    /// Lets the folder know which types there are. What it refuses, the next `flush` tells.
    pub(crate) fn note_types(&self) {
        if let Some(folder) = self.spans.memory.folder() {
            let _noted: bool = folder.note_types(self.registry.names()).is_ok();
        }
    }
}

impl Drop for Store {
    /// Leaves a pile that is kept clean: once the disk has it, the machine may go down.
    fn drop(&mut self) {
        if let Some(folder) = self.spans.memory.folder() {
            // Refused, it is as if the OS process had been killed: a mount before the machine goes down loses nothing.
            let _ended: bool = folder.end(self.seconds.now_ms()).is_ok();
        }
    }
}

impl Pile {
    /// Lets the disk have all that was put so far, of a pile that is kept in a folder; of another, nothing is to be done. It is
    /// not needed against the end of the OS process, which loses nothing: only against that of the machine, after which a
    /// pile is opened again that was closed before. The last handle that is dropped does the same.
    ///
    /// # Errors
    /// [`FolderError`] where the OS refuses.
    pub fn flush(&self) -> Result<(), FolderError> {
        let Some(folder) = self.store.spans.memory.folder() else { return Ok(()) };
        folder.note_types(self.store.registry.names())?;
        folder.note_age(self.store.seconds.now_ms())?;
        folder.sync()
    }

    /// The number that tells this pile from every other, of one that is kept in a folder: who keeps pointers elsewhere keeps
    /// it with them, and sees by it that they are of another pile, or of this one before it was emptied.
    #[must_use]
    pub fn folder_id(&self) -> Option<u128> {
        self.store.spans.memory.folder().map(|folder| folder.id())
    }
}
