//! A lender's memory is allocated for each loan, and freed as soon as he is told of its end: who reads it then is found by
//! a sanitizer, and who tells him twice by an assertion.
#![expect(unsafe_code, reason = "lends memory and frees it when it is returned")]

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use levada_plain::to_index;
use levada_shared::{Account, ExclusiveBuf, Full, Lender, SharedData};

/// More than a program has steps.
const LOANS_MAX: usize = 512;

#[derive(Default)]
struct Place {
    first: AtomicPtr<MaybeUninit<u8>>,
    length: AtomicUsize,
    returns: AtomicUsize,
}

/// What was lent, by the number of the block.
pub(crate) struct Lent(Vec<Place>);

impl Lender for Lent {
    fn returned(&self, loan: u64) {
        let place = &self.0[to_index(loan)];
        assert_eq!(place.returns.fetch_add(1, Ordering::Relaxed), 0, "a loan ends once");
        drop(place.take());
    }
}

impl Place {
    fn put(&self, memory: Box<[MaybeUninit<u8>]>) -> NonNull<[MaybeUninit<u8>]> {
        self.length.store(memory.len(), Ordering::Relaxed);
        let memory = NonNull::from(Box::leak(memory));
        self.first.store(memory.cast().as_ptr(), Ordering::Relaxed);
        self.returns.store(0, Ordering::Relaxed);
        memory
    }

    fn take(&self) -> Box<[MaybeUninit<u8>]> {
        let first = self.first.swap(core::ptr::null_mut(), Ordering::Relaxed);
        assert!(!first.is_null(), "what is out comes back");
        let memory =
            core::ptr::slice_from_raw_parts_mut(first, self.length.load(Ordering::Relaxed));
        // SAFETY: made of a box in `put`, and taken once: the pointer was there until the line above.
        unsafe { Box::from_raw(memory) }
    }
}

impl Lent {
    pub(crate) fn new() -> Self {
        Self((0..LOANS_MAX).map(|_| Place::default()).collect())
    }

    pub(crate) fn data(
        self: &Arc<Self>,
        account: &Account,
        loan: usize,
        bytes: &[u8],
    ) -> Result<SharedData, Full<()>> {
        let place = &self.0[loan];
        let memory = place.put(bytes.iter().copied().map(MaybeUninit::new).collect());
        let bytes = NonNull::slice_from_raw_parts(memory.cast(), memory.len());
        // SAFETY: nobody writes it, and it stays until `take`.
        let answer = unsafe { account.lend_data(self.clone(), loan as u64, bytes) };
        answer.inspect_err(|_| drop(place.take()))
    }

    pub(crate) fn buf(
        self: &Arc<Self>,
        account: &Account,
        loan: usize,
        room_bytes: usize,
    ) -> Result<ExclusiveBuf, Full<()>> {
        let place = &self.0[loan];
        let room = place.put(Box::new_uninit_slice(room_bytes));
        // SAFETY: nobody else knows it, and it stays until `take`.
        let answer = unsafe { account.lend_buf(self.clone(), loan as u64, room) };
        answer.inspect_err(|_| drop(place.take()))
    }

    /// The loan that a buffer is, and what was filled of it.
    pub(crate) fn take_back(&self, buf: ExclusiveBuf) -> Result<(usize, Vec<u8>), ExclusiveBuf> {
        let loan = buf.into_loan(self)?;
        let number = to_index(loan.loan);
        let memory = self.0[number].take();
        // SAFETY: that many were filled, as the buffer said.
        let filled = unsafe { memory[..loan.filled_bytes].assume_init_ref() };
        Ok((number, filled.to_vec()))
    }

    /// Whether the lender was told of the end of a loan.
    pub(crate) fn is_returned(&self, loan: usize) -> bool {
        self.0[loan].returns.load(Ordering::Relaxed) == 1
    }

    /// Whether nothing is out.
    pub(crate) fn has_all(&self) -> bool {
        self.0.iter().all(|place| place.first.load(Ordering::Relaxed).is_null())
    }
}
