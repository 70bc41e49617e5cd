//! The ends of a stream under the traits of `futures-io`: what is copied is counted.

use crate::rig::{Log, Rig};
use crate::streaming::{assert_balanced, heap, once, open, run, window};
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use levada_process::{CopyingReader, CopyingWriter, Left, StreamError, WriteError};
use std::future::poll_fn;
use std::io::{Error, ErrorKind};
use std::pin::Pin;

async fn read(reader: &mut CopyingReader, into: &mut [u8]) -> Result<usize, Error> {
    poll_fn(|context| Pin::new(&mut *reader).poll_read(context, into)).await
}

async fn write_all(writer: &mut CopyingWriter, mut from: &[u8]) -> Result<(), Error> {
    while !from.is_empty() {
        let count = poll_fn(|context| Pin::new(&mut *writer).poll_write(context, from)).await?;
        from = &from[count..];
    }
    Ok(())
}

async fn flush(writer: &mut CopyingWriter) -> Result<(), Error> {
    poll_fn(|context| Pin::new(&mut *writer).poll_flush(context)).await
}

async fn close(writer: &mut CopyingWriter) -> Result<(), Error> {
    poll_fn(|context| Pin::new(&mut *writer).poll_close(context)).await
}

#[test]
fn what_is_written_out_of_slices_is_read_into_slices_and_each_copy_is_counted() {
    for (bytes, window_bytes) in [(100_000, 20_000), (100_000, 500), (100, 20_000)] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (writer, reader) = open(&rig, window(window_bytes, 8));
        let all: Vec<u8> = (0..=250).cycle().take(bytes).collect();
        let given = all.clone();
        drop(run(&rig, 0, move |cx| async move {
            let mut writer = writer.into_copying(&cx.account());
            for part in given.chunks(777) {
                write_all(&mut writer, part).await.unwrap();
            }
            close(&mut writer).await.unwrap();
            let error = write_all(&mut writer, b"more").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }));
        let (seen, log) = Log::pair();
        drop(run(&rig, 1, move |cx| async move {
            let mut reader = reader.into_copying(&cx.account());
            let mut part = [0; 1234];
            loop {
                let count = read(&mut reader, &mut part).await.unwrap();
                seen.add(part[..count].to_vec());
                if count == 0 {
                    return;
                }
            }
        }));
        rig.settle();
        assert_eq!(rig.core(1).gauges().exits_panicked, 0);
        assert!(log.take().concat() == all);
        assert_eq!(heap.gauges().copied.write, 2 * bytes as u64);
        assert_balanced(rig, &heap);
    }
}

#[test]
fn a_flush_shows_what_was_gathered_and_a_writer_that_is_dropped_is_no_end() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (writer, reader) = open(&rig, window(100, 8));
    drop(run(&rig, 0, move |cx| async move {
        let (mut writer, mut reader) =
            (writer.into_copying(&cx.account()), reader.into_copying(&cx.account()));
        let mut part = [0; 10];
        write_all(&mut writer, b"abc").await.unwrap();
        assert!(once(read(&mut reader, &mut part)).await.is_none(), "it is gathered");
        flush(&mut writer).await.unwrap();
        let seen =
            poll_fn(|context| Pin::new(&mut reader).poll_fill_buf(context).map_ok(<[u8]>::to_vec));
        assert_eq!(seen.await.unwrap(), b"abc");
        assert_eq!(heap_copies(&cx), 3, "looking at it is no copy");
        Pin::new(&mut reader).consume(1);
        write_all(&mut writer, b"def").await.unwrap();
        flush(&mut writer).await.unwrap();
        write_all(&mut writer, b"never flushed").await.unwrap();
        drop(writer);
        let mut reader = reader.into_inner();
        assert_eq!(reader.next().await.unwrap().unwrap().to_vec(), b"bcdef");
        let error = read(&mut reader.into_copying(&cx.account()), &mut part).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let why = error.into_inner().unwrap().downcast::<StreamError>().unwrap();
        assert_eq!(*why, StreamError::Aborted(Left::Dropped));
    }));
    rig.settle();
    assert_balanced(rig, &heap);
}

fn heap_copies(cx: &levada_process::Context) -> u64 {
    cx.account().heap().gauges().copied.write
}

#[test]
fn writing_to_a_reader_that_has_gone_is_a_broken_pipe_that_says_why() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (writer, reader) = open(&rig, window(100, 8));
    drop(run(&rig, 0, move |cx| async move {
        let mut writer = writer.into_copying(&cx.account());
        write_all(&mut writer, b"abc").await.unwrap();
        reader.stop("enough");
        let error = flush(&mut writer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let why = error.into_inner().unwrap().downcast::<WriteError>().unwrap();
        assert_eq!(*why, WriteError::Stopped("enough"));
        assert!(close(&mut writer).await.is_err());
    }));
    rig.settle();
    assert_balanced(rig, &heap);
}
