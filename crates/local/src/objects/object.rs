//! An object is its header and what follows it: a value, or a count and so many elements.
//!
//! ```text
//! [ header 8 ][ value ]                  Gc ─► value          [ header 8 ][ count 8 ][ elements ]       GcSlice ─► elements
//! header   shape, or new address | to-young 1 | to-nursery 1 | place 3 | moved 1
//! ```
//!
//! The place is its age in the nursery, or 7: stable. Words before a header, where values are aligned to more than 8 bytes, are
//! zero, and no header is.
#![expect(unsafe_code, reason = "reads and writes headers; see the invariants of `Object`")]

use core::ptr::NonNull;

use crate::objects::shape::Shape;
use crate::objects::visitor::Visitor;

const MOVED: usize = 1;
const PLACE_SHIFT: u32 = 1;
const PLACE: usize = 7 << PLACE_SHIFT;
const TAGS: usize = 63;

/// The place of what never moves.
const STABLE: usize = 7;

/// The highest age.
pub(crate) const AGE_MAX: usize = 6;

/// Listed because it may point into the nursery.
pub(crate) const TO_NURSERY: usize = 1 << 4;
/// Listed because, old itself, it may point to a young object or into the nursery. On a young object: only that it was listed.
pub(crate) const TO_YOUNG: usize = 1 << 5;

/// Of a stable one that is listed as both.
pub(crate) const STABLE_LISTED: usize = TO_NURSERY | TO_YOUNG | STABLE << PLACE_SHIFT;

/// The address of an object's header.
///
/// # Invariants
/// 1. It leads to a header that [`Object::write`] or [`Object::copy_to`] wrote, in memory that its heap has not taken back: who keeps one
///    forgets it before that. A header that was moved away leads to such another.
/// 2. Its heap is the only one who touches it: in a turn, or in a collection, on one thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Object(NonNull<u8>);

impl Object {
    /// The object whose header is there.
    #[inline]
    pub(crate) fn at(header: NonNull<u8>) -> Self {
        Self(header)
    }

    /// Writes a header, and a count if the shape is a slice's.
    ///
    /// # Safety
    /// From `header` on the object's memory is nobody else's, aligned to a word, long enough; a value will be there before
    /// it is traced.
    #[inline]
    pub(crate) unsafe fn write(header: NonNull<u8>, shape: &'static Shape, count: usize) -> Self {
        let word = core::ptr::from_ref(shape).cast::<u8>();
        // SAFETY: promised by the caller.
        unsafe { header.cast::<*const u8>().write(word) };
        let this = Self(header);
        if shape.is_slice {
            this.set_count(count);
        }
        this
    }

    #[inline]
    pub(crate) fn header(self) -> NonNull<u8> {
        self.0
    }

    #[inline]
    fn word(self) -> *const u8 {
        // SAFETY: invariants 1 and 2.
        unsafe { self.0.cast::<*const u8>().read() }
    }

    #[inline]
    fn set_word(self, word: *const u8) {
        // SAFETY: invariants 1 and 2.
        unsafe { self.0.cast::<*const u8>().write(word) };
    }

    /// Whether this is no header, but one of the zeros before or behind an object.
    #[inline]
    pub(crate) fn is_blank(self) -> bool {
        self.word().is_null()
    }

    /// Its header, read once.
    #[inline]
    pub(crate) fn header_word(self) -> Word {
        Word(self.word())
    }

    /// Where it was moved to, if it was.
    #[inline]
    pub(crate) fn moved(self) -> Option<Self> {
        self.header_word().moved()
    }

    /// Leaves the new address in the place of the header.
    #[inline]
    pub(crate) fn move_to(self, new: Self) {
        self.set_word(new.0.as_ptr().map_addr(|address| address | MOVED));
    }

    /// What its header says of it beside its shape.
    #[inline]
    pub(crate) fn shape(self) -> &'static Shape {
        self.header_word().shape()
    }

    /// Whether it never moves; otherwise it is in the nursery.
    #[inline]
    pub(crate) fn is_stable(self) -> bool {
        self.header_word().is_stable()
    }

    pub(crate) fn set_stable(self) {
        self.set_word(self.header_word().stable().0);
    }

    /// Whether all of these tags are set.
    #[inline]
    pub(crate) fn has(self, tags: usize) -> bool {
        self.word().addr() & tags == tags
    }

    pub(crate) fn set(self, tags: usize) {
        self.set_word(self.word().map_addr(|word| word | tags));
    }

    pub(crate) fn clear(self, tags: usize) {
        self.set_word(self.word().map_addr(|word| word & !tags));
    }

    /// How many elements it has: one, if it is no slice.
    #[inline]
    pub(crate) fn count(self) -> usize {
        self.count_of(self.shape())
    }

    #[inline]
    fn count_of(self, shape: &Shape) -> usize {
        if !shape.is_slice {
            return 1;
        }
        // SAFETY: invariants 1 and 2: a slice has its count behind the header.
        let count = unsafe { self.0.add(8) };
        // SAFETY: as above; `write` wrote it.
        unsafe { count.cast::<usize>().read() }
    }

    #[inline]
    pub(crate) fn set_count(self, count: usize) {
        debug_assert!(self.shape().is_slice, "one value needs no count");
        // SAFETY: invariants 1 and 2: a slice has its count behind the header.
        let place = unsafe { self.0.add(8) };
        // SAFETY: as above.
        unsafe { place.cast::<usize>().write(count) };
    }

    /// How long it is.
    #[inline]
    pub(crate) fn bytes(self) -> usize {
        self.bytes_of(self.shape())
    }

    /// How long it is, whose shape is known.
    #[inline]
    pub(crate) fn bytes_of(self, shape: &Shape) -> usize {
        if shape.is_slice { shape.object_bytes(self.count_of(shape)) } else { shape.whole_bytes() }
    }

    /// Its value, or its first element.
    #[inline]
    pub(crate) fn value(self) -> NonNull<u8> {
        // SAFETY: invariant 1: the value stands behind the header.
        unsafe { self.0.add(self.shape().value_offset()) }
    }

    /// Shows its pointers.
    #[inline]
    pub(crate) fn trace(self, visitor: &mut Visitor<'_>) {
        let shape = self.shape();
        self.trace_part_of(shape, 0, self.count_of(shape), visitor);
    }

    /// Shows the pointers of some of its elements.
    #[inline]
    pub(crate) fn trace_part(self, first: usize, count: usize, visitor: &mut Visitor<'_>) {
        self.trace_part_of(self.shape(), first, count, visitor);
    }

    #[inline]
    fn trace_part_of(self, shape: &Shape, first: usize, count: usize, visitor: &mut Visitor<'_>) {
        let offset = shape.value_offset() + first * shape.element_bytes();
        // SAFETY: invariant 1: a value or so many elements are there; in a collection no turn can hold a reference to them.
        unsafe { shape.trace(self.0.as_ptr().wrapping_add(offset), count, visitor) };
    }

    /// Copies it to memory that begins with its new header, and leaves the new address behind.
    ///
    /// `word` is what the new header says.
    ///
    /// # Safety
    /// From `header` on there are as many bytes as it has, nobody else's, aligned to a word.
    #[inline]
    pub(crate) unsafe fn copy_to(self, header: NonNull<u8>, bytes: usize, word: Word) -> Self {
        // SAFETY: invariant 1 for what is read; promised by the caller for what is written.
        unsafe { copy_words(self.0, header, bytes) };
        let new = Self(header);
        new.set_word(word.0);
        self.move_to(new);
        new
    }

    /// Runs the destructor of its value.
    ///
    /// # Safety
    /// Nobody reaches it any more, and it was not run before.
    pub(crate) unsafe fn drop_value(self) {
        let shape = self.shape();
        // SAFETY: invariant 1, and the caller's promise.
        unsafe { shape.drop_values(self.value().as_ptr(), self.count()) };
    }
}

/// What a header says: a shape and tags, or a new address. It is read once where much is asked of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word(*const u8);

impl Word {
    /// Where the object was moved to, if it was.
    #[inline]
    pub(crate) fn moved(self) -> Option<Object> {
        if self.0.addr() & MOVED == 0 {
            return None;
        }
        let header = self.0.map_addr(|address| address & !MOVED).cast_mut();
        NonNull::new(header).map(Object)
    }

    /// The shape of an object that was not moved.
    #[inline]
    pub(crate) fn shape(self) -> &'static Shape {
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "without its tags it is the address of a shape"
        )]
        let shape = self.0.map_addr(|address| address & !TAGS).cast::<Shape>();
        // SAFETY: invariant 1 of `Object`: a header that was not moved is the address of a shape, with tags.
        unsafe { &*shape }
    }

    /// Whether the object never moves; otherwise it is in the nursery.
    #[inline]
    pub(crate) fn is_stable(self) -> bool {
        self.0.addr() & PLACE == STABLE << PLACE_SHIFT
    }

    /// How many collections the object has survived in the nursery.
    #[inline]
    pub(crate) fn age(self) -> usize {
        (self.0.addr() & PLACE) >> PLACE_SHIFT
    }

    /// The same, of that age.
    #[inline]
    pub(crate) fn aged(self, age: usize) -> Self {
        debug_assert!(age <= AGE_MAX, "an age is no place");
        Self(self.0.map_addr(|word| word & !PLACE | age << PLACE_SHIFT))
    }

    /// The same, of one that never moves.
    #[inline]
    pub(crate) fn stable(self) -> Self {
        Self(self.0.map_addr(|word| word | STABLE << PLACE_SHIFT))
    }
}

/// Copies a few words in pairs that may overlap, which is sooner done than a call, or a loop over them; more by the call.
///
/// # Safety
/// As many bytes are at `from`, and as many can be written at `to`, which is elsewhere.
#[inline]
unsafe fn copy_words(from: NonNull<u8>, to: NonNull<u8>, bytes: usize) {
    const PAIR: usize = 16;
    if !(PAIR..=4 * PAIR).contains(&bytes) {
        // SAFETY: promised by the caller.
        unsafe { to.copy_from_nonoverlapping(from, bytes) };
        return;
    }
    let pair = |offset: usize| {
        // SAFETY: promised by the caller: no offset below is nearer to the end than a pair.
        let from = unsafe { from.add(offset) };
        // SAFETY: as above.
        let to = unsafe { to.add(offset) };
        // SAFETY: as above.
        unsafe { to.copy_from_nonoverlapping(from, PAIR) };
    };
    pair(0);
    if bytes > 2 * PAIR {
        pair(PAIR);
        pair(bytes - 2 * PAIR);
    }
    pair(bytes - PAIR);
}
