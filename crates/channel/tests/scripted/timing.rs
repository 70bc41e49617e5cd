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
            // Far enough from each other that a pass never has two.
            let ms = number * 7 % 11 * 5;
            let at = begin + Duration::from_millis(ms);
            let timer = Timer::at(&stage.channel, at).expect("room");
            if dice.one_in(4) {
                drop(timer);
                continue;
            }
            tasks.push(Box::pin(async move {
                timer.await;
                assert!(stage.channel.now() >= at, "early");
                fired.borrow_mut().push(ms);
            }));
        }
        stage.run(all(tasks));
        let order = fired.borrow().clone();
        assert!(order.is_sorted(), "{order:?}");
        order
    });
}
