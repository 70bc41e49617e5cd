//! Timing: timers never fire early, and fire in their order.

use std::cell::RefCell;
use std::time::Duration;

use levada_channel::Timer;

use crate::stage::{Scene, Task, all};

#[test]
fn timers_fire_in_their_order_and_none_early() {
    Scene::default().play(|stage, dice| {
        stage.pass_some(dice);
        let fired = RefCell::new(Vec::new());
        let fired = &fired;
        let mut tasks: Vec<Task<'_>> = Vec::new();
        let begin = stage.after(Duration::ZERO);
        for number in 1..=dice.between(1, 8) {
            // Far enough from each other that a pass has two only where the machine is late.
            let ms = number * 7 % 11 * 5;
            let at = begin + Duration::from_millis(ms);
            let timer = Timer::at(&stage.channel, at).expect("room");
            if dice.one_in(4) {
                drop(timer);
                continue;
            }
            tasks.push(Box::pin(async move {
                timer.await;
                let now = stage.channel.now();
                assert!(now >= at, "early");
                fired.borrow_mut().push((now, ms));
            }));
        }
        stage.run(all(tasks));
        // Those of one pass are polled as they stand in the list: the order is that of passes.
        let mut fired = fired.borrow().clone();
        let in_one_pass = |group: &mut [(_, u64)]| group.sort_unstable();
        fired.chunk_by_mut(|one, other| one.0 == other.0).for_each(in_one_pass);
        let order: Vec<u64> = fired.into_iter().map(|(_, ms)| ms).collect();
        assert!(order.is_sorted(), "{order:?}");
        order
    });
}
