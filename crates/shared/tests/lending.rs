//! What a lender relies on: his memory is told of once, when nothing knows it any more.
#![expect(unsafe_code, reason = "lends memory that the tests own and keep until it is returned")]

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use levada_shared::{
    Account, Charged, ExclusiveBuf, Full, Lender, Limit, Loan, Lost, Options, SharedData,
    SharedHeap, set_home_arena,
};

/// How often each of a few loans was returned.
#[derive(Default)]
struct Book([AtomicUsize; 8]);

impl Lender for Book {
    fn returned(&self, loan: u64) {
        self.0[usize::try_from(loan).expect("few loans")].fetch_add(1, Ordering::SeqCst);
    }
}

impl Book {
    fn returned(&self, loan: usize) -> usize {
        self.0[loan].load(Ordering::SeqCst)
    }
}

fn heap() -> SharedHeap {
    SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 2, ..Options::default() })
        .expect("16 MiB of addresses")
}

fn lend(
    account: &Account,
    book: &Arc<Book>,
    loan: u64,
    bytes: &'static [u8],
) -> Result<SharedData, Full<()>> {
    // SAFETY: what is static stays.
    unsafe { account.lend_data(book.clone(), loan, NonNull::from(bytes)) }
}

/// Room that is never anyone else's.
fn lend_room(
    account: &Account,
    book: &Arc<Book>,
    loan: u64,
    bytes: usize,
) -> Result<ExclusiveBuf, Full<()>> {
    let room: &'static mut [MaybeUninit<u8>] = Box::leak(Box::new_uninit_slice(bytes));
    // SAFETY: nobody else knows the room, and it is never freed.
    unsafe { account.lend_buf(book.clone(), loan, NonNull::from(room)) }
}

#[test]
fn lent_bytes_are_read_where_they_are_and_returned_once_when_the_last_view_goes() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.account("reader", 100).unwrap();
    let bytes: &'static [u8] = b"head, body";
    let mut data = lend(&account, &book, 3, bytes).unwrap();
    assert_eq!(data.longest_at(0).as_ptr(), bytes.as_ptr());
    assert_eq!((account.charged_bytes(), data.pinned_bytes()), (10, 10), "all of it, to the byte");
    let head = data.split_to(4).unwrap();
    let mut both = data.slice(2..).unwrap();
    both.append(account.copy_from(b", tail").unwrap()).unwrap();
    both.prepend(head.clone()).unwrap();
    assert_eq!(both.to_vec(), b"headbody, tail");
    assert!(both.parts().all(|part| part.file.is_none()));
    heap.validate();
    let gauges = heap.gauges();
    assert_eq!((gauges.lent_blocks, gauges.lent_bytes, gauges.used_bytes), (1, 10, 64));
    drop((head, data));
    assert_eq!((book.returned(3), account.charged_bytes()), (0, 74));
    drop(both);
    assert_eq!((book.returned(3), account.charged_bytes()), (1, 0));
    heap.validate();
    assert_eq!((heap.gauges().lent_blocks, Arc::strong_count(&book)), (0, 1));
}

#[test]
fn each_account_that_holds_a_loan_pays_for_it_and_the_last_ends_it() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let [first, second] = ["first", "second"].map(|name| heap.account(name, 100).unwrap());
    let data = lend(&first, &book, 0, &[7; 60]).unwrap();
    let shared = data.share_with(&second).unwrap();
    assert_eq!((first.charged_bytes(), second.charged_bytes()), (60, 60));
    heap.validate();
    drop(data);
    assert_eq!((first.charged_bytes(), second.charged_bytes(), book.returned(0)), (0, 60, 0));
    let back = shared.transfer_to(&first).unwrap();
    assert_eq!((first.charged_bytes(), second.charged_bytes(), book.returned(0)), (60, 0, 0));
    let full = lend(&first, &book, 1, &[7; 41]).unwrap_err();
    assert_eq!((full.limit, full.room_bytes), (Limit::Account, 40));
    drop(back);
    assert_eq!((book.returned(0), book.returned(1)), (1, 0), "what is refused is not lent");
    first.clone().close();
    assert_eq!(lend(&first, &book, 1, b"late").unwrap_err().limit, Limit::Closed);
    assert_eq!((book.returned(1), Arc::strong_count(&book)), (0, 1));
    heap.validate();
}

#[test]
fn soft_references_find_what_is_lent_and_do_not_keep_it() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.account("reader", 100).unwrap();
    let data = lend(&account, &book, 0, b"softly").unwrap();
    let soft = data.soft();
    let again = soft.upgrade().unwrap();
    drop(data);
    assert_eq!(heap.steal(u64::MAX).blocks, 0);
    heap.validate();
    assert_eq!((book.returned(0), again.to_vec()), (0, b"softly".to_vec()));
    drop(again);
    assert_eq!((book.returned(0), heap.gauges().soft_bytes, heap.gauges().soft_blocks), (1, 0, 0));
    assert_eq!((soft.try_upgrade(), soft.is_alive()), (Err(Lost::Gone), false));
    assert_eq!((heap.gauges().lines_nameless, heap.gauges().lent_blocks), (1, 0));
    heap.validate();
    drop(soft);
    assert_eq!((heap.gauges().lines_nameless, book.returned(0)), (0, 1));
    heap.validate();
}

#[test]
fn weak_references_find_what_is_lent_until_its_last_holder_goes_and_never_again() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.account("reader", 100).unwrap();
    let weak = lend(&account, &book, 0, b"first").unwrap().weak();
    assert_eq!((weak.try_upgrade(), book.returned(0)), (Err(Lost::Gone), 1));
    let data = lend(&account, &book, 1, b"second").unwrap();
    let (second, held) = (data.weak(), data);
    assert_eq!(weak.try_upgrade(), Err(Lost::Gone), "other lines than the second's");
    let again = second.upgrade().unwrap();
    drop(held);
    assert_eq!((again.to_vec(), book.returned(1)), (b"second".to_vec(), 0));
    drop(again);
    assert_eq!((second.try_upgrade(), book.returned(1)), (Err(Lost::Gone), 1));
    heap.validate();
    drop((weak, second));
    heap.validate();
}

#[test]
fn retired_bytes_are_returned_when_their_last_holder_goes() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let data = lend(&heap.default_account(), &book, 0, b"old").unwrap();
    let (soft, weak) = (data.soft(), data.weak());
    soft.retire();
    assert_eq!((soft.try_upgrade(), weak.try_upgrade()), (Err(Lost::Retired), Err(Lost::Retired)));
    assert_eq!((data.to_vec(), book.returned(0)), (b"old".to_vec(), 0));
    drop(data);
    assert_eq!(book.returned(0), 1);
    heap.validate();
}

#[test]
fn lent_room_is_filled_and_frozen_in_place() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.account("writer", 100).unwrap();
    let mut buf = lend_room(&account, &book, 0, 11).unwrap();
    assert_eq!((buf.capacity(), account.charged_bytes()), (11, 11));
    buf.write(b"head").unwrap();
    let address = buf.as_ptr();
    let head = buf.freeze_filled();
    buf.write(b", body!").unwrap();
    assert!(buf.write(b"x").is_err());
    let mut both = head;
    both.append(buf.freeze()).unwrap();
    assert_eq!((both.longest_at(0).as_ptr(), both.piece_count()), (address, 1));
    drop(both);
    assert_eq!((book.returned(0), account.charged_bytes()), (1, 0));
    drop(lend_room(&account, &book, 1, 100).unwrap());
    assert_eq!((book.returned(1), account.charged_bytes()), (1, 0));
    heap.validate();
}

#[test]
fn a_lender_takes_back_what_was_filled_of_his_room_and_is_not_told_of_it() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let [first, second] = ["first", "second"].map(|name| heap.account(name, 100).unwrap());
    let mut buf = lend_room(&first, &book, 5, 16).unwrap();
    buf.write(b"filled").unwrap();
    let mut buf = buf.transfer_to(&second).unwrap();
    assert!(buf.freeze_filled().slice(..3).is_some(), "it is no longer whole");
    let Err(buf) = buf.into_loan(&*book) else { panic!("a part of it was frozen") };
    drop(buf);
    assert_eq!(book.returned(5), 1);

    let mut buf = lend_room(&first, &book, 6, 16).unwrap();
    buf.write(b"filled").unwrap();
    let buf = buf.transfer_to(&second).unwrap();
    let Err(buf) = buf.into_loan(&Book::default()) else { panic!("another lender's") };
    assert_eq!((&buf[..], second.charged_bytes()), (&b"filled"[..], 16));
    heap.validate();
    assert_eq!(buf.into_loan(&*book).unwrap(), Loan { loan: 6, filled_bytes: 6 });
    assert_eq!((book.returned(6), second.charged_bytes(), Arc::strong_count(&book)), (0, 0, 1));
    heap.validate();

    let Err(own) = second.buf(64).unwrap().into_loan(&*book) else { panic!("nobody lent it") };
    assert_eq!((own.capacity(), second.charged_bytes()), (64, 64));
    heap.validate();
}

#[test]
fn a_loan_is_sent_as_plain_memory_though_it_lies_in_the_heaps_own_file() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.default_account();
    let mut buf = account.kept_buf(64 << 10).unwrap();
    buf.write(b"in the file").unwrap();
    let own = buf.freeze();
    let bytes = NonNull::from(own.longest_at(0));
    // SAFETY: `own` is dropped after it.
    let data = unsafe { account.lend_data(book.clone(), 0, bytes) }.unwrap();
    assert!(data.parts().all(|part| part.file.is_none() && part.bytes == b"in the file"));
    drop(data);
    assert_eq!((book.returned(0), own.len()), (1, 11));
}

#[test]
fn a_loan_moves_into_room_set_aside_and_into_another_librarys_bytes() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let [from, to] = ["from", "to"].map(|name| heap.account(name, 100).unwrap());
    let mut data = lend(&from, &book, 0, &[7; 80]).unwrap();
    let mut room = to.reserve(data.lacks_bytes(&to)).unwrap();
    data.rehome(&mut room);
    drop(room);
    assert_eq!((from.charged_bytes(), to.charged_bytes()), (0, 80));
    let Ok(bytes) = bytes::Bytes::try_from(data) else { panic!("it is one piece") };
    assert_eq!((&bytes[..], book.returned(0)), (&[7; 80][..], 0));
    drop(bytes);
    assert_eq!((to.charged_bytes(), book.returned(0)), (0, 1));
    heap.validate();
}

#[test]
fn nothing_at_all_is_lent_as_well() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.account("reader", 0).unwrap();
    let data = lend(&account, &book, 0, b"").unwrap();
    assert_eq!((data.len(), data.piece_count(), book.returned(0)), (0, 0, 1));
    let account = heap.account("writer", 1).unwrap();
    let buf = lend_room(&account, &book, 1, 0).unwrap();
    assert_eq!(account.charged_bytes(), 1, "an account stays for what it holds");
    assert_eq!((buf.capacity(), heap.gauges().lent_blocks, book.returned(1)), (0, 1, 0));
    assert_eq!(buf.into_loan(&*book).unwrap(), Loan { loan: 1, filled_bytes: 0 });
    let buf = lend_room(&account, &book, 2, 0).unwrap();
    assert!(buf.freeze().is_empty());
    assert_eq!((book.returned(1), book.returned(2)), (0, 1));
    heap.validate();
}

#[test]
fn a_loan_of_four_gibibytes_is_refused() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let bytes = NonNull::slice_from_raw_parts(NonNull::dangling(), 1 << 32);
    // SAFETY: it is not lent, as the next line says.
    let answer = unsafe { heap.default_account().lend_data(book.clone(), 0, bytes) };
    assert_eq!(answer.unwrap_err().limit, Limit::Heap);
    assert_eq!((book.returned(0), Arc::strong_count(&book)), (0, 1));
    heap.validate();
}

#[test]
fn loans_are_lent_beyond_the_heaps_limit_and_end_at_that_of_its_lines() {
    let heap = SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 2, ..Options::default() })
        .expect("16 MiB of addresses");
    let (account, book) = (heap.default_account(), Arc::new(Book::default()));
    let long: &'static [u8] = Box::leak(vec![1; 17 << 20].into_boxed_slice());
    let held = lend(&account, &book, 0, long).unwrap();
    assert_eq!((heap.gauges().committed_bytes, heap.gauges().lent_bytes), (0, 17 << 20));
    // A line for each of the shortest blocks that the heap could have, and no more.
    let lines = if cfg!(miri) { 4096 } else { 262_144 };
    let mut all: Vec<SharedData> =
        (1..lines).map(|_| lend(&account, &book, 1, b"few").unwrap()).collect();
    let full = lend(&account, &book, 2, b"more").unwrap_err();
    assert_eq!((full.limit, full.room_bytes), (Limit::Heap, 0));
    assert!(account.buf(64).is_err(), "a block needs lines too");
    assert_eq!(account.charged_bytes(), (17 << 20) + 3 * (lines - 1));
    heap.validate();
    // What goes elsewhere is found again, wherever it is asked for.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            set_home_arena(1);
            drop(all.split_off(10));
            let again = lend(&account, &book, 3, b"again").unwrap();
            assert_eq!(again.to_vec(), b"again");
        });
    });
    heap.validate();
    assert_eq!(heap.gauges().lent_blocks, 11);
    assert_eq!((book.returned(0), book.returned(2), book.returned(3)), (0, 0, 1));
    drop((all, held));
    assert_eq!((book.returned(0), book.returned(1) as u64), (1, lines - 1));
    heap.validate();
}

#[test]
fn lines_go_round_however_many_loans_there_are() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.default_account();
    for _ in 0..10_000 {
        let data = lend(&account, &book, 0, b"again").unwrap();
        let weak = data.weak();
        drop(data);
        drop(weak);
    }
    let kept: Vec<SharedData> =
        (0..100).map(|_| lend(&account, &book, 1, b"kept").unwrap()).collect();
    set_home_arena(0);
    for _ in 0..10 {
        // Lent here, given back there.
        let sent: Vec<SharedData> =
            (0..100).map(|_| lend(&account, &book, 2, b"sent").unwrap()).collect();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                set_home_arena(1);
                drop(sent);
            });
        });
    }
    assert!(heap.gauges().lines <= 512, "{}", heap.gauges().lines);
    assert_eq!([0, 1, 2].map(|loan| book.returned(loan)), [10_000, 0, 1000]);
    drop(kept);
    heap.validate();
}

/// Gives what it is returned to whoever it was told, and lends anew.
struct Relay {
    account: Account,
    book: Arc<Book>,
    held: AtomicU64,
}

impl Lender for Relay {
    fn returned(&self, loan: u64) {
        let more = lend(&self.account, &self.book, loan, b"more").expect("no limit");
        let copy = self.account.copy_from(b"copy").expect("no limit");
        self.held.fetch_add(more.len() + copy.len(), Ordering::SeqCst);
        self.account.heap().validate();
    }
}

#[test]
fn a_lender_may_use_the_heap_when_a_loan_is_returned() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let account = heap.default_account();
    let relay = Arc::new(Relay { account: account.clone(), book, held: AtomicU64::new(0) });
    // SAFETY: what is static stays.
    let lend = || unsafe { account.lend_data(relay.clone(), 4, NonNull::from(&b"one"[..])) };
    drop(lend().unwrap());
    let shared = lend().unwrap().share_with(&heap.account("other", 3).unwrap()).unwrap();
    let (soft, weak) = (shared.soft(), shared.weak());
    drop(shared);
    drop((soft, weak));
    assert_eq!((relay.held.load(Ordering::SeqCst), relay.book.returned(4)), (16, 2));
    heap.validate();
}

#[test]
fn a_heap_stays_for_its_loans_and_they_end_when_its_handles_have_gone() {
    let book = Arc::new(Book::default());
    let data = lend(&heap().default_account(), &book, 0, b"outlives").unwrap();
    assert_eq!((data.to_vec(), book.returned(0)), (b"outlives".to_vec(), 0));
    let (weak, soft) = (data.weak(), data.soft());
    drop(data);
    assert_eq!((book.returned(0), Arc::strong_count(&book)), (1, 1));
    assert!(weak.upgrade().is_none() && soft.upgrade().is_none());
}

#[test]
fn of_many_threads_one_is_the_last_and_ends_the_loan() {
    let (heap, book) = (heap(), Arc::new(Book::default()));
    let accounts = ["first", "second", "third"].map(|name| heap.account(name, 1000).unwrap());
    let rounds = if cfg!(miri) { 5 } else { 2000 };
    for round in 1..=rounds {
        let data = lend(&accounts[0], &book, 0, b"among many").unwrap();
        let (soft, weak) = (data.soft(), data.weak());
        std::thread::scope(|scope| {
            for (index, account) in accounts.iter().enumerate() {
                let (data, soft, weak) = (data.clone(), soft.clone(), weak.clone());
                scope.spawn(move || {
                    set_home_arena(index);
                    let shared = data.share_with(account).unwrap();
                    drop((data, shared));
                    let found = if index == 0 { soft.upgrade() } else { weak.upgrade() };
                    drop(soft);
                    assert!(found.is_none_or(|found| found.to_vec() == b"among many"));
                });
            }
            drop(data);
        });
        assert_eq!(book.returned(0), round);
        assert!(soft.upgrade().is_none() && weak.upgrade().is_none());
    }
    heap.validate();
    assert_eq!((heap.gauges().lent_blocks, heap.gauges().lines_nameless), (0, 0));
}
