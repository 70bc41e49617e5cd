//! Counts: what commands cost of memory that has to be asked for.

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::alone::alone;
use crate::rig::Rig;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Asks so often without an allocation of its own.
fn ask_quietly(stream: &mut TcpStream, asked: &[u8], answered: &[u8], count: usize) {
    let mut reply = [0; 8192];
    for _ in 0..count {
        stream.write_all(asked).unwrap();
        stream.read_exact(&mut reply[..answered.len()]).unwrap();
        assert!(reply[..answered.len()] == *answered);
    }
}

#[test]
fn commands_allocate_nothing() {
    alone("counts::commands_allocate_nothing", || {
        let rig = Rig::start();
        rig.connect()
            .ask("set a 5 0 5\r\nhello\r\nset n 0 0 6\r\n100000\r\n", "STORED\r\nSTORED\r\n");
        let mut stream = TcpStream::connect(rig.address).unwrap();
        let value = "VALUE a 5 5\r\nhello\r\n";
        let row = "VA 5 f5 ka\r\nhello\r\n";
        let pairs = [
            ("get a\r\n".repeat(16), format!("{value}END\r\n").repeat(16)),
            (format!("get{}\r\n", " a".repeat(50)), value.repeat(50) + "END\r\n"),
            ("mg a v f k\r\n".repeat(16), row.repeat(16)),
            ("get a b\r\nmg b\r\nmn\r\n".to_owned(), format!("{value}END\r\nEN\r\nMN\r\n")),
            ("touch a 0\r\ndelete b\r\n".to_owned(), "TOUCHED\r\nNOT_FOUND\r\n".to_owned()),
            (
                "set a 5 0 5\r\nhello\r\nadd a 5 0 1\r\nx\r\n".to_owned(),
                "STORED\r\nNOT_STORED\r\n".to_owned(),
            ),
        ];
        for (asked, answered) in &pairs {
            ask_quietly(&mut stream, asked.as_bytes(), answered.as_bytes(), 300);
        }
        for (asked, answered) in &pairs {
            let region = Region::new(ALLOCATOR);
            ask_quietly(&mut stream, asked.as_bytes(), answered.as_bytes(), 1000);
            let count = region.change().allocations;
            // The upkeep of the table looks at the machine a few times a second, and that allocates.
            assert!(count <= 400, "{count} allocations for a thousand times {asked}");
        }
    });
}
