//! MegaPipe's ping-pong server in the event form: what comes goes back, a batch at a time, without a copy.
//!
//! `cargo run --release -p levada-channel --example megapipe -- 127.0.0.1:7000`, then `nc 127.0.0.1 7000`.

use std::error::Error;

use levada_channel::{Channel, ChannelConfig, Event, Events, ListenPart, Wait};
use levada_shared::{Options, SharedHeap};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let account = SharedHeap::new(Options::default())?.account("echo", u64::MAX)?;
    let part = ListenPart::bind(address.parse()?, 1)?.remove(0);
    let channel = Channel::open(&ChannelConfig::default(), &account)?; //                      mp_create
    let listener = channel.listen(part, false, 0)?; //                                         mp_register
    channel.accept(listener, 1024)?; //                                                        mp_accept
    let (mut events, mut connections) = (Events::with_capacity(1024), 0);
    loop {
        channel.dispatch(&mut events, Wait::ANY)?; //                                          mp_dispatch
        for event in events.drain() {
            match event {
                Event::Accepted { socket, .. } => {
                    connections += 1;
                    channel.register(socket, connections, None)?;
                    channel.recv(socket, 65_536)?;
                    channel.accept(listener, 1)?; // the credit is back at once: connections are not counted here
                }
                // It may have ended meanwhile: then its last event is under way.
                Event::Received { socket, bytes, .. } => {
                    let _refused = channel.send(socket, bytes.freeze()); //                    mp_write
                }
                Event::Sent { socket, bytes, .. } => {
                    let _stale = channel.recv(socket, u32::try_from(bytes)?); //               mp_read
                }
                Event::End { socket, .. } => {
                    let _stale = channel.close(socket); //                                     mp_unregister
                }
                _ => {}
            }
        }
    }
}
