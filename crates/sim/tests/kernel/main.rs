//! What the simulated kernel promises, asked by programs that talk to nothing but the `Driver`.

mod asking;
mod comparing;
mod line;
mod memory;
mod model;
mod program;
mod replay;
mod running;
mod scripted;
mod taking;
mod tricks;
mod wrongs;
