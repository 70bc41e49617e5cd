//! An order book whose whole state lives in a local heap: prices, queues at each price, and orders that are found by their numbers.
//!
//! A turn takes a batch of orders in, matches them, and forgets what was filled; nothing is freed by hand. Orders are found by weak
//! pointers, so the index keeps nobody: an order is there for as long as its price's queue has it.
//!
//! `cargo run --release -p levada-local --example order_book -- 2000000`

use std::collections::HashMap;

use levada_local::{Cx, Gc, GcWeak, Limits, LocalHeap, Lock, Pool, RefLock, Trace};

/// An order that rests at its price, in a queue by arrival.
#[derive(Trace)]
struct Order<'gc> {
    number: u64,
    quantity: Lock<u64>,
    behind: Lock<Option<Gc<'gc, Self>>>,
}

/// All orders of one side at one price; the next worse price behind it.
#[derive(Trace)]
struct Level<'gc> {
    price: u64,
    first: Lock<Option<Gc<'gc, Order<'gc>>>>,
    last: Lock<Option<Gc<'gc, Order<'gc>>>>,
    worse: Lock<Option<Gc<'gc, Self>>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Bid,
    Ask,
}

type Best<'gc> = Lock<Option<Gc<'gc, Level<'gc>>>>;

/// The best price of either side, and the orders by number.
#[derive(Trace)]
struct Book<'gc> {
    bids: Best<'gc>,
    asks: Best<'gc>,
    orders: RefLock<HashMap<u64, GcWeak<'gc, Order<'gc>>>>,
    traded: Lock<u64>,
}

impl Side {
    /// Whether `one` is matched before `other`.
    fn is_better(self, one: u64, other: u64) -> bool {
        if self == Self::Bid { one > other } else { one < other }
    }
}

/// The level of the best price of a side.
fn best<'gc>(book: Gc<'gc, Book<'gc>>, side: Side) -> &'gc Best<'gc> {
    let book = book.get();
    if side == Side::Bid { &book.bids } else { &book.asks }
}

/// Puts another level there.
fn set_best<'gc>(
    cx: &Cx<'gc>,
    book: Gc<'gc, Book<'gc>>,
    side: Side,
    level: Option<Gc<'gc, Level<'gc>>>,
) {
    let written =
        book.write(cx).field(|book| if side == Side::Bid { &book.bids } else { &book.asks });
    written.set(level);
}

/// Takes an order in: what matches is traded, the rest rests.
fn take<'gc>(
    cx: &Cx<'gc>,
    book: Gc<'gc, Book<'gc>>,
    side: Side,
    price: u64,
    quantity: u64,
    number: u64,
) {
    let mut left = quantity;
    let other = if side == Side::Bid { Side::Ask } else { Side::Bid };
    while left > 0 {
        let Some(level) =
            best(book, other).get().filter(|level| !side.is_better(level.price, price))
        else {
            break;
        };
        let Some(order) = level.first.get() else {
            // Nobody is left at this price.
            set_best(cx, book, other, level.worse.get());
            continue;
        };
        let filled = left.min(order.quantity.get());
        left -= filled;
        book.write(cx).field(|book| &book.traded).set(book.traded.get() + filled);
        order.write(cx).field(|order| &order.quantity).set(order.quantity.get() - filled);
        if order.quantity.get() == 0 {
            level.write(cx).field(|level| &level.first).set(order.behind.get());
            book.write(cx).field(|book| &book.orders).borrow_mut().remove(&order.number);
        }
    }
    if left > 0 {
        rest(cx, book, side, price, left, number);
    }
}

/// Puts an order into the queue at its price.
fn rest<'gc>(
    cx: &Cx<'gc>,
    book: Gc<'gc, Book<'gc>>,
    side: Side,
    price: u64,
    quantity: u64,
    number: u64,
) {
    let order = cx.alloc(Order { number, quantity: Lock::new(quantity), behind: Lock::new(None) });
    let weak = order.downgrade(cx);
    book.write(cx).field(|book| &book.orders).borrow_mut().insert(number, weak);
    let level = level(cx, book, side, price);
    match level.last.get().filter(|_| level.first.get().is_some()) {
        Some(last) => last.write(cx).field(|last| &last.behind).set(Some(order)),
        None => level.write(cx).field(|level| &level.first).set(Some(order)),
    }
    level.write(cx).field(|level| &level.last).set(Some(order));
}

/// The level of a price, made at its place if it is not there.
fn level<'gc>(
    cx: &Cx<'gc>,
    book: Gc<'gc, Book<'gc>>,
    side: Side,
    price: u64,
) -> Gc<'gc, Level<'gc>> {
    let mut better: Option<Gc<'gc, Level<'gc>>> = None;
    let mut next = best(book, side).get();
    while let Some(level) = next.filter(|level| side.is_better(level.price, price)) {
        (better, next) = (Some(level), level.worse.get());
    }
    if let Some(level) = next.filter(|level| level.price == price) {
        return level;
    }
    let level = cx.alloc(Level {
        price,
        first: Lock::new(None),
        last: Lock::new(None),
        worse: Lock::new(next),
    });
    match better {
        Some(better) => better.write(cx).field(|better| &better.worse).set(Some(level)),
        None => set_best(cx, book, side, Some(level)),
    }
    level
}

/// Takes an order out of the market: it stays in its queue with nothing left until its turn comes.
fn cancel<'gc>(cx: &Cx<'gc>, book: Gc<'gc, Book<'gc>>, number: u64) -> u64 {
    let found = book.write(cx).field(|book| &book.orders).borrow_mut().remove(&number);
    let Some(order) = found.and_then(GcWeak::upgrade) else { return 0 };
    let quantity = order.quantity.get();
    order.write(cx).field(|order| &order.quantity).set(0);
    quantity
}

/// What rests, by walking all queues.
fn resting<'gc>(book: Gc<'gc, Book<'gc>>) -> u64 {
    let sides = [book.bids.get(), book.asks.get()];
    let levels =
        sides.into_iter().flat_map(|best| std::iter::successors(best, |level| level.worse.get()));
    let orders = levels
        .flat_map(|level| std::iter::successors(level.first.get(), |order| order.behind.get()));
    orders.map(|order| order.quantity.get()).sum()
}

#[expect(clippy::print_stdout, reason = "says what came of it")]
fn main() {
    let said = std::env::args().nth(1).and_then(|count| count.parse::<u64>().ok());
    let count = said.unwrap_or(100_000);
    let pool = Pool::default();
    let mut heap = LocalHeap::<Gc<'static, Book<'static>>>::new(&pool, Limits::default(), |cx| {
        cx.alloc(Book {
            bids: Lock::new(None),
            asks: Lock::new(None),
            orders: RefLock::new(HashMap::new()),
            traded: Lock::new(0),
        })
    });
    let mut dice = 42_u64;
    let mut draw = move |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below
    };
    let (mut taken, mut cancelled) = (0, 0);
    for batch in 0..count.div_ceil(100) {
        heap.enter(|cx, book| {
            for number in batch * 100..(batch + 1) * 100 {
                if draw(3) == 0 {
                    cancelled += cancel(cx, *book, number.saturating_sub(draw(5_000)));
                    continue;
                }
                let side = if draw(2) == 0 { Side::Bid } else { Side::Ask };
                let (price, quantity) = (10_000 + draw(200), 1 + draw(50));
                taken += quantity;
                take(cx, *book, side, price, quantity, number);
            }
        });
        heap.end_turn();
    }
    let (traded, rests) = heap.enter(|_, book| (book.traded.get(), resting(*book)));
    assert_eq!(taken, 2 * traded + cancelled + rests, "no share is lost or made");
    let gauges = heap.gauges();
    println!("{count} orders: {traded} traded, {cancelled} cancelled, {rests} at rest");
    println!(
        "{} minor, {} stable, {} major collections; {} KiB in use",
        gauges.minors,
        gauges.stables,
        gauges.majors,
        gauges.used_bytes / 1024
    );
}
