//! A tongue is a protocol, as far as values are put and got by key: memcached's text commands, or Redis's arrays.

use std::io::Write;

use crate::memcache::stock::Stock;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tongue {
    Memcached,
    Redis,
}

impl Tongue {
    /// Asks for the values of some keys in one command.
    pub(crate) fn ask_to_get(self, keys: &[u64], into: &mut Vec<u8>) {
        match (self, keys) {
            (Self::Memcached, _) => {
                into.extend(b"get");
                for key in keys {
                    into.push(b' ');
                    into.extend(Stock::key(*key));
                }
                into.extend(b"\r\n");
            }
            (Self::Redis, [key]) => {
                into.extend(b"*2\r\n$3\r\nGET\r\n");
                add_bulk(&Stock::key(*key), into);
            }
            (Self::Redis, _) => {
                add_number(b'*', keys.len() + 1, into);
                into.extend(b"$4\r\nMGET\r\n");
                keys.iter().for_each(|key| add_bulk(&Stock::key(*key), into));
            }
        }
    }

    /// What answers that, if all are there.
    pub(crate) fn answer_got(self, keys: &[u64], stock: &Stock, into: &mut Vec<u8>) {
        if self == Self::Redis && keys.len() != 1 {
            add_number(b'*', keys.len(), into);
        }
        for key in keys {
            let value = stock.value(*key);
            match self {
                Self::Memcached => {
                    into.extend(b"VALUE ");
                    into.extend(Stock::key(*key));
                    into.extend(b" 0");
                    add_number(b' ', value.len(), into);
                    into.extend(value);
                    into.extend(b"\r\n");
                }
                Self::Redis => add_bulk(value, into),
            }
        }
        if self == Self::Memcached {
            into.extend(b"END\r\n");
        }
    }

    /// Asks to put a value, for ever.
    pub(crate) fn ask_to_put(self, key: u64, stock: &Stock, into: &mut Vec<u8>) {
        let (key, value) = (Stock::key(key), stock.value(key));
        match self {
            Self::Memcached => {
                into.extend(b"set ");
                into.extend(key);
                into.extend(b" 0 0");
                add_number(b' ', value.len(), into);
                into.extend(value);
                into.extend(b"\r\n");
            }
            Self::Redis => {
                into.extend(b"*3\r\n$3\r\nSET\r\n");
                add_bulk(&key, into);
                add_bulk(value, into);
            }
        }
    }

    /// What answers that.
    pub(crate) fn answer_put(self) -> &'static [u8] {
        match self {
            Self::Memcached => b"STORED\r\n",
            Self::Redis => b"+OK\r\n",
        }
    }
}

fn add_bulk(bytes: &[u8], into: &mut Vec<u8>) {
    add_number(b'$', bytes.len(), into);
    into.extend(bytes);
    into.extend(b"\r\n");
}

/// A sign, a number and the end of the line.
fn add_number(sign: u8, number: usize, into: &mut Vec<u8>) {
    into.push(sign);
    write!(into, "{number}\r\n").expect("memory takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes.iter().map(|byte| char::from(*byte)).collect()
    }

    #[test]
    fn a_get_and_its_answer_are_as_the_protocols_have_them() {
        let stock = Stock::new(9, 3);
        let value = |key| text(|into| into.extend(stock.value(key)));
        let asked = text(|into| Tongue::Memcached.ask_to_get(&[7, 8], into));
        assert_eq!(asked, "get key-000000000007 key-000000000008\r\n");
        let answer = text(|into| Tongue::Memcached.answer_got(&[7], &stock, into));
        assert_eq!(answer, format!("VALUE key-000000000007 0 3\r\n{}\r\nEND\r\n", value(7)));
        let asked = text(|into| Tongue::Redis.ask_to_get(&[7], into));
        assert_eq!(asked, "*2\r\n$3\r\nGET\r\n$16\r\nkey-000000000007\r\n");
        let asked = text(|into| Tongue::Redis.ask_to_get(&[7, 8], into));
        assert!(asked.starts_with("*3\r\n$4\r\nMGET\r\n$16\r\n"));
        let answer = text(|into| Tongue::Redis.answer_got(&[7, 8], &stock, into));
        assert_eq!(answer, format!("*2\r\n$3\r\n{}\r\n$3\r\n{}\r\n", value(7), value(8)));
    }

    #[test]
    fn a_put_names_the_length_of_its_value() {
        let stock = Stock::new(9, 3);
        let value = text(|into| into.extend(stock.value(7)));
        let asked = text(|into| Tongue::Memcached.ask_to_put(7, &stock, into));
        assert_eq!(asked, format!("set key-000000000007 0 0 3\r\n{value}\r\n"));
        let asked = text(|into| Tongue::Redis.ask_to_put(7, &stock, into));
        assert_eq!(
            asked,
            format!("*3\r\n$3\r\nSET\r\n$16\r\nkey-000000000007\r\n$3\r\n{value}\r\n")
        );
    }
}
