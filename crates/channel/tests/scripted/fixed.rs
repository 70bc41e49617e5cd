//! Arguments in raw buffers: kept while the kernel may look at them, whatever it does and whoever goes away, and given back.

use std::time::Duration;

use levada_channel::{Deadline, Errno, Error, TcpStream, timespec_bytes};
use levada_local::{Limits, LocalHeap, Pool, RawBuf};
use levada_ring::Address;
use levada_sim::{Answer, Step};

use crate::stage::{Scene, Task, all};

fn raw(heap: &mut LocalHeap<()>, content: &[u8]) -> RawBuf {
    let mut buffer = heap.enter(|cx, ()| cx.raw(content.len())).expect("room");
    buffer.copy_from_slice(content);
    buffer
}

#[test]
fn timeouts_end_when_they_are_over_and_dropped_ones_leave_nothing() {
    Scene::default().play(|stage, dice| {
        let pool = Pool::default();
        let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for _ in 0..dice.between(1, 12) {
            let after = Duration::from_micros(dice.below(20_000));
            let argument = raw(&mut heap, &timespec_bytes(after));
            let (address, end) = (argument.as_ptr().addr(), stage.after(after));
            let waiting = stage.channel.wait_fixed(argument);
            if dice.one_in(3) {
                let polls = dice.below(3);
                stage.poll_and_drop(waiting, polls);
                continue;
            }
            tasks.push(Box::pin(async move {
                let given = waiting.await.expect("it ends");
                assert!(stage.channel.now() >= end, "early");
                assert_eq!(
                    (given.as_ptr().addr(), &given[..]),
                    (address, &timespec_bytes(after)[..])
                );
            }));
        }
        if dice.one_in(2) {
            drop(heap);
        }
        stage.run(all(tasks));
        stage.until(|| stage.channel.gauges().timeouts_in_flight == 0);
        assert_eq!(pool.gauges().orphaned_raw_units, 0);
    });
}

#[test]
fn an_address_in_a_raw_buffer_comes_back_whoever_answers_there() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let pool = Pool::default();
        let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
        let mut told = Vec::new();
        for _ in 0..dice.between(1, 4) {
            let far = match dice.below(4) {
                0 => stage.far(Answer::Refuses(Errno::CONNREFUSED)),
                1 => stage.far(Answer::Silence),
                2 => stage.far(Answer::Accepts(vec![Step::ReadToEnd])),
                // It is connected or not when it is given up; either way this one ends.
                _ => {
                    let far = stage.far_or_never(vec![Step::ReadToEnd]);
                    let to = raw(&mut heap, Address::of(far).as_bytes());
                    let connecting = TcpStream::connect_fixed(&stage.channel, to, Deadline::NEVER);
                    let polls = dice.below(3);
                    stage.poll_and_drop(connecting, polls);
                    continue;
                }
            };
            let to = raw(&mut heap, Address::of(far).as_bytes());
            let (address, by) = (to.as_ptr(), stage.after(Duration::from_millis(200)));
            stage.pass_some(dice);
            let given = match stage.run(TcpStream::connect_fixed(&stage.channel, to, by)) {
                Ok((stream, given)) => {
                    told.push(None);
                    stage.run(stream.close());
                    given
                }
                Err(refused) => {
                    assert!([Error::NobodyListens, Error::TimedOut].contains(&refused.error));
                    told.push(Some(refused.error));
                    refused.value.expect("what was put in comes back")
                }
            };
            assert_eq!(given.as_ptr(), address);
        }
        drop(heap);
        stage.until(|| pool.gauges().orphaned_raw_units == 0);
        told
    });
}
