//! A script is all that clients will say and all that they must hear for it, written before anybody is measured.

use crate::http::content::Content;
use crate::memcache::stock::Stock;
use crate::memcache::tongue::Tongue;
use crate::stores::dice::Dice;

/// What clients ask for in one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asks {
    /// So many commands at once: nine gets for each set.
    Mixed(usize),
    /// One command that gets so many keys.
    Many(usize),
    Get,
    Set,
}

/// Messages, each with its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) answers: Vec<Vec<u8>>,
    /// How many of the messages at the front are said nine times for each time that one of the others is.
    pub(crate) often_count: usize,
    /// Values that a message puts or gets.
    pub(crate) operation_count: u64,
}

/// So many messages of several commands, each with its own choice of keys.
const MESSAGE_COUNT: usize = 4_096;

/// One command in so many is a set.
const SET_ONE_IN: u64 = 10;

impl Script {
    pub(crate) fn new(tongue: Tongue, stock: &Stock, asks: Asks) -> Self {
        let mut script = Self { operation_count: asks.operation_count(), ..Self::default() };
        let mut dice = Dice::from_seed(7);
        match asks {
            Asks::Get => (0..stock.count).for_each(|key| script.add_get(tongue, stock, &[key])),
            Asks::Set => (0..stock.count).for_each(|key| script.add_set(tongue, stock, key)),
            Asks::Mixed(1) => {
                (0..stock.count).for_each(|key| script.add_get(tongue, stock, &[key]));
                script.often_count = script.messages.len();
                (0..stock.count).for_each(|key| script.add_set(tongue, stock, key));
                return script;
            }
            Asks::Mixed(command_count) => {
                for _ in 0..MESSAGE_COUNT {
                    let (mut message, mut answer) = (Vec::new(), Vec::new());
                    for _ in 0..command_count {
                        let key = dice.below(stock.count);
                        if dice.below(SET_ONE_IN) == 0 {
                            tongue.ask_to_put(key, stock, &mut message);
                            answer.extend(tongue.answer_put());
                        } else {
                            tongue.ask_to_get(&[key], &mut message);
                            tongue.answer_got(&[key], stock, &mut answer);
                        }
                    }
                    script.add(message, answer);
                }
            }
            Asks::Many(key_count) => {
                for _ in 0..MESSAGE_COUNT {
                    let keys: Vec<_> = (0..key_count).map(|_| dice.below(stock.count)).collect();
                    script.add_get(tongue, stock, &keys);
                }
            }
        }
        script.often_count = script.messages.len();
        script
    }

    /// For whoever understands nothing: one message as long as these are on the average, and such an answer.
    pub(crate) fn flattened(&self) -> Self {
        let flat = |length_bytes: u64| {
            let mut bytes = Vec::new();
            let content = Content::new(FLAT_SEED, length_bytes);
            content.write_to(&mut bytes).expect("memory takes all");
            vec![bytes]
        };
        Self {
            messages: flat(self.mean_bytes(&self.messages)),
            answers: flat(self.mean_bytes(&self.answers)),
            often_count: 1,
            operation_count: self.operation_count,
        }
    }

    /// How long the message is that is said on the average.
    fn mean_bytes(&self, list: &[Vec<u8>]) -> u64 {
        let mean = |list: &[Vec<u8>]| {
            list.iter().map(Vec::len).sum::<usize>() as u64 / list.len().max(1) as u64
        };
        let (often, seldom) = list.split_at(self.often_count);
        if seldom.is_empty() {
            return mean(often);
        }
        (mean(often) * (SET_ONE_IN - 1) + mean(seldom)) / SET_ONE_IN
    }

    /// Which message is said next.
    pub(crate) fn choose(&self, dice: &mut Dice) -> usize {
        let seldom_count = self.messages.len() - self.often_count;
        let (begin, count) = if seldom_count > 0 && dice.below(SET_ONE_IN) == 0 {
            (self.often_count, seldom_count)
        } else {
            (0, self.often_count)
        };
        begin + usize::try_from(dice.below(count as u64)).expect("an index")
    }

    fn add_get(&mut self, tongue: Tongue, stock: &Stock, keys: &[u64]) {
        let (mut message, mut answer) = (Vec::new(), Vec::new());
        tongue.ask_to_get(keys, &mut message);
        tongue.answer_got(keys, stock, &mut answer);
        self.add(message, answer);
    }

    fn add_set(&mut self, tongue: Tongue, stock: &Stock, key: u64) {
        let mut message = Vec::new();
        tongue.ask_to_put(key, stock, &mut message);
        self.add(message, tongue.answer_put().to_vec());
    }

    fn add(&mut self, message: Vec<u8>, answer: Vec<u8>) {
        self.messages.push(message);
        self.answers.push(answer);
    }
}

impl Asks {
    fn operation_count(self) -> u64 {
        match self {
            Self::Get | Self::Set => 1,
            Self::Mixed(count) | Self::Many(count) => count as u64,
        }
    }
}

/// The content that the floor answers with.
pub(crate) const FLAT_SEED: u64 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_in_ten_is_a_set() {
        let stock = Stock::new(1_000, 100);
        let is_set = |message: &[u8]| message.starts_with(b"set");
        let script = Script::new(Tongue::Memcached, &stock, Asks::Mixed(1));
        let mut dice = Dice::from_seed(1);
        let said = (0..10_000).filter(|_| is_set(&script.messages[script.choose(&mut dice)]));
        assert!((900..1_100).contains(&said.count()));
        let script = Script::new(Tongue::Memcached, &stock, Asks::Mixed(16));
        let stored = script.answers.iter().map(|answer| {
            answer.split(|byte| *byte == b'\n').filter(|line| *line == b"STORED\r").count()
        });
        let share = stored.sum::<usize>() as f64 / (16 * MESSAGE_COUNT) as f64;
        assert!((0.09..0.11).contains(&share), "{share}");
    }

    #[test]
    fn the_floor_is_sent_and_sends_as_much_as_the_others() {
        let stock = Stock::new(1_000, 100);
        let script = Script::new(Tongue::Memcached, &stock, Asks::Mixed(1));
        let flat = script.flattened();
        assert_eq!(flat.messages[0].len(), (9 * 22 + (22 + 10 + 102)) / 10);
        assert_eq!(flat.answers[0].len(), (9 * (30 + 102 + 5) + 8) / 10);
        let many = Script::new(Tongue::Memcached, &stock, Asks::Many(50));
        assert_eq!(many.flattened().answers[0].len(), many.answers[0].len());
        assert_eq!(many.operation_count, 50);
    }
}
