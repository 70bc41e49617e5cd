//! Random programs of both ends of a stream agree with a queue of bytes, while the ends travel between processes of two cores.

use crate::rig::{Log, Rig, Sendable};
use crate::streaming::{assert_balanced, heap, once, run_under, window};
use levada_process::{
    Context, Mailbox, Message, Sender, StreamError, StreamReader, StreamWriter, Window,
};
use levada_shared::{Account, SharedData, SharedHeap};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::VecDeque;

/// Who the ends may be with: one process on the one core, and two on the other.
const CORES: [usize; 3] = [0, 1, 1];

#[derive(Message)]
enum Carried {
    Writer(StreamWriter),
    Reader(StreamReader),
}

#[derive(Clone, Debug)]
enum Step {
    /// Writes so many bytes in so many blocks, and drops the write if it is not done at once.
    Write {
        bytes: u8,
        blocks: u8,
    },
    TakeBack,
    Next,
    Until(u8),
    AtLeast {
        bytes: u64,
        consumed: u64,
        examined: u64,
    },
    SendWriter(usize),
    SendReader(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..40, 1_u8..6).prop_map(|(bytes, blocks)| Step::Write { bytes, blocks }),
        1 => Just(Step::TakeBack),
        1 => Just(Step::Next),
        2 => (0_u8..32).prop_map(Step::Until),
        3 => (0_u64..70, 0_u64..70, 0_u64..70)
            .prop_map(|(bytes, consumed, examined)| Step::AtLeast { bytes, consumed, examined }),
        1 => (0_usize..3).prop_map(Step::SendWriter),
        1 => (0_usize..3).prop_map(Step::SendReader),
    ]
}

struct Stage {
    heap: SharedHeap,
    rig: Rig,
    window: Window,
    accounts: [Account; 3],
    holders: Vec<Sender<Carried>>,
    arrived: Log<Carried>,
    writer: Option<StreamWriter>,
    reader: Option<StreamReader>,
    /// With whom the ends are.
    writer_at: usize,
    reader_at: usize,
    /// What was given to writes and not read yet.
    given: VecDeque<u8>,
    /// Whether the stream has accepted all of that.
    is_accepted: bool,
    examined: u64,
    next_byte: u8,
}

impl Stage {
    fn new(window: Window) -> Self {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let accounts =
            ["a", "b", "c"].map(|name| heap.account(name, u64::MAX).expect("room for an account"));
        let (arrived, holders, ends) = (Log::new(), Log::new(), Log::new());
        for (account, core) in accounts.iter().zip(CORES) {
            let (arrives, tells) = (arrived.clone(), holders.clone());
            run_under(&rig, core, account, move |cx| async move {
                let arrives = Sendable(arrives);
                let child = cx.spawn("holds", move |_, mut inbox: Mailbox<Carried>| {
                    let arrives = arrives.into_inner();
                    async move {
                        loop {
                            arrives.add(inbox.recv().await?);
                        }
                    }
                });
                tells.add(child.expect("room for a process").sender);
            });
        }
        let opened = ends.clone();
        run_under(&rig, 0, &accounts[0], move |cx| async move { opened.add(cx.stream(window)) });
        let (writer, reader) = ends.take().remove(0);
        Self {
            heap,
            rig,
            window,
            accounts,
            holders: holders.take(),
            arrived,
            writer: Some(writer),
            reader: Some(reader),
            writer_at: 0,
            reader_at: 0,
            given: VecDeque::new(),
            is_accepted: true,
            examined: 0,
            next_byte: 0,
        }
    }

    /// Lets a process that the writer is with do something with it.
    fn with_writer<T: 'static, Fut>(
        &mut self,
        what: impl FnOnce(Context, StreamWriter) -> Fut + 'static,
    ) -> T
    where
        Fut: Future<Output = (StreamWriter, T)> + 'static,
    {
        let writer = self.writer.take().expect("at rest");
        let (done, log) = Log::pair();
        let (core, account) = (CORES[self.writer_at], &self.accounts[self.writer_at]);
        run_under(
            &self.rig,
            core,
            account,
            move |cx| async move { done.add(what(cx, writer).await) },
        );
        let (writer, outcome) = log.take().remove(0);
        self.writer = Some(writer);
        outcome
    }

    /// The same with the reader.
    fn with_reader<T: 'static, Fut>(
        &mut self,
        what: impl FnOnce(StreamReader) -> Fut + 'static,
    ) -> T
    where
        Fut: Future<Output = (StreamReader, T)> + 'static,
    {
        let reader = self.reader.take().expect("at rest");
        let (done, log) = Log::pair();
        let (core, account) = (CORES[self.reader_at], &self.accounts[self.reader_at]);
        run_under(&self.rig, core, account, move |_| async move { done.add(what(reader).await) });
        let (reader, outcome) = log.take().remove(0);
        self.reader = Some(reader);
        outcome
    }

    fn send(&mut self, from: usize, to: usize, carried: Carried) {
        let to = self.holders[to].clone();
        run_under(&self.rig, CORES[from], &self.accounts[from], move |_| async move {
            to.send(carried).await.expect("the holder takes all");
        });
        match self.arrived.take().remove(0) {
            Carried::Writer(writer) => self.writer = Some(writer),
            Carried::Reader(reader) => self.reader = Some(reader),
        }
    }

    /// Whether reads do not know of pieces that the window counts, so that bytes alone decide.
    fn counts_bytes_only(&self) -> bool {
        self.window.pieces == 512
    }

    fn was_read(&mut self, data: &SharedData) {
        let expected: Vec<u8> = self.given.drain(..data.to_vec().len()).collect();
        assert_eq!(data.to_vec(), expected);
        self.examined = self.examined.saturating_sub(data.len());
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Write { bytes, blocks } => self.write(bytes, blocks),
            Step::TakeBack => {
                let back = self.with_writer(|_, mut writer| async move {
                    let back = writer.take_unwritten();
                    (writer, back)
                });
                assert!(!self.is_accepted || back.is_none());
                let back = back.map_or(vec![], |back| back.to_vec());
                let tail: Vec<u8> = self.given.drain(self.given.len() - back.len()..).collect();
                assert_eq!(back, tail);
                self.is_accepted = true;
            }
            Step::Next => {
                let read = self.with_reader(|mut reader| async move {
                    let read = once(reader.next()).await;
                    (reader, read)
                });
                match read {
                    Some(Ok(Some(data))) => {
                        assert!(!self.is_accepted || data.len() == self.given.len() as u64);
                        self.was_read(&data);
                    }
                    None => assert!(!self.is_accepted || self.given.is_empty()),
                    other => panic!("{other:?}"),
                }
            }
            Step::Until(byte) => {
                let read = self.with_reader(move |mut reader| async move {
                    let read = once(reader.until(byte)).await;
                    (reader, read)
                });
                let expected = self.given.iter().position(|given| *given == byte);
                match read {
                    Some(Ok(Some(data))) => {
                        assert_eq!(Some(data.len()), expected.map(|at| at as u64 + 1));
                        self.was_read(&data);
                    }
                    None | Some(Err(StreamError::NeedExceedsWindow { .. })) => {
                        assert!(!self.is_accepted || expected.is_none());
                    }
                    other => panic!("{other:?}"),
                }
            }
            Step::AtLeast { bytes, consumed, examined } => self.at_least(bytes, consumed, examined),
            Step::SendWriter(to) => {
                let writer = self.writer.take().expect("at rest");
                self.send(self.writer_at, to, Carried::Writer(writer));
                self.writer_at = to;
            }
            Step::SendReader(to) => {
                let reader = self.reader.take().expect("at rest");
                self.send(self.reader_at, to, Carried::Reader(reader));
                self.reader_at = to;
            }
        }
        self.heap.validate();
    }

    fn write(&mut self, bytes: u8, blocks: u8) {
        let all: Vec<u8> = (0..bytes).map(|at| (self.next_byte + at) % 32).collect();
        self.next_byte = (self.next_byte + bytes) % 32;
        self.given.extend(&all);
        let before = self.given.len() - usize::from(bytes);
        let was_accepted = self.is_accepted;
        self.is_accepted = self.with_writer(move |cx, mut writer| async move {
            let mut data = SharedData::new();
            for part in all.chunks(usize::from(bytes.div_ceil(blocks).max(1))) {
                data.append(cx.account().copy_from(part).expect("room")).expect("few pieces");
            }
            let written = once(writer.write(data)).await;
            (writer, written.map(|written| written.expect("there is a reader")).is_some())
        });
        if self.counts_bytes_only() && was_accepted && bytes > 0 {
            // It is cut at the window, and waits before the first part that finds the window full.
            let mut unread = before as u64;
            let mut left = u64::from(bytes);
            while left > 0 && unread < self.window.bytes {
                let part = left.min(self.window.bytes);
                (unread, left) = (unread + part, left - part);
            }
            assert_eq!(self.is_accepted, left == 0);
        }
    }

    fn at_least(&mut self, bytes: u64, consumed: u64, examined: u64) {
        let seen = self.with_reader(move |mut reader| async move {
            let chunk = once(reader.at_least(bytes)).await;
            let seen = chunk.map(|seen| seen.map(|chunk| (chunk.data.clone(), chunk.last)));
            let seen = match seen {
                Some(Ok((data, last))) => {
                    let examined = examined.min(data.len());
                    let consumed = consumed.min(examined);
                    reader.advance(consumed, examined);
                    Some(Ok((data.to_vec(), last, consumed, examined)))
                }
                other => other.map(|seen| seen.map(|(_, last)| (vec![], last, 0, 0))),
            };
            (reader, seen)
        });
        let there = self.given.len() as u64;
        let need = bytes.max(if self.examined > 0 { self.examined + 1 } else { 0 });
        match seen {
            Some(Ok((data, last, consumed, examined))) => {
                assert!(!last && data.len() as u64 >= need);
                assert!(self.given.iter().take(data.len()).eq(&data));
                assert!(!self.is_accepted || data.len() as u64 == there);
                drop(self.given.drain(..usize::try_from(consumed).expect("few")));
                self.examined = examined - consumed;
            }
            Some(Err(StreamError::NeedExceedsWindow { need_bytes, .. })) => {
                assert_eq!(need_bytes, if bytes > self.window.bytes { bytes } else { need });
                let is_full = there >= self.window.bytes || !self.counts_bytes_only();
                assert!(bytes > self.window.bytes || is_full);
            }
            None => assert!(!self.is_accepted || there < need),
            other => panic!("{other:?}"),
        }
    }

    /// Reads what is left, while the writer writes it.
    fn finish(mut self) {
        let (mut writer, mut reader) =
            (self.writer.take().expect("at rest"), self.reader.take().expect("at rest"));
        let (seen, log) = Log::pair();
        run_under(
            &self.rig,
            CORES[self.reader_at],
            &self.accounts[self.reader_at],
            move |_| async move {
                while let Some(data) = reader.next().await.expect("the writer finishes") {
                    seen.add(data.to_vec());
                }
                seen.add(vec![]);
            },
        );
        run_under(
            &self.rig,
            CORES[self.writer_at],
            &self.accounts[self.writer_at],
            move |_| async move {
                writer.write(SharedData::new()).await.expect("there is a reader");
                writer.finish();
            },
        );
        let mut rest = log.take();
        assert_eq!(rest.pop(), Some(vec![]), "the end");
        assert!(rest.concat().iter().eq(&self.given));
        drop((self.holders, self.arrived));
        assert_eq!(self.accounts.each_ref().map(Account::charged_bytes), [0; 3]);
        assert_balanced(self.rig, &self.heap);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 200 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_agrees_with_a_queue_of_bytes(
        bytes in 1_u64..60,
        pieces in prop_oneof![1_u32..6, Just(512)],
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut stage = Stage::new(window(bytes, pieces));
        for step in &steps {
            stage.step(step);
        }
        stage.finish();
    }

    #[test]
    fn every_split_of_frames_across_pieces_reads_equal(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20),
        cuts in proptest::collection::vec(1_usize..30, 1..20),
        reader_core in 0_usize..2,
    ) {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (mut writer, mut reader) = crate::streaming::open(&rig, window(51, 52));
        let all: Vec<u8> = frames.iter().flat_map(|frame| [vec![u8::try_from(frame.len()).unwrap()], frame.clone()].concat()).collect();
        drop(crate::streaming::run(&rig, 0, move |cx| async move {
            let (mut rest, mut cuts) = (&all[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (part, behind) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                writer.write(cx.account().copy_from(part).unwrap()).await.unwrap();
                rest = behind;
            }
            writer.finish();
        }));
        let (seen, log) = Log::pair();
        drop(crate::streaming::run(&rig, reader_core, move |_| async move {
            loop {
                let chunk = reader.at_least(1).await.unwrap();
                let Some(length) = chunk.data.read::<u8>(0) else { break assert!(chunk.last) };
                let frame_bytes = u64::from(length) + 1;
                let chunk = reader.at_least(frame_bytes).await.unwrap();
                seen.add(chunk.data.slice(1..frame_bytes).unwrap().to_vec());
                reader.advance(frame_bytes, frame_bytes);
            }
        }));
        rig.settle();
        assert_eq!(log.take(), frames);
        assert_balanced(rig, &heap);
    }
}
