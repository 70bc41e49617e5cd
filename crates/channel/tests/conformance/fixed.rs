//! Arguments in raw buffers are the operation's until its last completion, whoever goes away before, and come back to who awaits.

use std::collections::VecDeque;
use std::net::TcpListener as Far;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use levada_channel::{
    ChannelConfig, Connection, Deadline, Errno, Error, File, OpenHow, TcpStream, UnixStream, Wait,
    now, timespec_bytes,
};
use levada_local::{Depth, Gc, Limits, LocalHeap, Pinned, Pool, RawBuf, Rootable, Trace};
use levada_ring::Address;

use crate::stage::Stage;

/// How many timeouts a scene has.
const TIMEOUTS: usize = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

const LONG: Duration = Duration::from_secs(10_000);

fn heap(pool: &Pool) -> LocalHeap<()> {
    LocalHeap::new(pool, Limits::default(), |_| ())
}

/// Bytes of the heap with this content.
fn raw<R: Rootable>(heap: &mut LocalHeap<R>, content: &[u8]) -> RawBuf {
    let mut buffer = heap.enter(|cx, _| cx.raw(content.len())).expect("room");
    buffer.copy_from_slice(content);
    buffer
}

fn address(of: &Far) -> Vec<u8> {
    Address::of(of.local_addr().expect("it is bound")).as_bytes().to_vec()
}

fn poll_once<T>(future: &mut Pin<Box<impl Future<Output = T>>>) {
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

#[test]
fn many_timeouts_leave_no_raw_bytes_behind_and_few_pages() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        let (mut pages_max, mut running) = (0, VecDeque::new());
        stage.run(async {
            for number in 0..TIMEOUTS {
                let after = timespec_bytes(Duration::from_nanos(number as u64 % 100));
                let after = stage.channel.wait_fixed(raw(&mut heap, &after));
                running.push_back(after);
                if running.len() == 500 {
                    for waiting in running.drain(..) {
                        assert_eq!(waiting.await.expect("it ends").len(), 16);
                    }
                }
                pages_max = pages_max.max(heap.gauges().raw_pages);
            }
        });
        heap.rest();
        let gauges = heap.gauges();
        assert_eq!((gauges.raw_bytes, gauges.raw_pages, gauges.used_bytes), (0, 0, 0));
        assert!(pages_max <= 5, "{pages_max} pages for 500 timeouts and what is not drained");
    });
}

#[test]
fn a_dropped_timeout_keeps_its_argument_until_the_kernel_has_answered() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        for passes in 0..3 {
            let mut all: Vec<_> = (0..50)
                .map(|_| Box::pin(stage.channel.wait_fixed(raw(&mut heap, &timespec_bytes(LONG)))))
                .collect();
            all.iter_mut().for_each(poll_once);
            for _ in 0..passes {
                stage.channel.pass(Wait::No).unwrap();
            }
            drop(all);
            heap.rest();
            assert_eq!(heap.gauges().raw_buffers, 50, "the kernel may still read them");
            stage.until(|| stage.channel.gauges().timeouts_in_flight == 0);
            heap.rest();
            assert_eq!(heap.gauges().raw_buffers, 0);
        }
    });
}

#[test]
fn a_heap_that_goes_leaves_the_arguments_until_the_kernel_has_answered() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        let mut long: Vec<_> = (0..300)
            .map(|_| Box::pin(stage.channel.wait_fixed(raw(&mut heap, &timespec_bytes(LONG)))))
            .collect();
        long.iter_mut().for_each(poll_once);
        let short = timespec_bytes(Duration::from_millis(20));
        let awaited = stage.channel.wait_fixed(raw(&mut heap, &short));
        stage.channel.pass(Wait::No).unwrap();
        drop(heap);
        assert_eq!(pool.gauges().orphaned_raw_units, 2);
        drop(long);
        let given = stage.run(awaited).unwrap();
        assert_eq!(given[..], short);
        stage.until(|| stage.channel.gauges().timeouts_in_flight == 0);
        assert_eq!(pool.gauges().orphaned_raw_units, 2, "one is with us");
        drop(given);
        assert_eq!((pool.gauges().orphaned_raw_units, pool.gauges().lent_units), (0, 0));
    });
}

#[test]
fn a_channel_that_ends_has_every_argument_back_first() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        // Nobody polls it, and nobody drops it before.
        let after = stage.channel.wait_fixed(raw(&mut heap, &timespec_bytes(LONG)));
        drop(heap);
        assert_eq!(pool.gauges().orphaned_raw_units, 1);
        let report = stage.channel.end(now() + Duration::from_secs(5)).unwrap();
        assert_eq!((report.quarantined, pool.gauges().orphaned_raw_units), (0, 0));
        let refused = stage.run(after).unwrap_err();
        assert_eq!((refused.error, refused.value.is_none()), (Error::Closed, true));
    });
}

#[test]
fn raw_and_pinned_addresses_stay_through_a_hundred_collections_with_operations_in_flight() {
    #[derive(Trace)]
    struct Node<'gc> {
        value: u64,
        _next: Option<Gc<'gc, Self>>,
    }
    type List = Option<Gc<'static, Node<'static>>>;
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = LocalHeap::<List>::new(&pool, Limits::default(), |_| None);
        let root =
            heap.enter(|cx, _| cx.root::<Node<'static>>(cx.alloc(Node { value: 7, _next: None })));
        let pinned: Pinned<Node<'static>> = heap.pin(&root).unwrap();
        let pinned_at = pinned.as_ptr();
        let argument = raw(&mut heap, &timespec_bytes(Duration::from_millis(50)));
        let argument_at = argument.as_ptr();
        let mut running = Box::pin(stage.channel.wait_fixed(argument));
        poll_once(&mut running);
        for round in 0..100 {
            heap.enter(|cx, first| {
                for value in 0..200 {
                    *first = Some(cx.alloc(Node { value, _next: *first }));
                }
                if round % 10 == 9 {
                    *first = None;
                }
            });
            heap.collect([Depth::Minor, Depth::Stable, Depth::Major][round % 3]);
            assert_eq!(pinned.as_ptr(), pinned_at);
            stage.channel.pass(Wait::No).unwrap();
        }
        heap.validate();
        let given = stage.run(running).unwrap();
        assert_eq!((given.as_ptr(), &given[..8]), (argument_at, &[0; 8][..]));
        assert_eq!(heap.enter(|cx, _| cx.get(pinned.root()).value), 7);
    });
}

#[test]
fn what_is_no_length_of_time_comes_back_and_so_does_what_there_is_no_room_for() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        for wrong in [&[0; 15][..], &[0; 17], &[0xFF; 16], b""] {
            let refused = stage.run(stage.channel.wait_fixed(raw(&mut heap, wrong))).unwrap_err();
            assert_eq!(refused.error, Error::Kernel(Errno::INVAL));
            assert_eq!(&refused.value.unwrap()[..], wrong);
        }
        let waiting =
            |heap: &mut LocalHeap<()>| stage.channel.wait_fixed(raw(heap, &timespec_bytes(LONG)));
        let running: Vec<_> = (0..4096).map(|_| waiting(&mut heap)).collect();
        let refused = stage.run(waiting(&mut heap)).unwrap_err();
        assert_eq!(
            (refused.error, refused.value.map(|bytes| bytes.len())),
            (Error::Full, Some(16))
        );
        drop(running);
        stage.until(|| stage.channel.gauges().timeouts_in_flight == 0);
    });
}

#[test]
fn a_box_of_bytes_is_as_good_an_argument() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let after = Box::<[u8]>::from(timespec_bytes(Duration::from_micros(1)));
        let at = after.as_ptr();
        let given = stage.run(stage.channel.wait_fixed(after)).unwrap();
        assert_eq!(given.as_ptr(), at);
    });
}

#[test]
fn connecting_to_an_address_in_a_raw_buffer_brings_both_back() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        let far = Far::bind("127.0.0.1:0").unwrap();
        let to = raw(&mut heap, &address(&far));
        let (at, by) = (to.as_ptr(), now() + Duration::from_secs(10));
        let connected = stage.run(TcpStream::connect_fixed(&stage.channel, to, by));
        let (stream, to) = connected.unwrap();
        assert_eq!((to.as_ptr(), to.len()), (at, 16), "a sockaddr_in is sixteen bytes");
        assert!(far.accept().is_ok());
        stage.run(stream.close());
        drop(far);
        let refused = stage.run(TcpStream::connect_fixed(&stage.channel, to, by)).unwrap_err();
        assert_eq!(refused.error, Error::NobodyListens);
        let to = refused.value.unwrap();
        let refused = stage.run(UnixStream::connect_fixed(&stage.channel, to, by)).unwrap_err();
        assert_eq!(refused.error, Error::Kernel(Errno::AFNOSUPPORT));
        assert_eq!(refused.value.unwrap().as_ptr(), at);
    });
}

#[test]
fn a_connection_that_is_given_up_keeps_its_address_until_the_kernel_has_answered() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        let far = Far::bind("127.0.0.1:0").unwrap();
        let to = raw(&mut heap, &address(&far));
        let connecting: Pin<Box<dyn Future<Output = Result<(Connection<_>, _), _>>>> =
            Box::pin(TcpStream::connect_fixed(&stage.channel, to, Deadline::NEVER));
        drop(connecting);
        heap.rest();
        assert_eq!(heap.gauges().raw_buffers, 1);
        stage.until(|| stage.channel.gauges().driver.in_kernel == 0);
        heap.rest();
        assert_eq!(heap.gauges().raw_buffers, 0);
    });
}

#[test]
fn a_path_in_a_raw_buffer_opens_its_file_and_comes_back() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page"), b"text").unwrap();
        let opened = std::fs::File::open(folder.path()).unwrap();
        let opened = File::adopt(&stage.channel, std::os::fd::OwnedFd::from(opened));
        let path = raw(&mut heap, b"page\0and more");
        let at = path.as_ptr();
        let (file, path) = stage.run(opened.open_fixed(path, OpenHow::default())).unwrap();
        assert_eq!((stage.run(file.stat()).unwrap().bytes, path.as_ptr()), (4, at));
        for (wrong, errno) in [(&b"page"[..], Errno::INVAL), (b"none\0", Errno::NOENT)] {
            let wrong = raw(&mut heap, wrong);
            let refused = stage.run(opened.open_fixed(wrong, OpenHow::default())).unwrap_err();
            assert_eq!(refused.error, Error::Kernel(errno));
            assert!(refused.value.is_some());
        }
    });
}
