//! What the simulated kernel promises, asked by programs that talk to nothing but the `Driver`.

mod model;
mod program;
mod replay;
mod scripted;
mod tricks;
mod wrongs;
