//! Streams: what a reader sees is what was written, no further ahead than the window, and charged to whoever has the reader.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    Child, Context, Exit, Left, Mailbox, StreamError, StreamReader, StreamWriter, Unwritten,
    Window, WriteError,
};
use levada_shared::{Account, Limit, Options, SharedData, SharedHeap};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

pub(crate) fn heap() -> SharedHeap {
    let options = Options { bytes_max: 16 << 20, arenas: 1, ..Options::default() };
    SharedHeap::new(options).expect("addresses")
}

pub(crate) fn window(bytes: u64, pieces: u32) -> Window {
    Window { bytes, pieces }
}

/// Runs `what` as a process of a core.
pub(crate) fn run<Fut>(
    rig: &Rig,
    core: usize,
    what: impl FnOnce(Context) -> Fut + 'static,
) -> Child<()>
where
    Fut: Future<Output = ()> + 'static,
{
    rig.spawn(core, "runs", move |cx: Context, _: Mailbox<()>| async move {
        what(cx).await;
        Ok(())
    })
}

/// Runs `what` to its end, with an account of its own.
pub(crate) fn run_under<Fut>(
    rig: &Rig,
    core: usize,
    account: &Account,
    what: impl FnOnce(Context) -> Fut + 'static,
) where
    Fut: Future<Output = ()> + 'static,
{
    let (account, what) = (account.clone(), Sendable(what));
    drop(run(rig, core, move |cx| async move {
        let spawned =
            cx.options().charged_to(&account).spawn("is charged", move |cx, _: Mailbox<()>| {
                let what = what.into_inner();
                async move {
                    what(cx).await;
                    Ok(())
                }
            });
        drop(spawned.expect("room for a process"));
    }));
    rig.settle();
}

/// Opens a stream in a process of its own, which ends.
pub(crate) fn open(rig: &Rig, window: Window) -> (StreamWriter, StreamReader) {
    let (log, ends) = Log::pair();
    drop(run(rig, 0, move |cx| async move { log.add(cx.stream(window)) }));
    rig.settle();
    ends.take().remove(0)
}

fn text(data: &SharedData) -> String {
    String::from_utf8(data.to_vec()).expect("text")
}

/// A block of so many bytes.
fn block(account: &Account, bytes: usize) -> SharedData {
    account.copy_from(&vec![7; bytes]).expect("room")
}

/// Polls a future once.
pub(crate) async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut polled = None;
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            polled = Some(value);
        }
        Poll::Ready(())
    })
    .await;
    polled
}

/// All processes have ended, and nothing is held by anybody.
pub(crate) fn assert_balanced(rig: Rig, heap: &SharedHeap) {
    rig.settle();
    let live = rig.core(0).gauges().processes_live;
    assert_eq!(live, 0, "somebody waits in vain: {:?}", rig.core(0).processes());
    assert_balanced_though_some_wait(rig, heap);
}

/// Nothing is held by anybody when all is over.
fn assert_balanced_though_some_wait(rig: Rig, heap: &SharedHeap) {
    heap.validate();
    let panics = rig.core(0).gauges().exits_panicked;
    assert_eq!(panics, 0, "{:?}", rig.lent(0).ended.borrow());
    drop(rig);
    heap.validate();
    assert_eq!(heap.gauges().used_blocks, 0);
}

#[test]
fn a_reader_gets_what_was_written_in_order_and_then_the_end_on_one_core_and_on_two() {
    for reader_core in [0, 1] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (mut writer, mut reader) = open(&rig, window(100, 8));
        let (seen, log) = Log::pair();
        drop(run(&rig, 0, move |cx| async move {
            for number in 0..1000_u32 {
                let piece = cx.account().copy_from(format!("{number},").as_bytes()).unwrap();
                writer.write(piece).await.unwrap();
            }
            writer.finish();
        }));
        drop(run(&rig, reader_core, move |_| async move {
            while let Some(data) = reader.next().await.unwrap() {
                seen.add(text(&data));
            }
        }));
        rig.settle();
        let expected: String = (0..1000).map(|number| format!("{number},")).collect();
        assert_eq!(log.take().concat(), expected, "core {reader_core}");
        assert_balanced(rig, &heap);
    }
}

#[test]
fn a_writer_is_never_further_ahead_than_the_window_and_one_piece() {
    for (core, limits) in [(0, window(1000, 64)), (1, window(1000, 64)), (0, window(1 << 20, 4))] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (mut writer, mut reader) = open(&rig, limits);
        let written = Rc::new(Cell::new(0_u64));
        let counted = Rc::clone(&written);
        drop(run(&rig, core, move |cx| async move {
            loop {
                if writer.write(block(&cx.account(), 256)).await.is_err() {
                    return;
                }
                counted.set(counted.get() + 1);
            }
        }));
        let (seen, log) = Log::pair();
        let writes = Rc::clone(&written);
        drop(run(&rig, 0, move |cx| async move {
            for read in 0..200 {
                cx.sleep_until(cx.now().after(std::time::Duration::from_millis(1)))
                    .await
                    .unwrap_or_default();
                seen.add((writes.get() - read, cx.account().heap().gauges().used_blocks));
                reader.at_least(256).await.unwrap();
                reader.advance(256, 256);
            }
        }));
        rig.advance(std::time::Duration::from_secs(1));
        let ahead = log.take();
        assert_eq!(ahead.len(), 200);
        let most = 4; // pieces, or bytes: 768 are less than the window, 1024 are not
        assert!(ahead.iter().all(|(unread, _)| *unread == most), "{ahead:?}");
        // The blocks are those, and one that waits to be written.
        assert!(ahead.iter().all(|(_, blocks)| *blocks == most + 1), "{ahead:?}");
        assert!(rig.core(core).gauges().stream_waits >= 199);
        assert_balanced(rig, &heap);
    }
}

#[test]
fn data_larger_than_the_window_is_cut_and_not_copied() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (mut writer, mut reader) = open(&rig, window(100, 3));
    let mut many = SharedData::new();
    let account = heap.default_account();
    for byte in 0..10_u8 {
        many.append(account.copy_from(&[byte; 7]).unwrap()).unwrap();
    }
    many.append(account.copy_from(&[99; 1000]).unwrap()).unwrap();
    let (expected, copied_before) = (many.to_vec(), heap.gauges().copied.sum());
    drop(run(&rig, 0, move |_| async move {
        writer.write(many).await.unwrap();
        writer.finish();
    }));
    let (seen, log) = Log::pair();
    drop(run(&rig, 0, move |_| async move {
        while let Some(data) = reader.next().await.unwrap() {
            seen.add(data);
        }
    }));
    rig.settle();
    let parts = log.take();
    assert_eq!(heap.gauges().copied.sum(), copied_before);
    assert!(parts.iter().all(|part| part.len() < 200 && part.piece_count() < 6), "{parts:?}");
    assert_eq!(parts.iter().flat_map(SharedData::to_vec).collect::<Vec<_>>(), expected);
    drop((parts, account));
    assert_balanced(rig, &heap);
}

#[test]
fn killing_the_writer_at_every_step_yields_what_was_written_until_then_and_then_aborted() {
    for (core, steps) in (0..2).flat_map(|core| (0..40).map(move |steps| (core, steps))) {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (mut writer, mut reader) = open(&rig, window(24, 4));
        let accepted = Rc::new(RefCell::new(String::new()));
        let written = Rc::clone(&accepted);
        let child = run(&rig, core, move |cx| async move {
            for number in 0..30 {
                let piece = format!("{number};");
                writer.write(cx.account().copy_from(piece.as_bytes()).unwrap()).await.unwrap();
                written.borrow_mut().push_str(&piece);
                cx.yield_now().await;
            }
            writer.finish();
        });
        let (seen, log) = Log::pair();
        drop(run(&rig, 0, move |_| async move {
            let end = loop {
                match reader.next().await {
                    Ok(Some(data)) => seen.add(Ok(text(&data))),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            seen.add(Err(end));
        }));
        for _ in 0..steps {
            rig.settle_turns(1);
        }
        let kill = child.kill.clone();
        drop(run(&rig, core, move |cx| async move { cx.kill(&kill, "a test") }));
        rig.settle();
        let mut all = log.take();
        let end = all.pop().unwrap().unwrap_err();
        let read: String = all.into_iter().map(|part| part.unwrap()).collect();
        assert_eq!(read, *accepted.borrow(), "after {steps} steps");
        let was_killed = rig
            .lent(core)
            .ended
            .borrow()
            .iter()
            .any(|(.., exit)| matches!(exit, Exit::Killed { .. }));
        let expected = was_killed.then_some(StreamError::Aborted(Left::Crashed));
        assert_eq!(end, expected, "after {steps} steps");
        assert_balanced(rig, &heap);
    }
}

#[test]
fn a_writer_that_is_dropped_says_so_after_all_that_it_wrote_and_bytes_that_were_looked_at_are_shown_once()
 {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (mut writer, mut reader) = open(&rig, window(100, 8));
    drop(run(&rig, 0, move |cx| async move {
        writer.write(cx.account().copy_from(b"a line\nand a ha").unwrap()).await.unwrap();
        drop(writer);
        let aborted = StreamError::Aborted(Left::Dropped);
        assert_eq!(text(&reader.until(b'\n').await.unwrap().unwrap()), "a line\n");
        assert_eq!(reader.until(b'\n').await.unwrap_err(), aborted);
        let chunk = reader.at_least(50).await.unwrap();
        assert_eq!((text(chunk.data), chunk.last), ("and a ha".into(), false));
        reader.advance(4, 8);
        assert_eq!(reader.at_least(1).await.unwrap_err(), aborted);
        assert_eq!(text(&reader.next().await.unwrap().unwrap()), "a ha");
        assert_eq!(reader.next().await.unwrap_err(), aborted);
        assert_eq!(reader.next().await.unwrap_err(), aborted);
    }));
    rig.settle();
    assert_balanced(rig, &heap);
}

#[test]
fn a_need_that_exceeds_the_window_is_an_error_at_once_and_the_stream_can_be_used_on() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let limits = window(10, 3);
    let (mut writer, mut reader) = open(&rig, limits);
    let error = move |need_bytes| StreamError::NeedExceedsWindow { need_bytes, window: limits };
    drop(run(&rig, 0, move |cx| async move {
        let piece = |text: &str| cx.account().copy_from(text.as_bytes()).unwrap();
        assert_eq!(reader.at_least(11).await.unwrap_err(), error(11), "of an empty stream");
        writer.write(piece("0123456789")).await.unwrap();
        assert_eq!(reader.at_least(10).await.unwrap().data.len(), 10);
        reader.advance(0, 10);
        assert_eq!(reader.at_least(1).await.unwrap_err(), error(11), "all was looked at");
        assert_eq!(reader.until(b'\n').await.unwrap_err(), error(11));
        reader.advance(10, 10);
        for text in ["a", "b", "c"] {
            writer.write(piece(text)).await.unwrap();
        }
        assert_eq!(reader.at_least(4).await.unwrap_err(), error(4), "there are three pieces");
        reader.advance(1, 1);
        writer.write(piece("d\n")).await.unwrap();
        assert_eq!(text(&reader.until(b'\n').await.unwrap().unwrap()), "bcd\n");
        // Who waits already hears of it when the window has filled up.
        let waits = cx
            .task(async move { (reader.at_least(9).await.map(|chunk| chunk.data.len()), reader) });
        for text in ["e", "f", "g"] {
            cx.sleep_until(cx.now().after(std::time::Duration::from_millis(1)))
                .await
                .unwrap_or_default();
            writer.write(piece(text)).await.unwrap();
        }
        let (seen, mut reader) = waits.await;
        assert_eq!(seen.unwrap_err(), error(9));
        writer.finish();
        let chunk = reader.at_least(9).await.unwrap();
        assert_eq!((text(chunk.data), chunk.last), ("efg".into(), true));
        reader.advance(3, 3);
        assert!(reader.at_least(1).await.unwrap().last);
        assert!(
            reader.until(b'\n').await.unwrap().is_none() && reader.next().await.unwrap().is_none()
        );
    }));
    rig.advance(std::time::Duration::from_secs(1));
    assert_balanced(rig, &heap);
}

#[test]
fn a_writer_hears_with_its_next_write_how_the_reader_went_and_has_back_what_was_not_accepted() {
    let cases: [(fn(StreamReader), WriteError); 2] = [
        (|reader| reader.stop("enough"), WriteError::Stopped("enough")),
        (drop, WriteError::NoReader(Left::Dropped)),
    ];
    for (go, expected) in cases {
        for core in [0, 1] {
            let heap = heap();
            let rig = Rig::over(&heap, 2);
            let (mut writer, mut reader) = open(&rig, window(10, 8));
            let (seen, log) = Log::pair();
            drop(run(&rig, core, move |cx| async move {
                let piece = |text: &str| cx.account().copy_from(text.as_bytes()).unwrap();
                writer.write(piece("read")).await.unwrap();
                writer.write(piece("never read")).await.unwrap();
                let Unwritten { why, back } = writer.write(piece("waits")).await.unwrap_err();
                seen.add((why, text(&back)));
                drop(back);
                assert_eq!(
                    cx.account().heap().gauges().used_blocks,
                    0,
                    "what was not read is let go of"
                );
                let Unwritten { why, back } = writer.write(piece("later")).await.unwrap_err();
                seen.add((why, text(&back)));
                assert_eq!(writer.room().await.unwrap_err().why, why);
            }));
            rig.settle();
            drop(run(&rig, 0, move |_| async move {
                reader.at_least(4).await.unwrap();
                go(reader);
            }));
            rig.settle();
            let told = log.take();
            assert_eq!(told, [(expected, "waits".into()), (expected, "later".into())]);
            assert_balanced(rig, &heap);
        }
    }
}

#[test]
fn each_piece_is_the_readers_from_the_moment_that_it_is_written_and_goes_with_the_reader() {
    for core in [0, 1] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let [from, first, second] =
            ["from", "first", "second"].map(|name| heap.account(name, 1024).unwrap());
        let charged = [from.clone(), first.clone(), second.clone()];
        let charged = move || charged.each_ref().map(Account::charged_bytes);
        let (made, ends) = Log::pair();
        run_under(
            &rig,
            core,
            &first,
            move |cx| async move { made.add(cx.stream(window(1024, 8))) },
        );
        let (mut writer, reader) = ends.take().remove(0);
        let (given, back) = Log::pair();
        let (source, count) = (from.clone(), charged.clone());
        run_under(&rig, 0, &from, move |_| async move {
            writer.write(block(&source, 256)).await.unwrap();
            assert_eq!(count(), [0, 256, 0], "whoever made the stream has the reader");
            let kept = block(&source, 128);
            writer.write(kept.clone()).await.unwrap();
            assert_eq!(count(), [128, 384, 0], "who keeps a clone goes on being charged");
            drop(kept);
            given.add(writer);
        });
        // It travels: what it has goes with it, what is written meanwhile with its first read.
        let (kept, held) = Log::pair();
        let (told, senders) = Log::pair();
        let keeps = Sendable(kept);
        let account = second.clone();
        drop(run(&rig, core, move |cx| async move {
            let child = cx.options().charged_to(&account).spawn(
                "keeps",
                move |_, mut inbox: Mailbox<StreamReader>| {
                    let kept = keeps.into_inner();
                    async move {
                        kept.add(inbox.recv().await?);
                        pending().await
                    }
                },
            );
            told.add(child.unwrap().sender);
        }));
        rig.settle();
        let to = senders.take().remove(0);
        drop(run(&rig, 0, move |_| async move {
            to.send(reader).await.unwrap();
        }));
        rig.settle();
        assert_eq!(charged(), [0, 0, 384]);
        let mut reader = held.take().remove(0);
        let mut writer = back.take().remove(0);
        let (source, count, given) = (from.clone(), charged.clone(), back.clone());
        run_under(&rig, 0, &from, move |_| async move {
            writer.write(block(&source, 64)).await.unwrap();
            assert_eq!(count(), [0, 64, 384], "nobody has read since");
            given.add(writer);
        });
        let mut writer = back.take().remove(0);
        let count = charged.clone();
        let (kept, held) = Log::pair();
        run_under(&rig, core, &second, move |_| async move {
            assert_eq!(reader.at_least(1).await.unwrap().data.len(), 448);
            assert_eq!(count(), [0, 0, 448]);
            kept.add(reader);
        });
        let (source, count) = (from.clone(), charged.clone());
        run_under(&rig, 0, &from, move |_| async move {
            writer.write(block(&source, 64)).await.unwrap();
            assert_eq!(count(), [0, 0, 512]);
        });
        drop(held);
        assert_eq!(charged(), [0, 0, 0]);
        assert_balanced_though_some_wait(rig, &heap);
    }
}

#[test]
fn a_full_account_of_the_reader_gives_the_rest_back_to_the_writer_at_once() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (from, to) = (heap.account("from", u64::MAX).unwrap(), heap.account("to", 300).unwrap());
    let (made, ends) = Log::pair();
    run_under(&rig, 0, &to, move |cx| async move { made.add(cx.stream(window(256, 8))) });
    let (mut writer, mut reader) = ends.take().remove(0);
    let (source, receiver) = (from.clone(), to.clone());
    run_under(&rig, 0, &to, move |_| async move {
        writer.write(block(&source, 128)).await.unwrap();
        let Unwritten { why, back } = writer.write(block(&source, 256)).await.unwrap_err();
        let WriteError::AccountFull(full) = why else { panic!("{why:?}") };
        assert_eq!((full.limit, full.room_bytes, back.len()), (Limit::Account, 172, 256));
        assert_eq!((source.charged_bytes(), receiver.charged_bytes()), (256, 128));
        drop(reader.next().await.unwrap());
        writer.write(back).await.unwrap();
        assert_eq!((source.charged_bytes(), receiver.charged_bytes()), (0, 256));
        drop(reader);
    });
    assert_balanced(rig, &heap);
}

#[test]
fn what_was_written_for_who_had_the_reader_before_is_read_when_there_is_room_for_it() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let small = heap.account("small", 100).unwrap();
    let (mut writer, reader) = open(&rig, window(256, 8));
    drop(run(&rig, 0, move |cx| async move {
        writer.write(block(&cx.account(), 128)).await.unwrap();
        writer.finish();
    }));
    rig.settle();
    let account = small.clone();
    run_under(&rig, 0, &small, move |_| async move {
        let mut reader = reader;
        let Err(StreamError::AccountFull(full)) = reader.next().await else { panic!("no room") };
        assert_eq!(full.room_bytes, 100);
        account.set_limit_bytes(128);
        assert_eq!(reader.next().await.unwrap().unwrap().len(), 128);
        assert!(reader.next().await.unwrap().is_none());
    });
    assert_balanced(rig, &heap);
}

#[test]
fn a_reader_may_be_charged_to_an_account_that_is_named() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (mut writer, reader) = open(&rig, window(256, 8));
    let named = heap.account("named", 1024).unwrap();
    let account = named.clone();
    drop(run(&rig, 0, move |cx| async move {
        let mut reader = reader.charged_to(&account);
        let charged = move |cx: &Context| (account.charged_bytes(), cx.account().charged_bytes());
        writer.write(block(&cx.account(), 128)).await.unwrap();
        assert_eq!(charged(&cx), (128, 0));
        assert_eq!(reader.at_least(1).await.unwrap().data.len(), 128);
        assert_eq!(charged(&cx), (128, 0));
        // Sent, it is its receiver's, also where that is the process itself.
        let receives =
            cx.spawn("receives", move |cx, mut inbox: Mailbox<StreamReader>| async move {
                let mut reader = inbox.recv().await?;
                assert_eq!(charged(&cx), (0, 128));
                writer.write(block(&cx.account(), 64)).await?;
                assert_eq!(reader.at_least(129).await?.data.len(), 192);
                assert_eq!(charged(&cx), (0, 192));
                Ok(())
            });
        receives.unwrap().sender.send(reader).await.unwrap();
    }));
    rig.settle();
    assert_balanced(rig, &heap);
}

#[test]
fn a_write_that_is_dropped_at_any_await_leaves_what_was_not_accepted_with_the_writer() {
    // Of 100 bytes cut in ten, the write is dropped after so many polls.
    for (polls, takes_back) in (0..12).flat_map(|polls| [(polls, false), (polls, true)]) {
        let heap = heap();
        let rig = Rig::over(&heap, 1);
        let (mut writer, mut reader) = open(&rig, window(10, 8));
        drop(run(&rig, 0, move |cx| async move {
            let all: Vec<u8> = (0..100).collect();
            let mut read = Vec::new();
            {
                let mut write = pin!(writer.write(cx.account().copy_from(&all).unwrap()));
                for _ in 0..polls {
                    drop(once(write.as_mut()).await);
                    read.extend(reader.next().await.unwrap().unwrap().to_vec());
                    if read.len() == 100 {
                        break;
                    }
                }
            }
            let back = takes_back.then(|| writer.take_unwritten()).flatten();
            assert_eq!(back.is_some(), takes_back && polls < 10, "after {polls} polls");
            if let Some(back) = back {
                writer.finish();
                while let Some(data) = reader.next().await.unwrap() {
                    read.extend(data.to_vec());
                }
                read.extend(back.to_vec());
                assert!(read.iter().copied().eq(0..100), "{read:?}");
            } else {
                // It goes before what is written next.
                let more = cx.account().copy_from(&[100]).unwrap();
                let rest = cx.task(async move {
                    writer.write(more).await.unwrap();
                    writer.finish();
                });
                while let Some(data) = reader.next().await.unwrap() {
                    read.extend(data.to_vec());
                }
                rest.await;
                assert!(read.iter().copied().eq(0..=100), "{read:?}");
            }
        }));
        rig.settle();
        assert_balanced(rig, &heap);
    }
}

#[test]
fn a_stream_that_is_finished_with_something_unwritten_is_not_taken_for_whole() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (mut writer, mut reader) = open(&rig, window(2, 8));
    drop(run(&rig, 0, move |cx| async move {
        assert!(once(writer.write(cx.account().copy_from(b"abc").unwrap())).await.is_none());
        writer.finish();
        assert_eq!(text(&reader.next().await.unwrap().unwrap()), "ab");
        assert_eq!(reader.next().await.unwrap_err(), StreamError::Aborted(Left::Dropped));
    }));
    rig.settle();
    assert_balanced(rig, &heap);
}

#[test]
fn reads_that_are_dropped_lose_nothing_and_a_later_one_is_woken() {
    let heap = heap();
    let rig = Rig::over(&heap, 2);
    let (mut writer, mut reader) = open(&rig, window(100, 8));
    let (seen, log) = Log::pair();
    drop(run(&rig, 1, move |_| async move {
        assert!(once(reader.next()).await.is_none());
        assert!(once(reader.until(b'.')).await.is_none());
        assert!(once(reader.at_least(50)).await.is_none());
        seen.add(text(&reader.until(b'.').await.unwrap().unwrap()));
    }));
    rig.settle();
    drop(run(&rig, 0, move |cx| async move {
        for part in ["in ", "three ", "parts."] {
            writer.write(cx.account().copy_from(part.as_bytes()).unwrap()).await.unwrap();
            cx.sleep_until(cx.now().after(std::time::Duration::from_millis(1)))
                .await
                .unwrap_or_default();
        }
    }));
    rig.advance(std::time::Duration::from_secs(1));
    assert_eq!(log.take(), ["in three parts."]);
    assert_balanced(rig, &heap);
}

#[test]
fn who_waits_for_more_is_woken_once_there_is_so_much() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (mut writer, mut reader) = open(&rig, window(1000, 64));
    let child = run(&rig, 0, move |_| async move {
        assert_eq!(reader.at_least(20).await.unwrap().data.len(), 20);
        reader.advance(0, 20);
        assert_eq!(reader.at_least(1).await.unwrap().data.len(), 21);
        reader.advance(21, 21);
        pending().await
    });
    drop(run(&rig, 0, move |cx| async move {
        for _ in 0..21 {
            cx.sleep_until(cx.now().after(std::time::Duration::from_millis(1)))
                .await
                .unwrap_or_default();
            writer.write(block(&cx.account(), 1)).await.unwrap();
        }
        pending().await
    }));
    rig.advance(std::time::Duration::from_secs(1));
    let report = rig.core(0).processes().into_iter().find(|report| report.pid == child.pid);
    // One to begin, one for twenty, one for the twenty-first.
    assert_eq!(report.unwrap().turns, 3);
    assert_balanced_though_some_wait(rig, &heap);
}

#[test]
fn what_was_consumed_is_let_go_of_and_what_was_taken_keeps_nothing_that_comes_behind_it() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (mut writer, mut reader) = open(&rig, window(1000, 16));
    drop(run(&rig, 0, move |cx| async move {
        for number in 0..10 {
            let line = format!("{:0width$}\n", number, width = 63);
            writer.write(cx.account().copy_from(line.as_bytes()).unwrap()).await.unwrap();
        }
        let used = || cx.account().heap().gauges().used_blocks;
        assert_eq!(reader.at_least(640).await.unwrap().data.piece_count(), 10);
        reader.advance(64, 640);
        assert_eq!(used(), 9);
        reader.advance(70, 80);
        assert_eq!(used(), 8, "of the one that was begun nothing is missing");
        let taken = reader.until(b'\n').await.unwrap().unwrap();
        assert_eq!((taken.len(), taken.pinned_bytes()), (58, 64));
        drop(taken);
        assert_eq!(used(), 7);
        let many = reader.until(b'7').await.unwrap().unwrap();
        assert_eq!((many.len(), many.piece_count(), many.pinned_bytes()), (5 * 64 - 1, 5, 5 * 64));
    }));
    rig.settle();
    assert_balanced(rig, &heap);
}

#[test]
fn a_reader_that_goes_takes_with_it_what_it_did_not_read_though_the_writer_stays() {
    for has_looked in [false, true] {
        let heap = heap();
        let rig = Rig::over(&heap, 1);
        let (mut writer, mut reader) = open(&rig, window(1000, 16));
        drop(run(&rig, 0, move |cx| async move {
            writer.write(block(&cx.account(), 64)).await.unwrap();
            if has_looked {
                reader.at_least(1).await.unwrap();
                writer.write(block(&cx.account(), 64)).await.unwrap();
            }
            drop(reader);
            assert_eq!(cx.account().heap().gauges().used_blocks, 0);
            drop(writer);
        }));
        rig.settle();
        assert_balanced(rig, &heap);
    }
}
